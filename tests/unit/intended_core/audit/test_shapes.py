"""What fits a shape is in its one spelling; what is not in its one spelling fits none."""

from __future__ import annotations

import random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.audit.clean import _body
from intended_core.audit.record import body_hash, parse_body
from intended_core.audit.shapes import MAX_SHAPE_BYTES, MAX_SHAPES, PATIENCE, Shapes, pattern_of
from intended_core.errors import AuditError
from tests.reference.audit_world import honest_log

SALT = "A" * 22
BODIES = [row.body for row in honest_log(3, size=40).rows]


def spelled(value: dict[str, object]) -> bytes:
    return orjson.dumps({**value, "salt": SALT}, option=orjson.OPT_SORT_KEYS)


def accepted(body: bytes) -> bool:
    """What the strict parser says."""
    try:
        parse_body(body, expected=body_hash(body))
    except AuditError:
        return False
    return True


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12) | st.text("\\\"\n\tab\x7f{}[]:,", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc\\\"é:", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(first=st.dictionaries(st.text("kst", min_size=1, max_size=2), VALUES, max_size=4), data=st.data())
def test_a_shape_takes_only_what_the_parser_takes(first: dict[str, object], data: st.DataObject) -> None:
    body = spelled(first)
    if not _body(body):
        return
    fits = pattern_of(body).fullmatch
    # DEL is escaped by nobody, and other controls seldom occur: these are left to the parser. All else fits its own shape.
    assert fits(body) or b"\x7f" in body or b"\\u" in body or b"900719925474" in body
    other = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(other)))
        change = data.draw(st.sampled_from([b"", b'"', b"\\", b"0", b"-", b" ", b"\\u0041", b"\\/", b"\n", b"\x80", b"1e3", b".5", b"salt", b"}"]))
        other[place : place + data.draw(st.integers(0, 2))] = change
    if fits(bytes(other)):
        assert accepted(bytes(other))
        assert _body(bytes(other))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"n":7', b'"n":07'), (b'"n":7', b'"n":-0'), (b'"n":7', b'"n":+7'), (b'"n":7', b'"n":7.0'), (b'"n":7', b'"n":9007199254740993'),
        (b'"n":7', b'"n":7e0'), (b'"n":7', b'"n":99999999999999999'), (b'"a"', b'"\\u0061"'), (b'"a"', b'"\\/"'), (b'"a"', b'"\x7f\xff"'),
        (b'"a"', b'"a\n"'), (b'"a"', b'"a\\"'), (b'"a"', b'"a"",'), (b'"salt":"A', b'"salt":"='), (b'AA"', b'AB"'), (b'"n"', b'"m"'),
        (b'"a","n"', b'"n":7,"a"'), (b"{", b"{ "), (b"}", b"}\n"), (b"}", b'}"'), (b'"n":7', b'"n":7,"n":7'), (b'"n":7', b'"n":true'),
    ],
)  # fmt: skip
def test_another_spelling_fits_nothing(before: bytes, after: bytes) -> None:
    body = spelled({"n": 7, "m": "a"})
    assert pattern_of(body).fullmatch(body)
    changed = body.replace(before, after, 1)
    assert changed != body
    assert not pattern_of(body).fullmatch(changed), changed


def test_a_salt_deeper_down_is_a_text_like_others() -> None:
    body = spelled({"x": {"salt": "short"}, "y": {"salt": SALT}})
    assert pattern_of(body).fullmatch(body)
    assert pattern_of(body).fullmatch(body.replace(b"short", b"s"))
    assert not pattern_of(body).fullmatch(body.replace(b'"salt":"' + SALT.encode() + b'","x"', b'"salt":"short","x"'))


def test_shapes_are_learnt_with_patience_and_the_oldest_is_forgotten() -> None:
    shapes = Shapes()
    body = BODIES[5]
    for _ in range(PATIENCE):
        assert not shapes.fits(b"k", body)
        shapes.learn(b"k", body)
    assert shapes.fits(b"k", body)
    assert not shapes.fits(b"another kind", body)
    kinds = [spelled({f"member{number}": number}) for number in range(MAX_SHAPES)]
    for other in kinds:
        for _ in range(PATIENCE):
            shapes.learn(b"k", other)
    assert [shapes.fits(b"k", other) for other in (body, *kinds)] == [False] + [True] * MAX_SHAPES
    long = spelled({"x": "y" * MAX_SHAPE_BYTES})
    for _ in range(PATIENCE):
        shapes.learn(b"long", long)
    assert not shapes.fits(b"long", long)


def test_no_bit_of_a_real_body_is_changed_unseen_but_within_its_values() -> None:
    chance = random.Random(4)
    for body in BODIES:
        if not _body(body):
            continue
        fits = pattern_of(body).fullmatch
        assert fits(body)
        for _ in range(40):
            data = bytearray(body)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            if fits(bytes(data)):
                assert accepted(bytes(data))
