"""The compiled engine and the interpreter are two programs with one meaning: on random policy sets, worlds and intents they agree.

Policy sets are generated as text and go through the real checker, so every expression here is one that an author could write.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import parse_wire, validate, validate_thoroughly
from intended_core.lang.snapshot import parse_snapshot, type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet

NOW_MS = 1_795_000_000_000
SCHEMA = """
enum Colour { "red", "green", "blue" }
entity Group in Group;
@root entity User in Group { level: Int, limit: Decimal, name: String, vip: Bool, boss: User, @max(4) tags: Set<String> }
entity Thing in Group { owner: User, colour: Colour, made: Datetime }
type Line = { sku: String, price: Decimal };
type Args = { n: Int, d: Decimal, s: String, b: Bool, who: User, colour: Colour, @max(4) names: Set<String>,
  @max(3) lines: Set<Line>, note?: String, extra?: Int };
action act { principal: User; resource: Thing; args: Args; context: { risk: Int, at: Datetime, @from(caller) hint?: String }; }
"""
INTS = st.sampled_from(
    ["args.n", "context.risk", "principal.level", "resource.owner.level", "args.who.level", "0", "1", "-3", "70",
     "9007199254740991", "args.names.size()", "args.s.size()", "(args?.extra ?? 7)", "principal.tags.size()"]
)  # fmt: skip
DECIMALS = st.sampled_from(["args.d", "principal.limit", "0.00", "12.50", "0.000000001", "999_999.99"])
STRINGS = st.sampled_from(["args.s", "principal.name", '"a"', '"abc"', '""', '(args?.note ?? "none")', "args.who.name"])
USERS = st.sampled_from(["principal", "args.who", "resource.owner", 'User::"ann"', 'User::"bob"', "principal.boss"])
COLOURS = st.sampled_from(["args.colour", "resource.colour", '"red"', '"green"'])
MOMENTS = st.sampled_from(["now", "context.at", "resource.made", 'datetime("2026-11-01T00:00:00Z")', "(now - 3d)", "(context.at + 90m)"])
STRING_SETS = st.sampled_from(["args.names", "principal.tags", '["a", "b"]'])
COMPARE = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def arithmetic(base: st.SearchStrategy[str], operators: list[str]) -> st.SearchStrategy[str]:
    """A value, or two joined by an operator."""
    return st.one_of(base, st.builds(lambda a, o, b: f"({a} {o} {b})", base, st.sampled_from(operators), base))


def atoms() -> st.SearchStrategy[str]:
    """Conditions without connectives."""
    ints, decimals = arithmetic(INTS, ["+", "-", "*"]), arithmetic(DECIMALS, ["+", "-", "*"])
    return st.one_of(
        st.builds(lambda a, o, b: f"{a} {o} {b}", ints, COMPARE, ints),
        st.builds(lambda a, o, b: f"{a} {o} {b}", decimals, COMPARE, decimals),
        st.builds(lambda a, o, b: f"{a} {o} {b}", MOMENTS, COMPARE, MOMENTS),
        st.builds(lambda a, o, b: f"{a} {o} {b}", STRINGS, st.sampled_from(["==", "!="]), STRINGS),
        st.builds(lambda a, o, b: f"{a} {o} {b}", COLOURS, st.sampled_from(["==", "!="]), COLOURS),
        st.builds(lambda a, o, b: f"{a} {o} {b}", USERS, st.sampled_from(["==", "!="]), USERS),
        st.builds(lambda a, o, b: f"{a} {o} {b}", STRINGS, st.sampled_from(["in", "not in"]), STRING_SETS),
        st.builds(lambda a, p: f'{a} like "{p}"', STRINGS, st.sampled_from(["*", "a*", "*c", "a*c", "*b*", "a", "", "*a*b*"])),
        st.builds(lambda a, g: f'{a} in Group::"{g}"', USERS, st.sampled_from(["staff", "board", "all", "nowhere"])),
        st.builds(lambda a, s: f'{a} in [{s}]', USERS, st.sampled_from(['User::"ann", Group::"board"', 'User::"bob"'])),
        st.sampled_from(
            ["args.b", "principal.vip", "true", "false", "args.who.vip", 'args has note and args.note == "abc"',
             'not (args has extra) or args.extra > 3', 'resource in Group::"all"', 'principal is User',
             '"content" in origin(args.s)', '"user" in origin(args.who)', '"content" not in origin(args.note)',
             'any x in args.names { x == args.s }', 'all x in args.names { x != "a" and x.size() < 3 }',
             'any l in args.lines { l.price > args.d }', 'all l in args.lines { "content" not in origin(l.price) }',
             'all l in args.lines { any x in args.names { x == l.sku } }', 'args.names.contains_all(principal.tags)',
             'args.names.contains_any(["a", "z"])', 'if args.b then args.n > 0 else principal.vip']
        ),
    )  # fmt: skip


CONDITIONS = st.recursive(
    atoms(),
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"({a} and {b})", inner, inner),
        st.builds(lambda a, b: f"({a} or {b})", inner, inner),
        st.builds(lambda a: f"not ({a})", inner),
        st.builds(lambda a, b, c: f"(if {a} then {b} else {c})", inner, inner, inner),
    ),
    max_leaves=5,
)
SCOPES = st.sampled_from(["", 'principal in Group::"staff";', 'principal == User::"ann";', "principal is User;"])
TARGETS = st.sampled_from(["", 'resource == Thing::"t";', 'resource in Group::"all";', "resource is Thing;"])
QUORUMS = st.sampled_from(["1", "2", "args.n", "if principal.vip then 1 else 3"])


@st.composite
def rules(draw: st.DrawFn) -> str:
    """One rule without its annotation."""
    effect = draw(st.sampled_from(["permit", "permit", "forbid", "escalate"]))
    clauses = [draw(SCOPES), draw(TARGETS)]
    if draw(st.booleans()):
        clauses.append(f"let limit = {draw(INTS)};")
        clauses.append(f"when args.n <= limit or {draw(atoms())};")
    for _ in range(draw(st.integers(0, 2))):
        clauses.append(f"{draw(st.sampled_from(['when', 'unless']))} {draw(CONDITIONS)};")
    if effect == "escalate" or (effect == "permit" and draw(st.booleans())):
        clauses.append(f'approval {{ from: Group::"board"; quorum: {draw(QUORUMS)}; exclude: [principal]; expires: 1h; }}')
    return f"{effect} NAME {{ action == act; {' '.join(clauses)} }}"


def policy_text(bodies: list[str]) -> str:
    """A whole set: the schema and one rule per body."""
    return SCHEMA + "\n".join(f'@id("r{n:02d}") {body.replace("NAME", f"rule{n:02d}", 1)}' for n, body in enumerate(bodies))


SHORT = st.sampled_from(["a", "b", "abc", "", "none", "ac", "ab", "é"])
AMOUNT = st.sampled_from(["0", "12.5", "-1", "0.000000001", "999999999999999999.999999999", "1000"])
WHEN = st.sampled_from(["2026-11-01T00:00:00Z", "2026-11-23T10:00:00Z", "1970-01-01T00:00:00Z", "2030-01-01T00:00:00.001Z"])
NAMES = st.lists(SHORT, max_size=4, unique=True)
PLACES = st.sets(st.sampled_from(["user", "record", "content", "model", "unknown"]), min_size=1, max_size=2)
COUNT = st.sampled_from([0, 1, -1, 3, 16, 17, 70, 2**53 - 1, -(2**53 - 1)])


@st.composite
def users(draw: st.DrawFn, name: str) -> Entity:
    """One user; everybody's boss is ann, who may be missing from the world."""
    groups = draw(st.sets(st.sampled_from(["staff", "board"])))
    return Entity(
        ref=EntityRef("User", name),
        parents=frozenset(EntityRef("Group", group) for group in groups),
        attributes={
            "level": draw(COUNT), "limit": draw(AMOUNT), "name": draw(SHORT), "vip": draw(st.booleans()),
            "boss": EntityRef("User", draw(st.sampled_from(["ann", "ghost"]))), "tags": draw(NAMES),
        },
    )  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Entity, ...]:
    """Groups, users and the thing; sometimes an entity that rules speak of is not there."""
    groups = [Entity(ref=EntityRef("Group", "all")), Entity(ref=EntityRef("Group", "nowhere"))]
    groups += [Entity(ref=EntityRef("Group", name), parents=frozenset({EntityRef("Group", "all")})) for name in ("staff", "board")]
    people = [draw(users(name)) for name in ("ann", "bob") if name == "bob" or draw(st.integers(0, 5))]
    thing = Entity(
        ref=EntityRef("Thing", "t"), parents=frozenset({EntityRef("Group", "all")}),
        attributes={"owner": EntityRef("User", draw(st.sampled_from(["ann", "bob", "ghost"]))),
                    "colour": draw(st.sampled_from(["red", "green", "blue"])), "made": draw(WHEN)},
    )  # fmt: skip
    return (*groups, *people, thing)


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    """A valid intent; optional members come and go."""
    args: dict[str, object] = {
        "n": draw(COUNT), "d": draw(AMOUNT), "s": draw(SHORT), "b": draw(st.booleans()),
        "who": EntityRef("User", draw(st.sampled_from(["ann", "bob", "ghost"]))),
        "colour": draw(st.sampled_from(["red", "green", "blue"])), "names": draw(NAMES),
        "lines": [{"sku": sku, "price": draw(AMOUNT)} for sku in draw(st.lists(SHORT, max_size=2, unique=True))],
    }  # fmt: skip
    if draw(st.booleans()):
        args["note"] = draw(SHORT)
    if draw(st.booleans()):
        args["extra"] = draw(COUNT)
    origins = {path: draw(PLACES) for path in draw(st.sets(st.sampled_from(["s", "who", "note", "lines", "lines.price", "n"])))}
    return Intent(
        principal=EntityRef("User", draw(st.sampled_from(["ann", "bob"]))), action="act", resource=EntityRef("Thing", "t"),
        args=args, context={"risk": draw(COUNT), "at": draw(WHEN)}, origins=origins,
    )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A checked set with everything that a decision needs."""

    checked: CheckedPolicySet
    world: tuple[Entity, ...]
    intent: Intent


def checked_set(bodies: list[str]) -> CheckedPolicySet:
    """The set of these rules; what the checker refuses (polarity, types) is not a case."""
    checked, _ = check_all([Source.from_bytes("generated.policy", policy_text(bodies).encode())])
    assume(checked is not None)
    if checked is None:
        raise AssertionError("unreachable")
    return checked


def answers(case: Case, approved: frozenset[str] = frozenset()) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """What the compiled engine says and what the interpreter says, in one form."""
    schema = case.checked.schema
    snapshot = type_snapshot(schema, EntitySnapshot(version="w", entities={entity.ref: entity for entity in case.world}))
    valid = validate(schema, TEST_SCOPE, case.intent)
    # Both codecs are on the way: what was recorded must be what was decided.
    assert parse_wire(schema, TEST_SCOPE, valid.wire) == valid == validate_thoroughly(schema, TEST_SCOPE, case.intent)
    assert parse_snapshot(schema, snapshot.wire).digest == snapshot.digest
    fast = decide(compile_set(case.checked), valid, snapshot, now_ms=NOW_MS, approved=approved)
    slow = interpret(case.checked, valid, snapshot, now_ms=NOW_MS, approved=approved)
    kind = fast.kind if isinstance(fast, Deny) else ""
    said = "allow" if isinstance(fast, Allow) else "escalate" if isinstance(fast, Escalate) else "deny"
    needs = frozenset(frozenset(n.key for n in one) for one in fast.alternatives) if isinstance(fast, Escalate) else frozenset()
    return (said, kind, fast.rules, needs), (slow.outcome, slow.kind, slow.rules, slow.alternatives)


RULE_LISTS = st.lists(rules(), min_size=1, max_size=5)
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large])
RANK = {"deny": 0, "escalate": 1, "allow": 2}


@RELAXED
@given(RULE_LISTS, worlds(), intents(), st.sets(st.sampled_from([f"r{n:02d}#{k}" for n in range(5) for k in (0, 1)])))
def test_compiled_engine_and_interpreter_agree(bodies: list[str], world: tuple[Entity, ...], intent: Intent, approved: set[str]) -> None:
    case = Case(checked_set(bodies), world, intent)
    fast, slow = answers(case, frozenset(approved))
    assert fast == slow


@RELAXED
@given(RULE_LISTS, worlds(), intents(), st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(bodies: list[str], world: tuple[Entity, ...], intent: Intent, random: object) -> None:
    text = policy_text(bodies)
    schema, *parts = text.replace('@id("', '\x00@id("').split("\x00")
    random.shuffle(parts)  # type: ignore[attr-defined]
    mixed, _ = check_all([Source.from_bytes("generated.policy", (schema + "\n".join(parts)).encode())])
    first = checked_set(bodies)
    assert mixed is not None
    assert answers(Case(first, world, intent))[0] == answers(Case(mixed, world, intent))[0]
    assert first.semantic_digest == mixed.semantic_digest


@RELAXED
@given(RULE_LISTS, rules().filter(lambda body: not body.startswith("permit")), worlds(), intents())
def test_adding_a_forbid_or_a_gate_never_widens(bodies: list[str], more: str, world: tuple[Entity, ...], intent: Intent) -> None:
    before = answers(Case(checked_set(bodies), world, intent))[0]
    after = answers(Case(checked_set([*bodies, more]), world, intent))[0]
    assert RANK[str(after[0])] <= RANK[str(before[0])]


@RELAXED
@given(RULE_LISTS, worlds(), intents(), st.data())
def test_removing_an_entity_never_turns_deny_into_allow(
    bodies: list[str], world: tuple[Entity, ...], intent: Intent, data: st.DataObject
) -> None:
    checked = checked_set(bodies)
    assume(answers(Case(checked, world, intent))[0][0] == "deny")
    gone = data.draw(st.sampled_from([entity for entity in world if entity.ref.type == "User"]))
    without = tuple(entity for entity in world if entity is not gone)
    assert answers(Case(checked, without, intent))[0][0] == "deny"


def test_the_generator_reaches_every_answer() -> None:
    seen: set[tuple[object, object]] = set()

    @settings(RELAXED, max_examples=400, database=None, derandomize=True)
    @given(RULE_LISTS, worlds(), intents())
    def collect(bodies: list[str], world: tuple[Entity, ...], intent: Intent) -> None:
        seen.add(answers(Case(checked_set(bodies), world, intent))[0][:2])

    collect()
    assert seen >= {("allow", ""), ("escalate", ""), ("deny", "forbid"), ("deny", "default"), ("deny", "error")}
