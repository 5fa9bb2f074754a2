"""Any sequence of units leaves the SQLite store and the model with the same rows, records and heads, and the same answers."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.errors import StoreError, UnitRefusedError
from intended_core.ids import Scope
from intended_core.ports import Storage
from intended_core.testing.model_store import ModelStorage
from intended_core.testing.storage_cases import ACME, ACME_TEST, RIVAL, record_at
from intended_core.unit import Changes, Head, Row, RowKey, Unit, UnitView, Write

SCOPES = (ACME, ACME_TEST, RIVAL, Scope("acme", RIVAL.uuid, "live"))
KINDS = ("nonce", "signing_key", "policy")
KEYS = ("token:a", "token:b", "log:a", "plain", 'ü"')

scopes = st.sampled_from(SCOPES)
rows = st.builds(
    Row, st.sampled_from(KINDS), st.sampled_from(KEYS), st.integers(1, 3), st.sampled_from(("ACTIVE", "PREVIOUS", "")),
    st.binary(max_size=8), st.just(b"mac"),
)  # fmt: skip
writes = st.builds(lambda row, honest, other: Write(row, row.version - 1 if honest else other), rows, st.booleans(), st.integers(-1, 3))
steps = st.tuples(st.integers(-1, 1), st.lists(st.integers(-1, 1), max_size=2), st.sampled_from(("", "t", "u")))


class StoreAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())

    @initialize()
    def open(self) -> None:
        self.model = ModelStorage()
        shutil.copy(_empty(), self.folder / "store.db")
        self.store = SqliteStorage.open(self.folder / "store.db", durability="normal")

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def both(self, call: object) -> None:
        answers = [_outcome(call, storage) for storage in (self.model, self.store)]
        assert answers[0] == answers[1]

    @rule(scope=scopes)
    def create_scope(self, scope: Scope) -> None:
        self.both(lambda storage: storage.create_scope(scope))

    @rule(scope=scopes, given=st.lists(writes, max_size=3), step=steps, refuse=st.integers(0, 9))
    def commit(self, scope: Scope, given: list[Write], step: tuple[int, list[int], str], refuse: int) -> None:
        head_step, record_steps, thread = step

        def decide(view: UnitView) -> Changes:
            if refuse == 0:
                raise UnitRefusedError("refused")
            version = 0 if view.head is None else view.head.version
            size = 0 if view.head is None else int(view.head.state)
            # mostly the next place in the log, now and then a wrong one
            seqs = [size + number + min(wrong, 0) for number, wrong in enumerate(record_steps)]
            state = str(size + len(seqs)).encode()
            records = tuple(record_at(seq, thread) for seq in seqs)
            seen = (view.head, {name: view.rows[name] for name in view.rows}, dict(view.threads))
            return Changes(Head(version + 1 + min(head_step, 0), state, b"mac"), tuple(given), records, seen)

        reads = tuple(RowKey(kind, key) for kind in KINDS for key in KEYS[:2])
        self.both(lambda storage: storage.commit(Unit(scope, decide, reads=reads, threads=("t", "none"))))

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = SqliteStorage.open(self.folder / "store.db", durability="normal")

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "store"):
            return
        self.both(lambda storage: tuple(storage.tenants()))
        for scope in SCOPES:
            self.both(lambda storage, scope=scope: _everything(storage, scope))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _empty() -> Path:
    """An empty store, made once: making one takes longer than a whole run."""
    path = Path(_folder().name, "empty.db")
    if not path.exists():
        SqliteStorage.create(path).close()
    return path


def _outcome(call: object, storage: Storage) -> object:
    try:
        return call(storage)  # type: ignore[operator]
    except (StoreError, UnitRefusedError) as error:
        return type(error)


def _everything(storage: Storage, scope: Scope) -> object:
    records = list(storage.records(scope))
    return (
        storage.head(scope), records, [tuple(storage.scan(scope, kind)) for kind in KINDS],
        [tuple(storage.scan(scope, kind, state="ACTIVE")) for kind in KINDS], tuple(storage.thread(scope, "t")),
        tuple(storage.thread(scope, "")), tuple(storage.leaves(scope, 1, 4)), list(storage.records(scope, start=1, stop=3)),
        tuple(storage.read(scope, [RowKey(kind, key) for key in KEYS for kind in KINDS])),
    )  # fmt: skip


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
