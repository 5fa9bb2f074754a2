"""Time stamps on the command line: asked for over HTTP, kept, told by doctor, and checked beside bundles of both kinds."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from intended_adapters.cli import doctor
from intended_core.errors import StoreError
from intended_core.flows.stamp import Stamping
from tests.reference.time_authority import PlainAuthority, serving

Run = Any


@pytest.fixture
def tsa(tmp_path: Path) -> PlainAuthority:
    made = PlainAuthority(lambda: datetime.now(tz=UTC))
    (tmp_path / "tsa.pem").write_bytes(made.pem)
    (tmp_path / "other.pem").write_bytes(PlainAuthority(made.now, root="other.example").pem)
    return made


def test_stamp_and_check_beside_a_bundle(run: Run, shop: Any, tsa: PlainAuthority, tmp_path: Path) -> None:
    pinned = ("--tsa-cert", str(tmp_path / "tsa.pem"))
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    seq = int(run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json").json["seq"])
    assert run(*shop.options, "audit", "time", "3", "-o", str(tmp_path / "x")).code == 8, "nothing is stamped yet"
    sealed = run(*shop.options, "audit", "epoch", "--json").json
    with serving(tsa) as url:
        told = run(*shop.options, "audit", "timestamp", "--tsa", url, *pinned, "--json")
        assert (told.code, told.json["stamped"]["fresh"]) == (0, True)
        assert "stamped already by CN=root.example" in run(*shop.options, "audit", "timestamp", "--tsa", url, *pinned).out
    assert "1 time stamps" in run(*shop.options, "doctor").out
    time_file, token = tmp_path / "record.time", tmp_path / "stamp"
    done = run(*shop.options, "audit", "time", str(seq), "-o", str(time_file), "--token", str(token))
    assert (done.code, token.with_name("stamp.tsr").exists(), token.with_name("stamp.note").exists()) == (0, True, True)
    bundle, march = tmp_path / "one.evb", tmp_path / "march.evb"
    assert run(*shop.options, "evidence", "export", str(seq), "-o", str(bundle)).code == 0
    assert run(*shop.options, "evidence", "export", "--range", "0:", "-o", str(march)).code == 0
    policy = tmp_path / "trust.policy"
    policy.write_text(f"log {sealed['anchor_key']}\nquorum none\n", encoding="utf-8")
    for file in (bundle, march):
        known = ("evidence", "verify", str(file), "--pin", shop.pin, "--policy", str(policy), "--time", str(time_file))
        found = run(*known, *pinned)
        assert found.code == 0, found
        assert f"record {seq} was recorded before " in found.out
        assert "nobody outside says since when" in found.out
        whole = run(*known, *pinned, "--json").json["time"]
        assert (whole["seq"], whole["since_us"], whole["stamps"][0]["authority"]) == (seq, None, "CN=root.example")
        assert whole["own_us"] <= whole["until_us"]
        assert run(*known, "--tsa-cert", str(tmp_path / "other.pem")).code == 8
        assert run(*known).code == 2, "nobody's certificates"
        assert run(*known, *pinned, "--max-delay", "0").code == 8, "the authority is unsure by more than that"
    if which("openssl") is not None:
        words = ["openssl", "ts", "-verify", "-data", f"{token}.note", "-in", f"{token}.tsr", "-CAfile", str(tmp_path / "tsa.pem")]
        assert subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_bundle_that_does_not_hold_and_one_of_another_record(run: Run, shop: Any, tsa: PlainAuthority, tmp_path: Path) -> None:
    pinned = ("--tsa-cert", str(tmp_path / "tsa.pem"))
    key = run(*shop.options, "audit", "epoch", "--json").json["anchor_key"]
    policy = tmp_path / "trust.policy"
    policy.write_text(f"log {key}\nquorum none\n", encoding="utf-8")
    with serving(tsa) as url:
        assert run(*shop.options, "audit", "timestamp", "--tsa", url, *pinned).code == 0
    bundle, file = tmp_path / "some.evb", tmp_path / "one.time"
    assert run(*shop.options, "evidence", "export", "--range", "2:4", "-o", str(bundle)).code == 0
    assert run(*shop.options, "audit", "time", "4", "-o", str(file)).code == 0
    known = ("--policy", str(policy), "--time", str(file), *pinned, "--min-verdict", "MALFORMED")
    other = run("evidence", "verify", str(bundle), *known)
    assert other.code == 8
    assert "does not hold record 4" in other.err
    bundle.write_bytes(bundle.read_bytes()[:-1])
    spoiled = run("evidence", "verify", str(bundle), *known)
    assert "the time file was not looked at" in spoiled.out
    assert run("evidence", "verify", str(bundle), *known, "--json").json["time"] is None


def test_an_authority_that_fails_is_told_and_stops_nothing(run: Run, shop: Any, tsa: PlainAuthority, tmp_path: Path) -> None:
    pinned = ("--tsa-cert", str(tmp_path / "tsa.pem"))
    with serving(tsa, status=503) as url:
        sealed = run(*shop.options, "audit", "epoch", "--tsa", url, *pinned, "--json")
        assert (sealed.code, "503" in sealed.json["unstamped"]) == (9, True)
        assert sealed.json["epoch"] >= 0
        assert "not stamped: " in run(*shop.options, "audit", "epoch", "--tsa", url, *pinned).out
    told = run(*shop.options, "doctor")
    assert told.code == 9
    assert "BAD  time       the anchor log is not stamped since" in told.out
    tsa.change = lambda info: info.update(nonce=1)
    with serving(tsa) as url:
        lied = run(*shop.options, "audit", "timestamp", "--tsa", url, *pinned)
        assert (lied.code, "another request" in lied.out) == (9, True)
        tsa.change = None
        assert run(*shop.options, "audit", "epoch", "--tsa", url, *pinned).code == 0
    assert run(*shop.options, "doctor").code == 0


def test_wrong_uses_are_told(run: Run, shop: Any, tmp_path: Path) -> None:
    assert run(*shop.options, "audit", "timestamp").code == 2
    assert run(*shop.options, "audit", "timestamp", "--tsa", "http://127.0.0.1:1").code == 2
    assert run(*shop.options, "audit", "epoch", "--tsa", "http://127.0.0.1:1").code == 2
    (tmp_path / "none.pem").write_bytes(b"none")
    assert run(*shop.options, "audit", "timestamp", "--tsa", "http://127.0.0.1:1", "--tsa-cert", str(tmp_path / "none.pem")).code == 9
    assert run("evidence", "verify", str(tmp_path / "none.pem"), "--tsa-cert", str(tmp_path / "none.pem")).code == 2


def test_a_stamp_that_is_late_is_told() -> None:
    class Late:
        @property
        def anchor(self) -> Any:
            return self

        def stamping(self) -> Stamping:
            return Stamping(count=2, size=5, time_us=1_000_000, due_us=2_000_000, failed_us=0, why="")

    with pytest.raises(StoreError, match="was due at 1970-01-01 00:00:02 UTC"):
        doctor._stamps(Late())  # type: ignore[arg-type]
