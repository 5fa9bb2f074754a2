"""The whole store is put back to an older, consistent state: seen by the mark in a second place, and nothing is granted from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from intended_core import Authority, Deny, EntityRef, LocalPersonKey, SystemRandomness, TenantAuthority
from tests.attacks.store.store_world import Bank, authorizes, found, redeems

ANN, BOB = EntityRef("User", "ann"), EntityRef("User", "bob")
KEYS = tuple((ref, LocalPersonKey.generate(SystemRandomness())) for ref in (ANN, BOB))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = found(tmp_path_factory.mktemp("made") / "bank")
    with bank.open() as authority:
        for ref, key in KEYS:
            authority.tenant("acme").register_person(ref, key.public_key)
    return bank


@pytest.fixture
def bank(made: Bank, tmp_path: Path) -> Bank:
    return made.copied(tmp_path / "bank")


def _backup(bank: Bank) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bank.file.parent.iterdir()}


def _put_back(bank: Bank, files: dict[str, bytes]) -> None:
    for path in list(bank.file.parent.iterdir()):
        path.unlink()
    for name, data in files.items():
        (bank.file.parent / name).write_bytes(data)


def _denied(tenant: TenantAuthority) -> bool:
    outcome = authorizes()(tenant)
    return isinstance(outcome, Deny) and outcome.kind == "halted"


def _spend(bank: Bank) -> None:
    with bank.open() as authority:
        assert redeems(authority.tenant("acme"), bank.unspent)


def test_a_spent_token_is_not_brought_back_by_an_older_store(bank: Bank) -> None:
    backup = _backup(bank)
    _spend(bank)
    _put_back(bank, backup)
    for _ in range(2):
        with bank.open() as authority:
            acme = authority.tenant("acme")
            assert not redeems(acme, bank.unspent)
            assert _denied(acme)
            assert acme.recovery.status().refusing
            assert not _denied(authority.tenant("rival")), "whose own log is as it was"


def test_an_older_store_that_has_grown_past_the_mark_again(bank: Bank, tmp_path: Path) -> None:
    """Whoever puts the store back lets it grow under another mark, until it is longer than what was lost."""
    backup = _backup(bank)
    _spend(bank)
    _put_back(bank, backup)
    key, aside = bank.folder / "keys" / "kek", tmp_path / "aside"
    aside.mkdir()
    shutil.copy(bank.folder / "keys" / "kek.heads", aside / "newest")
    (bank.folder / "keys" / "kek.heads").write_bytes(b'{"heads":{},"v":0}')
    with Authority.open(bank.file, key_file=key) as authority:
        for _ in range(5):
            authorizes()(authority.tenant("acme"))
    with Authority.open(bank.file, key_file=key, mark_file=aside / "newest") as authority:
        assert _denied(authority.tenant("acme"))


@pytest.mark.parametrize("how", ["removed", "edited", "emptied"])
def test_a_mark_that_was_removed_or_edited(bank: Bank, how: str) -> None:
    mark = bank.folder / "keys" / "kek.heads"
    if how == "removed":
        mark.unlink()
    else:
        mark.write_bytes(b"" if how == "emptied" else mark.read_bytes().replace(b'"n":', b'"n":1'))
    with bank.open() as authority:
        assert _denied(authority.tenant("acme"))
        assert "mark" in authority.tenant("acme").recovery.status().evidence


def test_two_persons_recover_and_nothing_older_is_honoured(bank: Bank) -> None:
    backup = _backup(bank)
    _spend(bank)
    _put_back(bank, backup)
    with bank.open() as authority:
        authority.tenant("acme").recovery.recover(reason="the backup of last night", keys=KEYS)
    with bank.open() as authority:
        acme = authority.tenant("acme")
        assert not redeems(acme, bank.unspent)
        assert not acme.recovery.status().refusing
        token = authorizes()(acme)
        assert redeems(acme, token.text)  # type: ignore[attr-defined]
        assert acme.head().generation == 2
    _put_back(bank, backup)
    with bank.open() as authority:
        assert _denied(authority.tenant("acme")), "the generation before is older than the mark"


def test_a_process_that_was_killed_before_it_noted_its_last_heads(bank: Bank) -> None:
    """A mark that lags is as it should be."""
    mark = bank.folder / "keys" / "kek.heads"
    before = mark.read_bytes()
    _spend(bank)
    mark.write_bytes(before)
    with bank.open() as authority:
        assert not _denied(authority.tenant("acme"))


def test_a_second_process_opens_before_anything_was_noted(tmp_path: Path) -> None:
    for name in ("keys", "store"):
        (tmp_path / name).mkdir()
    store, key = tmp_path / "store" / "a.db", tmp_path / "keys" / "kek"
    with Authority.create(store, key_file=key) as one:
        one.create_tenant("acme")
        with Authority.open(store, key_file=key) as two:
            assert not two.tenant("acme").recovery.status().refusing
