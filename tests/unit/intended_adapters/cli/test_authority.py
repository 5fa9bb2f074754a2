"""Commands on a store: decide, mint, redeem once, approve by one's own key; what is refused leaves nothing behind."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_init_never_writes_over_what_exists(run: Run, shop: Any) -> None:
    before = (shop.folder / "keys" / "kek").read_bytes()
    assert run(*shop.options, "init").code == 9
    assert (shop.folder / "keys" / "kek").read_bytes() == before
    assert stat.S_IMODE((shop.folder / "keys" / "kek").stat().st_mode) == 0o600


def test_a_missing_store_or_tenant_is_said_with_its_cure(run: Run, shop: Any, tmp_path: Path) -> None:
    done = run("--store", str(tmp_path / "none.db"), "tenant", "list")
    assert done.code == 9
    assert "intended init" in done.err
    assert not (tmp_path / "none.db").exists()
    nobody = run(*shop.options[:4], "keys", "list")
    assert nobody.code == 2
    assert "--tenant NAME" in nobody.err
    assert run(*shop.options[:4], "--tenant", "globex", "keys", "list").code not in (0, 1)
    assert [one["tenant"] for one in run(*shop.options, "tenant", "list", "--json").json["tenants"]] == ["acme"]


def test_a_token_is_minted_inspected_and_redeemed_once(run: Run, shop: Any, tmp_path: Path) -> None:
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    token, call = tmp_path / "token.jwt", tmp_path / "call.json"
    done = run(*shop.options, "authorize", str(intent), "--audience", "bank", "--out", str(token), "--json")
    assert (done.code, done.json["outcome"]) == (0, "allow")
    assert "token" not in done.json
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    given = json.loads(intent.read_text(encoding="utf-8"))
    call.write_text(json.dumps({name: given[name] for name in ("action", "resource", "args")}), encoding="utf-8")
    seen = run(*shop.options, "token", "inspect", str(token), "--json")
    assert seen.json.keys() == {"kid", "claims"}
    redeem = ("token", "redeem", str(token), "--call", str(call), "--audience")
    assert run(*shop.options, *redeem, "mail").code == 7
    assert run(*shop.options, *redeem, "bank", "--json").json["redeemed"] is True
    again = run(*shop.options, *redeem, "bank", "--json")
    assert (again.code, again.json["exit"]) == (7, 7)
    assert run(*shop.options, "authorize", str(intent), "--audience", "bank", "--out", str(token)).code == 6


def test_a_denial_mints_nothing(run: Run, shop: Any, tmp_path: Path) -> None:
    intent, token = shop.folder / "a-suspended-agent-pays.json", tmp_path / "token.jwt"
    done = run(*shop.options, "authorize", str(intent), "--audience", "bank", "--out", str(token), "--json")
    assert (done.code, done.json["outcome"]) == (3, "deny")
    assert not token.exists()
    assert "token" not in done.json


def test_an_approval_by_the_persons_own_key(run: Run, shop: Any, tmp_path: Path) -> None:
    intent = shop.folder / "a-large-invoice-waits-for-a-person.json"
    key, other = tmp_path / "cleo.pem", tmp_path / "other.pem"
    public = run("person", "key", str(key), "--json").json["public_key"]
    assert run("person", "key", str(key)).code == 6
    run("person", "key", str(other))
    assert run(*shop.options, "person", "add", 'User::"cleo"', "zz").code == 6
    assert run(*shop.options, "person", "add", 'User::"cleo"', public).code == 0
    waiting = run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json")
    assert (waiting.code, waiting.json["outcome"]) == (4, "escalate")
    number = waiting.json["approval"]
    approve = ("approvals", "approve", number, "--person", 'User::"cleo"', "--key")
    assert run(*shop.options, *approve, str(other)).code not in (0, 1)
    assert run(*shop.options, "approvals", "show", number, "--json").json["approved_by"] == []
    assert run(*shop.options, *approve, str(key), "--json").json["state"] == "APPROVED"
    use = ("authorize", str(intent), "--audience", "bank", "--approval", number)
    assert run(*shop.options, *use).code == 0
    assert run(*shop.options, *use).code == 3


def test_keys_rotate_and_exactly_one_is_active(run: Run, shop: Any) -> None:
    done = run(*shop.options, "keys", "rotate", "--json").json
    found = run(*shop.options, "keys", "list", "--json").json["keys"]
    assert [key["kid"] for key in found if key["state"] == "ACTIVE" and key["purpose"] == "token"] == [done["active"]]
    assert "BEGIN" not in json.dumps(found)


def test_a_set_that_does_not_check_is_not_activated(run: Run, shop: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.policy").write_text("permit everything", encoding="utf-8")
    done = run(*shop.options, "policy", "activate", str(tmp_path))
    assert done.code == 5
    assert "bad.policy:1:" in done.err
    assert run(*shop.options, "entities", "load", str(tmp_path / "bad.policy")).code == 6


def test_a_tenant_is_closed_for_good(run: Run, shop: Any) -> None:
    options = [*shop.options, "--tenant", "passing"]
    assert run(*shop.options, "tenant", "create", "passing").code == 0
    digest = run(*options, "tenant", "close", "--reason", "over", "--digest")
    assert (digest.code, len(digest.out.strip())) == (0, 64)
    assert run(*options, "tenant", "show", "--json").json["closed"] is False
    done = run(*options, "tenant", "close", "--reason", "over", "--json")
    assert (done.code, done.json["size"]) == (0, done.json["seq"] + 1)
    shown = run(*options, "tenant", "show")
    assert (shown.code, "closed: nothing is granted" in shown.out) == (0, True)
    assert run(*options, "tenant", "close", "--reason", "over").code != 0
    assert run(*options, "audit", "verify").code == 0
