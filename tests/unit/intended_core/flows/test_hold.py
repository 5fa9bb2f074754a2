"""Legal holds: two persons, by place for what is there and by kind and life for what comes; no erasure gets past one that stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intended_core import AccessDeniedError, AuditError, EntityRef, KeyRingError, LogQuery, search_log, show_record
from intended_core.auditing import verify_tenant_log
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows import erase as erase_room
from intended_core.flows.effects import Commit
from intended_core.flows.hold import MAX_STANDING, place
from intended_core.flows.holdrows import Hold, hold_key
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World, at, intent, trace

BOTH = [(ANN, ANN_KEY), (BOB, BOB_KEY)]
BOT = EntityRef("Agent", "bot")
WHY = {"reason": "case 4 C 12/26", "basis": "order of 3 March"}


def expires(world: World) -> int:
    return world.runtime.clock.now_us() + 600_000_000


def decided(world: World) -> list[int]:
    return [record.seq for record in search_log(world.tenant, LogQuery(kinds=("decision.",), about=BOT))]


def held(world: World, **named: Any) -> Hold:
    return world.tenant.holds.place(world.tenant.holds.plan(**WHY, **named), expires_us=expires(world), keys=BOTH)


def lift(world: World, hold: Hold) -> Hold:
    return world.tenant.holds.lift(hold.seq, reason="over", basis="order of 9 May", expires_us=expires(world), keys=BOTH)


def erase(world: World, seqs: list[int], why: Any = "redact") -> Any:
    planned = world.tenant.erasures.plan(why, seqs, reason="asked", basis="GDPR art. 17")
    return world.tenant.erasures.erase(planned, expires_us=expires(world), keys=BOTH)


def code(call: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(AuditError) as caught:
        call(*given, **named)
    return caught.value.code


def test_what_is_held_is_not_erased_until_it_is_lifted(world: World) -> None:
    seqs = decided(world)
    early = world.tenant.erasures.plan("redact", seqs, reason="asked", basis="GDPR art. 17")
    hold = held(world)
    assert world.tenant.holds.list() == (hold,)
    assert (hold.by, hold.reason, hold.basis, hold.stands) == ((ANN, BOB), *WHY.values(), True)
    assert code(world.tenant.erasures.plan, "redact", seqs, reason="asked", basis="law") == "audit.held"
    assert code(world.tenant.erasures.plan, "prune", seqs, reason="old", basis="law") == "audit.held"
    assert code(world.tenant.erasures.erase, early, expires_us=expires(world), keys=BOTH) == "audit.held", "a plan from before"
    fields = [(seqs[0], "intent.principal")]
    assert code(world.tenant.erasures.plan, "redact", fields=fields, reason="asked", basis="law") == "audit.held"
    assert all(row.body for row in world.tenant.records())
    lifted = lift(world, hold)
    assert (lifted.seq, lifted.stands, world.tenant.holds.list()) == (hold.seq, False, ())
    assert erase(world, seqs).records == len(seqs)
    assert verify_tenant_log(world.tenant).findings == ()
    kinds = [show_record(row).kind for row in world.tenant.records()]
    assert (kinds.count("hold.placed"), kinds.count("hold.lifted")) == (1, 1)


def test_plans_from_before_the_hold_are_held_to_it(world: World) -> None:
    """Also where no snapshot goes, which a held decision may rest on."""
    rows = list(world.tenant.records())
    token = next(row.seq for row in rows if show_record(row).kind.startswith("token."))
    whole = world.tenant.erasures.plan("redact", [token], reason="asked", basis="law")
    part = world.tenant.erasures.plan("redact", fields=[(decided(world)[0], "intent.args.amount")], reason="asked", basis="law")
    assert (whole.snapshots, part.snapshots) == ((), ())
    hold = held(world)
    for planned in (whole, part):
        assert code(world.tenant.erasures.erase, planned, expires_us=expires(world), keys=BOTH) == "audit.held"
    lift(world, hold)
    for planned in (whole, part):
        assert world.tenant.erasures.erase(planned, expires_us=expires(world), keys=BOTH).seq


def test_who_is_removed_meanwhile_has_not_signed(world: World) -> None:
    planned = world.tenant.holds.plan(**WHY)
    asked = world.tenant.holds.digest(planned, expires_us=expires(world))
    flow = place(world.context, planned, expires_us=expires(world), signatures=[(ref, key.sign(asked)) for ref, key in BOTH])
    ended = trace(world, flow, at(Commit, lambda: world.tenant.persons.remove(BOB)))
    assert isinstance(ended.error, KeyRingError)
    assert world.tenant.holds.list() == ()


def test_records_to_come_are_held_where_the_hold_goes_on(world: World) -> None:
    stop = world.tenant.head().size
    ends = held(world, first=0, stop=stop)
    assert ends.kept.later is None
    goes_on = held(world, first=stop, kinds=["decision.deny"])
    world.tenant.authorize(intent(), audience="bank")
    later = world.tenant.head().size - 1
    assert not ends.covers(later, "decision.deny", "")
    assert goes_on.covers(later, "decision.deny", "")
    assert not goes_on.covers(later, "decision.allow", "")
    between = goes_on.kept.size
    assert goes_on.covers(between, "person.registered", "") == (between < goes_on.seq)


def test_a_life_is_held_and_its_neighbours_are_not(world: World) -> None:
    seqs = decided(world)
    rows = {row.seq: row for row in world.tenant.records()}
    mine = next(seq for seq in seqs if rows[seq].thread)
    hold = held(world, lives=[mine])
    assert hold.kept.places
    assert all(rows[seq].thread == rows[mine].thread for start, stop in hold.kept.places for seq in range(start, stop))
    assert code(erase, world, [mine]) == "audit.held"
    others = [seq for seq in seqs if rows[seq].thread != rows[mine].thread]
    if others:
        assert code(erase, world, others) == "audit.held", "it rests on a snapshot that the held decision rests on"
    assert code(world.tenant.holds.plan, **WHY, lives=[0]) == "audit.index"
    assert code(world.tenant.holds.plan, **WHY, lives=[-1]) == "audit.index"


def test_a_prune_leaves_out_what_is_held(world: World) -> None:
    seqs = decided(world)
    size = world.tenant.head().size
    held(world, first=seqs[0], stop=seqs[0] + 1)
    planned = world.tenant.erasures.plan("prune", range(size), reason="old", basis="ten years")
    assert (planned.held, any(start <= seqs[0] < stop for start, stop in planned.places)) == (1, False)
    assert planned.count > 0


def test_persons_who_may_and_no_others(world: World) -> None:
    planned = world.tenant.holds.plan(**WHY)
    until = expires(world)
    for keys in ([BOTH[0]], [BOTH[0], BOTH[0]], []):
        with pytest.raises(KeyRingError):
            world.tenant.holds.place(planned, expires_us=until, keys=keys)
    other = world.tenant.holds.digest(replace(planned, reason="another"), expires_us=until)
    with pytest.raises(KeyRingError):
        world.tenant.holds.place(planned, expires_us=until, signatures=[(ref, key.sign(other)) for ref, key in BOTH])
    hold = world.tenant.holds.place(
        planned, expires_us=until, signatures=[(ref, key.sign(world.tenant.holds.digest(planned, expires_us=until))) for ref, key in BOTH]
    )
    placing = world.tenant.holds.digest(planned, expires_us=until)
    with pytest.raises(KeyRingError):
        world.tenant.holds.lift(hold.seq, reason="over", basis="x", expires_us=until, signatures=[(ref, key.sign(placing)) for ref, key in BOTH])
    with pytest.raises(KeyRingError):
        world.tenant.holds.lift(hold.seq, reason="over", basis="x", expires_us=until, keys=BOTH[:1])
    assert world.tenant.holds.list() == (hold,)


def test_viewers_may_not(world: World) -> None:
    world.tenant.persons.add(BOB, BOB_KEY.public_key, roles=("viewer",))
    with pytest.raises(AccessDeniedError):
        held(world)


def test_what_is_drawn_up_is_what_is_placed_once(world: World) -> None:
    hold = held(world)
    lift(world, hold)
    with pytest.raises(UnitRefusedError, match="hold_unknown"):
        lift(world, hold)
    with pytest.raises(UnitRefusedError, match="hold_unknown"):
        world.tenant.holds.lift(9999, reason="over", basis="x", expires_us=expires(world), keys=BOTH)
    planned = world.tenant.holds.plan(**WHY)
    with pytest.raises(UnitRefusedError, match="hold_outdated"):
        world.tenant.holds.place(
            replace(planned, kept=replace(planned.kept, size=planned.kept.size + 99)), expires_us=expires(world), keys=BOTH
        )


def test_what_holds_nothing_is_refused(world: World) -> None:
    size = world.tenant.head().size
    for named in ({"first": size + 1}, {"first": 3, "stop": 3}, {"stop": size + 1}, {"first": -1}):
        assert code(world.tenant.holds.plan, **WHY, **named) == "audit.index"
    assert code(world.tenant.holds.plan, **WHY, stop=size, kinds=["clock.recovered"]) == "audit.hold"
    assert code(world.tenant.holds.plan, **WHY, kinds=["no.kind"]) == "audit.kind"
    assert code(world.tenant.holds.plan, reason="", basis="x") == "audit.hold"
    assert code(world.tenant.holds.plan, reason="x", basis="x\n") == "audit.hold"


def test_only_so_many_stand(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from intended_core.flows import hold as hold_room

    assert MAX_STANDING == 64
    monkeypatch.setattr(hold_room, "MAX_STANDING", 2)
    for _ in range(2):
        held(world)
    with pytest.raises(UnitRefusedError, match="holds_full"):
        held(world)


def test_an_erasure_that_was_decided_before_the_hold_does_not_commit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hold lands between the moment that the erasure looked and its unit: the guards have moved, and it looks again."""
    seqs = decided(world)
    planned = world.tenant.erasures.plan("redact", seqs, reason="asked", basis="law")
    look = erase_room._gone_with
    placed: list[Hold] = []

    def between(*given: Any) -> Any:
        answer = yield from look(*given)
        if not placed:
            placed.append(held(world))
        return answer

    monkeypatch.setattr(erase_room, "_gone_with", between)
    assert code(world.tenant.erasures.erase, planned, expires_us=expires(world), keys=BOTH) == "audit.held"
    assert all(row.body for row in world.tenant.records())


def test_a_hold_that_is_taken_away_put_back_or_spoilt_stops_everything(world: World) -> None:
    """The rows hang on the guards' roster: an attacker who owns the file frees nothing from a hold."""
    seqs = decided(world)
    hold = held(world)
    placed = world.row("halt", hold_key(hold.seq).key)
    attacks = [
        lambda: world.remove("halt", placed.key),
        lambda: world.edit(replace(placed, state="LIFTED")),
        lambda: world.edit(replace(placed, body=placed.body.replace(b'"size"', b'"sixe"'))),
    ]
    for attack in attacks:
        attack()
        world.reopen()
        with pytest.raises((StoreCorruptError, AuditError)):
            erase(world, seqs)
        world.edit(placed)
    lift(world, hold)
    world.edit(placed)
    world.reopen()
    with pytest.raises(StoreCorruptError):
        world.tenant.holds.list()
    assert all(row.body for row in world.tenant.records())
