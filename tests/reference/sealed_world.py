"""A store with two tenants, an anchor log and a witness, on the model store; a new process is a new authority on the same store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intended_core import Authority, Settings, TenantAuthority
from intended_core.audit.checkpoint import open_checkpoint
from intended_core.audit.cosignature import cosign
from intended_core.audit.epochs import walk_epochs
from intended_core.audit.log import LogHead
from intended_core.audit.tlogpolicy import TlogPolicy, parse_policy
from intended_core.audit.tree import leaf_hash, root_of
from intended_core.audit.witnessing import Accepted, Known, judge
from intended_core.clock import ManualClock, SystemRandomness
from intended_core.flows.anchor import ANCHOR_SCOPE
from intended_core.flows.cache import EntityCache, StateCache
from intended_core.flows.effects import Context
from intended_core.flows.runtime import Runtime
from intended_core.flows.seal import PUBLISHED, WITNESSED
from intended_core.keys.loaded import SigningKeys
from intended_core.loader.registry import load_registry
from intended_core.ports import WitnessAnswer
from intended_core.testing.model_store import ModelStorage, ScopeData
from tests.reference.anchor_world import key_of, witness_key
from tests.reference.flow_world import NOW_US, MemoryKeyEncryption, PooledSigner

WITNESS = "w.example/1"


class PlainWitness:
    """A witness in memory. `answer`, when set, replaces what it says."""

    def __init__(self, world: SealedWorld, name: str = WITNESS) -> None:
        self.world, self.name, self.key = world, name, witness_key(name)
        self.known: dict[str, Known] = {}
        self.answer: Callable[[bytes], WitnessAnswer] | None = None
        self.asked: list[bytes] = []
        self.skew_s = 0

    def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        key = self.world.authority.anchor.key()
        found = judge(request, logs={key.name: [key]}, remembered=self.known.get)
        if not isinstance(found, Accepted):
            return WitnessAnswer(status=found.status, body=found.body)
        self.known[found.origin] = found.known
        time_s = self.world.clock.now_us() // 1_000_000 + self.skew_s
        return WitnessAnswer(
            status=200, body=cosign(found.text, key=self.key, time_s=time_s, sign=key_of(self.name).sign)
        )


class SealedWorld:
    """`restore` brings back what stood after `save`, in a new process."""

    def __init__(self, tenants: tuple[str, ...] = ("acme", "beta")) -> None:
        self.store, self.signer, self.clock = ModelStorage(), PooledSigner(), ManualClock(NOW_US)
        self.reopen()
        for name in tenants:
            self.authority.create_tenant(name)
        self.witness = PlainWitness(self)
        self.save()

    def save(self) -> None:
        self._saved: Any = (self.store.snapshot(), self.signer._asked, dict(self.witness.known), self.clock.now_us())

    def restore(self) -> None:
        snapshot, asked, known, now_us = self._saved
        self.store.on_step = None
        self.store.restore(snapshot)
        self.signer._asked, self.witness.known, self.witness.answer = asked, dict(known), None
        self.clock = ManualClock(now_us)
        self.reopen()

    def reopen(self) -> Authority:
        kek = MemoryKeyEncryption()
        self.runtime = Runtime(
            storage=self.store, signer=self.signer, kek=kek, clock=self.clock, randomness=SystemRandomness(),
            states=StateCache(self.store), entities=EntityCache(self.store), keys=SigningKeys(kek=kek, signer=self.signer),
        )  # fmt: skip
        self.authority = Authority(runtime=self.runtime, settings=Settings(), registry=load_registry(), name="faults")
        return self.authority

    def tenant(self, name: str = "acme") -> TenantAuthority:
        return self.authority.tenant(name)

    @property
    def context(self) -> Context:
        """The anchor's."""
        return self.authority.anchor.context

    def grow(self, name: str = "acme") -> None:
        """One record more."""
        self.tenant(name).rotate_keys()

    def policy(self) -> TlogPolicy:
        text = f"log {self.authority.anchor.key()}\nwitness w {self.witness.key}\nquorum w\n"
        return parse_policy(text.encode())

    def data(self) -> ScopeData:
        return self.store.snapshot()[ANCHOR_SCOPE.key]

    def check(self) -> int:
        """What holds after anything: the anchor log is whole and one chain, checkpoints are true; how many epochs there are."""
        data, context = self.data(), self.context
        assert data.head is not None
        context.mac.check_head(context.scope, data.head)
        head = LogHead.from_state(data.head.state)
        assert [row.seq for row in data.records] == list(range(head.size))
        leaves = [leaf_hash(row.entry) for row in data.records]
        assert [row.leaf for row in data.records] == leaves
        assert root_of(leaves) == head.frontier.root()
        for row in data.rows.values():
            context.mac.check(context.scope, row)
        key = self.authority.anchor.key()
        walk_epochs([row.entry for row in data.records], identity=key)
        assert sum(row.kind == "epoch" for row in data.rows.values()) == head.size
        for name in (PUBLISHED, WITNESSED):
            if name in data.rows:
                checkpoint = open_checkpoint(data.rows[name].body, [key])
                assert 0 < checkpoint.size <= head.size
                assert checkpoint.root == root_of(leaves[: checkpoint.size])
        return head.size
