"""Every row of the tables of attacks names tests, and every test that it names is there."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.attacks.policy.rows import ROWS
from tests.attacks.tokens.rows import ATTACKS, CLAUSES, NOT_HERE
from tests.house.source import ROOT

TABLES = {**ROWS, **ATTACKS, **CLAUSES}


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(item.name for item in tree.body if isinstance(item, ast.FunctionDef))


def test_no_row_stands_twice() -> None:
    assert len(TABLES) == len(ROWS) + len(ATTACKS) + len(CLAUSES)
    assert not TABLES.keys() & NOT_HERE.keys()


@pytest.mark.parametrize("row", sorted(TABLES))
def test_a_row_has_its_tests(row: str) -> None:
    assert TABLES[row]
    for place in TABLES[row]:
        file, _, name = place.partition("::")
        assert name in functions(file), place


def test_every_attack_on_tokens_and_sealed_values_stands_in_a_row() -> None:
    """But for the honest ones and those that hold another one up."""
    named = {place for places in (*ATTACKS.values(), *CLAUSES.values()) for place in places}
    for file in ("tokens/test_left_unspent.py", "keys/test_isolation.py", "keys/test_sealed_values.py", "tokens/test_algorithm_and_key.py"):
        path = f"tests/attacks/{file}"
        missing = {name for name in functions(path) if f"{path}::{name}" not in named and name.startswith("test_")}
        assert missing <= BESIDE, missing


# Parts of an attack whose row names its plainest form, and honest values that must pass.
BESIDE = {
    "test_the_honest_token", "test_the_honest_token_is_redeemable", "test_the_honest_value_opens", "test_the_forge_makes_tokens_that_pass_when_nothing_is_changed",
    "test_a_key_record_that_answers_to_another_kid", "test_signature_by_another_key_under_the_right_kid", "test_one_bit_of_the_signature",
    "test_pss_with_another_salt_length", "test_an_ed25519_signature_whose_s_is_not_reduced", "test_an_ed25519_key_under_the_headers_alg",
    "test_acmes_own_token_is_nothing_at_beta", "test_nonce_of_another_length", "test_parts_of_two_honest_values_do_not_mix", "test_another_key_encryption_key",
    "test_another_shape", "test_not_a_sealed_value", "test_non_canonical_spelling_of_an_honest_value", "test_a_key_of_another_algorithm_in_the_same_place",
    "test_sealed_bytes_that_are_no_key",
}  # fmt: skip


def test_what_is_said_not_to_be_here_is_not_here() -> None:
    """The day that one of these doors is built, its attacks need tests."""
    rooms = {path.stem for path in (ROOT / "src").rglob("*.py")}
    assert not {room for room in rooms if "redis" in room or "postgres" in room}
    elsewhere = (ROOT / "src/intended_core/tokens/elsewhere.py").read_text(encoding="utf-8")
    assert "http" not in elsewhere
    assert all(reason for reason in NOT_HERE.values())


def test_every_named_case_stands_in_a_row() -> None:
    """A test that tries somebody else's fault is in the table, so that the table shows what is tried."""
    named = {place for places in ROWS.values() for place in places}
    for file in ("test_seen_elsewhere.py", "test_conditions_elsewhere.py"):
        path = ROOT / "tests" / "attacks" / "policy" / file
        for item in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(item, ast.FunctionDef) and any(part.isdigit() for part in item.name.split("_")[:4]):
                assert f"tests/attacks/policy/{file}::{item.name}" in named, item.name
