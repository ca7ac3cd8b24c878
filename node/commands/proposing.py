"""What every command that drafts a proposal does at its beginning and its end."""

from pathlib import Path
from typing import TYPE_CHECKING

from node import terminal

if TYPE_CHECKING:
    from ledger.log.state import LogState
    from node.drafting import Drafter
    from node.proposal import Proposal


def make_drafter(state: "LogState") -> "Drafter":
    """A drafter for one statement, at this instant, with a fresh id."""
    from ledger.log.statement import STATEMENT_ID_LENGTH
    from node.clock import system_clock, system_draw
    from node.drafting import Drafter

    return Drafter(state, system_clock(), system_draw(STATEMENT_ID_LENGTH))


def write_proposal(proposal: "Proposal", output: Path, *, as_json: bool) -> None:
    """Write the file, show what it says, and name the next step."""
    from node.outfile import write_output
    from node.proposal import encode_proposal

    write_output(output, encode_proposal(proposal))
    if as_json:
        terminal.result_json({"file": str(output), "missing": proposal.missing(), "words": list(proposal.words)})
    else:
        show_words(proposal)
        terminal.result(f"written: {output}; {terminal.count(proposal.missing(), 'signature')} needed")
    terminal.next_step(f"cairn-node sign {output} --key FILE, on the signer's own computer")


def show_words(proposal: "Proposal", *, aside: bool = False) -> None:
    """Show what a proposal says; `aside` where stdout is for JSON."""
    for number, line in enumerate(proposal.words):
        text = line if number == 0 else f"  {line}"
        if aside:
            terminal.note(text)
        else:
            terminal.result(text)
