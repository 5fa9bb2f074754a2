"""Requests fit the schema or are refused; none can become a token."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.errors import IntentError
from intended_core.lang.cedar.loading import load_schema
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.requests import parse_ref, read_request
from tests.unit.intended_core.lang.cedar.cedar_support import SCHEMA

GOOD: dict[str, Any] = {"principal": 'User::"a\\u{41}"', "action": {"type": "Action", "id": "view"}, "resource": 'Photo::"p"', "context": {"ip": "::1"}}


def test_a_request() -> None:
    found = read_request(load_schema("s", SCHEMA), GOOD)
    assert (found.principal, found.action, found.context) == (CedarRef("User", "aA"), 'Action::"view"', {"ip": "::1/128"})
    assert (found.wire, found.arh, found.ith) == (b"", b"", b"")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"principal": 'Group::"g"'}, "principal"), ({"resource": 'Doc::"d"'}, "resource"), ({"action": 'Action::"nope"'}, "action"), ({"action": 'Action::"all"'}, "principal"),
        ({"context": {}}, "context.ip"), ({"context": {"ip": "::1", "x": 1}}, "context.x"), ({"more": 1}, "request"), ({"principal": "User"}, "principal"), ({"principal": 'User::"\\q"'}, "principal"),
    ],
)  # fmt: skip
def test_refused(change: dict[str, Any], place: str) -> None:
    with pytest.raises(IntentError) as caught:
        read_request(load_schema("s", SCHEMA), {**GOOD, **change})
    assert caught.value.place == place


def test_written_references() -> None:
    assert parse_ref('A::B::"x\\"y"', "x") == CedarRef("A::B", 'x"y')
