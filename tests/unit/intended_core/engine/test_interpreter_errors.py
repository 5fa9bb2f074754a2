"""Where the interpreter has no value, and in which order it walks sets: what a second meaning must not get right by luck."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest

from intended_core import Deny, Entity, EntityRef
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang import typed as t
from intended_core.lang.cedar.entities import read_entities
from intended_core.lang.cedar.loading import load_cedar
from intended_core.lang.cedar.requests import read_request
from intended_core.lang.intents import validate
from intended_core.lang.types import BOOL, INT, RecordType
from tests.reference.policy_world import ANN, NOW_MS, World

TOP = 9_223_372_036_854_775_807
NESTED = """
@root entity User; entity Doc;
type Box = { @max(3) marks: Set<Int> };
type Crate = { @max(3) marks: Set<Int>, name?: String, @max(3) pile: List<Box> };
action read { principal: User; resource: Doc;
  args: { n: Int, d: Decimal, s: String, set: Set<Int>, ip?: Ip, nets?: Set<Ip>, @max(3) boxes: Set<Box>, @max(3) crates: Set<Crate> }; context: { risk: Int }; }
"""


def said(condition: str, schema: str | None = None, **args: object) -> str:
    """What both meanings say of a forbid beside a permit: "forbid", "allow" or "error"."""
    rules = f'@id("p") permit p {{ action == read; }} @id("f") forbid f {{ action == read; when {condition}; }}'
    world = World.of(rules) if schema is None else World.of(rules, [Entity(ref=ANN), Entity(ref=EntityRef("Doc", "d"))], schema)
    found = world.decide(world.intent(args=args))
    return found.kind if isinstance(found, Deny) else "allow"


@pytest.mark.parametrize(
    ("condition", "number", "expected"),
    [
        ("(args.n * 1_000_000_000).decimal() > 0.0", 1, "forbid"),
        ("(args.n * 1_000_000_000 - 1).decimal() > 0.0", 10**9, "forbid"),
        ("(args.n * 1_000_000_000).decimal() > 0.0", 10**9, "error"),
        ("(args.n * 1_000_000_000).decimal() < 0.0", -(10**9), "error"),
        ('(if args.n == 1 then now + 3000000d else now).weekday("UTC") == "sun"', 1, "error"),
    ],
)
def test_a_method_without_a_value_fails_its_rule(condition: str, number: int, expected: str) -> None:
    assert said(condition, n=number) == expected


def cedar(condition: str) -> str:
    """What both meanings say of a Cedar forbid: "forbid", "allow" or "error"."""
    schema = b"""
    entity User tags String; entity Doc;
    action view appliesTo { principal: User, resource: Doc, context: { n: Long, ip: ipaddr, names: Set<String>, at: datetime, d: decimal } };
    """
    policies = f"permit (principal, action, resource); forbid (principal, action, resource) when {{ {condition} }};"
    report = load_cedar({"p.cedar": policies.encode()}, ("s.cedarschema", schema))
    assert report.loaded is not None, report.text
    entities = [
        {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": [], "tags": {"team": "red"}},
        {"uid": {"type": "Doc", "id": "d"}, "attrs": {}, "parents": []},
    ]
    snapshot = read_entities(report.loaded.schema, json.dumps(entities).encode())
    context = {"n": 1, "ip": "10.1.2.3", "names": ["a", "b"], "at": "1970-01-02T00:00:00.005Z", "d": "1.5000"}
    members = {
        "principal": {"type": "User", "id": "u"}, "action": {"type": "Action", "id": "view"}, "resource": {"type": "Doc", "id": "d"}, "context": context,
    }  # fmt: skip
    intent = read_request(report.loaded.schema, members)
    slow = interpret(report.loaded.checked, intent, snapshot, now_ms=0)
    fast = decide(report.loaded.compiled, intent, snapshot, now_ms=0)
    kind = fast.kind if isinstance(fast, Deny) else ""
    assert (slow.outcome, slow.kind, slow.rules) == (type(fast).__name__.lower(), kind, fast.rules)
    return kind or slow.outcome


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toDate() == datetime("1970-01-01")', "error"),
        ('context.at.toDate() == datetime("1970-01-02")', "forbid"),
        ('context.at.toTime() == duration("5ms")', "forbid"),
        ('context.at.toTime() == duration("6ms")', "allow"),
        ('principal.hasTag("team") && principal.getTag("team") == "red"', "forbid"),
        ('principal.hasTag("team") && principal.getTag("team") == "blue"', "allow"),
        ('context.ip.isInRange(ip("10.0.0.0/8"))', "forbid"),
        ("context.ip.isIpv6()", "allow"),
        ('context.names.containsAll(["a"])', "forbid"),
        ("context.names.isEmpty()", "allow"),
        ('context.d.lessThan(decimal("1.6"))', "forbid"),
    ],
)
def test_cedar_calls(condition: str, expected: str) -> None:
    assert cedar(condition) == expected


HERE = t.Span("t.policy", 1, 1, 1, 2)
NOTHING = t.RecordOf((), RecordType(), HERE)


@pytest.mark.parametrize(
    "odd",
    [
        SimpleNamespace(type=BOOL, span=HERE), t.Unary("not", t.Literal_(0, INT, HERE), BOOL, HERE), t.Root("approver", BOOL, HERE),
        t.Unary("not", t.MemberOf(NOTHING, "nowhere", BOOL, HERE), BOOL, HERE),
        t.Binary("or", t.Literal_(1, INT, HERE), t.Literal_(True, BOOL, HERE), BOOL, HERE),
        t.If(t.Literal_(1, INT, HERE), t.Literal_(True, BOOL, HERE), t.Literal_(True, BOOL, HERE), BOOL, HERE),
    ],
)  # fmt: skip
def test_an_expression_that_no_checker_makes_fails_its_rule(odd: t.TypedExpr) -> None:
    world = World.of('@id("p") permit p { action == read; } @id("f") forbid f { action == read; when args.n > 0; }')
    (forbid,) = (rule for rule in world.checked.rules if rule.id == "f")
    body = forbid.bodies["read"]
    clause = dataclasses.replace(body.clauses[0], expr=odd)
    rules = tuple(
        dataclasses.replace(rule, bodies={"read": dataclasses.replace(body, clauses=(clause,))}) if rule.id == "f" else rule
        for rule in world.checked.rules
    )
    checked = dataclasses.replace(world.checked, rules=rules)
    valid = validate(checked.schema, TEST_SCOPE, world.intent())
    found = interpret(checked, valid, world.snapshot, now_ms=NOW_MS)
    assert (found.outcome, found.kind, found.rules) == ("deny", "error", ("f",))


def crate(*piles: list[int], marks: list[int] | None = None, **more: object) -> dict[str, object]:
    return {"marks": marks or [1], "pile": [{"marks": pile} for pile in piles], **more}


ERR = f"{TOP} + args.n > 0"


@pytest.mark.parametrize(
    ("condition", "args", "expected"),
    [
        # sets inside the members compare as sorted lists: {1, 2} stands before {2}, although {2} is a part of it
        (f"any b in args.boxes {{ 1 in b.marks or {ERR} }}", {"boxes": [{"marks": [2]}, {"marks": [1, 2]}]}, "forbid"),
        (f"any b in args.boxes {{ 1 not in b.marks or {ERR} }}", {"boxes": [{"marks": [2]}, {"marks": [1, 2]}]}, "error"),
        (f"any b in args.boxes {{ 3 in b.marks or {ERR} }}", {"boxes": [{"marks": [3]}, {"marks": [1, 2]}]}, "error"),
        (f"any c in args.crates {{ any b in c.pile {{ 1 in b.marks }} or {ERR} }}", {"crates": [crate([2]), crate([1, 2])]}, "forbid"),
        (f"any c in args.crates {{ any b in c.pile {{ 1 not in b.marks }} or {ERR} }}", {"crates": [crate([2]), crate([1, 2])]}, "error"),
        (f"any c in args.crates {{ c.pile.size() == 2 or {ERR} }}", {"crates": [crate([2]), crate([1, 2], [0])]}, "forbid"),
        (f"any c in args.crates {{ c.pile.size() == 1 or {ERR} }}", {"crates": [crate([2]), crate([2], [0])]}, "forbid"),
        # members by their names: one that is absent lets the next one be compared with it
        (f"any c in args.crates {{ c not has name or {ERR} }}", {"crates": [crate([1], name="z"), crate([1])]}, "error"),
        (f"any c in args.crates {{ c not has name or {ERR} }}", {"crates": [crate([1], marks=[2], name="z"), crate([1])]}, "forbid"),
        (f"any c in args.crates {{ 2 in c.marks or {ERR} }}", {"crates": [crate([0], marks=[2]), crate([9], marks=[1])]}, "error"),
    ],
)
def test_members_of_a_set_are_walked_in_one_order(condition: str, args: dict[str, object], expected: str) -> None:
    assert said(condition, NESTED, **{"boxes": [], "crates": [], **args}) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('args has ip and args.ip in "10.0.0.0/8"', "allow"),
        ('args has ip and args.ip in "10.2.0.0/16"', "default"),
        ('args has ip and args.ip in ["::/0", "10.1.0.0/16"]', "allow"),
        ('args has ip and args.ip in ["::/0", "10.2.0.0/16"]', "default"),
        ("args has ip and args has nets and args.ip in args.nets", "allow"),
        ("args has ip and args has nets and args.ip not in args.nets", "default"),
    ],
)
def test_addresses_within_networks(condition: str, expected: str) -> None:
    rules = f'@id("p") permit p {{ action == read; when {condition}; }}'
    world = World.of(rules, [Entity(ref=ANN), Entity(ref=EntityRef("Doc", "d"))], NESTED)
    found = world.decide(world.intent(args={"boxes": [], "crates": [], "ip": "10.1.2.3", "nets": ["::/0", "10.1.0.0/16"]}))
    assert (found.kind if isinstance(found, Deny) else "allow") == expected


@pytest.mark.parametrize("n", range(1, 9))
def test_lists_within_members_are_compared_member_by_member(n: int) -> None:
    crates = [crate([0, n + 2], [n]), crate([0, n], [n + 2]), crate([0, n + 1], [n + 1])]
    assert said(f"any c in args.crates {{ any b in c.pile {{ args.n in b.marks and 0 in b.marks }} or {ERR} }}", NESTED, n=n, boxes=[], crates=crates) == "forbid"


@pytest.mark.parametrize(
    ("told", "expected"), [({}, "forbid"), ({"crates.name": {"user"}}, "allow"), ({"crates.name": {"user", "content"}}, "forbid")]
)
def test_where_members_of_what_a_set_holds_came_from(told: dict[str, set[str]], expected: str) -> None:
    rules = '@id("p") permit p { action == read; } @id("f") forbid f { action == read; when any c in args.crates { "content" in origin(c.name) }; }'
    world = World.of(rules, [Entity(ref=ANN), Entity(ref=EntityRef("Doc", "d"))], NESTED)
    crates = [crate([1], name="z"), crate([2])]
    found = world.decide(world.intent(args={"boxes": [], "crates": crates}, origins={name: frozenset(places) for name, places in told.items()}))
    assert (found.kind if isinstance(found, Deny) else "allow") == expected
