"""Meters, obligations and chains: the compiled engine and the interpreter agree, and none of them ever widens."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent
from intended_core.canonical import canonical_json
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.engine.metering import meter_uses
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.intent import Grant
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import parse_wire, validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from intended_core.values import DECIMAL_MAX, INT_MAX

NOW_MS = 1_795_000_000_000
SCHEMA = """
entity Group;
@root entity User in Group { level: Int }
entity Agent in Group { owner: User }
entity Doc { owner: User }
action act { principal: User, Agent; resource: Doc; args: { n: Int, d: Decimal, s: String }; context: { run: String }; DELEGATION }
meter count { on: [act]; key: [principal]; window: calendar_day("Europe/Paris"); amount: args.n; }
meter sum { on: [act]; key: [resource, args.s]; window: sliding(1h); amount: args.d; }
meter runs { on: [act]; key: [1]; window: session(context.run); amount: 1; }
obligation note(n: Int, s: String) after;
obligation page() before;
"""
ATOMS = st.sampled_from(
    ["args.n > 3", 'args.s == "a"', "principal is User", "chain.size() > 1", "any g in chain { not g.verified }",
     "all g in chain { g.narrower and now < g.not_after }", "principal is Agent and principal.owner.level > 0", "args.n < 17", "args.n >= 0",
     "any g in chain { g.issuer is Agent }", "true"]
)  # fmt: skip
SCOPES = st.sampled_from(["", 'principal in Group::"staff";', "principal is User;", "principal is Agent;", 'principal == User::"ann";'])
METERS = st.sampled_from(["meter count > 5;", "meter sum > 2.5;", "meter runs > args.n;", "meter count > args.n * 2;", ""])
OBLIGES = st.sampled_from(["", "", 'oblige note(n: args.n, s: "x");', "oblige note(n: 1, s: args.s);"])
APPROVALS = st.sampled_from(
    ['approval { from: Group::"board"; quorum: 1; exclude: [principal]; expires: 1h; }',
     'approval { from: if principal is User then Group::"board" else Group::"staff"; quorum: args.n; expires: 1h; }',
     'approval { from: Group::"board"; quorum: 1; expires: 1h; } approval { from: Group::"staff"; quorum: 2; expires: 2h; }']
)  # fmt: skip


@st.composite
def rules(draw: st.DrawFn, effects: tuple[str, ...] = ("permit", "permit", "forbid", "escalate")) -> str:
    effect = draw(st.sampled_from(effects))
    clauses = ["action == act;", draw(SCOPES), f"when {draw(ATOMS)};" if draw(st.booleans()) else "", draw(OBLIGES)]
    if effect != "permit":
        clauses.append(draw(METERS))
    elif draw(st.integers(0, 3)) == 0:
        clauses.append("oblige page;")
    if effect == "escalate" or (effect == "permit" and draw(st.integers(0, 3)) == 0):
        clauses.append(draw(APPROVALS))
    return f"{effect} NAME {{ {' '.join(clauses)} }}"


def checked_set(bodies: list[str], intersect: bool) -> CheckedPolicySet:
    text = SCHEMA.replace("DELEGATION", "delegation: intersect;" if intersect else "")
    text += "\n".join(f'@id("r{n}") {body.replace("NAME", f"rule{n}", 1)}' for n, body in enumerate(bodies))
    checked, _ = check_all([Source.from_bytes("generated.policy", text.encode())])
    assume(checked is not None)
    if checked is None:
        raise AssertionError("unreachable")
    return checked


PEOPLE = [EntityRef("User", "ann"), EntityRef("User", "bob"), EntityRef("Agent", "bot"), EntityRef("Agent", "sub")]
TIMES = st.sampled_from(["2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z", "2026-12-01T00:00:00Z"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Entity, ...]:
    made = [Entity(ref=EntityRef("Group", name)) for name in ("staff", "board")]
    for ref in PEOPLE:
        groups = frozenset(EntityRef("Group", name) for name in draw(st.sets(st.sampled_from(["staff", "board"]))))
        given_: dict[str, object] = {"level": draw(st.integers(0, 1))} if ref.type == "User" else {"owner": PEOPLE[0]}
        if draw(st.integers(0, 19)) or ref == PEOPLE[0]:
            made.append(Entity(ref=ref, parents=groups, attributes=given_))
    return (*made, Entity(ref=EntityRef("Doc", "d"), attributes={"owner": PEOPLE[0]}))


@st.composite
def grants(draw: st.DrawFn, issuer: EntityRef, subject: EntityRef) -> Grant:
    actions = draw(st.sampled_from([("act",), ("act", "other"), ("other",)]))
    good = draw(st.integers(0, 5)) > 0
    return Grant(
        issuer=issuer, subject=subject, actions=("act",) if good else actions, verified=good or draw(st.booleans()),
        not_before="2026-11-01T00:00:00Z" if good else draw(TIMES), not_after="2026-12-01T00:00:00Z" if good else draw(TIMES),
    )  # fmt: skip


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    ann, bob, bot, sub = PEOPLE
    path = draw(st.sampled_from([(ann,), (bob,), (ann, bot), (ann, bot, sub), (bob, bot, sub), (bot, sub), (ann, bot, ann)]))
    chain = tuple(draw(grants(one, two)) for one, two in pairwise(path))
    return Intent(
        principal=path[-1] if draw(st.integers(0, 9)) else sub, action="act", resource=EntityRef("Doc", "d"),
        args={"n": draw(st.sampled_from([0, 1, 1, 2, 2, 5, 17, -1])), "d": draw(st.sampled_from(["0", "1.5", "1.5", "2.500000001", "-0.1"])),
              "s": draw(st.sampled_from(["a", "b"]))},
        context={"run": draw(st.sampled_from(["x", "y"]))}, chain=chain,
    )  # fmt: skip


LEVELS = st.fixed_dictionaries(
    {"count": st.sampled_from([0, 1, 1, 4, 5, INT_MAX]), "runs": st.sampled_from([0, 1, 3]),
     "sum": st.sampled_from([0, 0, 10**9, 10**9, 25 * 10**8, DECIMAL_MAX, -1])},
)
KEYS = [f"r{n}#{k}" for n in range(4) for k in (1, 2)] + [f'r{n}#1@Group::"{g}"' for n in range(4) for g in ("board", "staff")]
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large])
RANK = {"deny": 0, "escalate": 1, "allow": 2}


def answers(
    checked: CheckedPolicySet, world: tuple[Entity, ...], intent: Intent, approved: frozenset[str], readings: dict[str, int]
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="w", entities={entity.ref: entity for entity in world}))
    valid = validate(checked.schema, TEST_SCOPE, intent)
    assert parse_wire(checked.schema, TEST_SCOPE, valid.wire) == valid
    compiled = compile_set(checked)
    fast = decide(compiled, valid, snapshot, now_ms=NOW_MS, approved=approved, readings=readings)
    slow = interpret(checked, valid, snapshot, now_ms=NOW_MS, approved=approved, readings=readings)
    said = "allow" if isinstance(fast, Allow) else "escalate" if isinstance(fast, Escalate) else "deny"
    kind = fast.kind if isinstance(fast, Deny) else ""
    needs = frozenset(frozenset(n.key for n in one) for one in fast.alternatives) if isinstance(fast, Escalate) else frozenset()
    asked = frozenset((c.rule, c.meter, c.over) for c in fast.comparisons) if isinstance(fast, Allow) else frozenset()
    if isinstance(fast, Allow):
        assert fast.reservations == meter_uses(compiled, valid, snapshot, now_ms=NOW_MS)
        assert [use.meter for use in fast.reservations] == ["count", "runs", "sum"]
    due = frozenset((item.name, canonical_json(sorted(str(v) for v in item.values.values()))) for item in fast.obligations)
    naive = frozenset((name, canonical_json(sorted(_plain(value) for _, value in values))) for name, values in slow.obligations)
    return (said, kind, fast.rules, needs, due, asked), (slow.outcome, slow.kind, slow.rules, slow.alternatives, naive, slow.comparisons)


def _plain(tagged: tuple[str, object]) -> str:
    return f"{'i' if tagged[0] == 'int' else 's'}:{tagged[1]}"


@RELAXED
@given(st.lists(rules(), min_size=1, max_size=4), st.booleans(), worlds(), intents(), st.sets(st.sampled_from(KEYS)), LEVELS)
def test_compiled_engine_and_interpreter_agree(
    bodies: list[str], intersect: bool, world: tuple[Entity, ...], intent: Intent, approved: set[str], readings: dict[str, int]
) -> None:
    fast, slow = answers(checked_set(bodies, intersect), world, intent, frozenset(approved), readings)
    assert fast == slow


@RELAXED
@given(st.lists(rules(), min_size=1, max_size=3), rules(effects=("forbid", "escalate")), st.booleans(), worlds(), intents(), LEVELS)
def test_adding_a_limit_never_widens(
    bodies: list[str], more: str, intersect: bool, world: tuple[Entity, ...], intent: Intent, readings: dict[str, int]
) -> None:
    before = answers(checked_set(bodies, intersect), world, intent, frozenset(), readings)[0]
    after = answers(checked_set([*bodies, more], intersect), world, intent, frozenset(), readings)[0]
    assert RANK[str(after[0])] <= RANK[str(before[0])]


@RELAXED
@given(st.lists(rules(), min_size=1, max_size=3), worlds(), intents(), LEVELS)
def test_evaluating_every_hop_never_widens(
    bodies: list[str], world: tuple[Entity, ...], intent: Intent, readings: dict[str, int]
) -> None:
    last = answers(checked_set(bodies, False), world, intent, frozenset(), readings)[0]
    every = answers(checked_set(bodies, True), world, intent, frozenset(), readings)[0]
    assert RANK[str(every[0])] <= RANK[str(last[0])]


def test_the_generator_reaches_every_answer() -> None:
    seen: set[tuple[object, object]] = set()

    @settings(RELAXED, max_examples=200, database=None, derandomize=True)
    @given(st.lists(rules(), min_size=1, max_size=2), worlds(), intents(), LEVELS)
    def collect(bodies: list[str], world: tuple[Entity, ...], intent: Intent, readings: dict[str, int]) -> None:
        found = answers(checked_set(["permit NAME { action == act; }", *bodies], True), world, intent, frozenset(), readings)[0]
        seen.add((found[0], found[1]))
        for grant in intent.chain if found[1] == "chain_missing" else ():
            seen.add(("link", grant.verified))

    collect()
    assert seen >= {("allow", ""), ("escalate", ""), ("deny", "forbid"), ("deny", "error"), ("deny", "chain_missing"), ("link", False)}
