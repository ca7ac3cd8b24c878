"""One node's directory as commands see it: its configuration, its keys, and whether a node runs there.

DIR/node.toml          what the operator decides
DIR/keys/              secrets
DIR/ledger/            the ledger store, open to one process at a time
DIR/networks/          trust roots of the networks it belongs to or follows
DIR/registrar.sock     the private listener of a running node, or registrar.path saying where it is
"""

import socket
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import MalformedError
from node.config import FILE_NAME, NodeConfig, parse_config
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY, NETWORKS_DIRECTORY
from node.keystore import Keystore, open_keystore
from node.socketpath import find_socket

CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Home:
    """A node's directory and its parsed `node.toml`."""

    directory: Path
    config: NodeConfig

    @property
    def ledger(self) -> Path:
        """The ledger store."""
        return self.directory / LEDGER_DIRECTORY

    @property
    def networks(self) -> Path:
        """The folder of trust roots."""
        return self.directory / NETWORKS_DIRECTORY

    def keystore(self) -> Keystore:
        """The node's own keys, read now."""
        return open_keystore(self.directory / KEYS_DIRECTORY)

    def socket_path(self) -> Path:
        """Where the private listener of a running node is."""
        return find_socket(self.directory, self.config)

    def is_running(self) -> bool:
        """Whether a node answers on the private listener; a socket left by a killed one does not."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CONNECT_SECONDS)
            try:
                probe.connect(str(self.socket_path()))
            except OSError:
                return False
        return True


def open_home(directory: Path) -> Home:
    """Read a node's directory.

    Raises:
        MalformedError: there is no node in it, or its `node.toml` is refused.
    """
    path = directory / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MalformedError(
            f"{directory}: no node is here, since there is no {FILE_NAME}",
            hint=f"cairn-node init {directory} --name NAME --kind KIND --origin ORIGIN founds one",
        ) from error
    except UnicodeDecodeError as error:
        raise MalformedError(f"{path}: is not UTF-8 text") from error
    return Home(directory, parse_config(text, str(path)))
