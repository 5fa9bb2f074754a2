"""credential and serve: an adapter elsewhere redeems at its own audience, and nothing else comes of a credential."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intended_core.canonical import b64url, unb64url
from intended_core.errors import AdapterError, IntentError
from tests.reference.flow_world import World
from tests.reference.remote_world import granted

DAY = 24 * 3600


def request(world: World, **changes: Any) -> bytes:
    outcome = granted(world)
    members = {
        "attempt": "A" * 22, "call": world.tenant.tokens.call_text(outcome).wire.decode(), "proof": None,
        "credential": world.tenant.tokens.credential("bank"), "token": outcome.token.text, "v": 0,
    } | changes  # fmt: skip
    return json.dumps({name: value for name, value in members.items() if value is not ...}).encode()


def answer(world: World, data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.tenant.tokens.serve(data))
    return found


def test_an_honest_request_is_consumed_once(world: World) -> None:
    data = request(world)
    first = answer(world, data)
    assert (first["answer"], first["attempt"]) == ("consumed", "A" * 22)
    assert answer(world, data) == {"answer": "refused", "attempt": "A" * 22, "v": 0}
    assert world.kinds()[-2:] == ["token.consumed", "replay.refused"]


@pytest.mark.parametrize(
    "changes",
    [{"attempt": "short"}, {"attempt": None}, {"attempt": ...}, {"call": "{}"}, {"call": None}, {"call": "x" * 10}, {"call": ...},
     {"token": "a.b.c"}, {"token": 5}, {"proof": {}}, {"proof": "x"}, {"proof": {"certificate": "3000"}}, {"v": 1}, {"v": True and 2},
     {"more": 1}, {"credential": ""}, {"credential": None}, {"credential": "adapter.e30.AAAA"}],
    ids=str,
)  # fmt: skip
def test_a_request_that_is_not_in_order_is_refused(world: World, changes: dict[str, Any]) -> None:
    data = request(world, **changes)
    size = world.head.size
    assert answer(world, data)["answer"] == "refused"
    assert "token.consumed" not in world.kinds(size)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b"\xff", b"x" * 600_000, b'{"v":0,"v":0}', b"[" * 5000])
def test_bytes_that_are_no_request(world: World, data: bytes) -> None:
    size = world.head.size
    assert answer(world, data) == {"answer": "refused", "attempt": "", "v": 0}
    assert world.head.size == size


def test_who_has_no_credential_is_counted(world: World) -> None:
    for changes in ({"credential": "adapter.e30.AAAA"}, {"attempt": "short"}, {"v": 1}, {"proof": "x"}):
        answer(world, request(world, **changes))
    answer(world, b"{")
    codes = {(item.code, item.adapter): item.count for item in world.context.refusals.take()}
    assert codes == {("token.credential", ""): 1, ("token.attempt", ""): 1, ("token.request", ""): 2, ("token.request", "bank"): 1}
    answer(world, request(world, token="a.b.c"))
    assert {item.code: item.count for item in world.context.refusals.take()} == {"token.base64": 1}


def test_a_credential_of_another_audience_scope_or_time(world: World) -> None:
    desk = world.tenant.tokens
    assert answer(world, request(world, credential=desk.credential("vault")))["answer"] == "refused"
    other = World().tenant.tokens.credential("bank")
    assert answer(world, request(world, credential=other))["answer"] == "refused"
    short = desk.credential("bank", life_seconds=60)
    data = request(world, credential=short)
    world.clock.advance(seconds=59)
    assert answer(world, data)["answer"] == "consumed"
    world.clock.advance(seconds=1)
    assert answer(world, request(world, credential=short))["answer"] == "refused"


def test_what_a_credential_says_cannot_be_changed(world: World) -> None:
    made = world.tenant.tokens.credential("vault")
    _, said, tag = made.split(".")
    for old, new in ((b'"vault"', b'"bank"'), (b'"live"', b'"test"')):
        forged = f"adapter.{b64url(unb64url(said).replace(old, new))}.{tag}"
        assert answer(world, request(world, credential=forged))["answer"] == "refused"
    assert answer(world, request(world, credential=made + "x"))["answer"] == "refused"


def test_a_credential_is_for_an_adapter_and_for_a_time(world: World) -> None:
    for life in (0, 59, 90 * DAY + 1, True, "60", 60.0):
        with pytest.raises(AdapterError):
            world.tenant.tokens.credential("bank", life_seconds=life)  # type: ignore[arg-type]
    with pytest.raises(IntentError):
        world.tenant.tokens.credential("../bank")
    assert world.tenant.tokens.credential("bank") != world.tenant.tokens.credential("bank")
