"""What every command that drafts a proposal does at its beginning and its end."""

from pathlib import Path
from typing import TYPE_CHECKING

from node import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def write_proposals(proposals: "Sequence[tuple[Proposal, Path]]", directory: Path, *, as_json: bool) -> None:
    """Write proposals that are to be submitted one after the other, show what they say, and name the next step.

    Args:
        proposals: each with its file, in the order of submission.
        directory: of the node that they are for.
        as_json: print one object for each instead; a single one is printed as `write_proposal` does.
    """
    from node.outfile import write_output
    from node.proposal import encode_proposal

    if len(proposals) == 1:
        ((proposal, output),) = proposals
        write_proposal(proposal, output, as_json=as_json)
        return
    for proposal, output in proposals:
        write_output(output, encode_proposal(proposal))
    if as_json:
        terminal.result_json(
            [
                {"file": str(output), "missing": proposal.missing(), "words": list(proposal.words)}
                for proposal, output in proposals
            ]
        )
    else:
        for proposal, output in proposals:
            show_words(proposal)
            terminal.result(f"written: {output}; {terminal.count(proposal.missing(), 'signature')} needed")
    files = " ".join(str(output) for _, output in proposals)
    terminal.next_step(
        f"cairn-node sign {files} --key FILE, on the signer's own computer; then cairn-node submit {directory} {files}"
    )


def show_words(proposal: "Proposal", *, aside: bool = False) -> None:
    """Show what a proposal says; `aside` where stdout is for JSON."""
    for number, line in enumerate(proposal.words):
        text = line if number == 0 else f"  {line}"
        if aside:
            terminal.note(text)
        else:
            terminal.result(text)
