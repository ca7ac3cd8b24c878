"""The part of the registrar's desk where copies for other software are made (`filecopies`)."""

import asyncio
import logging

from sqlalchemy.orm import Session

from ledger import canonical
from ledger.credential.p256 import P256SigningKey
from ledger.credential.plainlist.slots import status_members
from ledger.credential.strict_json import JSONObject
from ledger.errors import RuleError
from ledger.log.identity import LogId, short_log_id
from ledger.log.receipt import encode_receipt
from node.client.copyform import CopyOrder, Form, MadeCopy
from node.registrar import filecopies, plainslots, rsakey, views
from node.registrar.copies import Press
from node.registrar.desk import RegistrarDesk
from node.registrar.filecopies import CopyTools
from node.registrar.issuercertificates import find_chain
from node.registrar.rsakey import RSAKey

MAX_TEXT_BYTES = 1_000_000
"""Longest copy: it goes over the private listener in one message."""

_log = logging.getLogger(__name__)


class CopyDesk:
    """Makes copies in the forms of other software, each once for the same request."""

    def __init__(self, desk: RegistrarDesk) -> None:
        """Take the desk whose database, log and keys are used."""
        self._desk = desk

    async def make(self, order: CopyOrder) -> MadeCopy:
        """Make a copy, or give the one that was made for the same request before.

        Raises:
            MalformedError: the order does not fit its form.
            RuleError: an award does not exist or is not valid, a key or a context is missing, or this node belongs to
                no network under whose host its keys would be found.
        """
        desk = self._desk
        log = desk.own_log()
        rsa_key = await self._publish_rsa_key() if order.form is Form.JWS_RS256 else None

        def write(session: Session) -> MadeCopy:
            copy, is_new = filecopies.make(session, order, self.tools(session, rsa_key))
            if len(copy.credential.encode()) > MAX_TEXT_BYTES:
                raise RuleError(
                    f"copy: has {len(copy.credential.encode())} bytes, at most {MAX_TEXT_BYTES} are handed out",
                    hint="name fewer awards with --award",
                )
            places = filecopies.places_of(session, copy)
            receipts = [views.prove_place(log, index, position) for index, position in places]
            encoded = [canonical.encode(encode_receipt(receipt)) for receipt in receipts if receipt is not None]
            # All or none: of a record's parts each needs its own.
            whole = tuple(encoded) if len(encoded) == len(places) else ()
            return MadeCopy(copy.credential, is_new, whole, desk.next_cut())

        made = await desk.database.change(write)
        _log.info("copy made", extra={"form": order.form.value, "new": made.is_new})
        return made

    def tools(self, session: Session, rsa_key: RSAKey | None = None) -> CopyTools:
        """What copies are made with in one write transaction."""
        desk = self._desk
        press = desk.make_press()

        def draw_plain(number: int, slot: int, origin: LogId | None) -> tuple[list[JSONObject], JSONObject]:
            place = plainslots.draw_plain_slot(session, number, slot, press.draw, now=press.now, origin=origin)
            return status_members(place, press.in_name_of(origin).issuer.id)

        return CopyTools(
            press=press,
            find_achievement=desk.find_achievement,
            library=desk.parts.contexts,
            find_chain=self._find_chain,
            draw_plain=draw_plain,
            rsa_key=rsa_key,
        )

    async def _publish_rsa_key(self) -> RSAKey:
        """The RSA key, on the ledger before anything is signed with it: nobody could look it up otherwise."""
        directory = self._desk.parts.directory
        filecopies.name_issuer(self._desk.make_press())
        if directory is None:
            raise RuleError(f"{Form.JWS_RS256}: this desk has no folder for keys")
        key = await asyncio.to_thread(rsakey.open_key, directory)
        await self._desk.publish(key.jwk, type_name="policy", document_id=key.document_id, version=1)
        return key

    def _find_chain(self, press: Press, role: str, key: P256SigningKey) -> tuple[bytes, ...]:
        parts = self._desk.parts
        if parts.directory is None:
            return ()
        # A certificate names one issuer: each name that copies are made in has a file of its own.
        named = press.issuer.id.rpartition("/")[2]
        name = role if named == short_log_id(press.log) else f"{role}-{named}"
        return find_chain(parts.directory, name, key, press.issuer, now=parts.clock(), draw=parts.draw)
