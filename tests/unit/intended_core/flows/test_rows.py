"""Codecs of rows: what is written is read back, and whatever else stands there is damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.canonical import canonical_json
from intended_core.entities import Entity
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.rows import (
    ApprovalRow,
    GivenApproval,
    NonceRow,
    decode_entity,
    decode_person,
    encode_entity,
    encode_person,
    entity_key,
    plain,
    references_of,
    unplain,
)
from intended_core.ids import EntityRef
from intended_core.outcome import ApprovalRequirement
from intended_core.persons import Person
from intended_core.unit import Row

ANN, BOB, STAFF = EntityRef("User", 'a"\\nn'), EntityRef("User", "bob"), EntityRef("Group", "staff")
ENTITY = Entity(
    ref=ANN, parents=frozenset({STAFF}),
    attributes={"boss": BOB, "deep": {"who": [ANN, {"x": STAFF}]}, "n": 5, "ok": True, "s": "é", "none": []},
)  # fmt: skip
PERSON = Person(ref=ANN, public_key=b"k" * 32)
NONCE = NonceRow(claims=b"c" * 32, audience="bank", expires_s=9, generation=1, seq=4, attempt="a")
NEED = ApprovalRequirement(key="r#0", rule="r", group=STAFF, quorum=2, exclude=frozenset({BOB, ANN}), expires_ms=1000)
APPROVAL = ApprovalRow(
    digest=b"d" * 32, intent='{"é":1}'.encode(), ith=b"i" * 32, policy=b"p" * 32, bound=b"b" * 32, audience="bank",
    alternatives=((NEED,), (NEED, NEED)), given=(GivenApproval(key="r#0", person=ANN, signature=b"s" * 64),), created_us=1,
    expires_us=2, seq=3, steps=2, generation=1,
)  # fmt: skip


def row(body: bytes, *, kind: str = "entity", key: str = entity_key(ANN)) -> Row:
    return Row(kind, key, 1, "ACTIVE", body, b"")


CODECS: dict[str, tuple[Callable[[], bytes], Callable[[Row], object], object]] = {
    "entity": (lambda: encode_entity(ENTITY), decode_entity, ENTITY),
    "person": (lambda: encode_person(PERSON), decode_person, PERSON),
    "nonce": (NONCE.to_body, NonceRow.from_row, NONCE),
    "approval": (APPROVAL.to_body, ApprovalRow.from_row, APPROVAL),
}
LIMITS = {"entity": 256 * 1024, "person": 1024 * 1024, "nonce": 1024 * 1024, "approval": 1024 * 1024}


@pytest.mark.parametrize("name", CODECS)
def test_what_is_written_is_read_back(name: str) -> None:
    write, decode, value = CODECS[name]
    body = write()
    assert decode(row(body)) == value
    assert body == canonical_json(json.loads(body))


@pytest.mark.parametrize("name", CODECS)
def test_every_member_is_needed(name: str) -> None:
    write, decode, _ = CODECS[name]
    whole: dict[str, Any] = json.loads(write())
    for member in whole:
        less = {key: value for key, value in whole.items() if key != member}
        with pytest.raises(StoreCorruptError, match="damaged"):
            decode(row(canonical_json(less)))


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"null", b"{", b'{"a":1,"a":2}', b'{ "a": 1}', b"\xff", b"{}"])
@pytest.mark.parametrize("name", CODECS)
def test_what_is_no_canonical_object_is_damage(name: str, body: bytes) -> None:
    with pytest.raises(StoreCorruptError, match="damaged"):
        CODECS[name][1](row(body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["__entity", "id", "key", "type"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(CODECS)), st.data())
def test_a_member_of_another_form_is_read_or_is_damage(name: str, data: st.DataObject) -> None:
    """Whatever stands in a row, its codec answers a value or says that the row is damaged."""
    write, decode, value = CODECS[name]
    whole: dict[str, Any] = json.loads(write())
    member = data.draw(st.sampled_from(sorted(whole)))
    whole[member] = data.draw(JSON)
    try:
        found = decode(row(canonical_json(whole)))
    except StoreCorruptError:
        return
    assert type(found) is type(value)


def test_a_row_of_another_entity_or_person_is_damage() -> None:
    for body, decode in ((encode_entity(ENTITY), decode_entity), (encode_person(PERSON), decode_person)):
        with pytest.raises(StoreCorruptError):
            decode(row(body, key=entity_key(BOB)))


def test_a_person_key_has_32_bytes() -> None:
    with pytest.raises(StoreCorruptError):
        decode_person(row(encode_person(Person(ref=ANN, public_key=b"k" * 31))))


def test_references_are_found_wherever_they_stand() -> None:
    assert references_of(ENTITY) == {ANN, BOB, STAFF}
    assert references_of(Entity(ref=ANN)) == set()


def test_attributes_are_plain_data() -> None:
    assert plain(ANN, "x") == {"__entity": {"type": "User", "id": ANN.id}}
    assert plain({"b", "a"}, "x") == ["a", "b"]
    assert plain((1, [True]), "x") == [1, [True]]
    for wrong in (1.5, None, b"x", object()):
        with pytest.raises(IntentError) as raised:
            plain({"deep": wrong}, "Place")
        assert raised.value.place == "Place.deep"


@pytest.mark.parametrize("attempt", ["", "a", "x" * 22, "-_" * 11])
def test_a_spent_nonce_is_the_issued_one_with_its_attempt(attempt: str) -> None:
    stated = {"claims": b"c" * 32, "audience": 'b"\\\u00e9', "expires_s": 9, "generation": 1, "seq": 4}
    assert NonceRow.spent(NonceRow.body(**stated), attempt) == NonceRow.body(**stated, attempt=attempt)


@pytest.mark.parametrize("name", CODECS)
def test_a_row_is_read_up_to_its_limit(name: str) -> None:
    write, decode, value = CODECS[name]
    whole: dict[str, Any] = json.loads(write())
    place = {"entity": "attributes", "person": "more", "nonce": "aud", "approval": "aud"}[name]

    def padded(size: int) -> bytes:
        text = "x" * (size - len(canonical_json({**whole, place: {"pad": ""} if name == "entity" else ""})))
        return canonical_json({**whole, place: {"pad": text} if name == "entity" else text})

    assert len(padded(LIMITS[name])) == LIMITS[name]
    assert type(decode(row(padded(LIMITS[name])))) is type(value)
    with pytest.raises(StoreCorruptError, match="damaged"):
        decode(row(padded(LIMITS[name] + 1)))


@pytest.mark.parametrize("attributes", [[], "x", 5, None])
def test_attributes_are_an_object(attributes: object) -> None:
    whole: dict[str, Any] = json.loads(encode_entity(ENTITY))
    with pytest.raises(StoreCorruptError, match="damaged"):
        decode_entity(row(canonical_json({**whole, "attributes": attributes})))  # type: ignore[dict-item]


def test_a_reference_among_attributes_has_nothing_beside_it() -> None:
    beside: dict[str, Any] = {"__entity": {"type": "User", "id": "bob"}, "more": 1}
    assert unplain({"__entity": {"type": "User", "id": "bob"}}) == BOB
    assert unplain(beside) == beside
    assert unplain({"__entity": "bob"}) == {"__entity": "bob"}
