"""still_issued: a nonce is spendable once, exactly as it was signed, and the log is asked as well as the row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import TokenError
from intended_core.flows.rows import NonceRow
from intended_core.flows.spending import still_issued
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from intended_core.unit import RowKey, UnitView
from tests.reference.flow_world import NOW_US, World


def asked(world: World, token: str, **changes: object) -> str:
    from intended_core.canonical import b64url
    from intended_core.flows.steps import thread_commitment

    claims = inspect(parse(token), find_key=world.tenant.policy().ring.find, now_s=NOW_US // 1_000_000).claims
    key, thread = RowKey("nonce", claims.jti), b64url(thread_commitment("token", claims.jti))
    row = world.row("nonce", claims.jti)
    records = tuple(record for record in world.data().records if record.thread == thread)
    given = {"wanted": row.body, "issued": claims.log, "rows": {key: row}, "threads": {thread: records}} | changes
    view = UnitView(world.data().head, given["rows"], given["threads"])  # type: ignore[arg-type]
    try:
        found = still_issued(
            world.context, view, world.head, key, wanted=given["wanted"], issued=given["issued"], thread=thread  # type: ignore[arg-type]
        )
    except TokenError as error:
        return error.code
    assert found == row
    return "issued"


def test_what_is_issued_and_what_is_not(world: World) -> None:
    assert asked(world, world.token) == "issued"
    assert asked(world, world.spent) == "token.replayed"
    assert asked(world, world.token, rows={}) == "token.nonce_unknown"
    assert asked(world, world.token, threads={}) == "token.log_mismatch"
    assert asked(world, world.token, wanted=b"{}") == "token.nonce_mismatch"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_another_place_in_the_log(world: World, place: int) -> None:
    claims = inspect(parse(world.token), find_key=world.tenant.policy().ring.find, now_s=NOW_US // 1_000_000).claims
    assert claims.log is not None
    moved = [*claims.log]
    moved[place] = bytes(32) if place == 2 else moved[place] + 1  # type: ignore[operator]
    assert asked(world, world.token, issued=tuple(moved)) in ("token.nonce_mismatch", "token.log_mismatch")


def test_an_older_row_put_back_is_not_spendable_again(world: World) -> None:
    claims = inspect(parse(world.spent), find_key=world.tenant.policy().ring.find, now_s=NOW_US // 1_000_000).claims
    row = world.row("nonce", claims.jti)
    unspent = replace(NonceRow.from_row(row), attempt="")
    body = NonceRow.body(
        claims=unspent.claims, audience=unspent.audience, expires_s=unspent.expires_s, generation=unspent.generation,
        seq=unspent.seq,
    )  # fmt: skip
    older = world.context.mac.seal_row(world.context.scope, "nonce", claims.jti, 1, "ISSUED", body)
    assert asked(world, world.spent, rows={RowKey("nonce", claims.jti): older}, wanted=body) == "token.replayed"
