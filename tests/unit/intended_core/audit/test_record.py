"""Records: what is written is read back; whatever would not be written exactly so is refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.audit.record import (
    MAX_BODY_BYTES,
    MAX_ENTRY_BYTES,
    EventKind,
    Thread,
    body_hash,
    make_record,
    parse_body,
    parse_entry,
)
from intended_core.audit.tree import leaf_hash
from intended_core.errors import AuditError
from tests.reference import audit_record

SALT = bytes(range(16))
PLAIN: dict[str, Any] = {
    "origin": "log.example/acme", "tenant_uuid": "0" * 32, "generation": 1, "seq": 5, "epoch": 0, "time_us": 1_700_000_000_000_000,
    "kind": EventKind.DECISION_ALLOW, "body": {"outcome": "allow"}, "salt": SALT, "previous_leaf": b"\x01" * 32,
    "thread": Thread(commitment=b"\x02" * 32, n=1, previous=3), "writer": "w1", "policy_digest": b"\x03" * 32, "trace": "t-1",
}  # fmt: skip


def made(**changes: object) -> Any:
    return make_record(**{**PLAIN, **changes})


def test_round_trip() -> None:
    record = made()
    entry = parse_entry(record.entry)
    assert entry.origin == "log.example/acme"
    assert entry.thread == PLAIN["thread"]
    assert (entry.seq, entry.kind, entry.writer, entry.trace) == (5, EventKind.DECISION_ALLOW, "w1", "t-1")
    assert (entry.previous_leaf, entry.policy_digest) == (b"\x01" * 32, b"\x03" * 32)
    assert record.leaf == leaf_hash(record.entry)
    assert parse_body(record.body, expected=entry.body_hash) == {"outcome": "allow", "salt": "AAECAwQFBgcICQoLDA0ODw"}


def test_the_header_in_full() -> None:
    assert made(thread=None, policy_digest=None, trace=None).entry == (
        b'{"$":"intended.audit/rec.v1","b":"'
        + _b64(made().body)
        + b'","e":0,"g":1,"k":"decision.allow","o":"log.example/acme",'
        b'"p":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","pv":null,"s":5,"t":"00000000000000000000000000000000","th":null,'
        b'"ts":1700000000000000,"w":"w1","x":null}'
    )


def _b64(body: bytes) -> bytes:
    import base64

    framed = b"intended.audit/body.v1\x00" + len(body).to_bytes(8, "big") + body
    return base64.urlsafe_b64encode(hashlib.sha256(framed).digest()).rstrip(b"=")


def test_the_salt_hides_the_body() -> None:
    assert made().leaf != made(salt=bytes(16)).leaf
    assert body_hash(b"{}") != hashlib.sha256(b"{}").digest()


@pytest.mark.parametrize(
    "change",
    [
        {"salt": b"short"}, {"salt": bytes(17)}, {"body": {"salt": "mine"}}, {"body": {"a": 0.5}}, {"body": {"é": 1}},
        {"body": {"a": "\ud800"}}, {"body": {"a": 2**53}}, {"body": {"a": "x" * MAX_BODY_BYTES}}, {"origin": "two words"},
        {"origin": ""}, {"origin": "x" * 256}, {"tenant_uuid": "ABC"}, {"tenant_uuid": "A" * 32}, {"generation": -1}, {"seq": -1},
        {"seq": 2**53}, {"epoch": True}, {"time_us": -5}, {"time_us": 1.5}, {"previous_leaf": b""}, {"previous_leaf": bytes(33)},
        {"policy_digest": b"x"}, {"writer": ""}, {"writer": "a b"}, {"trace": "a\nb"},
        {"thread": Thread(commitment=b"x", n=0, previous=None)}, {"thread": Thread(commitment=bytes(32), n=0, previous=1)},
        {"thread": Thread(commitment=bytes(32), n=1, previous=None)}, {"thread": Thread(commitment=bytes(32), n=1, previous=5)},
    ],
)  # fmt: skip
def test_what_would_not_be_read_back_is_not_written(change: dict[str, object]) -> None:
    with pytest.raises(AuditError):
        made(**change)


def test_the_largest_header_fits() -> None:
    wide = "x" * 255
    record = made(
        origin=wide, writer=wide, trace=wide, seq=2**53 - 1, time_us=2**53 - 1, generation=2**53 - 1, epoch=2**53 - 1
    )
    assert len(record.entry) <= MAX_ENTRY_BYTES
    assert parse_entry(record.entry).seq == 2**53 - 1


def edited(**changes: object) -> bytes:
    value = orjson.loads(made().entry)
    value.update(changes)
    return orjson.dumps({name: item for name, item in value.items() if item != "DROP"}, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize(
    "change",
    [
        {"$": "intended.audit/rec.v9"}, {"$": None}, {"k": "decision.maybe"}, {"k": ["decision.allow"]}, {"k": None}, {"extra": 1},
        {"x": "DROP"}, {"s": "5"}, {"s": True}, {"s": -1}, {"s": None}, {"ts": None}, {"b": "AA"}, {"b": None}, {"p": "!"},
        {"p": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQF"}, {"t": "x"}, {"t": 1}, {"o": ""}, {"o": "a b"}, {"w": None},
        {"pv": "AA"}, {"pv": 1}, {"x": 1}, {"x": ""}, {"th": []}, {"th": [1, 2, 3]}, {"th": {}}, {"th": "x"},
    ],
)  # fmt: skip
def test_headers_of_another_form(change: dict[str, object]) -> None:
    with pytest.raises(AuditError) as caught:
        parse_entry(edited(**change))
    assert caught.value.code == "audit.record"


@pytest.mark.parametrize(
    "spell",
    [
        lambda data: b" " + data,
        lambda data: data + b"\n",
        lambda data: data.replace(b'"g":1', b'"g":1.0'),
        lambda data: data.replace(b'"g":1', b'"g":1e0'),
        lambda data: data.replace(b'"g":1', b'"g":1,"g":1'),
        lambda data: data.replace(b'"w":"w1"', b'"w":"\\u00771"'),
        lambda data: data.replace(b'"s":5', b'"s":9007199254740993'),
        lambda data: data.replace(b'"w":"w1"', b'"w":"\xff"'),
        lambda data: data.replace(b'"w":"w1"', b'"w":"\\ud800"'),
        lambda data: json.dumps(json.loads(data), sort_keys=True).encode(),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"[" * 5000,
        lambda data: data[:-1],
        lambda data: b"[]",
        lambda data: b"null",
        lambda data: b"",
        lambda data: data + b" " * MAX_ENTRY_BYTES,
    ],
)
def test_a_header_has_one_spelling(spell: Any) -> None:
    with pytest.raises(AuditError) as caught:
        parse_entry(spell(made().entry))
    assert caught.value.code == "audit.record"


def test_bodies_are_read_only_when_they_are_the_ones_committed_to() -> None:
    record = made()
    with pytest.raises(AuditError) as caught:
        parse_body(record.body, expected=bytes(32))
    assert caught.value.code == "audit.body"
    for body in (
        b"{}",
        b"[]",
        b'{"salt":1}',
        b'{"salt":"AAECAwQFBgcICQoLDA0OD"}',
        b'{"salt": "AAECAwQFBgcICQoLDA0ODw"}',
        b'{"a":1e0}',
    ):
        with pytest.raises(AuditError) as caught:
            parse_body(body, expected=body_hash(body))
        assert caught.value.code == "audit.body"


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_bytes_from_anywhere_raise_only_audit_errors(data: bytes) -> None:
    with pytest.raises(AuditError):
        parse_entry(data)


@settings(max_examples=100)
@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_is_another_leaf(place: int, bit: int) -> None:
    record = made()
    bad = bytearray(record.entry)
    bad[place % len(bad)] ^= 1 << bit
    assert leaf_hash(bytes(bad)) != record.leaf
    try:
        entry = parse_entry(bytes(bad))
    except AuditError:
        return
    assert entry != parse_entry(record.entry)


def test_every_kind_survives() -> None:
    for kind in EventKind:
        assert parse_entry(made(kind=kind).entry).kind is kind


@settings(max_examples=400)
@given(st.data())
def test_the_pattern_and_the_schema_agree_on_edited_headers(data: st.DataObject) -> None:
    thread = data.draw(st.sampled_from([None, PLAIN["thread"], Thread(commitment=b"\x02" * 32, n=0, previous=None)]))
    good = made(
        thread=thread,
        policy_digest=data.draw(st.sampled_from([None, b"\xff" * 32])),
        trace=data.draw(st.sampled_from([None, "t"])),
        kind=data.draw(st.sampled_from(EventKind)),
    ).entry
    assert audit_record.read(good)["s"] == parse_entry(good).seq
    start = data.draw(st.integers(0, len(good)))
    stop = data.draw(st.integers(start, min(len(good), start + 4)))
    pieces = st.sampled_from(
        [b"", b'"', b"\\", b"0", b"9", b"-", b".0", b"e1", b"null", b",", b"]", b"A", b"Q", b" ", b"\n", b"\xc3\xa9"]
    )
    changed = good[:start] + data.draw(pieces | st.binary(max_size=4)) + good[stop:]
    try:
        expected = audit_record.read(changed)
    except audit_record.NoHeaderError:
        with pytest.raises(AuditError):
            parse_entry(changed)
        return
    entry = parse_entry(changed)
    assert (entry.origin, entry.tenant_uuid, entry.writer, entry.trace) == (
        expected["o"],
        expected["t"],
        expected["w"],
        expected["x"],
    )
    assert (entry.seq, entry.generation, entry.epoch, entry.time_us) == (
        expected["s"],
        expected["g"],
        expected["e"],
        expected["ts"],
    )
    assert entry.body_hash == audit_record.digest(expected["b"])
    assert entry.previous_leaf == audit_record.digest(expected["p"])


@pytest.mark.parametrize("text", ['a"b', "a\\b", '"', "\\"])
def test_header_text_needs_no_escape(text: str) -> None:
    for name in ("origin", "writer", "trace"):
        with pytest.raises(AuditError):
            made(**{name: text})
