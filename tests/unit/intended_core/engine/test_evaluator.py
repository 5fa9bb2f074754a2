"""decide and approver_may on whole policies; every answer is compared with the interpreter's."""

from __future__ import annotations

import dataclasses

import pytest

from intended_core import AccessDeniedError, Allow, Deny, Entity, EntityRef, Escalate
from intended_core.engine.evaluator import approver_may, decide
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.compiler import compile_set
from intended_core.lang.fuse import NotPreparedError
from intended_core.lang.intents import validate
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.outcome import Reason
from tests.reference.policy_world import ANN, BOB, NOW_MS, SCHEMA, World, group, user

PERMIT = '@id("p") permit p { action == read; when true; }'


def test_a_matching_permit_allows_and_names_itself() -> None:
    found = World.of(PERMIT).decide()
    assert isinstance(found, Allow)
    assert found.rules == ("p",)


def test_no_rule_is_a_denial_by_default() -> None:
    found = World.of('@id("p") permit p { action == write; when principal.vip; }').decide()
    assert isinstance(found, Deny)
    assert found.kind == "default"


def test_an_unknown_principal_or_resource_is_an_error() -> None:
    world = World.of(PERMIT)
    for entities in ([user("ann")], [Entity(ref=EntityRef("Doc", "d"), attributes={"owner": ANN})]):
        found = World.of(PERMIT, entities).decide()
        assert isinstance(found, Deny)
        assert found.kind == "error"
    assert isinstance(world.decide(), Allow)


def test_a_principal_that_is_no_root_needs_a_chain() -> None:
    world = World.of(PERMIT)
    found = world.decide(world.intent(EntityRef("Agent", "bot")))
    assert isinstance(found, Deny)
    assert found.kind == "chain_missing"


@pytest.mark.parametrize(
    ("scope", "ann", "bob"),
    [
        ('principal == User::"ann";', True, False),
        ('principal in Group::"board";', False, True),
        ('principal in [Group::"board", User::"ann"];', True, True),
        ("principal is User;", True, True),
        ("principal is Agent;", False, False),
        ('resource == Doc::"d";', True, True),
        ('resource == Doc::"other";', False, False),
        ('principal == User::"ann"; resource == Doc::"d";', True, False),
    ],
)
def test_scopes(scope: str, ann: bool, bob: bool) -> None:
    world = World.of(f'@id("p") permit p {{ action == read; {scope} when true; }}')
    assert isinstance(world.decide(world.intent(ANN)), Allow) is ann
    assert isinstance(world.decide(world.intent(BOB)), Allow) is bob


def test_an_error_in_a_rule_in_scope_denies_whatever_else_matches() -> None:
    world = World.of(PERMIT + '@id("x") permit x { action == read; when args.n + 9_223_372_036_854_775_807 > 0; }')
    found = world.decide()
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("error", ("x",))
    assert "overflow" in found.reasons[0].text


def test_an_error_out_of_scope_does_not_matter() -> None:
    world = World.of(
        PERMIT
        + '@id("x") forbid x { principal == User::"bob"; action == read; when args.n + 9_223_372_036_854_775_807 > 0; }'
    )
    assert isinstance(world.decide(), Allow)


def test_what_escapes_a_condition_denies() -> None:
    world = World.of(PERMIT)
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    for answer in (1, "yes", None, RecursionError(), MemoryError(), ZeroDivisionError()):

        def condition(*_: object, answer: object = answer) -> object:
            if isinstance(answer, BaseException):
                raise answer
            return answer

        bucket = next(iter(world.compiled.index.values()))
        broken = dataclasses.replace(bucket.general[0], condition=condition)
        index = {key: dataclasses.replace(found, general=(broken,)) for key, found in world.compiled.index.items()}
        compiled = dataclasses.replace(world.compiled, index=index, plans={})
        found = decide(compiled, valid, world.snapshot, now_ms=NOW_MS)
        assert isinstance(found, Deny)
        assert found.kind == "error"


def approval(more: str = "", quorum: str = "1", expires: str = "1h") -> str:
    return (
        '@id("p") permit p { action == read; when true; approval { from: Group::"board"; '
        f"quorum: {quorum}; expires: {expires}; {more} }} }}"
    )


def test_an_approval_makes_the_permit_wait_and_its_key_lets_it_pass() -> None:
    world = World.of(approval())
    found = world.decide()
    assert isinstance(found, Escalate)
    (need,) = found.alternatives[0]
    assert (need.key, need.group, need.quorum, need.expires_ms) == ("p#1", group("board"), 1, 3_600_000)
    assert isinstance(world.decide(approved=frozenset({need.key})), Allow)
    assert isinstance(world.decide(approved=frozenset({"p#2"})), Escalate)


@pytest.mark.parametrize(("quorum", "good"), [("0", False), ("1", True), ("16", True), ("17", False), ("0 - 1", False)])
def test_a_quorum_outside_1_to_16_is_an_error(quorum: str, good: bool) -> None:
    world = World.of(approval(quorum=f"args.n - args.n + {quorum}"))
    found = world.decide()
    assert isinstance(found, Escalate) if good else isinstance(found, Deny) and found.kind == "error"


@pytest.mark.parametrize(("expires", "good"), [("30d", True), ("31d", False), ("1ms", True), ("0ms", False)])
def test_an_approval_lives_up_to_thirty_days(expires: str, good: bool) -> None:
    found = World.of(approval(expires=f"if args.n > 0 then {expires} else 1h")).decide()
    assert isinstance(found, Escalate) if good else isinstance(found, Deny) and found.kind == "error"


def judged(world: World, person: EntityRef, key: str = "p#1") -> str:
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    try:
        found = approver_may(world.compiled, key, valid, world.snapshot, person, now_ms=NOW_MS)
    except AccessDeniedError as error:
        return str(error)
    assert (found.key, found.ref) == (key, person)
    return "accepted"


def test_who_may_approve() -> None:
    world = World.of(approval())
    assert judged(world, BOB) == "accepted"
    assert "own intent" in judged(world, ANN)
    assert "not a known entity" in judged(world, EntityRef("User", "ghost"))
    assert "not in" in judged(world, EntityRef("Agent", "bot"))
    assert "no such approval" in judged(world, BOB, "p#9")


def test_an_excluded_approver_may_not() -> None:
    assert "excluded" in judged(World.of(approval('exclude: [User::"bob"];')), BOB)


def test_the_approvers_own_conditions_hold() -> None:
    more = "when approver is User and approver.level >= args.n;"
    assert judged(World.of(approval(more)), BOB) == "accepted"
    assert "conditions" in judged(World.of(approval(more.replace("args.n", "args.n + 1"))), BOB)


def test_the_submitter_may_not_approve_even_from_the_group() -> None:
    world = World.of(approval(), [
        Entity(ref=group("board")), user("ann", "board"), Entity(ref=EntityRef("Doc", "d"), attributes={"owner": ANN}),
    ])  # fmt: skip
    assert "own intent" in judged(world, ANN)


def walked(world: World, principal: EntityRef = ANN, approved: frozenset[str] = frozenset()) -> Allow | Deny | Escalate:
    """The answer of the general loop; the plans, where they may answer, and the interpreter say the same."""
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent(principal))
    loop = dataclasses.replace(world.compiled, plans={})
    found = decide(loop, valid, world.snapshot, now_ms=NOW_MS, approved=approved)
    assert found == world.decide(world.intent(principal), approved=approved)
    assert found == decide(world.compiled, valid, world.snapshot, now_ms=NOW_MS, approved=approved)
    return found


@pytest.mark.parametrize(
    ("scope", "ann", "bob"),
    [
        ('principal == User::"ann";', True, False),
        ('principal == User::"bob";', False, True),
        ('principal in Group::"board";', False, True),
        ('principal in Group::"staff";', True, True),
        ('principal in [Group::"board", User::"ann"];', True, True),
        ("principal is User;", True, True),
        ("principal is Agent;", False, False),
        ('resource == Doc::"d";', True, True),
        ('resource == Doc::"other";', False, False),
        ('resource in [Doc::"d"];', True, True),
        ('resource in [Doc::"other"];', False, False),
        ('principal == User::"ann"; resource == Doc::"d";', True, False),
        ('principal in Group::"board"; resource in [Doc::"d"];', False, True),
    ],
)
@pytest.mark.parametrize("effect", ["permit", "forbid", "escalate"])
def test_the_general_loop_reads_scopes_as_the_plans_do(scope: str, ann: bool, bob: bool, effect: str) -> None:
    more = 'approval { from: Group::"board"; quorum: 1; expires: 1h; }' if effect == "escalate" else ""
    base = "" if effect == "permit" else '@id("base") permit base { action == read; when args.n > 0; }'
    world = World.of(f'{base} @id("x") {effect} x {{ action == read; {scope} when args.n > 0; {more} }}')
    for person, matches in ((ANN, ann), (BOB, bob)):
        found = walked(world, person)
        if effect == "permit":
            assert isinstance(found, Allow) is matches
        else:
            hit = isinstance(found, Deny if effect == "forbid" else Escalate)
            assert hit is matches
            assert isinstance(found, Allow) is not matches


def test_the_general_loop_gathers_every_rule_of_every_effect() -> None:
    permits = '@id("a") permit a { action == read; when args.n > 0; } @id("b") permit b { action == read; principal == User::"ann"; when true; }'
    allowed = walked(World.of(permits + '@id("c") permit c { action == read; when args.n > 5; }'))
    assert isinstance(allowed, Allow)
    assert allowed.rules == ("a", "b")
    forbids = '@id("f") forbid f { action == read; when args.n > 0; } @id("g") forbid g { action == read; resource == Doc::"d"; when true; }'
    denied = walked(World.of(permits + forbids))
    assert isinstance(denied, Deny)
    assert (denied.kind, denied.rules) == ("forbid", ("f", "g"))
    gate = '{ action == read; when args.n > 0; approval { from: Group::"board"; quorum: 1; expires: 1h; } }'
    waiting = walked(World.of(permits + f'@id("h") escalate h {gate} @id("i") escalate i {gate}'))
    assert isinstance(waiting, Escalate)
    assert waiting.rules == ("h", "i")
    assert isinstance(walked(World.of(permits + f'@id("h") escalate h {gate}'), approved=frozenset({"h#1"})), Allow)
    over = "when args.n + 9_223_372_036_854_775_807 > 0;"
    erred = walked(World.of(permits + forbids + f'@id("x") permit x {{ action == read; {over} }} @id("y") forbid y {{ action == read; {over} }}'))
    assert isinstance(erred, Deny)
    assert (erred.kind, erred.rules) == ("error", ("x", "y"))


def test_the_general_loop_denies_what_is_not_known() -> None:
    nothing = walked(World.of('@id("p") permit p { action == write; when principal.vip; }'))
    assert isinstance(nothing, Deny)
    assert (nothing.kind, nothing.reasons[0].text, nothing.rules) == ("default", "no permit matches this intent", ())
    doc = Entity(ref=EntityRef("Doc", "d"), attributes={"owner": ANN})
    for entities, gone in (([user("ann")], 'Doc::"d"'), ([doc], 'User::"ann"')):
        found = walked(World.of(PERMIT, entities))
        assert isinstance(found, Deny)
        assert (found.kind, found.reasons[0].text) == ("error", f"{gone} is not a known entity")
    agent = walked(World.of(PERMIT), EntityRef("Agent", "bot"))
    assert isinstance(agent, Deny)
    assert agent.kind == "chain_missing"


def test_the_general_loop_asks_every_rule_for_its_scope_wherever_the_index_put_it() -> None:
    for scope, hit in (
        ('principal == User::"bob";', False), ('resource == Doc::"e";', False), ('resource in [Doc::"e"];', False),
        ('principal in Group::"board";', False), ('principal == User::"ann"; resource == Doc::"d";', True),
    ):  # fmt: skip
        world = World.of(f'@id("x") forbid x {{ action == read; {scope} when true; }} {PERMIT}')
        every = tuple(
            rule for bucket in world.compiled.index.values()
            for rules in (bucket.general, *bucket.by_resource.values(), *bucket.by_principal.values()) for rule in rules
        )  # fmt: skip
        index = {key: dataclasses.replace(bucket, general=every, by_resource={}, by_principal={}) for key, bucket in world.compiled.index.items()}
        loop = dataclasses.replace(world.compiled, plans={}, index=index)
        found = decide(loop, validate(world.checked.schema, TEST_SCOPE, world.intent()), world.snapshot, now_ms=NOW_MS)
        assert isinstance(found, Deny) is hit


def test_what_depends_on_the_rules_alone_is_worked_out_once() -> None:
    gate = 'approval { from: Group::"board"; quorum: 1; expires: 1h; }'
    world = World.of(
        '@id("a") permit a { action == read; when args.n > 0; } @id("f") forbid f { action == read; when args.n > 1; }'
        f'@id("g") escalate g {{ action == read; when args.n > 2; {gate} }} @id("b") permit b {{ action == read; when args.n == -1; {gate} }}'
    )
    for number, alone in ((1, Allow), (2, Deny), (0, Deny), (3, None), (-1, None)):
        valid = validate(world.checked.schema, TEST_SCOPE, world.intent(args={"n": number}))
        with pytest.raises(NotPreparedError):
            world.compiled.plans["read"](valid, world.snapshot, NOW_MS, NO_SURROUNDINGS)
        first = decide(world.compiled, valid, world.snapshot, now_ms=NOW_MS)
        kept = world.compiled.plans["read"](valid, world.snapshot, NOW_MS, NO_SURROUNDINGS)
        assert kept is first if alone is not None else not isinstance(kept, Allow | Deny | Escalate)
        assert alone is None or isinstance(first, alone)


def test_the_general_loop_evaluates_what_a_rule_asks_for_with_what_it_reads() -> None:
    around = Surroundings(tenant="acme")
    asked = '@id("p") permit p { action == read; oblige note(at: now, of: tenant, what: resource, n: args.n); }'
    world = World.of(asked, schema=SCHEMA + "obligation note(at: Datetime, of: String, what: Doc, n: Int) before;")
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    loop = dataclasses.replace(world.compiled, plans={})
    found = decide(loop, valid, world.snapshot, now_ms=NOW_MS, surroundings=around)
    assert isinstance(found, Allow)
    assert found == decide(world.compiled, valid, world.snapshot, now_ms=NOW_MS, surroundings=around)
    values = found.obligations[0].values
    assert (values["of"], values["n"]) == ("s:acme", "i:1")


def test_what_a_plan_learns_of_a_set_of_rules_is_the_same_the_second_time() -> None:
    world = World.of(
        '@id("a") permit a { action == read; when args.n > 0; } @id("f") forbid f { action == read; when args.n > 1; }'
        '@id("g") escalate g { action == read; when args.n > 2; approval { from: Group::"board"; quorum: 1; expires: 1h; } }'
        '@id("b") permit b { action == read; when args.n == -1; approval { from: Group::"board"; quorum: 1; expires: 1h; } }'
    )
    for number, expected, rules in ((1, Allow, ("a",)), (2, Deny, ("f",)), (3, Deny, ("f",)), (0, Deny, ()), (-1, Escalate, ("b",))):
        first = world.decide(world.intent(args={"n": number}))
        assert isinstance(first, expected)
        assert first.rules == rules
        assert world.decide(world.intent(args={"n": number})) == first


def test_a_plan_is_asked_first_and_only_where_nothing_is_approved() -> None:
    world = World.of(PERMIT)
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    said = Deny(kind="default", reasons=(Reason(text="from the plan"),))
    calls: list[tuple[object, ...]] = []

    def plan(*values: object) -> Deny:
        calls.append(values)
        return said

    compiled = dataclasses.replace(world.compiled, plans={"read": plan})  # type: ignore[arg-type]
    assert decide(compiled, valid, world.snapshot, now_ms=NOW_MS) is said
    assert calls == [(valid, world.snapshot, NOW_MS, NO_SURROUNDINGS)]
    assert isinstance(decide(compiled, valid, world.snapshot, now_ms=NOW_MS, approved=frozenset({"p#1"})), Allow)
    assert len(calls) == 1


def test_the_general_loop_hands_every_condition_what_it_reads() -> None:
    base = '@id("p") permit p { action == read; when args.n > 0; }'
    for condition in ('"unknown" in origin(args.s)', "resource.owner == principal", 'principal in Group::"staff"', "context.risk == 0"):
        found = walked(World.of(base + f'@id("f") forbid f {{ action == read; when {condition}; }}'))
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("forbid", ("f",))


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("{ s: args.s, n: args.n } == { n: 1, s: \"abc\" }", Allow),
        ("{ s: args.s, n: args.n } == { n: 2, s: \"abc\" }", Deny),
        ("{ n: args.n, s: args.s } in [{ s: \"abc\", n: 1 }]", Allow),
        ("(if args.n == 1 then { n: 3, s: args.s } else { s: \"no\", n: args.n }).s == \"abc\"", Allow),
    ],
)
def test_records_are_equal_whatever_the_order_of_their_members(condition: str, outcome: type) -> None:
    world = World.of(f'@id("r") permit r {{ action == "read"; when {condition}; because "x"; }}')
    assert isinstance(world.decide(), outcome)


METERED = 'meter m { on: [read]; key: [principal]; window: lifetime; amount: 1; }'


@pytest.mark.parametrize("more", ["", METERED], ids=["short-way", "long-way"])
def test_a_set_that_cannot_be_made_ready_denies_and_says_so(more: str) -> None:
    world = World.of(PERMIT + more)
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())

    def refuse(*_: object) -> None:
        raise ValueError("damaged")

    compiled = compile_set(world.checked, prove=refuse)
    for _ in range(2):
        found = decide(compiled, valid, world.snapshot, now_ms=NOW_MS, readings={"m": 0})
        assert found == Deny(kind="error", reasons=(Reason(text="the policy set cannot be made ready (ValueError)"),))
