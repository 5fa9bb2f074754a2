"""`intended keys …` and `intended secrets …`, as a person types them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from intended_adapters.cli import keyring as room
from intended_core import Authority, EntityRef, LocalPersonKey, SystemRandomness

Run = Callable[..., Any]
ANN, BOB = 'User::"ann"', 'User::"bob"'


def states(run: Run, shop: Any) -> dict[str, str]:
    found = run(*shop.options, "keys", "list", "--json").json["keys"]
    return {key["kid"]: key["state"] for key in found if key["purpose"] == "token"}


def with_state(run: Run, shop: Any, state: str) -> list[str]:
    return [kid for kid, found in states(run, shop).items() if found == state]


@pytest.fixture(scope="module")
def people(shop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    for name in ("ann", "bob"):
        key = LocalPersonKey.generate(SystemRandomness())
        (folder / f"{name}.pem").write_bytes(key.to_pem())
        with Authority.open(shop.folder / "data" / "authority.db", key_file=shop.folder / "keys" / "kek") as authority:
            authority.tenant("acme").register_person(EntityRef("User", name), key.public_key)
    return folder


def test_prepare_rotate_list_retire(run: Run, shop: Any) -> None:
    done = run(*shop.options, "keys", "prepare", "--algorithm", "Ed25519", "--json").json
    assert done["state"] == "prepared"
    again = run(*shop.options, "keys", "prepare", "--algorithm", "Ed25519")
    assert (again.code, again.out) == (0, f"PRE_ACTIVE {done['kid']}\nit was there already\n")
    rotated = run(*shop.options, "keys", "rotate", "--algorithm", "Ed25519", "--json").json
    assert (rotated["active"], rotated["state"]) == (done["kid"], "rotated")
    assert states(run, shop)[rotated["active"]] == "ACTIVE"
    assert states(run, shop)[rotated["previous"]] == "PREVIOUS"
    assert states(run, shop)[rotated["prepared"]] == "PRE_ACTIVE"
    shown = run(*shop.options, "keys", "rotate").out.splitlines()
    assert [line.split()[0] for line in shown] == ["ACTIVE", "PREVIOUS", "PRE_ACTIVE", "record"]
    none = run(*shop.options, "keys", "retire")
    assert (none.code, none.out) == (0, "nothing is due\n")
    assert run(*shop.options, "keys", "retire", "--json").json == {"retired": [], "seq": None}
    assert run(*shop.options, "keys", "rotate", "--algorithm", "HS256").code == 9


def test_two_persons_compromise_a_key(run: Run, shop: Any, people: Path) -> None:
    (kid,) = with_state(run, shop, "ACTIVE")
    ann = ("--person", ANN, "--key", str(people / "ann.pem"))
    digest = run(*shop.options, "keys", "compromise", kid, "--digest").out.strip()
    assert len(bytes.fromhex(digest)) == 32
    assert run(*shop.options, "keys", "compromise", kid, *ann).code == 9, "one person is not two"
    assert run(*shop.options, "keys", "compromise", kid, *ann, *ann).code == 9
    assert run(*shop.options, "keys", "compromise", kid, *ann, "--person", BOB).code == 2
    assert run(*shop.options, "keys", "compromise", kid, *ann, "--person", BOB, "--signature", "zz").code == 2
    assert with_state(run, shop, "ACTIVE") == [kid]
    signature = LocalPersonKey.from_pem((people / "bob.pem").read_bytes()).sign(bytes.fromhex(digest)).hex()
    done = run(*shop.options, "keys", "compromise", kid, *ann, "--person", BOB, "--signature", signature, "--json").json
    assert states(run, shop)[kid] == "COMPROMISED"
    assert with_state(run, shop, "ACTIVE") == [done["active"]]
    bob = ("--person", BOB, "--key", str(people / "bob.pem"))
    assert run(*shop.options, "keys", "compromise", kid, *ann, *bob).code == 3, "it is already"
    second = run(*shop.options, "keys", "compromise", done["active"], *ann, *bob)
    assert (second.code, second.out.splitlines()[0]) == (0, f"COMPROMISED {done['active']}")


def test_a_new_key_encryption_key(run: Run, shop: Any) -> None:
    assert run(*shop.options, "keys", "rewrap", "--drop-old").out == "there is no older key\n"
    first = run(*shop.options, "keys", "rewrap")
    assert first.code == 0
    lines = first.out.splitlines()
    assert lines[0].startswith("acme/live: ")
    assert lines[0].endswith(" carried over, 0 left")
    second = run(*shop.options, "keys", "rewrap", "--json").json
    assert second["rows"]["acme/live"] >= 3
    dropped = run(*shop.options, "keys", "rewrap", "--drop-old", "--json").json["dropped"]
    assert len(dropped) == 2
    assert second["kek"] not in dropped
    assert run(*shop.options, "keys", "list").code == 0


def test_secrets_from_a_file_and_from_standard_input(run: Run, shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "value").write_bytes(b"S3CRET-FILE")
    done = run(*shop.options, "secrets", "put", "bank", "api-key", "--file", str(tmp_path / "value"))
    assert (done.code, done.out.splitlines()[0]) == (0, "sealed bank/api-key, 11 bytes")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"S3CRET-INPUT")))
    assert run(*shop.options, "secrets", "put", "bank", "api-key", "--json").json["name"] == "api-key"
    listed = run(*shop.options, "secrets", "list")
    assert listed.out == "bank/api-key  put 2 times\n"
    assert run(*shop.options, "secrets", "list", "--json").json["secrets"][0]["sealing"] == 2
    assert "S3CRET" not in listed.out + done.out
    assert run(*shop.options, "secrets", "remove", "bank", "api-key").code == 0
    assert run(*shop.options, "secrets", "list").out == "no secrets\n"
    assert run(*shop.options, "secrets", "remove", "bank", "api-key").code == 3
    assert run(*shop.options, "secrets", "put", "bank", "API KEY", "--file", str(tmp_path / "value")).code == 6
    assert run(*shop.options, "secrets", "put", "bank", "none", "--file", str(tmp_path / "nothing")).code == 6


def test_on_a_terminal_the_value_is_asked_for(run: Run, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def prompt(text: str, *, hide_input: bool) -> str:
        asked.append(hide_input)
        return "S3CRET"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "prompt", prompt)
    done = run(*shop.options, "secrets", "put", "bank", "asked")
    assert (done.code, asked) == (0, [True])
    assert "S3CRET" not in done.out
    run(*shop.options, "secrets", "remove", "bank", "asked")


def test_no_value_is_taken_from_the_command_line(run: Run, shop: Any) -> None:
    assert run(*shop.options, "secrets", "put", "bank", "api-key", "S3CRET").code == 2
    assert "value" not in {parameter.name for parameter in typer.main.get_command(room.secrets).commands["put"].params}  # type: ignore[attr-defined]


@pytest.mark.parametrize("group", ["keys", "secrets"])
def test_every_command_shows_an_example(run: Run, group: str) -> None:
    commands = typer.main.get_command(getattr(room, group)).commands  # type: ignore[attr-defined]
    for name in commands:
        assert "Example: intended" in run(group, name, "--help").out, name
