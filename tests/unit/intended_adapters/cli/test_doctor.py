"""doctor: what an operator must see, and that it never calls a broken installation well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_a_sound_store(run: Run, shop: Any) -> None:
    done = run(*shop.options, "doctor", "--json")
    assert (done.code, done.json["ok"]) == (0, True)
    assert {check["name"] for check in done.json["checks"]} >= {
        "python",
        "package",
        "adapters",
        "key file",
        "store",
        "log",
    }
    assert "1 tenant environment," in run(*shop.options, "doctor").out


def test_a_key_that_others_may_read(run: Run, shop: Any) -> None:
    kek = shop.folder / "keys" / "kek"
    kek.chmod(0o644)
    try:
        done = run(*shop.options, "doctor")
    finally:
        kek.chmod(0o600)
    assert done.code == 9
    assert "BAD  key file" in done.out
    assert "chmod 600" in done.out


def test_a_wrong_key(run: Run, shop: Any, tmp_path: Path) -> None:
    kek = tmp_path / "kek"
    kek.write_bytes((shop.folder / "keys" / "kek").read_bytes()[::-1])
    kek.chmod(0o600)
    done = run("--store", shop.options[1], "--key-file", str(kek), "doctor", "--json")
    assert (done.code, done.json["ok"]) == (9, False)
    assert {check["name"] for check in done.json["checks"] if not check["ok"]} >= {"store"}


def test_where_one_hand_is_enough_it_is_said_with_what_to_do(run: Run, shop: Any) -> None:
    done = run(*shop.options, "doctor")
    assert done.code == 0
    assert "one hand changes what is in force in acme/live" in done.out
    assert "person add" in done.out
    key = shop.folder / "doctor-eve.pem"
    public = run("person", "key", str(key), "--json").json["public_key"]
    assert run(*shop.options, "person", "add", 'User::"eve"', public, "--role", "admin").code == 0
    try:
        assert "two persons change what is in force in each of 1 live environments" in run(*shop.options, "doctor").out
    finally:
        run(*shop.options, "person", "remove", 'User::"eve"', "--person", 'User::"eve"', "--key", str(key))


def test_a_halt_without_space_set_aside_is_said_and_no_fault(run: Run, shop: Any) -> None:
    assert "1048576 of 1048576 bytes are set aside for a halt" in run(*shop.options, "doctor").out
    reserve = Path(f"{shop.options[1]}-reserve")
    reserve.write_bytes(b"somebody's own")
    try:
        done = run(*shop.options, "doctor")
        assert reserve.read_bytes() == b"somebody's own"
    finally:
        reserve.unlink()
    assert done.code == 0
    assert "only 0 of 1048576 bytes are set aside for a halt on a full disk" in done.out
    assert f"{reserve} is left alone" in done.out
