"""Outside judges of signed notes and of the Ed25519 accept rule: the C2SP example and the 914 edge cases of C2SP/CCTV.

The rule (`audit.checkpoint.verify_ed25519`): RFC 8032 with S < L, canonical encodings of A and R, neither of small order; the equation
without the cofactor. So of the edge cases only signatures whose key and R carry at most a small-order *component* can pass, and of those
the ones that fulfil the strict equation.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from intended_core.audit import checkpoint
from intended_core.audit.checkpoint import open_checkpoint, parse_vkey, verify_ed25519
from intended_core.errors import AuditError
from intended_core.keys import jwks

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "audit"
REFUSED_ALWAYS = {
    "low_order_A",
    "low_order_R",
    "non_canonical_A",
    "non_canonical_R",
    "reencoded_k",
    "low_order_residue",
}


def need(name: str) -> str:
    path = VECTORS / name
    if not path.exists():
        message = f"the vectors {name} are not beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path.read_text(encoding="utf-8")


def test_the_c2sp_example_key_and_note() -> None:
    example = json.loads(need("c2sp-signed-note.json"))
    key = parse_vkey(example["vkey"])
    assert str(key) == example["vkey"]
    assert (key.name, key.key_id.hex()) == ("example.com/foo", "530d903a")
    with pytest.raises(AuditError) as caught:
        open_checkpoint(example["note"].encode(), [key])
    # The signature holds; what it signs is a greeting and no checkpoint.
    assert caught.value.code == "audit.checkpoint"
    with pytest.raises(AuditError) as caught:
        open_checkpoint(example["note"].replace("example message", "exemple message").encode(), [key])
    assert caught.value.code == "audit.signature"


def test_ed25519_edge_cases(record_property: Callable[[str, object], None]) -> None:
    accepted: list[int] = []
    by_flag: dict[str, int] = {}
    cases = [json.loads(line) for line in need("cctv-ed25519.jsonl").splitlines()]
    for case in cases:
        flags = set(case["flags"] or ())
        try:
            verify_ed25519(bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode())
        except AuditError:
            continue
        accepted.append(case["number"])
        assert not flags & REFUSED_ALWAYS, case
        for flag in flags or {"plain"}:
            by_flag[flag] = by_flag.get(flag, 0) + 1
    expected = [case["number"] for case in cases if not set(case["flags"] or ()) & REFUSED_ALWAYS]
    assert accepted == expected
    record_property("ed25519_accepted", len(accepted))
    record_property("ed25519_accepted_by_flag", json.dumps(by_flag, sort_keys=True))
    assert len(cases) == 914


def test_small_order_is_one_list_in_two_rooms() -> None:
    known = {int.from_bytes(point, "little") & (2**255 - 1) for point in jwks._SMALL_ORDER}
    canonical = {y for y in known if y < 2**255 - 19}
    assert canonical == set(checkpoint._SMALL_ORDER_Y)
