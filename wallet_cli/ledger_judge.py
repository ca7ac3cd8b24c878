"""The judge of this ledger's own files, opened when the first of them comes.

Whoever verifies nothing but badges of other formats needs neither a trust root nor a replica, and is not asked for one.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from ledger.credential.verify import Question
from ledger.credential.verify_either import Judge
from ledger.errors import CairnError
from ledger.log.network import Network
from node.client.shownfiles import Receipts
from wallet_cli import verify
from wallet_cli.places import Places
from wallet_cli.replica_key import load_key

if TYPE_CHECKING:
    from ledger.credential.external.question import JudgeOwn


class LedgerJudge:
    """Places, network and judge, each found once and only if asked for."""

    def __init__(
        self, find_place: Callable[[], Places], question: Question, receipts: Receipts, *, alone: bool
    ) -> None:
        """Open nothing yet.

        Args:
            find_place: where the ledger is held.
            question: what is asked of every file.
            receipts: those that came beside files.
            alone: judge files by what they prove themselves, without a replica.
        """
        self._find_place, self._question, self._alone = find_place, question, alone
        self._receipts = receipts

    @cached_property
    def place(self) -> Places:
        """Where the ledger is; as `places.find_places`."""
        return self._find_place()

    @cached_property
    def network(self) -> Network:
        """The network as it is held; as `verify.open_network`."""
        return verify.open_network(self.place.trust, self.place.replica, load_key(self.place.folder))

    def judge(self) -> Judge:
        """The judge of this ledger's files."""
        if self._alone:
            return verify.judge_alone(self.place.trust, self._question)
        return verify.judge_by(self.network, self._question, self._receipts)

    def form_judge(self, as_of: int | None) -> "JudgeOwn | None":
        """The judge of what this ledger's members issue in forms of other software; None where no ledger is held."""
        from ledger.credential.verify_forms import FormJudge

        try:
            network = None if self._alone else self.network
        except CairnError:
            return None
        if network is None:
            return None
        return lambda found, asked: FormJudge(network, as_of, self._receipts.given)(found, asked)

    def owns(self, issuer: str) -> bool:
        """Whether an issuer id belongs to a member; nobody's is known where no ledger is held."""
        try:
            return not self._alone and self.network.owner_of(issuer) is not None
        except CairnError:
            return False
