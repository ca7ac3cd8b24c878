"""What can be wrong with a claim, in the words of OpenID4VCI 1.0 and OAuth 2.0.

A wallet shows these codes to people and acts on them, so they are a closed set. The text beside a code never tells
whether a code was ever right, only what to do.
"""

from enum import StrEnum

from ledger.errors import RuleError


class ClaimFault(StrEnum):
    """Error codes of the token and credential endpoints (RFC 6749 §5.2, OpenID4VCI 1.0 §6.3, §8.3.1)."""

    INVALID_REQUEST = "invalid_request"
    INVALID_GRANT = "invalid_grant"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_TOKEN = "invalid_token"
    INVALID_CREDENTIAL_REQUEST = "invalid_credential_request"
    UNKNOWN_CREDENTIAL_CONFIGURATION = "unknown_credential_configuration"
    INVALID_PROOF = "invalid_proof"
    INVALID_NONCE = "invalid_nonce"
    CREDENTIAL_REQUEST_DENIED = "credential_request_denied"


class ClaimError(RuleError):
    """A claim that is refused; `fault` is the code the wallet gets."""

    def __init__(self, fault: ClaimFault, message: str, *, hint: str = "") -> None:
        """Keep the code beside the message."""
        super().__init__(message, hint=hint)
        self.fault = fault
