"""A small bank on the model store, for tests of flows: tokens unspent and spent, a request that waits, a scope not yet founded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from intended_adapters.signing.local import LocalSigner
from intended_core import Authority, Call, Entity, EntityRef, Granted, Intent, Pending, Settings, TenantAuthority
from intended_core.access.persons import LocalPersonKey
from intended_core.audit.fields import read_body
from intended_core.audit.log import LogHead
from intended_core.audit.record import parse_entry
from intended_core.audit.tree import root_of
from intended_core.clock import ManualClock, SystemRandomness
from intended_core.errors import IntendedError, KeyRingError
from intended_core.flows.cache import EntityCache, StateCache
from intended_core.flows.effects import Context, Draw, Effect, Flow, Now, Random
from intended_core.flows.rotate import rotate
from intended_core.flows.rows import NonceRow
from intended_core.flows.runtime import Runtime, drive
from intended_core.flows.tenant import found
from intended_core.ids import Scope
from intended_core.keys.loaded import SigningKeys
from intended_core.keys.rowmac import RowMac
from intended_core.loader.registry import load_registry
from intended_core.ports import GeneratedKey, SigningKey
from intended_core.testing.model_store import ModelStorage, ScopeData
from intended_core.unit import Row, RowKey

NOW_US = 1_800_000_000_000_000
POLICY = """
entity Group;
@root entity Agent {}
@root entity Person in Group {}
entity Account { closed: Bool }
action pay { principal: Agent; resource: Account; args: { amount: Decimal }; }
@id("small")
permit small { action == pay; when args.amount > 0.00 and args.amount <= 100.00; because "at most 100"; }
@id("large")
permit large {
  action == pay;
  when args.amount > 100.00;
  approval { from: Group::"chiefs"; quorum: 1; expires: 1h; }
  because "a chief approves";
}
@id("closed")
forbid closed { action == pay; when resource.closed; because "the account is closed"; }
"""
STRICT = POLICY.replace("100.00", "1.00")
SECRET = b"s" * 32
BOT, ACCOUNT, CLOSED = EntityRef("Agent", "bot"), EntityRef("Account", "main"), EntityRef("Account", "old")
ANN, BOB, CHIEFS = EntityRef("Person", "ann"), EntityRef("Person", "bob"), EntityRef("Group", "chiefs")
ANN_KEY, BOB_KEY = LocalPersonKey.generate(SystemRandomness()), LocalPersonKey.generate(SystemRandomness())
ENTITIES = [
    Entity(ref=BOT),
    Entity(ref=CHIEFS),
    Entity(ref=ANN, parents=frozenset({CHIEFS})),
    Entity(ref=BOB),
    Entity(ref=ACCOUNT, attributes={"closed": False}),
    Entity(ref=CLOSED, attributes={"closed": True}),
]


def pay(amount: str = "12.50", account: EntityRef = ACCOUNT) -> Call:
    return Call(action="pay", resource=account, args={"amount": amount})


def intent(amount: str = "12.50", account: EntityRef = ACCOUNT) -> Intent:
    call = pay(amount, account)
    return Intent(principal=BOT, action=call.action, resource=call.resource, args=call.args)


@cache
def _pair(algorithm: str, number: int) -> GeneratedKey:
    return LocalSigner().generate(algorithm)


class PooledSigner:
    """The local signer with key pairs made once per run: a pair of its own for each that a world asks for."""

    def __init__(self) -> None:
        self._asked = 0

    def generate(self, algorithm: str) -> GeneratedKey:
        self._asked += 1
        return _pair(algorithm, self._asked)

    def load(self, algorithm: str, private_der: bytes) -> SigningKey:
        return LocalSigner().load(algorithm, private_der)


class MemoryKeyEncryption:
    """Key-encryption keys that live as long as the test: `current` wraps, all of KEYS unwrap."""

    KEYS: Final = {"memory": b"k" * 32, "newer": b"K" * 32}

    def __init__(self, current: str = "memory") -> None:
        self.kek_id = current

    @property
    def kek_ids(self) -> tuple[str, ...]:
        return (self.kek_id, *(name for name in self.KEYS if name != self.kek_id))

    def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        return AESGCM(self.KEYS[self.kek_id]).encrypt(b"n" * 12, data_key, aad)

    def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes) -> bytes:
        if kek_id not in self.KEYS:
            raise KeyRingError("another key-encryption key")
        try:
            return AESGCM(self.KEYS[kek_id]).decrypt(b"n" * 12, wrapped, aad)
        except InvalidTag:
            raise KeyRingError("does not open") from None


class World:
    """One authority on a model store. `reopen` stands for a new process on the same store."""

    def __init__(self) -> None:
        self.store, self.signer, self.clock = ModelStorage(), PooledSigner(), ManualClock(NOW_US)
        self.reopen(first=True)
        self.tenant.activate({"bank.policy": POLICY})
        self.tenant.put_entities(ENTITIES)
        self.tenant.register_person(ANN, ANN_KEY.public_key)
        self.tenant.register_person(BOB, BOB_KEY.public_key)
        granted = self.tenant.authorize(intent(), audience="bank")
        pending = self.tenant.authorize(intent("500.00"), audience="bank")
        spent = self.tenant.authorize(intent(), audience="bank")
        assert isinstance(granted, Granted)
        assert isinstance(pending, Pending)
        assert isinstance(spent, Granted)
        self.tenant.secrets.put("bank", "login", b"S3CRET-OF-THE-BANK")
        self.redeemed = self.tenant.redeem(spent.token, pay(), adapter=self.tenant.adapter("bank"))
        self.token, self.spent, self.pending = granted.token.text, spent.token.text, pending
        # A scope that is not founded yet, for the flow that founds one.
        scope = Scope(tenant="new", uuid="f" * 32, environment="test")
        self.store.create_scope(scope)
        self.new = replace(self.context, scope=scope, mac=RowMac(SECRET))
        self.save()

    @property
    def signing(self) -> str:
        """The kid of the ACTIVE token key."""
        return self.tenant.policy().ring.active("token").kid

    def both_sign(self, kid: str) -> list[tuple[EntityRef, bytes]]:
        """What two persons sign to have a key refused."""
        digest = self.tenant.keyring.compromise_digest(kid)
        return [(ANN, ANN_KEY.sign(digest)), (BOB, BOB_KEY.sign(digest))]

    def save(self) -> None:
        """What `restore` brings back from now on."""
        self._saved = (self.store.snapshot(), self.signer._asked, self.clock.now_us())

    def reopen(self, *, first: bool = False, kek: str = "memory") -> None:
        self._open(MemoryKeyEncryption(kek), first=first)

    def renew_kek(self) -> World:
        """Let another key-encryption key wrap from now on; all rows stand under the one before."""
        cast("MemoryKeyEncryption", self.runtime.kek).kek_id = "newer"
        return self

    def with_key_overdue(self) -> World:
        """Rotate with no overlap: the key that stopped is to be retired at once."""
        settings = replace(self.context.settings, token_life_seconds=0, leeway_seconds=0, jwks_age_seconds=0)
        context = replace(self.context, settings=settings)
        drive(self.runtime, context, rotate(context))
        return self

    def _open(self, kek: MemoryKeyEncryption, *, first: bool) -> None:
        runtime = Runtime(
            storage=self.store, signer=self.signer, kek=kek, clock=self.clock, randomness=SystemRandomness(),
            states=StateCache(self.store), entities=EntityCache(self.store), keys=SigningKeys(kek=kek, signer=self.signer),
        )  # fmt: skip
        authority = Authority(runtime=runtime, settings=Settings(), registry=load_registry(), name="faults")
        self.tenant: TenantAuthority = authority.create_tenant("acme") if first else authority.tenant("acme")

    def restore(self) -> None:
        """As it was when it was made, for a new process."""
        snapshot, asked, now_us = self._saved
        self.store.on_step = None
        self.store.restore(snapshot)
        self.signer._asked = asked
        self.clock = ManualClock(now_us)
        self.reopen()

    def found_another(self) -> None:
        """Open the log of the second scope."""
        drive(self.runtime, self.new, found(self.new, origin="faults/new", issuer="faults", secret=SECRET))

    @property
    def threads(self) -> tuple[str, ...]:
        """The threads of the log, in the order they began."""
        return tuple(dict.fromkeys(record.thread for record in self.data().records if record.thread))

    def kinds(self, start: int = 0) -> list[str]:
        """What the log's records from `start` on say happened."""
        return [parse_entry(record.entry).kind.value for record in self.data().records[start:]]

    def body(self, seq: int = -1) -> dict[str, Any]:
        """The body of one record."""
        record = self.data().records[seq]
        return read_body(record)

    def row(self, kind: str, key: str) -> Row:
        """A row as it stands."""
        return self.data().rows[RowKey(kind, key)]

    def edit(self, row: Row) -> None:
        """Put a row into the store behind everybody's back."""
        snapshot = self.store.snapshot()
        cast("dict[RowKey, Row]", snapshot[self.tenant.scope.key].rows)[RowKey(row.kind, row.key)] = row
        self.store.restore(snapshot)

    def remove(self, kind: str, key: str) -> None:
        """Delete a row behind everybody's back."""
        snapshot = self.store.snapshot()
        del cast("dict[RowKey, Row]", snapshot[self.tenant.scope.key].rows)[RowKey(kind, key)]
        self.store.restore(snapshot)

    @property
    def head(self) -> LogHead:
        """Where the log stands."""
        return self.tenant.head()

    @property
    def context(self) -> Context:
        return self.tenant._context

    @property
    def runtime(self) -> Runtime:
        return self.tenant._runtime

    def data(self) -> ScopeData:
        return self.store.snapshot()[self.tenant.scope.key]

    def check(self) -> None:
        """What holds after anything: the log is whole, its head is true, every row is ours, and no nonce was spent twice."""
        self._check_scope(self.context)
        data = self.store.snapshot()[self.new.scope.key]
        if data.head is None:
            assert (data.rows, data.records) == ({}, ()), "half a tenant"
        else:
            self._check_scope(self.new)

    def _check_scope(self, context: Context) -> None:
        data = self.store.snapshot()[context.scope.key]
        assert data.head is not None
        context.mac.check_head(context.scope, data.head)
        head = LogHead.from_state(data.head.state)
        assert [record.seq for record in data.records] == list(range(head.size))
        assert root_of([record.leaf for record in data.records]) == head.frontier.root()
        for row in data.rows.values():
            context.mac.check(context.scope, row)
        spent = [b"token.consumed" in record.entry + record.body for record in data.records]
        states = [row.state for row in data.rows.values() if row.kind == "nonce"]
        assert sum(spent) == states.count("CONSUMED")
        for row in data.rows.values():
            if row.kind == "nonce":
                NonceRow.from_row(row)


@dataclass(frozen=True)
class Traced:
    """How a flow went: what it asked for in order, what it returned, what it raised."""

    effects: tuple[Effect, ...]
    result: Any
    error: IntendedError | None

    @property
    def order(self) -> list[str]:
        """The names of the effects, without looks at the clock and random bytes."""
        return [type(effect).__name__ for effect in self.effects if not isinstance(effect, Now | Random | Draw)]


def trace(world: World, flow: Flow[Any], before: Callable[[Effect], None] | None = None) -> Traced:
    """Step through `flow` by hand; `before` is shown each effect first, and may do what another process would do then.

    What it raises is the effect's answer.
    """
    effects: list[Effect] = []
    try:
        effect = next(flow)
        while True:
            effects.append(effect)
            try:
                if before is not None:
                    before(effect)
                answer = world.runtime.perform(effect, world.context)
            except IntendedError as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(answer)
    except StopIteration as done:
        return Traced(tuple(effects), done.value, None)
    except IntendedError as error:
        return Traced(tuple(effects), None, error)


def at(kind: type[Any], act: Callable[[], object], *, times: int = 1) -> Callable[[Effect], None]:
    """For `trace`: call `act` before each of the first `times` effects of this kind."""
    left = [times]

    def before(effect: Effect) -> None:
        if isinstance(effect, kind) and left[0]:
            left[0] -= 1
            act()

    return before


def raising(error: IntendedError) -> Callable[[], object]:
    """For `at`: an effect that fails."""

    def act() -> object:
        raise error

    return act
