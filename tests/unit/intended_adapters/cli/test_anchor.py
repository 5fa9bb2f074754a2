"""The anchor on the command line: seal, prove, check offline, publish, be a witness by hand, convict a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from intended_core import load_registry

Run = Any


def test_seal_prove_and_check(run: Run, shop: Any, tmp_path: Path) -> None:
    sealed = run(*shop.options, "audit", "epoch", "--json").json
    assert (sealed["tenants"], sealed["cosigned"], sealed["unanswered"]) == (1, [], [])
    again = run(*shop.options, "audit", "epoch")
    assert again.code == 0
    assert f"anchor key: {sealed['anchor_key']}" in again.out
    policy = tmp_path / "trust.policy"
    policy.write_text(f"log {sealed['anchor_key']}\nquorum none\n", encoding="utf-8")
    kept = [tmp_path / f"{number}.slot" for number in range(2)]
    for number, path in enumerate(kept):
        epoch = sealed["epoch"] + number
        assert run(*shop.options, "audit", "proof", "--slot", "--epoch", str(epoch), "-o", str(path)).code == 0
    checked = run("audit", "check", *map(str, kept), "--policy", str(policy), "--json")
    assert (checked.json["verdict"], checked.json["epochs"]) == ("CONSISTENT_UNANCHORED", 2)
    assert checked.code == 20
    ok = ("audit", "check", str(kept[0]), "--policy", str(policy), "--min-verdict", "CONSISTENT_UNANCHORED")
    assert run(*ok).code == 0
    assert run(*ok, "--min-epoch", "999").code == 8
    assert run(*ok, "--max-age", "10").code == 8
    assert run("audit", "check", *map(str, kept), "--policy", str(policy), "--min-epoch", "999").code == 8
    assert run("audit", "check", str(kept[0]), "--policy", str(policy), "--min-verdict", "FINE").code == 2
    record = tmp_path / "record.proof"
    assert run(*shop.options, "audit", "proof", "1", "-o", str(record)).code == 0
    assert run("audit", "check", str(record), "--policy", str(policy)).code == 8, "the record's header is missing"
    last = tmp_path / "last.tlog-proof"
    assert run(*shop.options, "audit", "proof", "1", "--tlog-proof", "-o", str(last)).code == 0
    assert last.read_text(encoding="utf-8").startswith("c2sp.org/tlog-proof@v1")
    verified = run(*shop.options, "audit", "verify", "--proof", str(kept[0]), "--policy", str(policy), "--pin", shop.pin, "--json")
    assert (verified.json["verdict"], verified.json["attested"]) == ("CONSISTENT_UNANCHORED", 0)


def test_wrong_uses_are_told(run: Run, shop: Any, tmp_path: Path) -> None:
    out = ("-o", str(tmp_path / "x"))
    assert run(*shop.options, "audit", "proof", *out).code == 2
    assert run(*shop.options, "audit", "proof", "1", "--slot", *out).code == 2
    assert run(*shop.options, "audit", "epoch", "--witness", "https://w.example").code == 2
    assert run(*shop.options, "audit", "proof", "--slot", "-o", str(tmp_path / "no" / "x")).code == 6


def test_tiles_are_written_once(run: Run, shop: Any, tmp_path: Path) -> None:
    run(*shop.options, "audit", "epoch")
    first = run(*shop.options, "audit", "tiles", str(tmp_path), "--json").json
    assert first["size"] >= 1
    assert int((tmp_path / "checkpoint").read_text().split("\n")[1]) == first["size"]
    grown = run(*shop.options, "audit", "epoch", "--tiles", str(tmp_path), "--json").json
    assert grown["tiles"] == first["size"] + 1
    (tmp_path / "file").write_text("x")
    assert run(*shop.options, "audit", "tiles", str(tmp_path / "file")).code == 6


def test_a_witness_by_hand(run: Run, shop: Any, tmp_path: Path) -> None:
    told = run(*shop.options, "audit", "epoch", "--tiles", str(tmp_path / "pub"), "--json").json
    key, state = tmp_path / "witness.key", tmp_path / "state"
    state.mkdir()
    named = ("--name", "w.example/1", "--key", str(key))
    vkey = run("witness", "key", *named).out.strip()
    assert run("witness", "key", *named, "--json").json == {"witness_key": vkey}
    assert key.stat().st_mode & 0o777 == 0o600
    request = tmp_path / "request"
    request.write_bytes(b"old 0\n\n" + (tmp_path / "pub" / "checkpoint").read_bytes())
    ask = ("witness", "cosign", str(request), *named, "--state", str(state), "--log", told["anchor_key"])
    answered = run(*ask)
    assert answered.code == 0
    assert answered.out.startswith("\u2014 w.example/1 ") or "\\u2014" in answered.out
    refused = run(*ask, "--json")
    assert (refused.code, refused.json["status"]) == (8, 409)
    key.write_bytes(b"short")
    assert run(*ask).code == 6


def test_equivocation(run: Run, shop: Any, tmp_path: Path) -> None:
    from intended_core.audit.anchored import encode_proof
    from tests.reference.anchor_world import honest_anchor

    here, there = honest_anchor(2), honest_anchor(1)
    there.tenants[0].decide(999)
    there.seal()
    for name, log in (("a", here), ("b", there)):
        (tmp_path / name).write_bytes(encode_proof(log.proof(3, 1)))
        (tmp_path / f"{name}.txt").write_bytes(log.note())
    out, key = tmp_path / "equivocation.json", ("--key", str(here.key))
    show = ("audit", "equivocation", "show")
    assert run(*show, str(tmp_path / "a"), str(tmp_path / "b"), *key, "-o", str(out)).code == 0
    found = run("audit", "equivocation", "verify", str(out), *key)
    assert found.code == 0
    assert "FORKED" in found.out
    assert run(*show, str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), *key, "-o", str(out)).code == 0
    assert run("audit", "equivocation", "verify", str(out), *key, "--json").json["kind"] == "size"
    assert run(*show, str(tmp_path / "a"), str(tmp_path / "a"), *key, "-o", str(out)).code == 8


def test_epochs_go_on_until_interrupted(run: Run, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = iter(range(3))

    def sleep(_: float) -> None:
        if next(rounds, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr("intended_adapters.cli.anchor.time.sleep", sleep)
    done = run(*shop.options, "audit", "epoch", "--every", "1", "--idle", "0")
    assert done.code == 0
    assert done.out.count("epoch ") >= 3


def test_a_witness_that_does_not_answer_is_told_and_the_epoch_stands(run: Run, shop: Any) -> None:
    from tests.reference.anchor_world import witness_key

    asked = ("--witness", "http://127.0.0.1:9", "--witness-key", str(witness_key("w.example/1")))
    done = run(*shop.options, "audit", "epoch", *asked)
    assert done.code == 9
    assert "not cosigned" in done.out


def test_servers_are_adapters() -> None:
    kinds = {(one.kind, one.name) for one in load_registry().adapters()}
    assert {("witness", "http"), ("server", "witness"), ("server", "tiles")} <= kinds
