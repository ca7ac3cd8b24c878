"""Options that several subcommands share; each may stand before or after the subcommand's name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wallet_cli import remembered

if TYPE_CHECKING:
    from wallet_cli.vault import Vault

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    """Which vault, how its passphrase is found, and whether questions are answered in advance."""

    path: Path
    passphrase_file: Path | None
    yes: bool

    @property
    def folder(self) -> Path:
        """The folder of the vault, where trust root and replica are remembered."""
        return remembered.folder_of(self.path)

    def open_vault(self) -> "Vault":
        """Ask for the passphrase if need be and open the vault."""
        from wallet_cli import passphrase, vault

        # Looked at first: asking for the passphrase of a vault that is not there wastes the learner's time.
        vault.check_exists(self.path)
        return vault.Vault.open(self.path, passphrase.read_passphrase(self.passphrase_file))


def vault_options(function: Function) -> Function:
    """Add --vault, --passphrase-file and --yes; read them with `read_vault_options`."""
    for option in (
        click.option("--yes", is_flag=True, help="Answer every question with yes."),
        click.option("--passphrase-file", metavar="FILE", help="Read the passphrase from this file."),
        click.option("--vault", metavar="FILE", help="Vault to use instead of ~/.cairn/vault."),
    ):
        function = option(function)
    return function


def read_vault_options(vault: str | None, passphrase_file: str | None, yes: bool) -> VaultOptions:
    """Join the options of a subcommand with those given before its name; the later ones win."""
    shared: dict[str, Any] = click.get_current_context().find_root().obj or {}
    path = Path(vault or shared.get("vault") or remembered.DEFAULT_VAULT).expanduser()
    source = passphrase_file or shared.get("passphrase_file")
    return VaultOptions(
        path=path, passphrase_file=Path(source).expanduser() if source else None, yes=yes or bool(shared.get("yes"))
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
