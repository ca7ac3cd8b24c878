"""Badges and JWS as a school of the simulated network makes them, made out to a wallet's key; no contexts are needed."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.credential import badge, status
from ledger.credential.badge import BadgeTerms
from ledger.credential.copy import IssuerProfile
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import did_web_of, method_url
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.status import StatusReference
from ledger.credential.timestamp import parse_timestamp
from ledger.log.charter import Role
from ledger.log.didkey import encode_did_key
from ledger.log.keys import PublicKey, SigningKey
from tests.ledger.credential.award import CONTENT
from tests.wallet_cli.world import LIST_ROOT, IssuerServer, World
from wallet_cli.forms import Form

FORMATS = {Form.OPEN_BADGE: "ldp_vc", Form.JWS: "jwt_vc_json"}


@dataclass
class Mint:
    """Makes files of one form; `changes` are of the award, `subject` and `key` in place of the right ones."""

    world: World
    form: Form
    subject: str = ""
    key: SigningKey | None = None
    issuer: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def __call__(self, holder: PublicKey) -> Any:
        """A badge as the credential endpoint gives it: JSON itself, or a token."""
        text = self.make(self.subject or encode_did_key(holder))
        return json.loads(text) if self.form is Form.OPEN_BADGE else text

    def make(self, subject: str) -> str:
        """The text of a badge about `subject`."""
        world = self.world
        slot, world.slots = world.slots, world.slots + 1
        key = self.key or world.school.role_signers[Role.REGISTER]
        did, list_key = did_web_of(self.issuer or world.issuer), status.list_key(LIST_ROOT, 0)
        terms = BadgeTerms(
            copy_id=f"00000000-0000-4000-9000-{slot:012d}",
            subject_id=subject,
            issued_at=world.now // 1000,
            status=StatusReference(world.school.log_id, 0, slot, status.slot_key(list_key, slot)),
        )
        content = replace(CONTENT, issuer=IssuerProfile(did, "Granite", "https://granite.example"), **self.changes)
        document = badge.make_badge(content, terms)
        method = method_url(did, key.public)
        if self.form is Form.JWS:
            text = badge.sign_compact(document, key_url=method, algorithm="EdDSA", sign=key.sign)
        else:
            created = parse_timestamp(document["validFrom"], where="validFrom")
            proof = ProofTerms(suite=Cryptosuite.EDDSA_JCS_2022, method=method, created=created)
            signed = add_proof(document, proof, key.sign, ContextLibrary())
            text = json.dumps(signed | {"proof": [signed["proof"]]})  # an array, as schools write it
        self.made.append(text)
        return text

    def serve(self, offered: str = "granite/1") -> IssuerServer:
        """A server whose offer names the native form, and whose metadata has this one too."""
        rows = {
            offered: {"format": "dc+sd-jwt", "vct": "x"},
            f"{offered}/{self.form}": {"format": FORMATS[self.form]},
        }
        return IssuerServer(
            self,
            configurations=(offered,),
            others=(f"{offered}/{self.form}",),
            metadata={"credential_configurations_supported": rows},
        )
