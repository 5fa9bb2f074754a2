"""Somebody writes the database: key records, states, compromised keys, key-encryption ids and secrets are edited; nothing passes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from intended_adapters.signing.local import LocalSigner
from intended_core import (
    Authority,
    IntendedError,
    LocalPersonKey,
    RedeemedToken,
    SystemRandomness,
    TenantAuthority,
    TokenError,
)
from intended_core.canonical import b64url, canonical_json, unb64url
from intended_core.ids import EntityRef
from tests.attacks.store.store_world import BOT, POLICY, bot, intent, pay

ANN, BOB = EntityRef("Agent", "ann"), EntityRef("Agent", "bob")
ACTIVE = "\"key\" LIKE 'token:%' AND state = 'ACTIVE'"


@dataclass
class Vault:
    """A tenant on a real file with a token, a prepared key, a compromised key that signed another token, and a secret."""

    folder: Path
    token: str = ""
    forged: str = ""
    redeemed: RedeemedToken | None = None

    @property
    def file(self) -> Path:
        return self.folder / "store" / "a.db"

    def open(self) -> Authority:
        return Authority.open(self.file, key_file=self.folder / "keys" / "kek", durability="normal")

    def edit(self, *statements: str, values: tuple[object, ...] = ()) -> None:
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            changed = 0
            for statement in statements:
                changed += connection.execute(statement, values).rowcount
            assert changed > 0, "the attack touched nothing"

    def rows(self, where: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(f"SELECT * FROM row_signing_key WHERE {where}").fetchall()  # noqa: S608


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault(tmp_path)
    for name in ("store", "keys"):
        (tmp_path / name).mkdir()
    ann, bob = (LocalPersonKey.generate(SystemRandomness()) for _ in range(2))
    with Authority.create(made.file, key_file=tmp_path / "keys" / "kek", durability="normal") as authority:
        acme = authority.create_tenant("acme", algorithm="Ed25519")
        acme.activate({"pay.policy": POLICY})
        acme.put_entities(bot(suspended=False))
        acme.register_person(ANN, ann.public_key)
        acme.register_person(BOB, bob.public_key)
        made.forged = acme.require(intent(), audience="bank").text
        compromised(acme, ann, bob)
        made.token = acme.require(intent(), audience="bank").text
        spent = acme.require(intent(), audience="bank")
        made.redeemed = acme.redeem(spent, pay(), adapter=acme.adapter("bank"))
        acme.keyring.prepare()
        acme.secrets.put("bank", "api-key", b"S3CRET")
    return made


def compromised(acme: TenantAuthority, ann: LocalPersonKey, bob: LocalPersonKey) -> None:
    kid = acme.policy().ring.active("token").kid
    acme.keyring.compromise(kid, keys=[(ANN, ann), (BOB, bob)])


def passes(vault: Vault, token: str) -> bool:
    """Whether a process that starts now lets the token through."""
    try:
        with vault.open() as authority:
            acme = authority.tenant("acme")
            acme.redeem(token, pay(), adapter=acme.adapter("bank"))
    except IntendedError:
        return False
    return True


def issues(vault: Vault) -> bool:
    """Whether a process that starts now issues a token."""
    try:
        with vault.open() as authority:
            authority.tenant("acme").require(intent(), audience="bank")
    except IntendedError:
        return False
    return True


def test_the_honest_vault(vault: Vault) -> None:
    assert BOT
    assert not passes(vault, vault.forged), "signed by a compromised key"
    assert passes(vault, vault.token)
    assert issues(vault)
    with vault.open() as authority:
        assert vault.redeemed is not None
        assert authority.tenant("acme").secrets.open(vault.redeemed, "api-key") == b"S3CRET"


def _body(vault: Vault, where: str, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    (row,) = vault.rows(where)
    body = canonical_json(change(json.loads(row[4])))  # type: ignore[arg-type]
    vault.edit(f"UPDATE row_signing_key SET body = ? WHERE {where}", values=(body,))  # noqa: S608


def test_a_public_key_swapped_under_a_kid(vault: Vault) -> None:
    """The attacker's own key in the place of the tenant's, so that tokens of theirs would verify."""
    mine = LocalSigner().generate("Ed25519").public_der
    _body(vault, ACTIVE, lambda body: {**body, "public": b64url(mine)})
    assert not passes(vault, vault.token)
    assert not issues(vault)


def test_public_keys_of_two_records_exchanged(vault: Vault) -> None:
    (one,), (two,) = vault.rows(ACTIVE), vault.rows("state = 'PRE_ACTIVE'")
    for row, other in ((one, two), (two, one)):
        vault.edit("UPDATE row_signing_key SET body = ?, mac = ? WHERE \"key\" = ?", values=(other[4], other[5], row[1]))
    assert not issues(vault)


@pytest.mark.parametrize(
    ("where", "state"),
    [("state = 'COMPROMISED'", "PREVIOUS"), ("state = 'COMPROMISED'", "ACTIVE"), ("state = 'PRE_ACTIVE'", "PREVIOUS"),
     (ACTIVE, "PREVIOUS"), (ACTIVE, "COMPROMISED"), (ACTIVE, "RETIRED")],
)  # fmt: skip
def test_a_state_edited(vault: Vault, where: str, state: str) -> None:
    if state == "ACTIVE":
        vault.edit(f"DELETE FROM row_signing_key WHERE {ACTIVE}")  # noqa: S608
    _body(vault, where, lambda body: {**body, "state": state, "retire_us": 2**52})
    vault.edit(f"UPDATE row_signing_key SET state = '{state}' WHERE {where}")  # noqa: S608
    assert not passes(vault, vault.forged)
    assert not passes(vault, vault.token)
    assert not issues(vault)


def test_a_compromised_row_deleted_refuses_everything_in_its_place(vault: Vault) -> None:
    vault.edit("DELETE FROM row_signing_key WHERE state = 'COMPROMISED'")
    assert not passes(vault, vault.forged)
    assert not passes(vault, vault.token)
    assert not issues(vault)


def test_a_compromised_row_whose_tag_is_spoilt_refuses_everything_in_its_place(vault: Vault) -> None:
    vault.edit("UPDATE row_signing_key SET mac = zeroblob(32) WHERE state = 'COMPROMISED'")
    assert not passes(vault, vault.forged)
    assert not passes(vault, vault.token)
    assert not issues(vault)


def test_a_compromised_row_put_back_as_it_was_before(tmp_path: Path, vault: Vault) -> None:
    """The honest older row, tag and all, from when the key was ACTIVE."""
    (row,) = vault.rows(ACTIVE)
    ann, bob = (LocalPersonKey.generate(SystemRandomness()) for _ in range(2))
    with vault.open() as authority:
        acme = authority.tenant("acme")
        acme.register_person(ANN, ann.public_key)
        acme.register_person(BOB, bob.public_key)
        compromised(acme, ann, bob)
    assert not passes(vault, vault.token)
    vault.edit(f"DELETE FROM row_signing_key WHERE {ACTIVE}")  # noqa: S608
    vault.edit("INSERT OR REPLACE INTO row_signing_key VALUES (?, ?, ?, ?, ?, ?)", values=tuple(row))
    assert not passes(vault, vault.token)
    assert not issues(vault)


def test_a_retire_time_moved_into_the_future(vault: Vault) -> None:
    with vault.open() as authority:
        authority.tenant("acme").rotate_keys()
    _body(vault, "state = 'PREVIOUS'", lambda body: {**body, "retire_us": 2**52})
    assert not passes(vault, vault.token)


def test_a_prepared_key_made_active(vault: Vault) -> None:
    vault.edit(f"DELETE FROM row_signing_key WHERE {ACTIVE}")  # noqa: S608
    vault.edit("UPDATE row_signing_key SET state = 'ACTIVE' WHERE state = 'PRE_ACTIVE'")
    assert not issues(vault)


@pytest.mark.parametrize("kek", ["file:" + "0" * 32, "", "other"])
def test_a_kek_id_swapped(vault: Vault, kek: str) -> None:
    def swap(body: dict[str, object]) -> dict[str, object]:
        sealed = json.loads(unb64url(str(body["sealed"])))
        return {**body, "sealed": b64url(canonical_json({**sealed, "kek": kek}))}

    _body(vault, ACTIVE, swap)
    assert not issues(vault)


def test_the_row_tag_secret_deleted_or_swapped(vault: Vault) -> None:
    with closing(sqlite3.connect(vault.file)) as connection:
        (secret,) = connection.execute("SELECT body FROM row_secret WHERE \"key\" LIKE 'adapter:%'").fetchone()
    vault.edit("UPDATE row_secret SET body = ? WHERE \"key\" = 'row-tags'", values=(secret,))
    assert not issues(vault)
    vault.edit("DELETE FROM row_secret WHERE \"key\" = 'row-tags'")
    assert not issues(vault)


@pytest.mark.parametrize("statement", [
    "DELETE FROM row_secret WHERE \"key\" LIKE 'adapter:%'",
    "UPDATE row_secret SET mac = zeroblob(32) WHERE \"key\" LIKE 'adapter:%'",
    "UPDATE row_secret SET \"key\" = 'adapter:shop:api-key' WHERE \"key\" LIKE 'adapter:%'",
    "UPDATE row_secret SET version = version + 1 WHERE \"key\" LIKE 'adapter:%'",
])  # fmt: skip
def test_a_secret_edited_opens_nothing(vault: Vault, statement: str) -> None:
    vault.edit(statement)
    assert vault.redeemed is not None
    with pytest.raises(IntendedError), vault.open() as authority:
        authority.tenant("acme").secrets.open(vault.redeemed, "api-key")


def test_a_running_process_does_not_outlive_a_compromise_in_another(vault: Vault) -> None:
    """It remembers the key as ACTIVE; its unit compares the guards under the lock."""
    ann, bob = (LocalPersonKey.generate(SystemRandomness()) for _ in range(2))
    with vault.open() as one, vault.open() as two:
        here, there = one.tenant("acme"), two.tenant("acme")
        there.register_person(ANN, ann.public_key)
        there.register_person(BOB, bob.public_key)
        token = here.require(intent(), audience="bank")
        compromised(there, ann, bob)
        with pytest.raises(TokenError):
            here.redeem(token, pay(), adapter=here.adapter("bank"))
        kid = here.policy().ring.active("token").kid
        assert json.loads(_header(here.require(intent(), audience="bank").text))["kid"] == kid


def _header(token: str) -> bytes:
    return unb64url(token.split(".")[0])
