"""activate: only a set that checks and passes its own tests becomes active, in one unit."""

from __future__ import annotations

import pytest

from intended_core import Deny, Granted, PolicyError, TokenError, UnitRefusedError
from intended_core.canonical import b64url
from intended_core.errors import StoreCorruptError, StoreError
from intended_core.flows.activate import Activated, activate
from intended_core.flows.effects import Commit, Effect
from intended_core.flows.pointer import PolicyPointer
from intended_core.lang.locks import pack_digests
from intended_core.lang.source import Source
from tests.reference.flow_world import POLICY, STRICT, Traced, World, at, intent, pay, raising, trace

FAILING = '\ntest "t" { intent { principal: Agent::"bot"; action: pay; resource: Account::"main"; now: datetime("2026-01-01T00:00:00Z"); args: { amount: 5.00 }; } expect %s; }\n'
BODIES = 'fixture f { entity Agent::"bot"; entity Account::"main" { closed: false }; }\n'


def activating(world: World, *texts: str) -> Traced:
    sources = [Source.from_bytes(f"{number}.policy", text.encode()) for number, text in enumerate(texts)]
    return trace(world, activate(world.context, sources))


def test_one_unit_and_nothing_before_it(world: World) -> None:
    size, guards = world.head.size, world.head.guards
    seen = activating(world, STRICT)
    assert seen.order == ["ReadRows", "ScanRows", "Commit"]
    done = seen.result
    assert isinstance(done, Activated)
    assert (done.rules, done.tests, done.seq) == (3, 0, size)
    assert (world.head.size, world.head.guards) == (size + 1, guards + 1)
    assert world.kinds(size) == ["policy.activated"]
    assert world.body()["policy_digest"] == b64url(done.digest)
    assert world.row("policy", "active").version == 2


@pytest.mark.parametrize("text", ["permit all;", POLICY + "permit x { action == fly; }", POLICY.replace("closed: Bool", "closed: Nothing")])
def test_a_set_that_does_not_check_asks_only_which_packs_are_locked(world: World, text: str) -> None:
    before = world.data()
    seen = activating(world, text)
    assert isinstance(seen.error, PolicyError)
    assert seen.order == ["ReadRows"]
    assert world.data() == before


def test_a_set_whose_own_tests_fail_asks_only_which_packs_are_locked(world: World) -> None:
    before = world.data()
    text = POLICY + BODIES + FAILING.replace('"t" {', '"t" with f {')
    assert activating(world, text.replace("%s", "allow")).result.tests == 1
    world.restore()
    seen = activating(world, text.replace("%s", "deny"))
    with pytest.raises(PolicyError, match="t: expected deny, got allow"):
        raise seen.error or AssertionError
    assert seen.order == ["ReadRows"]
    assert world.data() == before


def test_activating_again_keeps_the_sources_and_moves_the_pointer(world: World) -> None:
    rows = len(world.data().rows)
    first = activating(world, STRICT).result
    stored = world.row("policy", f"set:{b64url(first.digest)}")
    second = activating(world, STRICT).result
    assert second.digest == first.digest
    assert world.row("policy", f"set:{b64url(first.digest)}") is stored
    assert len(world.data().rows) == rows + 2  # the sources and their kept form
    assert world.row("policy", "active").version == 3


def test_going_back_is_an_activation_like_any_other(world: World) -> None:
    world.tenant.activate({"bank.policy": STRICT})
    assert isinstance(world.tenant.authorize(intent("50.00"), audience="bank"), Deny | type(world.pending))
    world.tenant.activate({"bank.policy": POLICY})
    assert isinstance(world.tenant.authorize(intent("50.00"), audience="bank"), Granted)


def test_a_token_of_the_set_before_is_void(world: World) -> None:
    activating(world, POLICY + "# a comment\n")
    with pytest.raises(TokenError):
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_a_commit_that_fails_changes_nothing(world: World) -> None:
    before = world.data()
    flow = activate(world.context, [Source.from_bytes("0.policy", STRICT.encode())])
    seen = trace(world, flow, at(Commit, raising(StoreError("full"))))
    assert isinstance(seen.error, StoreError)
    assert world.data() == before


def test_a_pointer_that_was_edited_is_not_replaced(world: World) -> None:
    """Otherwise an activation would launder what somebody wrote."""
    pointer = world.row("policy", "active")
    world.edit(type(pointer)(pointer.kind, pointer.key, pointer.version, "EDITED", pointer.body, pointer.mac))
    assert isinstance(activating(world, STRICT).error, StoreCorruptError)


def test_the_clock_stands_back(world: World) -> None:
    world.clock.advance(seconds=-60)
    seen = activating(world, STRICT)
    assert isinstance(seen.error, UnitRefusedError)
    assert seen.error.code == "clock_back"


LIB = 'policy pack lib version "1";\nentity Shelf {}\n'


def with_lib(lib: str) -> list[Source]:
    return [Source.from_text("a.policy", f"import lib as lib;\n{POLICY}"), Source.from_text("lib.policy", lib)]


def test_a_lock_that_was_set_meanwhile_counts(world: World) -> None:
    """Between the look at the locks and the unit somebody else puts one in force: the unit is refused, and the second look sees it."""
    theirs = {"lib": pack_digests([Source.from_text("lib.policy", LIB)])["lib"]}

    def meanwhile(effect: Effect) -> None:
        if isinstance(effect, Commit) and not PolicyPointer.from_row(world.row("policy", "active")).packs:
            world.tenant.activate({source.name: source.text for source in with_lib(LIB)}, packs=theirs)

    seen = trace(world, activate(world.context, with_lib(LIB + "\n")), meanwhile)
    with pytest.raises(PolicyError, match="is not the one that is locked here"):
        raise seen.error or AssertionError
    assert seen.order.count("Commit") == 1
    assert world.body()["packs"] == {"lib": b64url(theirs["lib"])}


def test_an_older_pointer_that_was_put_back_takes_no_lock_away(world: World) -> None:
    before = world.row("policy", "active")
    world.tenant.activate({source.name: source.text for source in with_lib(LIB)}, packs={"lib": pack_digests(with_lib(LIB))["lib"]})
    world.edit(before)
    assert isinstance(trace(world, activate(world.context, with_lib(LIB + "\n"))).error, StoreCorruptError)
    world.remove("policy", "active")
    assert isinstance(trace(world, activate(world.context, with_lib(LIB + "\n"))).error, StoreCorruptError)
