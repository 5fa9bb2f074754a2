"""Somebody who can write to the database file, but has no key-encryption key, gets nothing through."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from intended_core import Deny, TenantAuthority
from intended_core.errors import StoreCorruptError, StoreError
from tests.attacks.store.store_world import STRICT, Bank, authorizes, bot, found, pay, redeems, refused

ACME = "(SELECT id FROM scope WHERE tenant = 'acme')"
RIVAL = "(SELECT id FROM scope WHERE tenant = 'rival')"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return found(tmp_path_factory.mktemp("bank") / "first")


@pytest.fixture
def bank(made: Bank, tmp_path: Path) -> Bank:
    return made.copied(tmp_path / "bank")


def test_the_honest_file(bank: Bank) -> None:
    with bank.open() as authority:
        acme = authority.tenant("acme")
        assert redeems(acme, bank.unspent)
        assert not redeems(acme, bank.unspent)
        assert not redeems(acme, bank.spent)
    assert not refused(bank, authorizes())
    assert refused(bank, authorizes("100.01"))


def test_a_spent_nonce_set_back_by_its_state(bank: Bank) -> None:
    bank.edit(f"UPDATE row_nonce SET state = 'ISSUED' WHERE state = 'CONSUMED' AND scope = {ACME}")
    assert refused(bank, lambda acme: redeems(acme, bank.spent))


def test_a_spent_nonce_set_back_whole(made: Bank, tmp_path: Path) -> None:
    """The row as it honestly stood before it was spent, tag and all."""
    bank = made.copied(tmp_path / "bank")
    rows = "SELECT scope, \"key\", version, state, body, mac FROM row_nonce WHERE state = 'ISSUED'"
    connection = sqlite3.connect(bank.file)
    before = connection.execute(rows).fetchall()
    connection.close()
    with bank.open() as authority:
        assert redeems(authority.tenant("acme"), bank.unspent)
    connection = sqlite3.connect(bank.file, isolation_level=None)
    for row in before:
        connection.execute("INSERT OR REPLACE INTO row_nonce VALUES (?, ?, ?, ?, ?, ?)", row)
    assert connection.execute(rows).fetchall() == before
    connection.close()
    assert refused(bank, lambda acme: redeems(acme, bank.unspent))


def test_a_nonce_deleted(bank: Bank) -> None:
    bank.edit(f"DELETE FROM row_nonce WHERE scope = {ACME}")
    for token in (bank.unspent, bank.spent):
        assert refused(bank, lambda acme, token=token: redeems(acme, token))  # type: ignore[misc]


def test_a_nonce_moved_to_another_tenant(bank: Bank) -> None:
    bank.edit(
        f"DELETE FROM row_nonce WHERE scope = {RIVAL}",
        f"UPDATE row_nonce SET scope = {RIVAL} WHERE state = 'ISSUED' AND scope = {ACME}",
    )
    with bank.open() as authority:
        assert not redeems(authority.tenant("rival"), bank.unspent)
        assert not redeems(authority.tenant("acme"), bank.unspent)


def test_the_scopes_of_two_tenants_exchanged(bank: Bank) -> None:
    bank.edit(
        "UPDATE scope SET tenant = 'x' WHERE tenant = 'acme'",
        "UPDATE scope SET tenant = 'acme' WHERE tenant = 'rival'",
        "UPDATE scope SET tenant = 'rival' WHERE tenant = 'x'",
    )
    assert refused(bank, authorizes())
    assert refused(bank, lambda acme: redeems(acme, bank.unspent))


def test_the_live_environment_called_test(bank: Bank) -> None:
    bank.edit("UPDATE scope SET environment = 'test' WHERE tenant = 'acme'")
    assert refused(bank, authorizes())


@pytest.mark.parametrize("column", ["version", "state", "body", "mac"])
@pytest.mark.parametrize("kind", ["signing_key", "policy", "entity", "nonce", "secret"])
def test_any_column_of_a_row_that_decides(bank: Bank, kind: str, column: str) -> None:
    value = {
        "version": "version + 1", "state": "'EDITED'", "body": "CAST(body || ' ' AS BLOB)", "mac": "zeroblob(length(mac))",
    }[column]  # fmt: skip
    bank.edit(f"UPDATE row_{kind} SET {column} = {value} WHERE scope = {ACME}")
    act = authorizes() if kind != "nonce" else (lambda acme: redeems(acme, bank.unspent))
    assert refused(bank, act)


def test_a_second_active_key(bank: Bank) -> None:
    bank.edit(
        "INSERT INTO row_signing_key SELECT scope, 'token:' || hex(randomblob(32)), version, state, body, mac "
        f"FROM row_signing_key WHERE \"key\" LIKE 'token:%' AND scope = {ACME}"
    )
    assert refused(bank, authorizes())


def test_another_tenants_key(bank: Bank) -> None:
    bank.edit(
        f"DELETE FROM row_signing_key WHERE scope = {ACME}",
        f"UPDATE row_signing_key SET scope = {ACME} WHERE scope = {RIVAL}",
    )
    assert refused(bank, authorizes())


def _put_back_after(bank: Bank, kind: str, key: str, change: Callable[[TenantAuthority], object]) -> None:
    """Narrow, then put the rows back exactly as they honestly stood before, tags and all."""
    connection = sqlite3.connect(bank.file)
    rows = f'SELECT * FROM row_{kind} WHERE "key" LIKE ? AND scope = {ACME}'
    before = connection.execute(rows, (key,)).fetchall()
    connection.close()
    assert before
    with bank.open() as authority:
        change(authority.tenant("acme"))
    assert refused(bank, authorizes()), "the narrowing itself works"
    connection = sqlite3.connect(bank.file, isolation_level=None)
    for row in before:
        connection.execute(f"INSERT OR REPLACE INTO row_{kind} VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()


def test_an_older_policy_put_back_whole(bank: Bank) -> None:
    _put_back_after(bank, "policy", "active", lambda acme: acme.activate({"pay.policy": STRICT}))
    assert refused(bank, authorizes())


def test_an_older_entity_put_back_whole(bank: Bank) -> None:
    _put_back_after(bank, "entity", "Agent%", lambda acme: acme.put_entities(bot(suspended=True)))
    assert refused(bank, authorizes())


def test_an_older_key_state_put_back_whole(bank: Bank) -> None:
    """A rotation made a key PREVIOUS; put back, two keys would be ACTIVE, or the newer one gone."""
    connection = sqlite3.connect(bank.file)
    rows = f"SELECT * FROM row_signing_key WHERE scope = {ACME}"
    before = connection.execute(rows).fetchall()
    connection.close()
    with bank.open() as authority:
        authority.tenant("acme").rotate_keys()
    connection = sqlite3.connect(bank.file, isolation_level=None)
    connection.execute(f"DELETE FROM row_signing_key WHERE scope = {ACME}")
    for row in before:
        connection.execute("INSERT INTO row_signing_key VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    assert refused(bank, authorizes())


@pytest.mark.parametrize("kind", ["policy", "entity"])
def test_a_roster_deleted(bank: Bank, kind: str) -> None:
    bank.edit(f"DELETE FROM row_{kind} WHERE \"key\" LIKE 'roster%' AND scope = {ACME}")
    assert refused(bank, authorizes())


def test_an_entity_and_its_shard_put_back_whole(bank: Bank) -> None:
    """The shard that named the older row is put back with it: the roster names the newer shard."""
    connection = sqlite3.connect(bank.file)
    rows = f"SELECT * FROM row_entity WHERE \"key\" <> 'roster' AND scope = {ACME}"
    before = connection.execute(rows).fetchall()
    connection.close()
    with bank.open() as authority:
        authority.tenant("acme").put_entities(bot(suspended=True))
    connection = sqlite3.connect(bank.file, isolation_level=None)
    for row in before:
        connection.execute("INSERT OR REPLACE INTO row_entity VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    assert refused(bank, authorizes())


def test_an_entity_and_every_roster_put_back_whole(bank: Bank) -> None:
    """The head names the newer roster."""
    _put_back_after(bank, "entity", "%", lambda acme: acme.put_entities(bot(suspended=True)))
    assert refused(bank, authorizes())


def test_the_policy_and_its_roster_put_back_whole(bank: Bank) -> None:
    _put_back_after(bank, "policy", "%", lambda acme: acme.activate({"pay.policy": STRICT}))
    assert refused(bank, authorizes())


def test_a_suspension_taken_back(bank: Bank) -> None:
    with bank.open() as authority:
        authority.tenant("acme").put_entities(bot(suspended=True))
    assert refused(bank, authorizes())
    bank.edit(
        "UPDATE row_entity SET body = CAST(replace(CAST(body AS TEXT), 'true', 'false') AS BLOB) "
        f"WHERE \"key\" LIKE 'Agent%' AND scope = {ACME}"
    )
    assert refused(bank, authorizes())


def test_an_entity_deleted(bank: Bank) -> None:
    bank.edit(f"DELETE FROM row_entity WHERE scope = {ACME}")
    assert refused(bank, authorizes())


def test_the_head_deleted_or_edited(made: Bank, tmp_path: Path) -> None:
    for number, statement in enumerate(
        (
            f"DELETE FROM head WHERE scope = {ACME}",
            f"UPDATE head SET version = version - 1 WHERE scope = {ACME}",
            f"UPDATE head SET state = CAST(replace(CAST(state AS TEXT), '\"gv\":', '\"gv\":1') AS BLOB) WHERE scope = {ACME}",
            f"UPDATE head SET mac = zeroblob(32) WHERE scope = {ACME}",
            f"UPDATE head SET state = (SELECT state FROM head WHERE scope = {RIVAL}), "
            f"mac = (SELECT mac FROM head WHERE scope = {RIVAL}) WHERE scope = {ACME}",
            f"UPDATE head SET size = size - 1 WHERE scope = {ACME}",
            f"UPDATE head SET size = size + 1 WHERE scope = {ACME}",
        )
    ):
        bank = made.copied(tmp_path / f"bank{number}")
        bank.edit(statement)
        assert refused(bank, authorizes()), statement
        assert refused(bank, lambda acme, bank=bank: redeems(acme, bank.unspent)), statement  # type: ignore[misc]


@pytest.mark.parametrize("whose", [f" WHERE scope = {ACME}", ""], ids=["one", "all"])
def test_a_log_that_is_gone_is_missed_by_who_looks_after_the_store(bank: Bank, whose: str) -> None:
    """Without its head a tenant is none; the places of the epochs and the second place remember that it was."""
    with bank.open() as authority:
        authority.probe()
    bank.edit(f"DELETE FROM head{whose}")
    with bank.open() as authority, pytest.raises(StoreCorruptError, match="a log that was here is gone"):
        authority.probe()


def test_a_tenant_whose_founding_was_cut_short_is_not_missed(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object, **__: object) -> None:
        raise StoreError("killed")

    with bank.open() as authority:
        monkeypatch.setattr("intended_core.assembly.found", dies)
        with pytest.raises(StoreError):
            authority.create_tenant("late")
        authority.probe()


def test_records_cut_changed_or_added(made: Bank, tmp_path: Path) -> None:
    newest = f"(SELECT max(seq) FROM record WHERE scope = {ACME})"
    for number, statement in enumerate(
        (
            f"DELETE FROM record WHERE scope = {ACME} AND seq = {newest}",
            f"DELETE FROM record WHERE scope = {ACME} AND seq = 3",
            f"UPDATE record SET leaf = zeroblob(32) WHERE scope = {ACME} AND seq = 2",
            f"UPDATE record SET seq = seq + 1 WHERE scope = {ACME} AND seq = {newest}",
            "INSERT INTO record (scope, seq, thread, leaf, entry, body, fields) SELECT scope, seq + 1, thread, leaf, entry, body, fields "
            f"FROM record WHERE scope = {ACME} AND seq = {newest}",
        )
    ):
        bank = made.copied(tmp_path / f"bank{number}")
        bank.edit(statement)
        assert refused(bank, authorizes()), statement


def test_the_threads_of_the_log_emptied(bank: Bank) -> None:
    """Without its thread a token has no life in the log, spent or not."""
    bank.edit(f"UPDATE record SET thread = '' WHERE scope = {ACME}")
    for token in (bank.unspent, bank.spent):
        assert refused(bank, lambda acme, token=token: redeems(acme, token))  # type: ignore[misc]


def test_edited_while_the_authority_runs(bank: Bank) -> None:
    with bank.open() as authority:
        acme = authority.tenant("acme")
        bank.edit(f"UPDATE row_nonce SET body = CAST(body || ' ' AS BLOB) WHERE scope = {ACME}")
        assert not redeems(acme, bank.unspent)
        bank.edit(f"UPDATE head SET mac = zeroblob(32) WHERE scope = {ACME}")
        assert isinstance(authorizes()(acme), Deny)
        with pytest.raises(StoreCorruptError):
            acme.head()
        assert not redeems(acme, bank.unspent, pay())
