"""Intents from outside: what is refused, with its place; what is accepted has one wire form and its own digests."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core import Call, EntityRef, Intent, IntentError
from intended_core.ids import Scope
from intended_core.lang.checker import check
from intended_core.lang.intents import MAX_INTENT_BYTES, intent_from_json, parse_wire, validate, validate_call
from intended_core.lang.source import Source

TEXT = """
enum Colour { "red", "green" }
entity Group;
@root entity User in Group;
@root entity Agent;
entity Doc;
action read {
  principal: User; resource: Doc;
  args: { n: Int, d: Decimal, s: String, b: Bool, c: Colour, who: User, @max(3) set: Set<Int>, @max(3) mails?: Set<Email>,
    at?: Datetime, wait?: Duration, box?: { size: Int, note?: String }, big?: Set<String> };
  context: { risk: Int, @from(caller) hint?: String };
}
action list { principal: User; resource: Doc; }
"""


def schema(extra: str = ""):  # noqa: ANN201
    rule = '@id("p") permit p { action == read; }'
    return check([Source.from_text("t.policy", TEXT + extra + rule)]).schema


SCHEMA = schema()
SCOPE = Scope(tenant="acme", uuid="0" * 32, environment="live")
ANN, BOB, DOC = EntityRef("User", "ann"), EntityRef("User", "bob"), EntityRef("Doc", "d")
ARGS: dict[str, object] = {"n": 1, "d": "1.50", "s": "i:5", "b": True, "c": "red", "who": BOB, "set": [2, 1]}


def intent(**changes: object) -> Intent:
    args = {**ARGS, **changes.pop("args", {})}  # type: ignore[dict-item]
    gone = changes.pop("without", ())
    args = {name: value for name, value in args.items() if name not in gone}  # type: ignore[operator]
    made = Intent(principal=ANN, action="read", resource=DOC, args=args, context={"risk": 1})
    return replace(made, **changes)  # type: ignore[arg-type]


def refused(given: Intent) -> IntentError:
    with pytest.raises(IntentError) as caught:
        validate(SCHEMA, SCOPE, given)
    return caught.value


BAD_ARGS = [
    ("float for Decimal", {"d": 1.5}, "args.d"),
    ("Int for Decimal", {"d": 1}, "args.d"),
    ("exponent in Decimal", {"d": "1e3"}, "args.d"),
    ("ten fraction digits", {"d": "0.0000000001"}, "args.d"),
    ("nineteen integer digits", {"d": "1" + "0" * 18}, "args.d"),
    ("NaN", {"d": Decimal("NaN")}, "args.d"),
    ("NaN as text", {"d": "NaN"}, "args.d"),
    ("infinity", {"d": Decimal("Infinity")}, "args.d"),
    ("float NaN for Int", {"n": float("nan")}, "args.n"),
    ("Bool for Int", {"n": True}, "args.n"),
    ("Int for Bool", {"b": 1}, "args.b"),
    ("whole float for Int", {"n": 1.0}, "args.n"),
    ("text for Int", {"n": "1"}, "args.n"),
    ("null", {"n": None}, "args.n"),
    ("Int beyond 2**53-1", {"n": 2**53}, "args.n"),
    ("Int far below", {"n": -(10**400)}, "args.n"),
    ("not of the enum", {"c": "blue"}, "args.c"),
    ("enum of another case", {"c": "Red"}, "args.c"),
    ("enum of another kind", {"c": ["red"]}, "args.c"),
    ("text too long", {"s": "x" * 4097}, "args.s"),
    ("text too long in bytes", {"s": "é" * 2049}, "args.s"),
    ("lone surrogate", {"s": "\ud800"}, "args.s"),
    ("lone surrogate in a long text", {"s": "\udfff" * 2000}, "args.s"),
    ("entity of another type", {"who": EntityRef("Agent", "x")}, "args.who"),
    ("entity as text", {"who": "User::bob"}, "args.who"),
    ("entity as an object of another form", {"who": {"__entity": {"type": "User"}}}, "args.who"),
    ("entity without id", {"who": {"__entity": {"type": "User", "id": ""}}}, "args.who"),
    ("entity id no text", {"who": {"__entity": {"type": "User", "id": 5}}}, "args.who"),
    ("set with a duplicate", {"set": [1, 2, 1]}, "args.set"),
    ("set too large", {"set": [1, 2, 3, 4]}, "args.set"),
    ("set as an object", {"set": {"1": 1}}, "args.set"),
    ("set as text", {"set": "12"}, "args.set"),
    ("True beside 1", {"set": [1, True]}, "args.set[1]"),
    ("element of the wrong type", {"set": [1, "2"]}, "args.set[1]"),
    ("Email with a capital domain", {"mails": ["a@Example.org"]}, "args.mails[0]"),
    ("Email with two domains", {"mails": ["a@example.org", "a@b@example.org"]}, "args.mails[1]"),
    ("Email with a hidden line", {"mails": ["a@example.org\n"]}, "args.mails[0]"),
    ("Datetime with an offset", {"at": "2026-11-23T10:00:00+01:00"}, "args.at"),
    ("Datetime of no calendar", {"at": "2026-02-30T10:00:00Z"}, "args.at"),
    ("Datetime as number", {"at": 5}, "args.at"),
    ("Duration as text", {"wait": "1h"}, "args.wait"),
    ("Duration as Bool", {"wait": True}, "args.wait"),
    ("unknown member", {"m": 1}, "args.m"),
    ("unknown member within", {"box": {"size": 1, "sise": 2}}, "args.box.sise"),
    ("missing member within", {"box": {"note": "x"}}, "args.box.size"),
    ("wrong type within", {"box": {"size": "1"}}, "args.box.size"),
    ("list for a record", {"box": [1]}, "args.box"),
    ("null for an optional member", {"box": None}, "args.box"),
    ("lone surrogate within", {"box": {"size": 1, "note": "\udc00"}}, "args.box.note"),
    ("lone surrogate in a set", {"big": ["a", "\udc00"]}, "args.big[1]"),
]


@pytest.mark.parametrize(("changes", "place"), [case[1:] for case in BAD_ARGS], ids=[case[0] for case in BAD_ARGS])
def test_a_bad_argument_is_refused_with_its_place(changes: dict[str, object], place: str) -> None:
    assert refused(intent(args=changes)).place == place


@pytest.mark.parametrize("name", sorted(ARGS))
def test_a_required_member_that_is_missing_is_refused(name: str) -> None:
    assert refused(intent(without=(name,))).place == f"args.{name}"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"action": "reed"}, "action"), ({"action": ""}, "action"), ({"action": None}, "action"), ({"action": ["read"]}, "action"),
        ({"action": "read\x00"}, "action"), ({"action": "READ"}, "action"), ({"action": "\ud800"}, "action"),
        ({"principal": EntityRef("Agent", "x")}, "principal"), ({"resource": ANN}, "resource"),
        ({"context": {}}, "context.risk"), ({"context": {"risk": "1"}}, "context.risk"),
        ({"context": {"risk": 1, "more": 1}}, "context.more"), ({"context": None}, "context"), ({"context": [1]}, "context"),
        ({"caller_context": frozenset({"risk"})}, "context.risk"),  # the host's word, not the agent's
        ({"caller_context": frozenset({"hint"})}, "context.hint"),  # named and not there
        ({"caller_context": frozenset({1, "x"})}, "caller_context"), ({"caller_context": "risk"}, "caller_context"),
        ({"caller_context": None}, "caller_context"),
        ({"origins": {"zzz": {"user"}}}, "origins"), ({"origins": {1: {"user"}}}, "origins"), ({"origins": {"box.nope": {"user"}}}, "origins"),
        ({"origins": {"s": "user"}}, "origins.s"), ({"origins": {"s": set()}}, "origins.s"), ({"origins": {"s": {"heaven"}}}, "origins.s"),
        ({"origins": {"s": None}}, "origins.s"), ({"origins": {"s": [["user"]]}}, "origins.s"), ({"origins": {"s": [1]}}, "origins.s"),
        ({"origins": ["s"]}, "origins"),
    ],
)  # fmt: skip
def test_a_bad_part_is_refused_with_its_place(changes: dict[str, object], place: str) -> None:
    assert refused(intent(**changes)).place == place


def test_args_that_are_no_record_are_refused() -> None:
    assert refused(replace(intent(), args=None)).place == "args"  # type: ignore[arg-type]
    assert refused(replace(intent(), args=[("n", 1)])).place == "args"  # type: ignore[arg-type]


def test_names_that_are_no_text_are_refused() -> None:
    error = refused(intent(args={5: 1}))
    assert error.place == "args.5"
    assert refused(intent(args={"\ud800": 1})).place.isprintable()


def test_an_intent_beyond_the_limit_is_refused() -> None:
    many = ["x" * 4000 + str(at) for at in range(70)]
    assert refused(intent(args={"big": many})).place == "intent"
    assert len(validate(SCHEMA, SCOPE, intent(args={"big": many[:60]})).wire) < MAX_INTENT_BYTES


def test_the_message_names_the_nearest_action() -> None:
    assert "did you mean `read`" in str(refused(intent(action="raed")))


def test_an_entity_is_given_as_reference_or_as_plain_data() -> None:
    plain = intent(args={"who": {"__entity": {"type": "User", "id": "bob"}}})
    assert validate(SCHEMA, SCOPE, plain) == validate(SCHEMA, SCOPE, intent())
    assert validate(SCHEMA, SCOPE, intent()).references == {ANN, BOB, DOC}


def test_what_is_unknown_may_be_content() -> None:
    valid = validate(SCHEMA, SCOPE, intent(origins={"s": ["unknown"], "n": ["user"]}))
    assert valid.origins == {"s": {"unknown", "content"}, "n": {"user"}}


def test_the_call_of_an_intent_has_its_digest() -> None:
    valid = validate(SCHEMA, SCOPE, intent())
    assert validate_call(SCHEMA, SCOPE, intent().call()).arh == valid.arh
    other = Call(action="read", resource=DOC, args={**ARGS, "n": 2})
    assert validate_call(SCHEMA, SCOPE, other).arh != valid.arh
    with pytest.raises(IntentError) as caught:
        validate_call(SCHEMA, SCOPE, Call(action="read", resource=DOC, args={**ARGS, "m": 2}))
    assert caught.value.place == "args.m"


# ------------------------------------------------------------------ digests

CHANGES: list[dict[str, object]] = [
    {}, {"args": {"n": 2}}, {"args": {"d": "1.51"}}, {"args": {"s": "5"}}, {"args": {"b": False}}, {"args": {"c": "green"}},
    {"args": {"who": ANN}}, {"args": {"set": [1]}}, {"args": {"set": []}}, {"args": {"mails": []}}, {"args": {"mails": ["a@example.org"]}},
    {"args": {"at": "2026-11-23T10:00:00Z"}}, {"args": {"wait": 5}}, {"args": {"wait": 0}}, {"args": {"box": {"size": 1}}},
    {"args": {"box": {"size": 1, "note": ""}}}, {"args": {"s": "é"}}, {"args": {"s": "e\u0301"}}, {"args": {"s": ""}},
    {"resource": EntityRef("Doc", "e")}, {"resource": EntityRef("Doc", 'd","x')},
]  # fmt: skip
BESIDE: list[dict[str, object]] = [
    {"principal": BOB}, {"context": {"risk": 2}}, {"context": {"risk": 1, "hint": "x"}}, {"origins": {"s": {"user"}}},
    {"origins": {"n": {"user"}}}, {"origins": {"s": {"user", "record"}}},
    {"context": {"risk": 1, "hint": "x"}, "caller_context": frozenset({"hint"})},
]  # fmt: skip


def test_each_field_changes_the_digests() -> None:
    calls = [validate(SCHEMA, SCOPE, intent(**json_copy(change))) for change in CHANGES]
    assert len({valid.arh for valid in calls}) == len(CHANGES)
    wholes = calls + [validate(SCHEMA, SCOPE, intent(**json_copy(change))) for change in BESIDE]
    assert len({valid.ith for valid in wholes}) == len(CHANGES) + len(BESIDE)
    assert {valid.arh for valid in wholes[len(CHANGES) :]} == {calls[0].arh}


def json_copy(change: dict[str, object]) -> dict[str, object]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in change.items()}


def test_tenant_environment_and_schema_change_the_digests() -> None:
    base = validate(SCHEMA, SCOPE, intent())
    others = [
        validate(SCHEMA, Scope(tenant="acme", uuid="1" * 32, environment="live"), intent()),
        validate(SCHEMA, Scope(tenant="acme", uuid="0" * 32, environment="test"), intent()),
        validate(schema("entity More;"), SCOPE, intent()),
    ]
    assert len({base.arh, *(valid.arh for valid in others)}) == 4
    assert len({base.ith, *(valid.ith for valid in others)}) == 4
    assert {valid.wire for valid in others} == {base.wire}


def test_spellings_of_one_value_are_one_intent() -> None:
    first = validate(SCHEMA, SCOPE, intent(args={"d": "1.50", "set": [1, 2]}))
    for change in (
        {"d": "1.5", "set": [2, 1]},
        {"d": Decimal("1.500"), "set": {1, 2}},
        {"d": "1.500000000", "set": (2, 1)},
    ):
        assert validate(SCHEMA, SCOPE, intent(args=change)) == first


def test_a_text_cannot_be_taken_for_another_type() -> None:
    said = json.loads(validate(SCHEMA, SCOPE, intent(args={"n": 5, "s": "i:5"})).wire)["args"]
    assert (said["n"], said["s"]) == ("i:5", "s:i:5")


TEXTS = st.one_of(st.sampled_from(["", "i:5", "s:", "d:1", "red", "\x00", "a", "ab", '"', "\\"]), st.text(max_size=5))
INTENTS = st.builds(
    lambda n, d, s, b, c, who, held, more, risk, hint, places: intent(
        args={"n": n, "d": d, "s": s, "b": b, "c": c, "who": EntityRef("User", who), "set": held, **more},
        context={"risk": risk, **({} if hint is None else {"hint": hint})}, origins=places,
    ),
    st.integers(-2, 2), st.sampled_from(["0", "-0.5", "1", "2", "0.000000001"]), TEXTS, st.booleans(), st.sampled_from(["red", "green"]),
    st.sampled_from(["a", "ab", "i:5"]), st.lists(st.integers(0, 3), max_size=3, unique=True),
    st.fixed_dictionaries({}, optional={
        "wait": st.integers(0, 1), "at": st.just("1970-01-01T00:00:00Z"), "big": st.lists(TEXTS, max_size=3, unique=True),
        "box": st.fixed_dictionaries({"size": st.integers(0, 1)}, optional={"note": TEXTS}),
    }),
    st.integers(0, 1), st.one_of(st.none(), TEXTS),
    st.dictionaries(st.sampled_from(["s", "n", "box.note"]), st.sets(st.sampled_from(["user", "record"]), min_size=1)),
)  # fmt: skip


@given(INTENTS)
def test_the_wire_form_reads_back_as_itself(made: Intent) -> None:
    valid = validate(SCHEMA, SCOPE, made)
    assert parse_wire(SCHEMA, SCOPE, valid.wire) == valid


@given(INTENTS, INTENTS)
def test_two_different_intents_share_no_digest(first: Intent, second: Intent) -> None:
    one, two = validate(SCHEMA, SCOPE, first), validate(SCHEMA, SCOPE, second)
    same_call = (one.action, one.resource, one.args) == (two.action, two.resource, two.args)
    same = same_call and (one.principal, one.context, one.origins) == (two.principal, two.context, two.origins)
    assert (one.arh == two.arh) is same_call
    assert (one.ith == two.ith) is same


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"i:1"', b'"i:01"'), (b'"i:1"', b"1"), (b'"i:1"', b'"i:1 "'), (b'"d:1.5"', b'"d:1.50"'), (b'["i:1","i:2"]', b'["i:2","i:1"]'),
        (b'["i:1","i:2"]', b'["i:1","i:1"]'), (b'"s:i:5"', b'"i:5"'), (b'"@"', b'"$"'), (b'{"action"', b'{ "action"'),
        (b'"caller":[],', b""), (b'"caller":[]', b'"caller":["risk"]'), (b'"read"', b'"reed"'), (b'"User","ann"', b'"Doc","ann"'),
        (b'"origins":{}', b'"origins":{"s":["unknown"]}'), (b'"origins":{}', b'"origins":{"s":["user","record"]}'),
        (b'"origins":{}', b'"origins":[]'), (b'{"action"', b'[{"action"'), (b'"n":"i:1"', b'"n":"i:1","x":"i:1"'),
    ],
)  # fmt: skip
def test_another_spelling_of_a_wire_form_is_refused(old: bytes, new: bytes) -> None:
    wire = validate(SCHEMA, SCOPE, intent()).wire
    assert old in wire
    with pytest.raises(IntentError):
        parse_wire(SCHEMA, SCOPE, wire.replace(old, new, 1))


@pytest.mark.parametrize(
    "wire", [b"", b"null", b"[]", b"{}", b'"x"', b"\xff", b"[" * 100_000, b"x" * (MAX_INTENT_BYTES + 1)]
)
def test_what_is_no_wire_form_is_refused(wire: bytes) -> None:
    with pytest.raises(IntentError):
        parse_wire(SCHEMA, SCOPE, wire)


# ------------------------------------------------------------------ JSON

GOOD = {
    "principal": {"type": "User", "id": "ann"}, "action": "read", "resource": {"type": "Doc", "id": "d"},
    "args": {**{k: v for k, v in ARGS.items() if k != "who"}, "who": {"__entity": {"type": "User", "id": "bob"}}},
    "context": {"risk": 1}, "origins": {"s": ["user"]}, "caller_context": [],
}  # fmt: skip


def test_an_intent_from_json_is_the_same_intent() -> None:
    made = intent_from_json(json.dumps(GOOD).encode())
    assert validate(SCHEMA, SCOPE, made) == validate(SCHEMA, SCOPE, intent(origins={"s": ["user"]}))


BAD_JSON: list[tuple[str, bytes]] = [
    ("empty", b""), ("truncated", json.dumps(GOOD).encode()[:-1]), ("cut in the middle", json.dumps(GOOD).encode()[:60]),
    ("two documents", json.dumps(GOOD).encode() * 2), ("BOM", b"\xef\xbb\xbf" + json.dumps(GOOD).encode()),
    ("UTF-16", json.dumps(GOOD).encode("utf-16")), ("bad UTF-8", json.dumps(GOOD).encode().replace(b"red", b"r\xffd")),
    ("NaN", json.dumps(GOOD).replace('"n": 1', '"n": NaN').encode()), ("Infinity", json.dumps(GOOD).replace('"n": 1', '"n": Infinity').encode()),
    ("float", json.dumps(GOOD).replace('"n": 1', '"n": 1.0').encode()), ("exponent", json.dumps(GOOD).replace('"n": 1', '"n": 1e0').encode()),
    ("huge number", json.dumps(GOOD).replace('"n": 1', '"n": ' + "9" * 10_000).encode()),
    ("duplicate key", json.dumps(GOOD).replace('"n": 1', '"n": 1, "n": 2').encode()),
    ("escaped duplicate", json.dumps(GOOD).replace('"n": 1', '"n": 1, "\\u006e": 2').encode()),
    ("duplicate action", json.dumps(GOOD).replace('"action"', '"action": "list", "action"').encode()),
    ("lone surrogate", json.dumps(GOOD).replace('"red"', '"\\ud800"').encode()),
    ("lone surrogate as a name", json.dumps(GOOD).replace('"n": 1', '"\\ud800": 1').encode()),
    ("deep", b'{"args":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), ("deep by 40", b'{"args":' + b"[" * 40 + b"]" * 40 + b"}"),
    ("oversized", json.dumps({**GOOD, "args": {"s": "x" * MAX_INTENT_BYTES}}).encode()), ("list", b"[]"), ("null", b"null"), ("text", b'"x"'),
    ("comment", b"// x\n" + json.dumps(GOOD).encode()), ("trailing comma", b'{"action":"read",}'), ("single quotes", b"{'action':'read'}"),
]  # fmt: skip


@pytest.mark.parametrize("data", [case[1] for case in BAD_JSON], ids=[case[0] for case in BAD_JSON])
def test_bad_json_is_refused(data: bytes) -> None:
    with pytest.raises(IntentError):
        intent_from_json(data)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"principle": 1}, "principle"), ({"principal": None}, "principal"), ({"principal": "User::ann"}, "principal"),
        ({"principal": {"type": "User", "id": "ann", "x": 1}}, "principal"), ({"principal": {"type": "User", "id": 1}}, "principal"),
        ({"resource": {"type": "../x", "id": "d"}}, "resource"), ({"resource": {"type": "Doc", "id": ""}}, "resource"),
        ({"action": 5}, "action"), ({"args": []}, "args"), ({"context": "x"}, "context"), ({"origins": []}, "origins"),
        ({"origins": {"s": "user"}}, "origins.s"), ({"origins": {"s": [1]}}, "origins.s"), ({"caller_context": "hint"}, "caller_context"),
        ({"caller_context": [1]}, "caller_context"), ({"now": 1}, "now"),
    ],
)  # fmt: skip
def test_a_bad_member_of_the_document_is_refused_with_its_place(changes: dict[str, object], place: str) -> None:
    with pytest.raises(IntentError) as caught:
        intent_from_json(json.dumps({**GOOD, **changes}).encode())
    assert caught.value.place == place


@pytest.mark.parametrize("name", ["principal", "action", "resource"])
def test_a_missing_member_of_the_document_is_refused(name: str) -> None:
    with pytest.raises(IntentError) as caught:
        intent_from_json(json.dumps({key: value for key, value in GOOD.items() if key != name}).encode())
    assert caught.value.place == name
