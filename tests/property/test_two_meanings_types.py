"""The two meanings agree on every type of the language, with params and tables, and err only as documented.

Like `test_two_meanings`, but over addresses, hosts, URLs, paths, dates, times, zones, lattices, lists, tables, `count` and `sum`. Soundness: a
checked set errs at run time only on overflow, a missing table key, data without a value, a stale table, a time zone, and the store.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.data import DataSnapshot, TableRows, parse_data, type_data
from intended_core.lang.intents import parse_wire, validate
from intended_core.lang.snapshot import parse_snapshot, type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.surroundings import Surroundings
from intended_core.lang.typed import CheckedPolicySet

NOW_MS = 1_795_000_000_000
SCHEMA = """
enum Cur { "EUR", "USD" }
lattice Conf { "public" < "internal" < "secret" }
entity Group;
@root entity User in Group { level: Conf, home: Host, zone: String, shift: { start: Time, end: Time }, nick?: String }
entity Site { host: Host, net: Ip, root: Path, label: Conf, opened: Date, @max(3) hosts: Set<Host>, @max(3) nets: Set<Ip>, owner: User }
type Line = { sku: String, price: Decimal, cur: Cur };
action fetch { principal: User; resource: Site;
  args: { url: Url, path: Path, host: Host, ip: Ip, mail: Email, digest: Digest, day: Date, hour: Time, label: Conf, wait: Duration, n: Int, d: Decimal,
          @max(3) lines: List<Line>, @max(3) paths: List<Path>, @max(3) marks: Set<Conf>, to?: Host };
  context: { at: Datetime, cur: Cur }; }
param limit: Decimal = 10.50;
param zone: String = "Europe/Paris";
param floor: Int;
param low: Conf = "internal";
@max(4) table hosts: Set<Host>;
@max_age(1h) table rate: Map<Cur, Decimal>;
table owner_of: Map<Host, User>;
@max(3) table order: List<Int>;
def open(): Bool = now.time(zone) >= 08:00 and now.time(zone) < 18:00;
def worth(l: Line): Decimal = l.price * rate[l.cur];
"""
HOSTS = st.sampled_from(["args.host", "args.url.host()", "args.mail.domain()", "resource.host", "principal.home", '(args?.to ?? "b.a.example")'])
PATHS = st.sampled_from(["args.path", "args.url.path()", "resource.root"])
IPS = st.sampled_from(["args.ip", "resource.net"])
LABELS = st.sampled_from(["args.label", "resource.label", "principal.level", "low"])
HOSTS_OR = HOSTS | st.sampled_from(['"a.example"', '"[::1]"'])
PATHS_OR = PATHS | st.sampled_from(['"/a"', '"/a/b/"'])
IPS_OR = IPS | st.sampled_from(['"10.0.0.0/8"', '"::1"', '"10.1.2.3"'])
LABELS_OR = LABELS | st.sampled_from(['"internal"', '"secret"'])
DAYS = st.sampled_from(["args.day", "resource.opened", 'context.at.date("UTC")', "now.date(zone)", "2026-03-29"])
TIMES = st.sampled_from(["args.hour", "principal.shift.start", "now.time(zone)", "context.at.time(principal.zone)", "02:30", "09:00:30"])
MOMENTS = st.sampled_from(["now", "context.at", "args.day.at(args.hour, zone)", '2026-03-29.at(02:30, "Europe/Paris")', "(now - args.wait)", "resource.opened.at(09:00, principal.zone)"])
INTS = st.sampled_from(
    ["args.n", "floor", "args.url.port()", "args.path.depth()", "args.lines.size()", "rate.size()", "hosts.size()", "args.ip.version()",
     "(count l in args.lines { l.price > limit })", "(sum l in args.lines { args.n })", "(sum p in args.paths { p.depth() })", "7",
     "(count h in hosts { args.host.under(h) })", "(sum o in order { o * args.n })"]
)  # fmt: skip
DECIMALS = st.sampled_from(
    ["args.d", "limit", "args.n.decimal()", "rate[context.cur]", "(sum l in args.lines { l.price })", "(sum l in args.lines { worth(l) })", "12.50",
     "({ ...{ a: args.d, b: 1.5 }, b: limit }).b"]
)  # fmt: skip
TEXTS = st.sampled_from(["args.url.scheme()", "args.url.query()", "args.path.name()", "args.digest.algorithm()", "principal.zone", '"https"', "zone"])
ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
SAME = st.sampled_from(["==", "!="])
PATTERNS = st.sampled_from(["/**", "/a/*", "/a/**", "/*/b", "/**/b/**", "/a*/**", "/*.t*t"])


def join(left: st.SearchStrategy[str], operators: st.SearchStrategy[str], right: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Two values and an operator between."""
    return st.builds(lambda a, o, b: f"{a} {o} {b}", left, operators, right)


def atoms() -> st.SearchStrategy[str]:
    """Conditions without connectives."""
    return st.one_of(
        join(HOSTS, SAME, HOSTS_OR), join(PATHS_OR, SAME, PATHS), join(IPS, SAME, IPS_OR), join(LABELS, ORDER, LABELS_OR), join(DAYS, ORDER, DAYS),
        join(TIMES, ORDER, TIMES), join(MOMENTS, ORDER, MOMENTS), join(INTS, ORDER, INTS), join(DECIMALS, ORDER, DECIMALS), join(TEXTS, SAME, TEXTS),
        st.builds(lambda a, b: f"{a}.under({b})", HOSTS, HOSTS_OR), st.builds(lambda a, b: f"{a}.under({b})", PATHS, PATHS_OR),
        join(IPS, st.sampled_from(["in", "not in"]), IPS_OR), join(IPS, st.just("in"), st.sampled_from(["resource.nets", '["10.0.0.0/8", "::/0"]'])),
        join(HOSTS_OR, st.sampled_from(["in", "not in"]), st.sampled_from(["hosts", "resource.hosts", "owner_of"])),
        st.builds(lambda a, p: f'{a} like "{p}"', PATHS, PATTERNS),
        st.builds(lambda h, p: f'args.url like "https://{h}{p}"', st.sampled_from(["*", "**", "a.example", "*.example", "**.example:81"]), PATTERNS),
        st.builds(lambda a, z: f'{a}.weekday({z}) in ["mon", "sat", "sun"]', st.sampled_from(["now", "context.at"]), st.sampled_from(["zone", "principal.zone", '"Asia/Tokyo"'])),
        st.builds(lambda a: f'{a}.weekday() == "sun"', DAYS),
        join(LABELS_OR, st.just("in"), st.just("args.marks")), join(LABELS, st.just("in"), st.just('["secret", "public"]')),
        st.builds(lambda a: f"(if {a}.is_address() then args.n > 0 else open())", HOSTS),
        st.sampled_from(
            ["any l in args.lines { l.price > limit }", "all l in args.lines { worth(l) <= 100.0 and l.cur == context.cur }", "open()",
             "any h in hosts { args.url.host().under(h) or args.host == h }", "any p in args.paths { p like \"/a/**\" and p != args.path }",
             "all m in args.marks { m < \"secret\" }", "any o in order { o > args.n }", "owner_of[args.host] == principal", "context.cur in rate",
             "args.lines.contains({ sku: \"a\", price: 1.0, cur: \"EUR\" })", "args.paths.contains(args.path)", "principal == resource.owner",
             "(not (args has to) or args.to.under(\"example\"))", "args.ip.is_range()", '"content" not in origin(args.lines)',
             'any l in args.lines { "user" in origin(l.price) }', "args.url == args.url", "args.marks.contains_all([\"public\"])"]
        ),
    )  # fmt: skip


CONDITIONS = st.recursive(
    atoms(),
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"({a} and {b})", inner, inner), st.builds(lambda a, b: f"({a} or {b})", inner, inner),
        st.builds(lambda a: f"not ({a})", inner), st.builds(lambda a, b, c: f"(if {a} then {b} else {c})", inner, inner, inner),
    ),
    max_leaves=4,
)  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> str:
    """One rule without its annotation."""
    effect = draw(st.sampled_from(["permit", "permit", "forbid", "escalate"]))
    clauses = [f"let top = {draw(DECIMALS)};", f"when top >= limit or {draw(atoms())};"] if draw(st.booleans()) else []
    clauses += [f"{draw(st.sampled_from(['when', 'unless']))} {draw(CONDITIONS)};" for _ in range(draw(st.integers(1, 2)))]
    if effect == "escalate":
        clauses.append('approval { from: Group::"board"; quorum: 1; expires: 1h; }')
    return f"{effect} NAME {{ action == fetch; {' '.join(clauses)} }}"


NAMES = st.sampled_from(["a.example", "b.a.example", "ba.example", "example", "10.1.2.3", "[::1]", "xn--bcher-kva.example"])
ROUTES = st.sampled_from(["/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/x/b/c.txt", "/a%20b", "/c.txt"])
NETS = st.sampled_from(["10.0.0.0/8", "10.1.2.3", "10.1.0.0/16", "::1", "::/0", "2001:db8::/32", "0.0.0.0/0"])
CONF = st.sampled_from(["public", "internal", "secret"])
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Mars/Olympus"])
DAY = st.sampled_from(["2026-03-29", "2026-10-25", "2026-11-23", "0001-01-01", "9999-12-31", "1970-01-01"])
CLOCK = st.sampled_from(["00:00:00", "02:30:00", "09:00:30", "23:59:59.999"])
WHEN = st.sampled_from(["2026-03-29T01:30:00Z", "2026-11-23T10:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"])
AMOUNT = st.sampled_from(["0", "12.5", "-1", "0.000000001", "999999999999999999.999999999", "10.5"])
COUNT = st.sampled_from([0, 1, -1, 7, 443, 2**53 - 1, -(2**53 - 1)])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Entity, ...]:
    """Two users, of which one may be missing, and the site."""
    people = [
        Entity(
            ref=EntityRef("User", name), parents=frozenset({EntityRef("Group", "board")}),
            attributes={"level": draw(CONF), "home": draw(NAMES), "zone": draw(ZONES), "shift": {"start": draw(CLOCK), "end": draw(CLOCK)}},
        )
        for name in ("ann", "bob") if name == "ann" or draw(st.integers(0, 3))
    ]  # fmt: skip
    site = {
        "host": draw(NAMES), "net": draw(NETS), "root": draw(ROUTES), "label": draw(CONF), "opened": draw(DAY), "owner": EntityRef("User", draw(st.sampled_from(["ann", "bob"]))),
        "hosts": draw(st.lists(NAMES, max_size=3, unique=True)), "nets": draw(st.lists(NETS, max_size=3, unique=True)),
    }  # fmt: skip
    return (Entity(ref=EntityRef("Group", "board")), *people, Entity(ref=EntityRef("Site", "s"), attributes=site))


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    """A valid intent."""
    line = st.fixed_dictionaries({"sku": st.sampled_from(["a", "b"]), "price": AMOUNT, "cur": st.sampled_from(["EUR", "USD"])})
    query = draw(st.sampled_from(["", "?q=/a"]))
    args: dict[str, Any] = {
        "url": f"{draw(st.sampled_from(['https', 'http', 'x']))}://{draw(NAMES)}{draw(st.sampled_from(['', ':81']))}{draw(ROUTES)}{query}",
        "path": draw(ROUTES), "host": draw(NAMES), "ip": draw(NETS), "mail": f"a@{draw(st.sampled_from(['a.example', 'b.a.example']))}",
        "digest": "sha256:" + "0a" * 32, "day": draw(DAY), "hour": draw(CLOCK), "label": draw(CONF), "wait": draw(COUNT), "n": draw(COUNT), "d": draw(AMOUNT),
        "lines": draw(st.lists(line, max_size=3)), "paths": draw(st.lists(ROUTES, max_size=3)), "marks": draw(st.lists(CONF, max_size=3, unique=True)),
    }  # fmt: skip
    if draw(st.booleans()):
        args["to"] = draw(NAMES)
    origins = {path: {"user"} for path in draw(st.sets(st.sampled_from(["lines", "lines.price"])))}
    return Intent(
        principal=EntityRef("User", "ann"), action="fetch", resource=EntityRef("Site", "s"), args=args, origins=origins,
        context={"at": draw(WHEN), "cur": draw(st.sampled_from(["EUR", "USD"]))},
    )  # fmt: skip


@st.composite
def given_data(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, TableRows]]:
    """Params and tables; any of them may be missing, and the rate may be old."""
    params: dict[str, object] = {}
    for name, values in {"limit": AMOUNT, "zone": ZONES, "floor": COUNT, "low": CONF}.items():
        if draw(st.integers(0, 3)):
            params[name] = draw(values)
    rows: dict[str, object] = {
        "hosts": draw(st.lists(NAMES, max_size=4, unique=True)), "rate": draw(st.dictionaries(st.sampled_from(["EUR", "USD"]), AMOUNT)),
        "owner_of": {name: EntityRef("User", draw(st.sampled_from(["ann", "bob"]))) for name in draw(st.sets(NAMES))},
        "order": draw(st.lists(COUNT, max_size=3)),
    }  # fmt: skip
    age = draw(st.sampled_from([0, 3_600_000, 3_600_001]))
    return params, {name: TableRows(rows=value, updated_ms=NOW_MS - age) for name, value in rows.items() if draw(st.integers(0, 5))}


def checked_set(bodies: list[str]) -> CheckedPolicySet:
    """The set of these rules; what the checker refuses (polarity) is not a case."""
    text = SCHEMA + "\n".join(f'@id("r{n:02d}") {body.replace("NAME", f"rule{n:02d}", 1)}' for n, body in enumerate(bodies))
    checked, problems = check_all([Source.from_bytes("generated.policy", text.encode())])
    wrong = {item.code for item in problems if item.severity == "error"} - {"polarity", "origin.polarity"}
    assert not wrong, [str(item) for item in problems]
    assume(checked is not None)
    if checked is None:
        raise AssertionError("unreachable")
    return checked


DOCUMENTED = re.compile(
    r"an Int overflows 64 bits|a Decimal overflows 18 integer digits|the table `\w+` (has no rows|is stale)|the table has no row for this key"
    r"|the param `\w+` has no value|'.*' is not a time zone of the pinned data|.* is skipped or repeated in .*|a (Datetime|day) outside the years 1 to 9999 .*"
    r"|\w+::\"?\w+\"? is not a known entity"
)
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large])


def both(
    checked: CheckedPolicySet, world: tuple[Entity, ...], intent: Intent, data: DataSnapshot
) -> tuple[Allow | Deny | Escalate, tuple[object, ...], tuple[object, ...]]:
    """The compiled outcome, and both answers in one form. Every codec is on the way."""
    schema = checked.schema
    snapshot = type_snapshot(schema, EntitySnapshot(version="w", entities={entity.ref: entity for entity in world}))
    valid = validate(schema, TEST_SCOPE, intent)
    assert parse_wire(schema, TEST_SCOPE, valid.wire) == valid
    assert parse_snapshot(schema, snapshot.wire).digest == snapshot.digest
    assert parse_data(schema, data.wire).cells == data.cells
    around = Surroundings(data=data.cells)
    fast = decide(compile_set(checked), valid, snapshot, now_ms=NOW_MS, surroundings=around)
    slow = interpret(checked, valid, snapshot, now_ms=NOW_MS, surroundings=around)
    kind = fast.kind if isinstance(fast, Deny) else ""
    return fast, (type(fast).__name__.lower(), kind, fast.rules), (slow.outcome, slow.kind, slow.rules)


@RELAXED
@given(st.lists(rules(), min_size=1, max_size=3), worlds(), intents(), given_data())
def test_two_meanings_agree_and_err_only_as_documented(
    bodies: list[str], world: tuple[Entity, ...], intent: Intent, given_: tuple[dict[str, object], dict[str, TableRows]]
) -> None:
    checked = checked_set(bodies)
    data = type_data(checked.schema, version="1", params=given_[0], tables=given_[1])
    outcome, fast, slow = both(checked, world, intent, data)
    assert fast == slow
    if isinstance(outcome, Deny) and outcome.kind == "error":
        for reason in outcome.reasons:
            assert DOCUMENTED.fullmatch(reason.text), reason.text


@settings(RELAXED, max_examples=30)
@given(st.lists(rules(), min_size=1, max_size=3), worlds(), intents(), given_data(), st.data())
def test_leaving_data_out_never_turns_a_deny_of_a_narrowing_rule_into_an_allow(
    bodies: list[str], world: tuple[Entity, ...], intent: Intent, given_: tuple[dict[str, object], dict[str, TableRows]], draw: st.DataObject
) -> None:
    checked = checked_set(bodies)
    params, tables = given_
    before = both(checked, world, intent, type_data(checked.schema, version="1", params=params, tables=tables))[0]
    assume(isinstance(before, Deny))
    assume(tables)
    gone = draw.draw(st.sampled_from(sorted(tables)))
    less = type_data(checked.schema, version="2", params=params, tables={name: rows for name, rows in tables.items() if name != gone})
    assert isinstance(both(checked, world, intent, less)[0], Deny)


def test_the_generator_reaches_every_answer() -> None:
    seen: set[object] = set()

    @settings(RELAXED, max_examples=80, database=None, derandomize=True)
    @given(st.lists(rules(), min_size=1, max_size=3), worlds(), intents(), given_data())
    def collect(
        bodies: list[str], world: tuple[Entity, ...], intent: Intent, given_: tuple[dict[str, object], dict[str, TableRows]]
    ) -> None:
        checked = checked_set(bodies)
        seen.add(both(checked, world, intent, type_data(checked.schema, version="1", params=given_[0], tables=given_[1]))[1][:2])

    collect()
    assert seen >= {("allow", ""), ("deny", "forbid"), ("deny", "default"), ("deny", "error")}
