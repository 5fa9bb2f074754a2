"""JSON for Cedar: every Long, nothing else that Python would let through."""

from __future__ import annotations

import pytest

from intended_core.errors import IntentError
from intended_core.lang.cedar.plain import read_json


def test_longs_are_whole() -> None:
    assert read_json(b'{"a": [-9223372036854775808, 9223372036854775807, true]}', "x") == {"a": [-(2**63), 2**63 - 1, True]}


@pytest.mark.parametrize(
    "data", [b"1.5", b"NaN", b"9223372036854775808", b'{"a":1,"a":1}', b'"\\ud800"', b"\xff", b"{", b"[" * 100_000, b"1e3"], ids=range(9)
)
def test_refused(data: bytes) -> None:
    with pytest.raises(IntentError) as caught:
        read_json(data, "entities")
    assert caught.value.place == "entities"
