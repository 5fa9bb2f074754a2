"""What is recognised as surely good is good to the rooms that judge; every doubt is theirs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from intended_core.audit.clean import Clean
from intended_core.audit.record import body_hash
from intended_core.audit.tree import leaf_hash
from intended_core.audit.verify import _Bad, _Walk, verify_log
from intended_core.canonical import b64url
from intended_core.unit import RecordRow
from tests.reference.audit_world import TenantLog, honest_log

LOG = honest_log(3, size=40)
AT = next(row.seq for row in LOG.rows if b'"k":"decision.allow"' in row.entry and row.seq > 10)


def clean(log: TenantLog, upto: int) -> Clean:
    """As it stands before record `upto`."""
    made = Clean(origin=log.origin, tenant_uuid=log.scope.uuid, generation=1)
    for row in log.rows[:upto]:
        if not made.take(row):
            made.add(row.leaf, 0)
    return made


def test_an_honest_log_is_recognised_whole_but_for_its_first_two_records() -> None:
    state = Clean(origin=LOG.origin, tenant_uuid=LOG.scope.uuid, generation=1)
    taken = []
    for row in LOG.rows:
        if state.take(row):
            taken.append(row.seq)
        else:
            state.add(row.leaf, 0)
    assert taken == list(range(2, len(LOG.rows)))
    assert state.frontier() == LOG.head.frontier
    assert (state.last_leaf, state.size) == (LOG.rows[-1].leaf, len(LOG.rows))


def judged(row: RecordRow, upto: int) -> bool:
    """Whether the room that judges takes this record in this place."""
    walk = _Walk(LOG.identity, (), ())
    for earlier in LOG.rows[:upto]:
        walk.take(earlier, None)
    try:
        walk.take(row, None)
    except _Bad:
        return False
    return True


def forged(body: bytes, row: RecordRow = LOG.rows[AT]) -> RecordRow:
    """A record whose header commits to `body`: a forger's, who recomputes what he can."""
    entry = row.entry.replace(b64url(body_hash(row.body)).encode(), b64url(body_hash(body)).encode())
    return replace(row, entry=entry, body=body, leaf=leaf_hash(entry))


def test_a_forger_who_recomputes_every_hash_is_recognised_only_with_a_body_in_its_one_spelling() -> None:
    row = LOG.rows[AT]
    value = orjson.loads(row.body)
    same = forged(row.body)
    assert clean(LOG, AT).take(same)
    salt = value["salt"]
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    spelled: list[bytes] = [
        orjson.dumps({**value, "x": 1.5}, option=orjson.OPT_SORT_KEYS),
        orjson.dumps({**value, "x": {"y": [0, 2.5]}}, option=orjson.OPT_SORT_KEYS),
        orjson.dumps({**value, "x": [{"y": 1e300}]}, option=orjson.OPT_SORT_KEYS),
        orjson.dumps({**value, "x": 2**53}, option=orjson.OPT_SORT_KEYS),
        orjson.dumps({**value, "x": -(2**53)}, option=orjson.OPT_SORT_KEYS),
        b'{"salt":"' + salt.encode() + b'","x":18446744073709551616}',
        orjson.dumps({**value, "é": 1}, option=orjson.OPT_SORT_KEYS),
        orjson.dumps({**value, "x": deep}, option=orjson.OPT_SORT_KEYS),
        row.body.replace(b'{"', b'{ "', 1),
        row.body + b"\n",
        row.body[:-1] + b',"salt":"' + salt.encode() + b'"}',
        b'{"a":1,"a":1,"salt":"' + salt.encode() + b'"}',
        b'{"a":"\\u0041","salt":"' + salt.encode() + b'"}',
        b'{"a":"\\ud800","salt":"' + salt.encode() + b'"}',
        b'{"a":-0,"salt":"' + salt.encode() + b'"}',
        b'{"a":1e0,"salt":"' + salt.encode() + b'"}',
        b'{"salt":1}', b'{"salt":"short"}', b"{}", b"[]", b"null", b"\xef\xbb\xbf{}",
        orjson.dumps({**value, "salt": salt[:-1] + "B"}, option=orjson.OPT_SORT_KEYS),
    ]  # fmt: skip
    for body in spelled:
        assert not clean(LOG, AT).take(forged(body)), body
        assert not judged(forged(body), AT), body


def test_a_body_that_is_gone_is_left_to_the_room_that_judges() -> None:
    """Which asks at the end of the log whether a record of it permits that."""
    gone = replace(LOG.rows[AT], body=b"")
    assert not clean(LOG, AT).take(gone)
    assert judged(gone, AT)


def test_a_body_beyond_ascii_is_left_to_the_room_that_judges_and_stands() -> None:
    value = {**orjson.loads(LOG.rows[AT].body), "rules": ["köln"]}
    row = forged(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    assert not clean(LOG, AT).take(row)
    assert judged(row, AT)


CHANGES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("another origin", lambda e: e.replace(b'"o":"test/', b'"o":"tesT/')),
    ("a pattern in the origin", lambda e: e.replace(b'"o":"test/', b'"o":"tes./')),
    ("another generation", lambda e: e.replace(b'"g":1', b'"g":2')),
    ("another tenant", lambda e: e.replace(b'"t":"0', b'"t":"1')),
    ("another number", lambda e: e.replace(b'"s":%d' % AT, b'"s":%d' % (AT + 1))),
    ("a number with a zero before it", lambda e: e.replace(b'"s":%d' % AT, b'"s":0%d' % AT)),
    ("an unknown kind", lambda e: e.replace(b'"k":"decision', b'"k":"decisiom')),
    ("a second genesis", lambda e: e.replace(b'"k":"decision.allow"', b'"k":"log.genesis"')),
    ("an epoch beyond 2**53", lambda e: e.replace(b'"e":0', b'"e":9999999999999999')),
    ("a time beyond 2**53", lambda e: e.replace(b'"ts":1', b'"ts":9')),
    ("a time before the last", lambda e: e.replace(b'"ts":1790000000', b'"ts":1690000000')),
    ("a step without the one before", lambda e: e.replace(b",0,null]", b",1,null]")),
    ("a first step with one before", lambda e: e.replace(b",0,null]", b",0,3]")),
    ("a step after a later record", lambda e: e.replace(b",0,null]", b",1,%d]" % AT)),
    ("unused bits", lambda e: e[:75] + b"B" + e[76:]),
    ("a space", lambda e: e + b" "),
    ("another writer's word", lambda e: e.replace(b'"w":"writer-1"', b'"w":"writer 1"')),
]


@pytest.mark.parametrize(("name", "change"), CHANGES, ids=[name for name, _ in CHANGES])
def test_a_header_that_is_not_the_logs_own_is_not_taken(name: str, change: Callable[[bytes], bytes]) -> None:
    row = LOG.rows[AT]
    entry = change(row.entry)
    assert entry != row.entry
    changed = replace(row, entry=entry, leaf=leaf_hash(entry))
    assert not clean(LOG, row.seq).take(changed)
    assert not judged(changed, row.seq)


def test_nothing_that_was_changed_anywhere_is_taken() -> None:
    chance = random.Random(11)
    row = LOG.rows[AT]
    for _ in range(400):
        part = chance.choice(("entry", "body", "leaf"))
        data = bytearray(getattr(row, part))
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        state = clean(LOG, AT)
        assert not state.take(replace(row, **{part: bytes(data)}))
        entry = bytes(data) if part == "entry" else row.entry
        # even when the forger makes the stored hash fit, only the link and the root can tell: the judge then agrees
        again = replace(row, entry=entry, leaf=leaf_hash(entry))
        if part == "entry" and clean(LOG, AT).take(again):
            assert judged(again, AT)
    for changed in (
        replace(row, thread=""),
        replace(row, thread="x"),
        replace(row, seq=AT + 1),
        replace(row, entry=row.entry.decode()),  # type: ignore[arg-type]
        replace(row, body=row.body.decode()),  # type: ignore[arg-type]
        LOG.rows[AT - 1],
        LOG.rows[AT + 1],
    ):
        assert not clean(LOG, AT).take(changed)


def test_a_refusal_changes_nothing() -> None:
    state = clean(LOG, AT)
    before = (state.frontier(), state.last_leaf, state.size, state.time_us)
    assert not state.take(LOG.rows[AT + 1])
    assert (state.frontier(), state.last_leaf, state.size, state.time_us) == before
    assert state.take(LOG.rows[AT])


def test_the_verdict_is_the_same_without_this_room(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = verify_log(LOG.rows, identity=LOG.identity, heads=[LOG.known(25)])
    monkeypatch.setattr(Clean, "take", lambda self, row: False)
    monkeypatch.setattr(Clean, "adopt", lambda self, found: False)
    assert verify_log(LOG.rows, identity=LOG.identity, heads=[LOG.known(25)]) == quick
