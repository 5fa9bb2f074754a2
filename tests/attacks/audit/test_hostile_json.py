"""Row 5: duplicate keys, 1e0 for 1, Unicode tricks, big integers, lone surrogates: a record has one spelling, at writing and reading."""

from __future__ import annotations

import random
from dataclasses import replace

import orjson
import pytest

from intended_core.audit.grades import Grade
from intended_core.audit.record import body_hash
from intended_core.audit.verify import verify_log
from intended_core.canonical import b64url
from tests.reference.audit_world import honest_log, refreshed

LOG = honest_log(1, size=30)

HEADER_SPELLINGS = {
    "duplicate_key": (b'"g":1,', b'"g":1,"g":1,'),
    "duplicate_key_other_value": (b'"g":1,', b'"g":2,"g":1,'),
    "float": (b'"g":1,', b'"g":1.0,'),
    "exponent": (b'"g":1,', b'"g":1e0,'),
    "leading_zero": (b'"g":1,', b'"g":01,'),
    "plus_sign": (b'"g":1,', b'"g":+1,'),
    "minus_zero": (b'"e":0,', b'"e":-0,'),
    "big_integer": (b'"e":0,', b'"e":9007199254740993,'),
    "huge_integer": (b'"e":0,', b'"e":' + b"9" * 400 + b","),
    "space": (b'"g":1,', b'"g": 1,'),
    "escape": (b'"w":"writer-1"', b'"w":"\\u0077riter-1"'),
    "lone_surrogate": (b'"w":"writer-1"', b'"w":"\\ud800"'),
    "raw_surrogate": (b'"w":"writer-1"', b'"w":"\xed\xa0\x80"'),
    "invalid_utf8": (b'"w":"writer-1"', b'"w":"\xff"'),
    "control": (b'"w":"writer-1"', b'"w":"writer-1\\u0000"'),
    "homoglyph": (b'"w":"writer-1"', '"w":"wrіter-1"'.encode()),
    "unsorted": (b'{"$":"intended.audit/rec.v1",', b"{"),
    "extra_member": (b'"g":1,', b'"g":1,"h":1,'),
    "nan": (b'"e":0,', b'"e":NaN,'),
    "bool_for_number": (b'"e":0,', b'"e":false,'),
    "string_for_number": (b'"e":0,', b'"e":"0",'),
    "bom": (b'{"$"', b'\xef\xbb\xbf{"$"'),
    "trailing": (b'"x":null}', b'"x":null} '),
    "second_document": (b'"x":null}', b'"x":null}{}'),
}


@pytest.mark.parametrize("name", HEADER_SPELLINGS)
def test_a_header(name: str) -> None:
    old, new = HEADER_SPELLINGS[name]
    for trial in range(3):
        seq = random.Random(trial).randrange(1, 30)
        rows = list(LOG.rows)
        assert old in rows[seq].entry
        rows[seq] = refreshed(rows[seq], entry=rows[seq].entry.replace(old, new))
        verdict = verify_log(rows, identity=LOG.identity)
        assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, seq)
        assert verdict.findings[0].code == "record.header"


BODIES = {
    "duplicate_key": b'{"a":1,"a":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "float": b'{"a":1.0,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "exponent": b'{"a":1e0,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "big_integer": b'{"a":9007199254740993,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "lone_surrogate": b'{"a":"\\ud800","salt":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "key_beyond_ascii": '{"salt":"AAAAAAAAAAAAAAAAAAAAAA","ä":1}'.encode(),
    "unsorted": b'{"salt":"AAAAAAAAAAAAAAAAAAAAAA","a":1}',
    "deep": b'{"a":' + b"[" * 40 + b"]" * 40 + b',"salt":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "deeper": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b',"salt":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "no_salt": b'{"a":1}',
    "array": b"[]",
    "empty": b"",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_its_header_commits_to(name: str) -> None:
    rows = list(LOG.rows)
    header = orjson.loads(rows[29].entry)
    header["b"] = b64url(body_hash(BODIES[name]))
    entry = orjson.dumps(header, option=orjson.OPT_SORT_KEYS)
    rows[29] = refreshed(replace(rows[29], body=BODIES[name]), entry=entry)
    verdict = verify_log(rows, identity=LOG.identity)
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, 29)
    assert verdict.findings[0].code == "record.body"
