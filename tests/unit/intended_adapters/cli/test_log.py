"""audit and evidence: verdicts by exit code, never one green word, and no way to weaken the bar by a typing error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intended_core.audit.grades import EXIT_CODES

Run = Callable[..., Any]


@pytest.fixture
def decided(run: Run, shop: Any) -> int:
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    return int(run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json").json["seq"])


def test_the_log_with_and_without_a_pin(run: Run, shop: Any, decided: int) -> None:
    pinned = run(*shop.options, "audit", "verify", "--pin", shop.pin, "--json")
    assert (pinned.code, pinned.json["verdict"], pinned.json["findings"]) == (0, "CONSISTENT_UNANCHORED", [])
    assert pinned.json["size"] > decided
    loose = run(*shop.options, "audit", "verify")
    assert loose.code == 0
    assert "no key was pinned" in loose.out
    assert run(*shop.options, "audit", "verify", "--min-verdict", "consistent_unanchored").code != 0
    assert run(*shop.options, "audit", "verify", "--pin", shop.pin, "--min-verdict", "WITNESSED").code != 0


@pytest.mark.parametrize("group", ["audit", "evidence"])
def test_help_names_every_verdict_with_its_exit_code(run: Run, group: str) -> None:
    said = " ".join(run(group, "verify", "--help").out.split())
    assert [f"{code} {grade.value}" for grade, code in EXIT_CODES.items() if f"{code} {grade.value}" not in said] == []


def test_a_verdict_that_does_not_exist_is_refused(run: Run, shop: Any) -> None:
    done = run(*shop.options, "audit", "verify", "--min-verdict", "FINE")
    assert done.code == 2
    assert "CONSISTENT_UNPINNED" in done.err


def test_a_kept_checkpoint_under_another_key_is_not_believed(run: Run, shop: Any, tmp_path: Path) -> None:
    note = run(*shop.options, "audit", "checkpoint", "--json").json
    kept = tmp_path / "kept.txt"
    kept.write_text(note["checkpoint"], encoding="utf-8")
    verify = ("audit", "verify", "--pin", shop.pin, "--checkpoint", str(kept))
    assert run(*shop.options, *verify).code == 0
    kept.write_text(note["checkpoint"].replace("\n", "\n\n", 1), encoding="utf-8")
    assert run(*shop.options, *verify).code == 8


def test_the_tail(run: Run, shop: Any, decided: int) -> None:
    found = run(*shop.options, "audit", "tail", "-n", "1", "--json").json
    assert [record["seq"] for record in found["records"]] == [decided]
    assert found["records"][0]["kind"] == "decision.allow"
    shown = run(*shop.options, "audit", "tail", "-n", "1").out
    assert "decision.allow" in shown
    assert "allow by " in shown
    assert run(*shop.options, "audit", "tail", "-n", "0").code == 2


def test_a_bundle_is_written_and_verified_without_the_store(run: Run, shop: Any, decided: int, tmp_path: Path) -> None:
    bundle = tmp_path / "one.evb"
    assert run(*shop.options, "evidence", "export", str(decided), "-o", str(bundle), "--json").json["seq"] == decided
    done = run("evidence", "verify", str(bundle), "--pin", shop.pin, "--json")
    assert (done.code, done.json["verdict"], done.json["rerun"]) == (0, "CONSISTENT_UNANCHORED", "agrees")
    assert done.json["not_covered"]
    loose = run("evidence", "verify", str(bundle))
    assert loose.code in range(20, 27)
    assert "no key was pinned" in loose.out
    data = bundle.read_bytes()
    at = data.index(b'"outcome":"allow"') + 12
    bundle.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    broken = run("evidence", "verify", str(bundle), "--pin", shop.pin)
    assert broken.code in range(20, 27)
    assert "CONSISTENT" not in broken.out.splitlines()[0]
    bundle.write_bytes(b"no bundle")
    assert run("evidence", "verify", str(bundle)).code in range(20, 27)


def test_export_of_what_is_no_decision_writes_nothing(run: Run, shop: Any, tmp_path: Path) -> None:
    for seq in ("0", "999999"):
        done = run(*shop.options, "evidence", "export", seq, "-o", str(tmp_path / "none.evb"))
        assert done.code == 8
    assert not (tmp_path / "none.evb").exists()


def test_what_a_bundle_says_in_plain_words(run: Run, shop: Any, decided: int, tmp_path: Path) -> None:
    bundle, page = tmp_path / "one.evb", tmp_path / "one.html"
    assert run(*shop.options, "evidence", "export", str(decided), "-o", str(bundle)).code == 0
    told = run("evidence", "show", str(bundle), "--pin", shop.pin)
    assert told.code == 0
    assert told.out.startswith("Verdict: CONSISTENT_UNANCHORED")
    assert "It was allowed" in told.out
    done = run("evidence", "show", str(bundle), "--pin", shop.pin, "--html", str(page), "--json")
    assert (done.code, done.json["verdict"], done.json["html"]) == (0, "CONSISTENT_UNANCHORED", str(page))
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run("evidence", "show", str(bundle)).code == 21
    assert run("evidence", "show", str(bundle), "--html", str(tmp_path / "no" / "x.html")).code == 6
    bundle.write_bytes(b"no bundle")
    assert run("evidence", "show", str(bundle)).code == 26


def test_a_part_of_the_request_stays_in_the_house(run: Run, shop: Any, decided: int, tmp_path: Path) -> None:
    bundle = tmp_path / "decision.evb"
    export = (*shop.options, "evidence", "export", str(decided), "-o", str(bundle))
    assert run(*export, "--withhold", "intent.args").code == 0
    verified = run("evidence", "verify", str(bundle), "--pin", shop.pin, "--json")
    assert [item["code"] for item in verified.json["findings"]] == ["fields.withheld"]
    assert run(*export, "--disclose", "intent.principal").code == 0
    assert run("evidence", "verify", str(bundle), "--pin", shop.pin).code == 22
    assert run(*export, "--withhold", "intent.args.no_such_argument").code != 0
    assert run(*shop.options, "evidence", "export", "--range", "0:", "-o", str(bundle), "--withhold", "ith").code == 2
