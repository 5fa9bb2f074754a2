"""Somebody with write access to the file and no key takes away what stops: a halt, a revocation; what is stopped stays stopped."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from intended_core import EntityRef, HaltTarget, LocalPersonKey, SystemRandomness, TenantAuthority
from tests.attacks.store.store_world import BOT, Bank, authorizes, found, redeems, refused

ANN, BOB = EntityRef("User", "ann"), EntityRef("User", "bob")
ANN_KEY, BOB_KEY = LocalPersonKey.generate(SystemRandomness()), LocalPersonKey.generate(SystemRandomness())
ACME = "(SELECT id FROM scope WHERE tenant = 'acme')"
RIVAL = "(SELECT id FROM scope WHERE tenant = 'rival')"
ALL = HaltTarget("environment")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = found(tmp_path_factory.mktemp("made") / "bank")
    with bank.open() as authority:
        for name in ("acme", "rival"):
            tenant = authority.tenant(name)
            tenant.register_person(ANN, ANN_KEY.public_key)
            tenant.register_person(BOB, BOB_KEY.public_key)
    return bank


@pytest.fixture
def bank(made: Bank, tmp_path: Path) -> Bank:
    return made.copied(tmp_path / "bank")


def _halt(bank: Bank, tenant: str = "acme") -> None:
    with bank.open() as authority:
        authority.tenant(tenant).halts.engage(ALL, reason="stop", keys=((ANN, ANN_KEY),))


def _cut_off(bank: Bank) -> None:
    with bank.open() as authority:
        authority.tenant("acme").halts.revoke_tokens_of(BOT, reason="taken over", keys=((ANN, ANN_KEY),))


def _stays_stopped(bank: Bank, *, issued: bool = True) -> None:
    assert refused(bank, lambda acme: redeems(acme, bank.unspent))
    if issued:
        assert refused(bank, authorizes())
    with bank.open() as authority:
        assert redeems(authority.tenant("rival"), _fresh(authority.tenant("rival"))), "only its own place is refused"


def _fresh(tenant: TenantAuthority) -> str:
    made = authorizes()(tenant)
    return str(made.text)  # type: ignore[attr-defined]


EDITS = {
    "removed": f"DELETE FROM row_halt WHERE scope = {ACME}",
    "tag-spoilt": f"UPDATE row_halt SET mac = zeroblob(32) WHERE scope = {ACME}",
    "called-resumed": f"UPDATE row_halt SET state = 'RESUMED' WHERE scope = {ACME}",
    "body-edited": f"UPDATE row_halt SET body = CAST(replace(body, 'environment', 'adapter') AS BLOB) WHERE scope = {ACME}",
    "moved-to-another-tenant": f"UPDATE row_halt SET scope = {RIVAL} WHERE scope = {ACME}",
    "renamed": f"UPDATE row_halt SET \"key\" = 'target:[\"adapter\",\"other\"]' WHERE scope = {ACME}",
    "version-moved": f"UPDATE row_halt SET version = version + 1 WHERE scope = {ACME}",
}


@pytest.mark.parametrize("how", [name for name in EDITS if name != "moved-to-another-tenant"])
def test_a_halt_that_is_edited_or_removed(bank: Bank, how: str) -> None:
    _halt(bank)
    _stays_stopped(bank)
    bank.edit(EDITS[how])
    _stays_stopped(bank)


def test_a_halt_moved_to_another_tenant_frees_nobody(bank: Bank) -> None:
    _halt(bank)
    bank.edit(EDITS["moved-to-another-tenant"])
    assert refused(bank, authorizes())
    assert refused(bank, lambda acme: redeems(acme, bank.unspent))


def test_a_resumption_put_back_whole_over_a_newer_halt(bank: Bank) -> None:
    """The row that said RESUMED is honest, tag and all; the halt after it is another version."""
    _halt(bank)
    with bank.open() as authority:
        authority.tenant("acme").halts.resume(ALL, reason="mended", keys=((ANN, ANN_KEY), (BOB, BOB_KEY)))
    connection = sqlite3.connect(bank.file)
    resumed = connection.execute(f"SELECT * FROM row_halt WHERE scope = {ACME}").fetchall()
    connection.close()
    _halt(bank)
    connection = sqlite3.connect(bank.file, isolation_level=None)
    for row in resumed:
        connection.execute("INSERT OR REPLACE INTO row_halt VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    _stays_stopped(bank)


def test_a_halt_and_the_roster_that_names_it_put_back_together(bank: Bank) -> None:
    connection = sqlite3.connect(bank.file)
    roster = connection.execute(f"SELECT * FROM row_policy WHERE \"key\" = 'roster' AND scope = {ACME}").fetchall()
    connection.close()
    _halt(bank)
    bank.edit(EDITS["removed"])
    connection = sqlite3.connect(bank.file, isolation_level=None)
    for row in roster:
        connection.execute("INSERT OR REPLACE INTO row_policy VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    _stays_stopped(bank)


@pytest.mark.parametrize("how", ["removed", "tag-spoilt", "version-moved"])
def test_the_revocation_of_a_principals_tokens_removed(bank: Bank, how: str) -> None:
    _cut_off(bank)
    _stays_stopped(bank, issued=False)
    bank.edit(EDITS[how])
    _stays_stopped(bank)


def test_a_revoked_nonce_armed_again(bank: Bank) -> None:
    connection = sqlite3.connect(bank.file)
    rows = connection.execute(f"SELECT * FROM row_nonce WHERE state = 'ISSUED' AND scope = {ACME}").fetchall()
    connection.close()
    with bank.open() as authority:
        authority.tenant("acme").halts.revoke_token(bank.unspent, reason="leaked", keys=((ANN, ANN_KEY),))
    _stays_stopped(bank, issued=False)
    connection = sqlite3.connect(bank.file, isolation_level=None)
    for row in rows:
        connection.execute("INSERT OR REPLACE INTO row_nonce VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    _stays_stopped(bank, issued=False)


def test_a_process_that_knew_the_halt_goes_on_refusing(bank: Bank) -> None:
    with bank.open() as authority:
        acme = authority.tenant("acme")
        acme.halts.engage(ALL, reason="stop", keys=((ANN, ANN_KEY),))
        bank.edit(EDITS["removed"])
        assert not redeems(acme, bank.unspent)
        assert not redeems(acme, bank.unspent)
