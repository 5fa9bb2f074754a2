"""evidence export --range and its verification: as an auditor types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def exported(run: Run, shop: Any, tmp_path: Path) -> Path:
    path = tmp_path / "all.evb"
    done = run(*shop.options, "evidence", "export", "--range", "0:", "-o", str(path), "--json")
    assert (done.code, done.json["bytes"], done.json["first"]) == (0, path.stat().st_size, 0)
    assert list(tmp_path.iterdir()) == [path]
    return path


def test_round_trip(run: Run, shop: Any, exported: Path) -> None:
    done = run("evidence", "verify", str(exported), "--pin", shop.pin, "--list", "policy.activated", "--json")
    assert (done.code, done.json["verdict"]) == (0, "CONSISTENT_UNANCHORED")
    assert done.json["kinds"]["policy.activated"] == len(done.json["selected"]) >= 1
    shown = run("evidence", "verify", str(exported), "--list", "policy.activated")
    assert shown.code == 21
    assert "every one of them" in shown.out
    assert "policy.activated: " in shown.out
    assert "no key was pinned" in shown.out


def test_a_changed_file_is_found(run: Run, shop: Any, exported: Path) -> None:
    data = exported.read_bytes()
    exported.write_bytes(data.replace(b'"k":"policy.activated"', b'"k":"policy.simulated"', 1))
    done = run("evidence", "verify", str(exported), "--pin", shop.pin)
    assert done.code == 25
    assert "TAMPERED" in done.out


@pytest.mark.parametrize("words", [["--range", "5"], ["--range", ":"], ["--range", "a:b"], [], ["3", "--range", "0:"]])
def test_a_stretch_that_is_none_says_how_to_write_one(run: Run, shop: Any, tmp_path: Path, words: list[str]) -> None:
    done = run(*shop.options, "evidence", "export", *words, "-o", str(tmp_path / "x"))
    assert done.code == 2
    assert "FIRST:STOP" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_stretch_outside_the_log_leaves_nothing(run: Run, shop: Any, tmp_path: Path) -> None:
    done = run(*shop.options, "evidence", "export", "--range", "0:99999", "-o", str(tmp_path / "x"))
    assert done.code != 0
    assert "within" in done.err
    assert list(tmp_path.iterdir()) == []
    assert run(*shop.options, "evidence", "export", "--range", "0:", "-o", str(tmp_path / "no" / "x")).code != 0


def test_kinds_that_do_not_exist_and_decisions(run: Run, shop: Any, exported: Path, tmp_path: Path) -> None:
    assert run("evidence", "verify", str(exported), "--list", "token.eaten").code == 2
    assert run("evidence", "verify", str(tmp_path / "absent")).code != 0
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    seq = run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json").json["seq"]
    one = tmp_path / "one.evb"
    assert run(*shop.options, "evidence", "export", str(seq), "-o", str(one)).code == 0
    assert run("evidence", "verify", str(one), "--list", "token.refused").code == 2


def test_what_a_witness_has_seen_comes_along(run: Run, shop: Any, tmp_path: Path) -> None:
    """An epoch is sealed and cosigned; the next evidence shows it, to those whose policy file names the witness."""
    anchor_key = run(*shop.options, "audit", "epoch", "--json").json["anchor_key"]
    key = tmp_path / "witness.key"
    vkey = run("witness", "key", "--name", "w.example/1", "--key", str(key)).out.strip()
    out, policy = tmp_path / "all.evb", tmp_path / "auditor.policy"
    policy.write_text(f"log {anchor_key}\nwitness w {vkey}\nquorum w\n")
    assert run(*shop.options, "evidence", "export", "--range", "0:3", "-o", str(out)).code == 0
    verify = ("evidence", "verify", str(out), "--pin", shop.pin, "--policy", str(policy))
    done = run(*verify, "--json")
    assert (done.code, done.json["verdict"], done.json["anchored"]) == (0, "CONSISTENT_UNANCHORED", None)
    assert [found["code"] for found in done.json["findings"]] == ["anchor.witness"]
    assert run(*verify, "--min-verdict", "WITNESSED").code == 20
    done = run(*verify, "--min-epoch", "0", "--max-age", "60", "--json")
    assert (done.code, [found["code"] for found in done.json["findings"]]) == (22, ["anchor.witness", "anchor.epoch", "anchor.age"])
    for words in (("--min-epoch", "0"), ("--max-age", "60")):
        assert run("evidence", "verify", str(out), "--pin", shop.pin, *words).code == 2  # by whom it was seen is for a policy to say
        assert run(*verify, words[0], "-1").code == 2
    policy.write_text("log nonsense\n")
    assert run(*verify).code == 2


def test_several_processes(run: Run, shop: Any, exported: Path) -> None:
    """The verdict is the same, of a stretch and of a log; what is no number of processes is refused."""
    commands = (("evidence", "verify", str(exported), "--pin", shop.pin, "--json"), (*shop.options, "audit", "verify", "--json"))
    for command in commands:
        assert run(*command, "--jobs", "2").json == run(*command).json
        assert run(*command, "--jobs", "0").code == 2
