"""Contents and their pointer: one form, named by digest; what was damaged or exchanged is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.datarows import (
    DATA_POINTER,
    NO_CONTENT,
    DataContent,
    StoredData,
    content_digest,
    decision_input,
    decode_pointer,
    named_content,
    plain_value,
    typed_content,
)
from intended_core.ids import EntityRef
from intended_core.lang.checker import check
from intended_core.lang.data import NO_DATA
from intended_core.lang.source import Source
from intended_core.unit import Row
from tests.reference.data_world import WITH_DATA
from tests.reference.flow_world import ACCOUNT, POLICY

SCHEMA = check([Source.from_bytes("a.policy", WITH_DATA.encode())]).schema
CONTENT = DataContent(params={"cap": "5.00"}, tables={"frozen": (plain_value([ACCOUNT], "frozen"), 7)})


def row(body: bytes) -> Row:
    return Row(kind="policy", key="data:x", version=1, state="STORED", body=body, mac=b"")


def test_a_content_has_one_form() -> None:
    body = CONTENT.to_body()
    assert DataContent.from_body(body) == CONTENT
    assert named_content(row(body), content_digest(body)) == CONTENT
    assert DataContent.from_body(NO_CONTENT.to_body()) == NO_CONTENT


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"params":1,"tables":{}}', b'{"params":{},"tables":{"a":1}}', b'{"params":{},"tables":{"a":{"rows":[],"updated":"x"}}}'])
def test_a_damaged_content_is_refused(body: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        DataContent.from_body(body)


def test_another_content_than_the_one_named_is_refused() -> None:
    with pytest.raises(StoreCorruptError, match="gone or not those"):
        named_content(row(NO_CONTENT.to_body()), content_digest(CONTENT.to_body()))
    with pytest.raises(StoreCorruptError, match="gone or not those"):
        named_content(None, content_digest(CONTENT.to_body()))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"content":1}', b'{"content":"a+b"}', b"[]"])
def test_a_damaged_pointer_is_refused(body: bytes) -> None:
    with pytest.raises(StoreCorruptError, match="pointer"):
        decode_pointer(replace(row(body), key=DATA_POINTER.key))


def test_values_are_typed_by_the_schema_that_reads_them() -> None:
    stored = StoredData(version=3, content=CONTENT)
    typed = typed_content(SCHEMA, stored)
    assert (typed.version, typed.references) == ("3", {ACCOUNT})
    assert typed.cells["frozen"] == frozenset({ACCOUNT})
    assert typed_content(check([Source.from_bytes("a.policy", POLICY.encode())]).schema, stored) is NO_DATA


def test_a_name_that_the_schema_does_not_have_is_left_alone() -> None:
    more = DataContent(params={"cap": "5.00", "other": 1}, tables={})
    assert typed_content(SCHEMA, StoredData(version=1, content=more)).digest == typed_content(
        SCHEMA, StoredData(version=2, content=DataContent(params={"cap": "5.00"}))
    ).digest  # fmt: skip


@pytest.mark.parametrize(("params", "place"), [({"cap": 1.5}, "cap"), ({"cap": "a lot"}, "cap"), ({"cap": True}, "cap")])
def test_a_value_that_does_not_fit_is_named(params: dict[str, object], place: str) -> None:
    with pytest.raises(IntentError) as caught:
        typed_content(SCHEMA, StoredData(version=1, content=DataContent(params={n: plain_value(v, n) for n, v in params.items()})))
    assert caught.value.place == place


def test_a_map_with_keys_that_are_no_names_is_kept_as_pairs() -> None:
    assert plain_value({"é": 1}, "t") == [["é", 1]]
    assert plain_value({EntityRef("A", "b"): 1}, "t") == [[{"__entity": {"type": "A", "id": "b"}}, 1]]
    assert plain_value({"EUR": "1.0"}, "t") == {"EUR": "1.0"}


def test_the_input_of_a_decision_holds_what_was_read_beside_the_intent() -> None:
    one = typed_content(SCHEMA, StoredData(version=1, content=CONTENT))
    two = typed_content(SCHEMA, StoredData(version=1, content=NO_CONTENT))
    assert decision_input(b"i" * 32, NO_DATA) == b"i" * 32
    assert len({decision_input(ith, data) for ith in (b"i" * 32, b"j" * 32) for data in (NO_DATA, one, two)}) == 6
