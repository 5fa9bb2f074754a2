"""adapter credential, withdraw, withdrawn: what an adapter elsewhere is given, and how it is taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.intended_adapters.cli.conftest import Done, Shop

Run = Callable[..., Done]
ANN = 'User::"ann"'


@pytest.fixture
def acme(run: Run, shop: Shop) -> Run:
    """`run` with the shop's options, once ann is registered."""
    key = shop.folder / "ann.pem"
    if not key.exists():
        public = run("person", "key", str(key), "--json").json["public_key"]
        assert run(*shop.options, "person", "add", ANN, public).code == 0
    return lambda *words: run(*shop.options, *words)


def by_ann(shop: Shop) -> tuple[str, ...]:
    return ("--person", ANN, "--key", str(shop.folder / "ann.pem"))


def test_one_is_made_and_withdrawn_by_its_file(acme: Run, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "bank.credential"
    made = acme("adapter", "credential", "bank", str(file), "--days", "1", "--json")
    assert made.code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() not in made.out
    assert acme("adapter", "credential", "bank", str(file)).code == 6
    done = acme("adapter", "withdraw", "bank", "--file", str(file), "--reason", "lost", *by_ann(shop), "--json")
    assert (done.code, done.json["id"]) == (0, made.json["id"])
    listed = acme("adapter", "withdrawn", "--json").json["withdrawn"]
    assert (listed[0]["adapter"], made.json["id"] in listed[0]["ids"]) == ("bank", True)


def test_by_its_id_with_a_signature_made_elsewhere(acme: Run, run: Run, shop: Shop, tmp_path: Path) -> None:
    made = acme("adapter", "credential", "vault", str(tmp_path / "vault.credential"), "--json").json
    wanted = ("adapter", "withdraw", "vault", f"--id={made['id']}", "--reason", "lost")
    asked = acme(*wanted, "--digest").out.strip()
    signature = run("person", "sign", asked, "--key", str(shop.folder / "ann.pem")).out.strip()
    assert acme(*wanted, "--person", ANN, "--signature", signature).code == 0
    assert acme(*wanted, "--person", ANN, "--signature", signature).code == 9, "it counts once"


def test_all_so_far_and_what_is_said(acme: Run, shop: Shop) -> None:
    done = acme("adapter", "withdraw", "field", "--reason", "moved", *by_ann(shop))
    assert "every credential of field so far" in done.out
    assert "field: all that were made until 2" in acme("adapter", "withdrawn").out


def test_wrong_command_lines(acme: Run, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "c"
    file.write_text("adapter.e30.AAAA")
    assert acme("adapter", "withdraw", "bank", "--reason", "lost").code == 2
    assert acme("adapter", "withdraw", "bank", "--reason", "lost", "--file", str(file), "--id", "x", *by_ann(shop)).code == 2
    assert acme("adapter", "withdraw", "bank", "--reason", "lost", "--file", str(file), *by_ann(shop)).code == 7
    assert acme("adapter", "withdraw", "bank", "--reason", "lost", "--id", "x", *by_ann(shop)).code == 6
    assert acme("adapter", "credential", "bank", str(tmp_path / "d"), "--days", "91").code == 9
    assert not (tmp_path / "d").exists()
