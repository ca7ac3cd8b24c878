"""Keys that change hands in a desk's log: put in force, retired, stolen; and what a thief writes with one."""

from ledger import base64url
from ledger.log import statements
from ledger.log.body import describe_body
from ledger.log.charter import Role, RoleKey
from ledger.log.entry import sign_statement
from ledger.log.governance import AddKey, CompromiseKey, RetireKey
from ledger.log.keys import PublicKey, SigningKey
from ledger.log.records import Issue
from ledger.log.statement import Statement
from node.keystore import KeyRole
from node.sequencer import SignedStatement
from tests.node.registrar.desks import ROOT_KEY, Bench, Dice


async def govern(bench: Bench, statement: Statement) -> int:
    data = statements.encode(statement)
    return await bench.desk.submit(SignedStatement(data, sign_statement(data, [ROOT_KEY])))


def header(bench: Bench, seed: str) -> dict[str, object]:
    return {"at": bench.clock(), "id": Dice(f"{seed}{bench.log.size}")(16), "log": bench.log.state.log_id}


async def add_key(bench: Bench, role: KeyRole) -> PublicKey:
    """One more key of a role, made here and put in force."""
    new = bench.keystore.add(role, Dice(f"key{bench.log.size}")).public
    key = RoleKey(new, Role(role.value))
    await govern(bench, AddKey(**header(bench, "add"), after=-1, until=999, key=key))  # type: ignore[arg-type]
    return new


async def retire(bench: Bench, key: PublicKey) -> int:
    after = bench.log.state.after(base64url.encode(key.id))
    return await govern(bench, RetireKey(**header(bench, "retire"), after=after, until=999, key=key.id))  # type: ignore[arg-type]


async def steal(bench: Bench, role: KeyRole, since: int) -> SigningKey:
    """Declare the key of a role stolen from an entry on, with another in force by then."""
    old = bench.keystore.newest(role)
    await add_key(bench, role)
    after = bench.log.state.after(base64url.encode(old.public.id))
    await govern(bench, CompromiseKey(**header(bench, "steal"), after=after, key=old.public.id, since=since))  # type: ignore[arg-type]
    return old


async def forge_batch(bench: Bench, key: SigningKey, commitments: list[bytes]) -> int:
    """A batch that somebody else puts on this log with our operate key."""
    dice = Dice("thief")
    items = tuple(commitments + [dice(32) for _ in range(bench.log.state.batch.size - len(commitments))])
    statement = Issue(**header(bench, "thief"), reference=describe_body("issue", items))  # type: ignore[arg-type]
    data = statements.encode(statement)
    (index,) = await bench.sequencer.append([SignedStatement(data, sign_statement(data, [key]), items)])
    return index
