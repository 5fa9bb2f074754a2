"""Tiles edited, taken away, or put in from another tenant: no decision and no proof changes, verification says so, mending puts it right."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from intended_core import Authority, Grade, TenantAuthority, check_proof, export_record_proof, verify_tenant_log
from tests.attacks.store.store_world import Bank, authorizes, found, redeems
from tests.reference.tile_world import fill

ACME = "(SELECT id FROM scope WHERE tenant = 'acme')"
RIVAL = "(SELECT id FROM scope WHERE tenant = 'rival')"
SIZE = 900


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = found(tmp_path_factory.mktemp("bank") / "first")
    with bank.open() as authority:
        for name in ("acme", "rival"):
            fill(authority.tenant(name), SIZE)
        authority.anchor.seal()
        authority.anchor.release()
    return bank


def proofs(authority: Authority) -> list[bytes]:
    return [export_record_proof(authority, authority.tenant("acme"), seq, epoch=0) for seq in (0, 300, 700, SIZE - 1)]


def honest(made: Bank, folder: Path) -> tuple[list[bytes], bytes]:
    bank = made.copied(folder)
    with bank.open() as authority:
        policy = f"log {authority.anchor.key()}\nquorum none\n".encode()
        assert verify_tenant_log(authority.tenant("acme")).grade is Grade.CONSISTENT_UNPINNED
        return proofs(authority), policy


def tiles(bank: Bank) -> list[tuple[str, bytes]]:
    connection = sqlite3.connect(bank.file)
    found = connection.execute(f'SELECT "key", body FROM row_tile WHERE scope = {ACME} ORDER BY "key"').fetchall()
    connection.close()
    return found


SWAP = f"(SELECT body FROM row_tile r WHERE r.scope = {RIVAL} AND r.\"key\" = row_tile.\"key\")"
AT_ONE = f"WHERE scope = {ACME} AND \"key\" = '0/1'"
ABOVE = f"WHERE scope = {ACME} AND \"key\" = '1/0'"


@pytest.mark.parametrize(
    ("edit", "code", "seq"),
    [
        (f"UPDATE row_tile SET body = CAST(zeroblob(32) || substr(body, 33) AS BLOB) {AT_ONE}", "tile.differs", 256),
        (f"UPDATE row_tile SET body = CAST(substr(body, 1, 8160) || zeroblob(32) AS BLOB) {AT_ONE}", "tile.differs", 511),
        (f"UPDATE row_tile SET body = x'' {AT_ONE}", "tile.differs", 256),
        (f"UPDATE row_tile SET body = {SWAP} {AT_ONE}", "tile.differs", 256),
        (f"UPDATE row_tile SET body = {SWAP}, mac = zeroblob(32), version = 7 {AT_ONE}", "tile.differs", 256),
        (f"UPDATE row_tile SET body = {SWAP} {ABOVE}", "tile.differs", 0),
        (f"DELETE FROM row_tile {AT_ONE}", "tile.missing", 256),
    ],
)
def test_an_edited_tile_changes_no_answer_is_found_and_mended(
    made: Bank, tmp_path: Path, edit: str, code: str, seq: int
) -> None:
    wanted, policy = honest(made, tmp_path / "honest")
    bank = made.copied(tmp_path / "bank")
    whole = tiles(bank)
    bank.edit(edit)
    assert tiles(bank) != whole
    with bank.open() as authority:
        acme = authority.tenant("acme")
        assert proofs(authority) == wanted
        found = verify_tenant_log(acme)
        assert [(one.code, one.seq) for one in found.findings] == [(code, seq)]
        before = list(acme.records())
        assert acme.tiles.mend().written >= 1
        assert list(acme.records()) == before
        assert verify_tenant_log(acme).grade is Grade.CONSISTENT_UNPINNED
        assert proofs(authority) == wanted
        for proof, row in zip(wanted, (before[0], before[300], before[700], before[SIZE - 1]), strict=True):
            check_proof(proof, policy=policy, entry=row.entry)
        assert redeems(acme, bank.unspent)
        assert not redeems(acme, bank.spent)
        assert not _denied(acme)
    assert tiles(bank) == whole


def _denied(tenant: TenantAuthority) -> bool:
    return authorizes("100.01")(tenant) is True


@pytest.mark.parametrize("edit", [f"DELETE FROM row_tile WHERE scope = {ACME}", f"DELETE FROM row_tile {ABOVE}"])
def test_what_a_crash_might_leave_is_laid_when_the_store_is_opened(made: Bank, tmp_path: Path, edit: str) -> None:
    bank = made.copied(tmp_path / "bank")
    whole = tiles(bank)
    bank.edit(edit)
    with bank.open() as authority:
        assert verify_tenant_log(authority.tenant("acme")).grade is Grade.CONSISTENT_UNPINNED
    assert tiles(bank) == whole


def test_a_changed_record_is_found_whatever_the_tiles_say(made: Bank, tmp_path: Path) -> None:
    """Tiles vouch for nothing: honest ones beside a record that was edited, header and leaf, do not save it."""
    bank = made.copied(tmp_path / "bank")
    bank.edit(f"UPDATE record SET body = CAST(replace(CAST(body AS TEXT), '\"n\":300', '\"n\":301') AS BLOB) WHERE scope = {ACME} AND seq = 300")
    with bank.open() as authority:
        found = verify_tenant_log(authority.tenant("acme"))
        assert (found.grade, found.seq, found.findings[0].code) == (Grade.TAMPERED, 300, "record.body")


def test_old_proofs_hold_after_the_end_of_a_time_of_keeping(made: Bank, tmp_path: Path) -> None:
    """Pruning empties bodies and leaves headers, leaves and tiles: the same proof is made, byte for byte."""
    wanted, policy = honest(made, tmp_path / "honest")
    bank = made.copied(tmp_path / "bank")
    whole = tiles(bank)
    bank.edit(f"UPDATE record SET body = x'', fields = x'' WHERE scope = {ACME} AND seq >= 300 AND seq < 310")
    with bank.open() as authority:
        assert proofs(authority) == wanted
        row = next(authority.tenant("acme").records(start=300))
        assert row.body == b""
        check_proof(wanted[1], policy=policy, entry=row.entry)
    assert tiles(bank) == whole
