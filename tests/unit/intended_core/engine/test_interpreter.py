"""The interpreter's own bounds; its meaning is compared with the engine's in every test of the evaluator and by tests/property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent
from intended_core.engine import interpreter
from intended_core.engine.interpreter import interpret
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.data import TableRows, type_data
from intended_core.lang.intents import validate
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from tests.reference.policy_world import ANN, BOB, NOW_MS, SCHEMA, World, group


def test_it_counts_its_steps_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of('@id("p") permit p { action == read; when all x in args.set { x > 0 } and args.n == 1; }')
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    assert interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS).outcome == "allow"
    monkeypatch.setattr(interpreter, "MAX_STEPS", 5)
    found = interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS)
    assert (found.outcome, found.kind, found.rules) == ("deny", "error", ("p",))


@pytest.mark.parametrize(("bound", "expected"), [(3, "deny"), (4, "allow"), (5, "allow")])
def test_every_expression_is_one_step(monkeypatch: pytest.MonkeyPatch, bound: int, expected: str) -> None:
    assert interpreter.MAX_STEPS == 200_000
    world = World.of('@id("p") permit p { action == read; when args.n == 1; }')  # the comparison, the member, `args`, the number
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    monkeypatch.setattr(interpreter, "MAX_STEPS", bound)
    assert interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS).outcome == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("args.d * 2.0 == 3.0", "allow"),
        ("args.d * 0.000000001 == 0.000000002", "allow"),  # 1.5e-9 rounds half to even
        ("args.d * 0.333333333 == 0.500000000", "allow"),
        ("args.d - 0.000000001 < 1.5", "allow"),
        ('args.s like "a*c"', "allow"),
        ('args.s like "a"', "deny"),
        ('args.s like "*"', "allow"),
        ('args.s like "*b*" and not (args.s like "b*")', "allow"),
        ("1 in args.set and 3 not in args.set", "allow"),
        ("args.set.size() == 2 and args.set.contains_all([1])", "allow"),
        ('(args?.note ?? "none") == "none"', "allow"),
        ("now - 1d < now and now + 1ms > now", "allow"),
        ('principal in Group::"staff" and principal not in Group::"board"', "allow"),
        ("resource.owner == principal", "allow"),
        ("if args.n == 1 then true else false", "allow"),
        ("any x in args.set { x == 2 } and not (all x in args.set { x == 2 })", "allow"),
    ],
)
def test_both_meanings_say_what_the_page_says(condition: str, expected: str) -> None:
    world = World.of(f'@id("p") permit p {{ action == read; when {condition}; }}')
    assert type(world.decide()).__name__.lower() == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('"content" in origin(args.s) and "unknown" in origin(args.s)', "forbid"),
        ('"content" in origin(args.note)', "default"),  # absent: nothing came from anywhere
    ],
)
def test_what_is_not_told_may_be_content(condition: str, expected: str) -> None:
    outcome = World.of(f'@id("f") forbid f {{ action == read; when {condition}; }}').decide()
    assert isinstance(outcome, Deny)
    assert outcome.kind == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sum x in args.set { x } == 3", "allow"),
        ("sum x in args.set { x * x } == 5", "allow"),
        ("sum x in args.set { args.d } == 3.0", "allow"),
        ("count x in args.set { x > 1 } == 1", "allow"),
        ("count x in args.set { x > 5 } == 0", "allow"),
        ("args.d - args.d + 999_999_999_999_999_999.999999999 > 0.0", "allow"),
        ("args.d - args.d + 999_999_999_999_999_999.999999999 + 0.000000001 > 0.0", "error"),
        ("args.d - args.d - 999_999_999_999_999_999.999999999 - 0.000000001 < 0.0", "error"),
        ("args.n - 1 + 9_223_372_036_854_775_807 > 0", "allow"),
        ("args.n + 9_223_372_036_854_775_807 > 0", "error"),
        ("args.n - 1 - 9_223_372_036_854_775_807 - 1 < 0", "allow"),
        ("args.n - 1 - 9_223_372_036_854_775_807 - 2 < 0", "error"),
        ("sum x in args.set { x + 9_223_372_036_854_775_800 } > 0", "error"),
        ("args.n >= 1 and args.n <= 1 and not (args.n > 1) and not (args.n < 1)", "allow"),
        ("args.n * 3 == 3 and args.n - 3 == -2 and -args.n == -1", "allow"),
    ],
)
def test_sums_and_bounds_in_both_meanings(condition: str, expected: str) -> None:
    found = World.of(f'@id("p") permit p {{ action == read; when {condition}; }}').decide()
    assert (found.kind if isinstance(found, Deny) else type(found).__name__.lower()) == expected


# ------------------------------------------------------------------ every form of the page, each with an outcome worked out by hand

EVERY = """
enum Cur { "EUR", "USD" }
entity Group;
@root entity User in Group { level: Int, nick?: String, boss?: User, home: { city: String, zip?: String } }
entity Doc in Doc { owner: User, @max(4) readers: Set<User>, @max(4) queue: List<User> }
type Line = { sku: String, price: Decimal };
type Bag = { @max(3) marks: Set<Int>, @max(3) way: List<Int> };
action act { principal: User; resource: Doc;
  args: { n: Int, d: Decimal, to?: User, @max(4) seq: List<Int>, @max(4) set: Set<Int>, @max(4) lines: Set<Line>, @max(4) bags: Set<Bag>,
          @max(4) people: Set<User>, note?: String, deep: { inner: { x?: Int, y: Int } }, cur: Cur };
  context: { maker: User }; }
action other { principal: User; resource: Doc; }
param limit: Decimal = 10.00;
param floor: Int;
@max(4) table order: List<Int>;
@max(4) table friends: Set<User>;
@max_age(1h) table rate: Map<Cur, Decimal>;
table boss_of: Map<User, User>;
"""
TOP = 9_223_372_036_854_775_807
BOSS = EntityRef("User", "boss")


def person(name: str, *above: str, **more: object) -> Entity:
    return Entity(
        ref=EntityRef("User", name), parents=frozenset(EntityRef("Group", at) for at in above),
        attributes={"level": 1, "home": {"city": "Bern"}, **more},
    )  # fmt: skip


@dataclass(frozen=True)
class Given:
    """Values of params and tables."""

    params: dict[str, object] = field(default_factory=dict)
    tables: dict[str, TableRows] = field(default_factory=dict)


def every(
    rules: str, *, data: Given | None = None, readings: dict[str, int] | None = None, origins: Mapping[str, frozenset[str]] | None = None,
    **args: object,
) -> Allow | Escalate | Deny:
    """What both meanings say of the usual intent; `args` replace members of it, and None takes one away."""
    people = [person("ann", "staff", nick="a", boss=BOSS), person("bob", home={"city": "Ulm", "zip": "89073"}), person("boss", "board")]
    groups = [Entity(ref=group(name)) for name in ("staff", "board", "empty")]
    docs = [
        Entity(
            ref=EntityRef("Doc", name), parents=frozenset({EntityRef("Doc", "top")} - {EntityRef("Doc", name)}),
            attributes={"owner": ANN, "readers": [ANN, BOB], "queue": [BOB, ANN]},
        )
        for name in ("top", "d")
    ]  # fmt: skip
    world = World.of(rules, [*people, *groups, *docs], schema=EVERY)
    usual: dict[str, object] = {
        "n": 1, "d": "1.5", "seq": [2, 1], "set": [1, 2], "lines": [{"sku": "a", "price": "1.5"}, {"sku": "b", "price": "2.5"}], "bags": [],
        "people": [ANN, BOB], "deep": {"inner": {"y": 7}}, "cur": "EUR", **args,
    }  # fmt: skip
    intent = Intent(
        principal=ANN, action="act", resource=EntityRef("Doc", "d"), args={name: value for name, value in usual.items() if value is not None},
        context={"maker": BOB}, origins=origins or {},
    )  # fmt: skip
    around = NO_SURROUNDINGS
    if data is not None:
        made = type_data(world.checked.schema, version="1", params=data.params, tables=data.tables)
        around = Surroundings(tenant="acme", data=made.cells)
    return world.decide(intent, readings=readings, surroundings=around)


def short(found: Allow | Escalate | Deny) -> str:
    return found.kind if isinstance(found, Deny) else type(found).__name__.lower()


def permit(condition: str, **more: Any) -> str:
    return short(every(f'@id("p") permit p {{ action == act; when {condition}; }}', **more))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # a set is walked in the order of its values, a list as it stands; what decides first decides, an error before it errs
        (f"any x in args.set {{ x == 1 or {TOP} + x > 0 }}", "allow"),
        (f"any x in args.set {{ x == 2 or {TOP} + x > 0 }}", "error"),
        (f"all x in args.set {{ x != 1 and {TOP} + x > 0 }}", "default"),
        (f"any x in args.seq {{ x == 2 or {TOP} + x > 0 }}", "allow"),
        (f"any x in args.seq {{ x == 1 or {TOP} + x > 0 }}", "error"),
        (f"any l in args.lines {{ l.sku == \"b\" or {TOP} + args.n > 0 }}", "allow"),  # by price, then by sku
        (f"any l in args.lines {{ l.sku == \"a\" or {TOP} + args.n > 0 }}", "error"),
        (f"any b in args.bags {{ 1 in b.marks or {TOP} + args.n > 0 }}", "allow"),  # by marks, then by way
        (f"any b in args.bags {{ 2 in b.marks or {TOP} + args.n > 0 }}", "error"),
        (f"all b in args.bags {{ 5 not in b.way and {TOP} - b.way.size() > {TOP} - 4 }}", "default"),
        (f"any b in args.bags {{ 1 in b.marks and 5 in b.way or {TOP} + args.n > 0 }}", "allow"),
        (f"any b in args.bags {{ 1 in b.marks and 6 in b.way or {TOP} + args.n > 0 }}", "error"),
        (f"any p in args.people {{ p == principal or {TOP} + p.level > 0 }}", "allow"),
        (f"any p in args.people {{ p == context.maker or {TOP} + p.level > 0 }}", "error"),
        ("any x in args.set { x == 3 }", "default"),
        ("all x in args.set { x < 3 }", "allow"),
    ],
)
def test_what_is_walked_and_in_which_order(condition: str, expected: str) -> None:
    lines = [{"sku": "a", "price": "2.5"}, {"sku": "b", "price": "1.5"}]
    bags = [{"marks": [2, 3], "way": [0]}, {"marks": [3, 1], "way": [6, 1]}, {"marks": [1, 3], "way": [1, 5]}]
    assert permit(condition, lines=lines, bags=bags) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("principal has nick", "allow"),
        ("context.maker has nick", "default"),
        ("principal has boss and principal.boss.level == 1", "allow"),
        ('(principal?.nick ?? "z") == "a"', "allow"),
        ('(context.maker?.nick ?? "z") == "z"', "allow"),
        ("principal.home has zip", "default"),
        ("context.maker.home has zip", "allow"),
        ('(context.maker.home?.zip ?? "none") == "89073"', "allow"),
        ('(principal.home?.zip ?? "none") == "none"', "allow"),
        ("args.deep.inner has x", "default"),
        ("(args.deep.inner?.x ?? 7) == 7", "allow"),
        ("not (principal not has nick)", "allow"),
        ("args has to", "allow"),
        ("args has to and args.to has nick", "error"),  # nobody knows this entity
        ('args has to and (args.to?.nick ?? "a") == "a"', "error"),
        ("args has to and args.to.level == 1", "error"),
        ('args has to and args.to in Group::"staff"', "error"),
        ("args has to and args.to in args.people", "error"),
        ("args has to and args.to == principal", "default"),  # who somebody is needs no store
    ],
)
def test_what_is_there_and_what_nobody_knows(condition: str, expected: str) -> None:
    assert permit(condition, to=EntityRef("User", "ghost")) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('principal in Group::"staff"', "allow"),
        ('context.maker in Group::"staff"', "default"),
        ('principal in [Group::"board", Group::"staff"]', "allow"),
        ('principal in [Group::"board", Group::"empty"]', "default"),
        ("principal in args.people", "allow"),
        ("principal in resource.readers", "allow"),
        ("context.maker in resource.queue", "allow"),
        ("principal has boss and principal.boss in resource.queue", "default"),
        ("principal has boss and principal.boss not in resource.queue", "allow"),
        ('resource in Doc::"top"', "allow"),
        ('resource in Doc::"d"', "allow"),  # itself
        ('resource == Doc::"d" and resource != Doc::"top"', "allow"),
        ('resource == Doc::"top"', "default"),
        ("resource is Doc and principal is User", "allow"),
        ("resource.owner == principal and resource.owner != context.maker", "allow"),
    ],
)
def test_who_is_below_whom(condition: str, expected: str) -> None:
    assert permit(condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{ a: args.n, b: 2 }.a == 1 and { a: args.n, b: 2 }.b == 2", "allow"),
        ("{ ...{ a: args.n, b: 2 }, b: 3 }.b == 3", "allow"),
        ("{ ...{ a: args.n, b: 2 }, b: 3 }.a == 1", "allow"),
        ("{ a: args.n, b: 2 } == { a: 1, b: 2 }", "allow"),
        ("{ a: args.n, b: 2 } != { a: 1, b: 2 }", "default"),
        ("{ ...principal.home, city: \"Ulm\" }.city == \"Ulm\"", "allow"),
        ("[args.n, 2] == args.set and args.set == [2, 1]", "allow"),
        ("args.deep.inner.y == 7", "allow"),
        ("(if args.n == 1 then args.d else 0.0) == 1.5", "allow"),
        ("(if args.n == 2 then args.d else 0.0) == 1.5", "default"),
        (f"args.n == 1 or {TOP} + args.n > 0", "allow"),
        (f"args.n == 2 and {TOP} + args.n > 0", "default"),
        (f"{TOP} + args.n > 0 or args.n == 1", "error"),
        (f"-(args.n - {TOP} - 2) > 0", "error"),
        (f"-(args.n - {TOP} - 1) > 0", "allow"),
        ("-args.d == -1.5 and -(-args.d) == 1.5", "allow"),
        ("args.n * 4_611_686_018_427_387_904 > 0", "allow"),
        ("(args.n + 1) * 4_611_686_018_427_387_904 > 0", "error"),
        ("args.d < 1.6 and args.d <= 1.5 and args.d > 1.4 and args.d >= 1.5", "allow"),
        ("args.d < 1.5 or args.d > 1.5", "default"),
        ("count l in args.lines { l.price > 2.0 } == 1", "allow"),
        ("sum l in args.lines { l.price } == 4.0", "allow"),
        ("sum x in args.set { x } == 3", "allow"),
        ("chain.size() == 0", "allow"),
        ('any l in args.lines { l == { sku: "a", price: 1.5 } }', "allow"),
        ('any l in args.lines { l == { sku: "a", price: 2.5 } }', "default"),
        ('now == datetime("2026-11-18T11:06:40Z")', "allow"),
    ],
)
def test_records_numbers_and_choices(condition: str, expected: str) -> None:
    assert permit(condition) == expected


@pytest.mark.parametrize(("items", "expected"), [("2, args.n", "allow"), ("args.n, 2", "default"), ("2, args.n, 2", "default")])
def test_a_list_that_is_written_down_is_a_list(items: str, expected: str) -> None:
    same = "def same(one: List<Int>, two: List<Int>): Bool = one == two;"
    assert short(every(f'{same} @id("p") permit p {{ action == act; when same([{items}], args.seq); }}')) == expected


def rows(held: object, age_ms: int = 0) -> TableRows:
    return TableRows(rows=held, updated_ms=NOW_MS - age_ms)


HOUR_MS = 3_600_000
FULL = Given(
    params={"floor": 1},
    tables={"order": rows([2, 1]), "friends": rows([ANN]), "rate": rows({"EUR": "2.0"}, HOUR_MS), "boss_of": rows([[ANN, BOB]])},
)


@pytest.mark.parametrize(
    ("condition", "data", "expected"),
    [
        ("limit == 10.00", None, "allow"),
        ("limit == 10.00", Given(params={"limit": "3.0"}), "default"),
        ("floor == args.n", FULL, "allow"),
        ("floor == args.n", None, "error"),
        ('tenant == "acme"', FULL, "allow"),
        ('tenant == ""', None, "allow"),
        ("2 in order and 3 not in order", FULL, "allow"),
        (f"any x in order {{ x == 2 or {TOP} + x > 0 }}", FULL, "allow"),
        ("2 in order", None, "error"),
        ("principal in friends and context.maker not in friends", FULL, "allow"),
        ("rate[args.cur] == 2.0", FULL, "allow"),
        ("rate[args.cur] == 2.0", Given(tables={"rate": rows({"EUR": "2.0"}, HOUR_MS + 1)}), "error"),
        ("rate[args.cur] == 2.0", Given(tables={"rate": rows({"USD": "2.0"})}), "error"),
        ("args.cur in rate", FULL, "allow"),
        ("args.cur in rate", Given(tables={"rate": rows({"USD": "2.0"})}), "default"),
        ("rate.size() == 1", FULL, "allow"),
        ("boss_of[principal] == context.maker", FULL, "allow"),
        ("boss_of[context.maker] == principal", FULL, "error"),
        ("boss_of[principal] == context.maker", Given(tables={"boss_of": rows([[BOB, ANN]])}), "error"),
        ("principal in boss_of", FULL, "allow"),
        ("context.maker in boss_of", FULL, "default"),
    ],
)
def test_what_stands_beside_the_policy(condition: str, data: Given | None, expected: str) -> None:
    assert permit(condition, data=data) == expected


def test_a_table_that_does_not_say_when_it_was_written_is_too_old() -> None:
    world = World.of('@id("p") permit p { action == read; when rate["a"] == 1; }', schema=SCHEMA + "@max_age(1h) table rate: Map<String, Int>;")
    made = type_data(world.checked.schema, version="1", params={}, tables={"rate": rows({"a": 1})})
    for cells, expected in ((made.cells, "allow"), ({name: cell for name, cell in made.cells.items() if name != "rate@"}, "error")):
        assert short(world.decide(surroundings=Surroundings(tenant="acme", data=cells))) == expected


@pytest.mark.parametrize(
    ("told", "condition", "expected"),
    [
        ({}, '"unknown" in origin(args.note) and "content" in origin(args.note)', "allow"),
        ({"note": {"user"}}, '"content" in origin(args.note)', "default"),
        ({"note": {"user", "content"}}, '"content" in origin(args.note)', "allow"),
        ({}, '"content" in origin(args.deep.inner.x)', "default"),  # absent: nothing came from anywhere
        ({}, '"content" in origin(args.deep.inner.y)', "allow"),
        ({}, '"content" in origin(args.to)', "default"),
    ],
)
def test_where_a_value_came_from(told: dict[str, set[str]], condition: str, expected: str) -> None:
    world_rules = f'@id("f") forbid f {{ action == act; when {condition}; }} @id("p") permit p {{ action == act; }}'
    found = short(every(world_rules, origins={name: frozenset(places) for name, places in told.items()}, note="n"))
    assert found == {"allow": "forbid", "default": "allow"}[expected]


@pytest.mark.parametrize(("told", "expected"), [({}, "forbid"), ({"deep.inner.x": {"user"}}, "allow"), ({"deep.inner.x": {"content"}}, "forbid")])
def test_where_a_value_deep_inside_came_from(told: dict[str, set[str]], expected: str) -> None:
    rules = '@id("f") forbid f { action == act; when "content" in origin(args.deep.inner.x); } @id("p") permit p { action == act; }'
    origins = {name: frozenset(places) for name, places in told.items()}
    assert short(every(rules, origins=origins, deep={"inner": {"x": 1, "y": 7}})) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ('from: Group::"board"; quorum: args.n; expires: 4h;', "escalate"),
        ('from: Group::"board"; quorum: args.n + 15; expires: 30d;', "escalate"),
        ('from: Group::"board"; quorum: args.n + 16; expires: 4h;', "error"),
        ('from: Group::"board"; quorum: args.n - 1; expires: 4h;', "error"),
        ('from: Group::"board"; quorum: 1; expires: if args.n == 1 then 30d + 1ms else 1h;', "error"),
        ('from: Group::"board"; quorum: 1; expires: if args.n == 1 then 1ms else 1h;', "escalate"),
        ('from: Group::"board"; quorum: 1; expires: if args.n == 1 then 1ms - 1ms else 1h;', "error"),
        ('from: Group::"board"; quorum: 1; exclude: [context.maker]; expires: 4h;', "escalate"),
        ('from: Group::"board"; quorum: 1; exclude: [boss_of[principal]]; expires: 4h;', "error"),
    ],
)
def test_what_an_approval_may_ask(fields: str, expected: str) -> None:
    gate = f'@id("g") escalate g {{ action == act; approval {{ {fields} }} }}'
    assert short(every(f'{gate} @id("p") permit p {{ action == act; }}')) == expected


METERED = 'meter m {{ on: [act]; key: [{key}]; window: {window}; amount: {amount}; }}'


@pytest.mark.parametrize(
    ("key", "amount", "window", "reading", "expected"),
    [
        ("principal", "1", "sliding(1m)", 9, "allow"),
        ("principal", "1", "sliding(1m)", 10, "forbid"),
        ("principal", "args.n - 1", "sliding(1m)", 10, "allow"),
        ("principal", "args.n - 2", "sliding(1m)", 0, "error"),
        ("principal", "1", "sliding(1m)", -1, "error"),
        ("principal", "1", "sliding(1m)", None, "error"),
        ("principal, boss_of[principal]", "1", "sliding(1m)", 0, "error"),
        ("principal", "1", 'calendar_day("UTC")', 9, "allow"),
        ("principal", "1", 'calendar_day("Mars/Olympus")', 9, "error"),
        ("principal", f"args.n - 1 + {TOP}", "sliding(1m)", 1, "error"),
    ],
)
def test_what_a_meter_says(key: str, amount: str, window: str, reading: int | None, expected: str) -> None:
    rules = METERED.format(key=key, window=window, amount=amount)
    rules += 'meter elsewhere { on: [other]; key: [principal]; window: sliding(1m); amount: 1; }'
    rules += '@id("p") permit p { action == act; } @id("f") forbid f { meter m > 10; }'
    assert short(every(rules, readings={} if reading is None else {"m": reading})) == expected


DAY_MS = 86_400_000
LAST_MS = 253_402_300_799_999 - DAY_MS  # of the last day that another one follows
FIRST_MS = -62_135_596_800_000


@pytest.mark.parametrize(
    ("window", "now_ms", "expected"),
    [
        ('calendar_day("UTC")', LAST_MS, "allow"), ('calendar_day("UTC")', LAST_MS + 1, "error"), ('calendar_day("UTC")', LAST_MS + DAY_MS + 1, "error"),
        ('calendar_day("UTC")', FIRST_MS, "allow"), ('calendar_day("UTC")', FIRST_MS - 1, "error"), ('calendar_day("Asia/Tokyo")', FIRST_MS, "error"),
        ('calendar_month("UTC")', LAST_MS - 30 * DAY_MS, "allow"), ('calendar_month("UTC")', LAST_MS - 30 * DAY_MS + 1, "error"),
        ('calendar_month("UTC")', 0, "allow"),
    ],
)  # fmt: skip
def test_a_day_or_month_that_the_calendar_does_not_hold_whole_has_no_meter(window: str, now_ms: int, expected: str) -> None:
    meter = f"meter m {{ on: [read]; key: [principal]; window: {window}; amount: 1; }}"
    world = World.of(meter + '@id("p") permit p { action == read; }')
    assert short(world.decide(now_ms=now_ms, readings={"m": 0})) == expected


@pytest.mark.parametrize(
    ("reading", "expected"), [(8_500_000_000, "allow"), (8_500_000_001, "forbid"), (999_999_999_999_999_999 * 10**9, "error")]
)
def test_a_meter_of_decimals_counts_billionths(reading: int, expected: str) -> None:
    rules = METERED.format(key="principal", window="sliding(1m)", amount="args.d")
    rules += '@id("p") permit p { action == act; } @id("f") forbid f { meter m > 10.00; }'
    assert short(every(rules, readings={"m": reading})) == expected
