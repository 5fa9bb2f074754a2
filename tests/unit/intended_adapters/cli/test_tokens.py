"""`token`: redeem and inspect are told in test_authority; here are the key set and receipts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_a_denials_receipt_is_verified_offline_with_the_key_set(run: Run, shop: Any, tmp_path: Path) -> None:
    intent, receipt, keys = shop.folder / "a-suspended-agent-pays.json", tmp_path / "receipt.jwt", tmp_path / "keys.json"
    done = run(*shop.options, "authorize", str(intent), "--audience", "bank", "--receipt", str(receipt), "--json")
    assert done.code == 3
    keys.write_text(run(*shop.options, "token", "jwks").out, encoding="utf-8")
    assert not {"d", "p", "q"} & set(json.loads(keys.read_text())["keys"][0])
    seen = run("token", "receipt", str(receipt), "--jwks", str(keys), "--json")
    assert seen.code == 0
    assert (seen.json["out"], seen.json["class"], seen.json["seq"]) == ("deny", done.json["class"], done.json["seq"])
    assert "deny (" in run("token", "receipt", str(receipt), "--jwks", str(keys)).out
    refused = run(*shop.options, "token", "redeem", str(receipt), "--call", str(_call(tmp_path)), "--audience", "bank")
    assert refused.code == 7
    assert run(*shop.options, "token", "inspect", str(receipt)).code == 7


def test_receipts_that_do_not_hold_and_files_that_are_no_key_set(run: Run, shop: Any, tmp_path: Path) -> None:
    intent, receipt, keys = shop.folder / "a-suspended-agent-pays.json", tmp_path / "receipt.jwt", tmp_path / "keys.json"
    run(*shop.options, "authorize", str(intent), "--audience", "bank", "--receipt", str(receipt))
    for text, code in (('{"keys": []}', 7), ("[]", 6), ("{", 6), ('{"keys":[],"keys":[]}', 6)):
        keys.write_text(text, encoding="utf-8")
        assert run("token", "receipt", str(receipt), "--jwks", str(keys)).code == code
    keys.write_text(run(*shop.options, "token", "jwks").out, encoding="utf-8")
    receipt.write_text(receipt.read_text()[:-4] + "AAAA", encoding="utf-8")
    assert run("token", "receipt", str(receipt), "--jwks", str(keys)).code == 7


def _call(folder: Path) -> Path:
    path = folder / "call.json"
    path.write_text('{"action": "pay", "resource": {"type": "Account", "id": "x"}, "args": {}}', encoding="utf-8")
    return path
