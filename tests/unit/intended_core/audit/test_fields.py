"""Fields: each value bound to its place, each under a salt of its own; what is left out is named, what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256, shake_256
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.audit.fields import (
    COMPUTED,
    FIELDS,
    MISSING,
    SNAPSHOT,
    depending,
    erase_fields,
    erased_by,
    held_paths,
    held_values,
    joined,
    keep_fields,
    pack_fields,
    read_body,
    sound_fields,
    split_intent,
)
from intended_core.audit.log import Draft, append, genesis_head
from intended_core.audit.record import EventKind, PackedBody
from intended_core.canonical import b64url, canonical_json
from intended_core.errors import AuditError
from intended_core.ids import Scope
from intended_core.unit import RecordRow

WIRE = canonical_json(
    {"action": "pay", "args": {"n": "i:5", "to": {"@": ["Payee", "p"]}}, "caller": ["risk"], "context": {"risk": "i:1"}, "origins": {},
     "principal": ["Agent", "bot"], "resource": ["Account", "main"]}
)  # fmt: skip
PATHS = ("intent.args.n", "intent.args.to", "intent.context.risk", "intent.principal", "intent.resource")


def packed(secret: bytes = b"s" * 16, **more: Any) -> PackedBody:
    asked, fields = split_intent(WIRE)
    return pack_fields({"outcome": "allow", "intent": asked}, {**fields, "ith": "I", SNAPSHOT: "E", **more}, secret=secret)


def body(made: PackedBody | None = None) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads((made or packed()).data)
    return value


def row(made: PackedBody) -> RecordRow:
    scope = Scope(tenant="acme", uuid="0" * 32, environment="test")
    head = genesis_head(origin="o", issuer="i", generation=1)
    return append(head, scope, [Draft(kind=EventKind.DECISION_ALLOW, body=made)], now_us=1, writer="w")[1][0]


def test_what_was_taken_apart_is_joined_again() -> None:
    made = packed()
    read = read_body(row(made))
    assert read["intent"] == WIRE.decode()
    assert (read["ith"], read[SNAPSHOT], read["outcome"]) == ("I", "E", "allow")
    assert not read.keys() & {FIELDS, MISSING}
    assert held_paths(made.fields) == tuple(sorted((*PATHS, "ith", SNAPSHOT)))
    assert held_values(made.fields)["intent.principal"] == ["Agent", "bot"]


def test_the_bytes_as_the_format_says() -> None:
    made = packed()
    salt, value = orjson.loads(made.fields)["intent.args.n"]
    assert (len(salt), value) == (22, "i:5")
    said = b"intended.audit/field.v1\0intent.args.n\0" + canonical_json([salt, value])
    assert body(made)[FIELDS]["intent.args.n"] == b64url(sha256(said).digest())
    assert canonical_json(orjson.loads(made.fields)) == made.fields
    assert canonical_json(body(made)) == made.data


def test_the_clear_part_says_nothing_of_the_request() -> None:
    clear = {name: value for name, value in body().items() if name not in (FIELDS, "salt")}
    assert clear == {"outcome": "allow", "intent": {"action": "pay", "args": {}, "caller": ["risk"], "context": {}, "origins": {}}}


def test_salts_are_new_for_each_field_and_record_and_the_secret_is_nowhere() -> None:
    one, two = packed(b"1" * 16), packed(b"2" * 16)
    salts = [orjson.loads(made.fields)[path][0] for made in (one, two) for path in held_paths(made.fields)]
    salts += [body(made)["salt"] for made in (one, two)]
    assert len(set(salts)) == len(salts) == 16
    assert b64url(b"1" * 16).encode() not in one.data + one.fields
    assert body(one)["salt"] == b64url(shake_256(b"intended.audit/salts.v1\0" + b"1" * 16).digest(16))


@given(st.lists(st.sampled_from([*PATHS, "ith", SNAPSHOT]), unique=True))
def test_what_is_left_out_is_named(gone: list[str]) -> None:
    made = packed()
    read = joined(body(made), keep_fields(made.fields, gone))
    assert set(read.get(MISSING, {})) == set(gone)
    assert ("intent" in read) == (not set(gone) & set(PATHS))
    if gone:
        assert set(read[MISSING].values()) == {None}
    if "intent" not in read:
        parts: Any = read["intent_parts"]
        assert ("principal" in parts) == ("intent.principal" not in gone)
        assert ("n" in parts["args"]) == ("intent.args.n" not in gone)


def test_an_erasure_leaves_a_mark_and_the_rest() -> None:
    made = packed()
    left = erase_fields(made.fields, ["intent.args.n", "ith"], by=812)
    assert len(left) < len(made.fields)
    assert joined(body(made), left)[MISSING] == {"intent.args.n": 812, "ith": 812}
    assert erased_by(left) == {812}
    assert erased_by(made.fields) == frozenset()
    assert joined(body(made), keep_fields(left, PATHS))[MISSING]["ith"] == 812
    for path in ("ith", "intent.args.none"):
        with pytest.raises(AuditError, match="to erase"):
            erase_fields(left, [path], by=900)
    everything = held_paths(made.fields)
    assert len(erase_fields(made.fields, everything, by=2**53 - 1)) < len(made.fields)


def test_what_would_tell_a_field_goes_with_it() -> None:
    fields = packed(obligations=["{}"], meters=[["m", "1"]], approved_by=[["k", "User", "ann"]]).fields
    computed = {"ith", "obligations", "meters"}
    assert computed <= COMPUTED
    assert set(depending(fields, ["intent.args.n"])) == {"intent.args.n", *computed}
    for names_an_entity in ("intent.args.to", "intent.principal", "intent.resource"):
        assert set(depending(fields, [names_an_entity])) == {names_an_entity, SNAPSHOT, *computed}
    assert depending(fields, ["approved_by"]) == ("approved_by",)
    assert depending(erase_fields(fields, ["ith"], by=9), ["intent.args.n"]) == ("intent.args.n", "meters", "obligations")


def edited(change: dict[str, Any]) -> bytes:
    return canonical_json({**orjson.loads(packed().fields), **change})


HELD = orjson.loads(packed().fields)


@pytest.mark.parametrize(
    "fields",
    [
        edited({"intent.args.n": [HELD["intent.args.n"][0], "i:6"]}),
        edited({"intent.args.n": [HELD["ith"][0], "i:5"]}),
        edited({"intent.args.n": HELD["ith"]}),
        edited({"intent.args.n": orjson.loads(packed(b"t" * 16).fields)["intent.args.n"]}),
        edited({"intent.args.m": HELD["intent.args.n"]}),
        edited({"ith": "I"}),
        edited({"ith": ["short", "I"]}),
        edited({"ith": [HELD["ith"][0] + "=", "I"]}),
        edited({"ith": [*HELD["ith"], 1]}),
        edited({"ith": -1}),
        edited({"ith": True}),
        b"[]",
        b"{",
        b"{} ",
        packed().fields + b" ",
    ],
)
def test_what_the_body_does_not_commit_to_is_refused(fields: bytes) -> None:
    with pytest.raises(AuditError) as raised:
        joined(body(), fields)
    assert raised.value.code == "audit.field"
    assert not sound_fields(packed().data, fields)


@pytest.mark.parametrize(
    "change",
    [
        {FIELDS: []},
        {FIELDS: {"x" * 513: "A" * 43}},
        {FIELDS: {str(number): "" for number in range(4097)}},
        {"ith": "taken"},
        {"intent": "text"},
        {"intent": {"args": "x", "context": {}}},
        {"intent": {"args": {"n": 1}, "context": {}}},
        {MISSING: {}},
    ],
)
def test_a_body_that_its_fields_do_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AuditError) as raised:
        joined({**body(), **change}, packed().fields)
    assert raised.value.code == "audit.field"
    assert not sound_fields(canonical_json({**body(), **change}), packed().fields)


def test_a_body_without_fields_is_itself_and_takes_none() -> None:
    plain: dict[str, Any] = {"code": "x", "intent": "y"}
    assert joined(plain, b"") is plain
    with pytest.raises(AuditError, match="none"):
        joined(plain, packed().fields)
    with pytest.raises(AuditError, match="readers"):
        joined({MISSING: {"a": "b"}}, b"")


@pytest.mark.parametrize("change", [{"secret": b"x"}, {"body": {"salt": "x"}}, {"body": {FIELDS: {}}}, {"fields": {"a": "\ud800"}}, {"fields": {"ä": 1}}])
def test_what_cannot_be_recorded(change: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"body": {}, "fields": {"a": 1}, "secret": b"s" * 16, **change}
    with pytest.raises(AuditError) as raised:
        pack_fields(arguments["body"], arguments["fields"], secret=arguments["secret"])
    assert raised.value.code == "audit.record"


def test_outside_values_are_looked_at_first() -> None:
    with pytest.raises(AuditError):
        pack_fields({}, {"a": 1.5}, secret=b"s" * 16, encode=canonical_json)


def test_a_record_whose_fields_were_edited_is_not_read() -> None:
    good = row(packed())
    with pytest.raises(AuditError):
        read_body(replace(good, fields=edited({"ith": [HELD["ith"][0], "J"]})))


def test_what_is_surely_sound_is_recognised_and_nothing_that_misses_a_field() -> None:
    made = packed(obligations=["{}"], meters=[["m", "1"]])
    assert sound_fields(made.data, made.fields)
    assert sound_fields(b'{"code":"x"}', b"")
    early = pack_fields({"class": "halted"}, {"principal": ["Agent", "bot"]}, secret=b"s" * 16)
    assert sound_fields(early.data, early.fields)
    assert not sound_fields(made.data, b"")
    assert not sound_fields(made.data, keep_fields(made.fields, ["ith"]))
    assert not sound_fields(made.data, erase_fields(made.fields, ["ith"], by=9))
    assert not sound_fields(b'{"code":"x"}', made.fields)
    assert not sound_fields(b'{"$missing":{}}', b"")


@pytest.mark.parametrize("value", [1.5, 2**60, "\u00e4", [[[[[[[[[1]]]]]]]]]])
def test_what_is_left_to_the_parser(value: Any) -> None:
    """A value that the profile refuses, or that costs more to look at, is never taken on the short way, whatever its digest says."""
    made = pack_fields({}, {"ith": value}, secret=b"s" * 16)
    assert not sound_fields(made.data, made.fields)


def test_a_path_that_no_decision_has_is_left_to_the_parser() -> None:
    for path in ("intent", "intent.args", "intent.args.a.b", "intent.caller", "a.b", "Z"):
        made = pack_fields({"intent": {"args": {}, "context": {}}}, {path: 1}, secret=b"s" * 16)
        assert not sound_fields(made.data, made.fields)
