"""A kept set whose bytes are those that the pointer names and of which one part cannot be read: nothing of that set is answered any more.

Only somebody who holds the keys could store such bytes, or a memory that fails. No part may be missing without a word: it could hold a forbid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from intended_core import Allow, Deny, Entity, EntityRef, Intent
from intended_core.engine.approvers import approver_may
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.errors import StoreCorruptError
from intended_core.flows import cache
from intended_core.flows.policycache import freeze, kept_digest, thaw
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check
from intended_core.lang.compiler import CompiledPolicySet, compile_kept
from intended_core.lang.intents import validate
from intended_core.lang.keptset import KeptSet
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.outcome import Escalate
from tests.reference.flow_world import POLICY, World, intent

TEXT = """
entity Group;
@root entity User in Group;
entity Doc;
meter reads { on: [read]; key: [principal]; amount: 1; window: lifetime; }
action read { principal: User; resource: Doc; }
action view { principal: User; resource: Doc; }
action wipe { principal: User; resource: Doc; }
@id("r") permit r { action == read; }
@id("v") permit v { action == view; }
@id("w") permit w { action == wipe; approval { from: Group::"chiefs"; quorum: 1; expires: 1h; } }
"""
SOURCES = [Source.from_bytes("three.policy", TEXT.encode())]
ANN, DOC = EntityRef("User", "ann"), EntityRef("Doc", "d")
NO_ORDER = ("read", "view", "wipe")


def kept(damage: Callable[[bytes], bytes], sources: Sequence[Source] = SOURCES) -> KeptSet:
    """The set of its own digests over damaged bytes that its pointer would name. Damage at the end is in the part of `wipe`."""
    checked = check(sources)
    body = freeze(checked)
    assert body is not None
    bad = damage(body)
    assert len(bad) == len(body)
    found = thaw(bad, sources, digest=checked.text_digest, semantic=checked.semantic_digest, kept=kept_digest(bad))
    assert found is not None
    return found


def last_number(body: bytes) -> bytes:
    return body[:-4] + b"\xff\xff\xff\xff"


def ask(compiled: CompiledPolicySet, action: str) -> Allow | Deny | Escalate:
    valid = validate(compiled.schema, TEST_SCOPE, Intent(principal=ANN, action=action, resource=DOC))
    entities = {ref: Entity(ref=ref) for ref in (ANN, DOC, EntityRef("Group", "chiefs"))}
    snapshot = type_snapshot(compiled.schema, EntitySnapshot(version="1", entities=entities))
    if action == "read":
        return decide(compiled, valid, snapshot, now_ms=0, readings={"reads": 0})
    return decide(compiled, valid, snapshot, now_ms=0)


def test_the_whole_set_decides() -> None:
    compiled = compile_kept(kept(lambda body: body))
    assert [type(ask(compiled, action)) for action in NO_ORDER] == [Allow, Allow, Escalate]


@pytest.mark.parametrize(
    "damage",
    [last_number, lambda body: body[:-1] + b"\x7f", lambda body: body[:-40] + b"\x00" * 40],
    ids=["unknown-node", "another-node", "zeros"],
)
def test_a_part_that_cannot_be_read_denies_everything_of_its_set(damage: Callable[[bytes], bytes]) -> None:
    compiled = compile_kept(kept(damage))
    assert isinstance(ask(compiled, "view"), Allow)
    assert isinstance(ask(compiled, "read"), Allow)
    for _ in range(2):
        for action in ("wipe", *NO_ORDER):
            found = ask(compiled, action)
            assert isinstance(found, Deny)
            assert found.kind == "error"
            assert "cannot be made ready" in found.reasons[0].text


def test_nobody_may_approve_by_such_a_set() -> None:
    compiled = compile_kept(kept(last_number))
    valid = validate(compiled.schema, TEST_SCOPE, Intent(principal=ANN, action="wipe", resource=DOC))
    snapshot = type_snapshot(compiled.schema, EntitySnapshot(version="1", entities={}))
    with pytest.raises(StoreCorruptError):
        approver_may(compiled, "w#1", valid, snapshot, EntityRef("User", "bob"), now_ms=0)


def test_such_a_set_cannot_be_compared_nor_compiled_whole() -> None:
    """What operators ask of the active set raises, so that no activation is judged against half of it."""
    found = kept(last_number)
    with pytest.raises(StoreCorruptError):
        compile_kept(found).ready()
    policy = cache.ActivePolicy(compiled=compile_kept(found), digest=found.digest, whole=found.checked)
    with pytest.raises(StoreCorruptError):
        policy.checked  # noqa: B018


def test_a_process_that_opens_such_a_set_denies_every_intent(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    sources = [Source.from_bytes("bank.policy", POLICY.encode())]
    monkeypatch.setattr(cache, "cached_set", lambda *_, **__: kept(last_number, sources))
    world.reopen()
    for amount in ("12.50", "500.00"):
        found = world.tenant.authorize(intent(amount), audience="bank")
        assert isinstance(found, Deny)
        assert found.kind == "error"
