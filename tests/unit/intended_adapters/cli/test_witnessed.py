"""From end to end on the command line: a witness that listens, an epoch that it cosigns, a file handed over, and the verdict WITNESSED."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT

Run = Any
STANDALONE = ROOT / "verifiers" / "verify_evidence.py"


class Witness:
    """`intended witness serve` in a process of its own, on a port that nobody else has."""

    def __init__(self, folder: Path, name: str, anchor_key: str) -> None:
        (folder / name).mkdir()
        key = str(folder / f"{name}.key")
        words = ("witness", "serve", "--name", f"{name}.example/1", "--key", key, "--state", str(folder / name), "--log", anchor_key)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()  # ends when it listens, or when the process does
        assert line, self.process.stderr.read() if self.process.stderr is not None else ""
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)


# The command as it is, but that the socket is bound first, so that the port is known and nobody can take it meanwhile.
_SERVE = """
import json, socket, sys
import uvicorn
from intended_adapters.cli.app import main

bound, listens = socket.socket(), uvicorn.Server.run
bound.bind(("127.0.0.1", 0))
port, told = bound.getsockname()[1], sys.stdout

def run(self, sockets=None):
    bound.listen()
    told.write(json.dumps({"port": port}) + chr(10))
    told.flush()
    listens(self, sockets=[bound])

uvicorn.Server.run = run
sys.argv = ["intended", *sys.argv[1:], "--port", str(port)]
sys.stdout = sys.stderr
main()
"""


@pytest.fixture
def witnesses(run: Run, shop: Any, tmp_path: Path) -> Iterator[list[tuple[str, Witness]]]:
    """Two of them, each with its verifier key."""
    anchor_key = run(*shop.options, "audit", "epoch", "--json").json["anchor_key"]
    made: list[tuple[str, Witness]] = []
    try:
        for name in ("ours", "theirs"):
            key = run("witness", "key", "--name", f"{name}.example/1", "--key", str(tmp_path / f"{name}.key")).out.strip()
            made.append((key, Witness(tmp_path, name, anchor_key)))
        yield made
    finally:
        for _, each in made:
            each.close()


def standalone(path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(STANDALONE), str(path), *words, "--json"], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow  # two processes, four verifications in pure Python
def test_from_a_listening_witness_to_witnessed(run: Run, shop: Any, witnesses: list[tuple[str, Witness]], tmp_path: Path) -> None:
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    seq = run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json").json["seq"]
    asked = [word for key, each in witnesses for word in ("--witness", each.url, "--witness-key", key)]
    sealed = run(*shop.options, "audit", "epoch", *asked, "--json")
    assert (sealed.code, sealed.json["unanswered"]) == (0, [])
    assert [one["witness"] for one in sealed.json["cosigned"]] == ["ours.example/1", "theirs.example/1"]
    decision, stretch = tmp_path / "decision.evb", tmp_path / "all.evb"
    assert run(*shop.options, "evidence", "export", str(seq), "-o", str(decision)).code == 0
    assert run(*shop.options, "evidence", "export", "--range", "0:", "-o", str(stretch)).code == 0

    policy = tmp_path / "auditor.policy"
    lines = [f"log {sealed.json['anchor_key']}", *(f"witness w{number} {key}" for number, (key, _) in enumerate(witnesses))]
    policy.write_text("\n".join([*lines, "group both all w0 w1", "quorum both"]) + "\n")
    for path in (decision, stretch):
        verify = ("evidence", "verify", str(path), "--pin", shop.pin, "--policy", str(policy))
        fresh = ("--min-epoch", str(sealed.json["epoch"]), "--max-age", "3600", "--min-verdict", "WITNESSED")
        done = run(*verify, *fresh, "--json")
        assert (done.code, done.json["verdict"], done.json["findings"]) == (0, "WITNESSED", [])
        assert (done.json["organisations"], done.json["epoch"]) == (["w0", "w1"], sealed.json["epoch"])
        assert standalone(path, *verify[3:], *fresh)[1]["grade"] == "WITNESSED"
        assert "WITNESSED" in run(*verify).out.split("\n")[0]
        later = run(*verify, "--min-epoch", str(sealed.json["epoch"] + 1), "--json")
        assert (later.code, [found["code"] for found in later.json["findings"]]) == (22, ["anchor.epoch"])
        assert run(*verify[:3], "--policy", str(policy), "--min-verdict", "WITNESSED").code == 21, "no key was pinned"
        assert run(*verify[:5], "--min-verdict", "WITNESSED").code == 20, "no policy, so nobody outside is known"

    # A third witness is asked for, which never was there: the file is what it was, and the policy is not met.
    stranger = run("witness", "key", "--name", "third.example/1", "--key", str(tmp_path / "third.key")).out.strip()
    policy.write_text("\n".join([*lines, f"witness w2 {stranger}", "group three all w0 w1 w2", "quorum three"]) + "\n")
    done = run(*verify, "--min-verdict", "WITNESSED", "--json")
    assert (done.code, done.json["verdict"], [found["code"] for found in done.json["findings"]]) == (19, "ANCHORED", ["anchor.quorum"])
    assert run(*verify, "--min-verdict", "ANCHORED").code == 0
    assert standalone(stretch, *verify[3:], "--min-verdict", "WITNESSED")[0] == 19


def test_a_witness_that_does_not_answer_lowers_the_verdict(run: Run, shop: Any, witnesses: list[tuple[str, Witness]], tmp_path: Path) -> None:
    (ours, here), (theirs, gone) = witnesses
    gone.close()
    asked = ("--witness", here.url, "--witness-key", ours, "--witness", gone.url, "--witness-key", theirs)
    sealed = run(*shop.options, "audit", "epoch", *asked, "--json")
    assert sealed.code != 0
    assert len(sealed.json["unanswered"]) == len(sealed.json["cosigned"]) == 1
    out, policy = tmp_path / "all.evb", tmp_path / "auditor.policy"
    assert run(*shop.options, "evidence", "export", "--range", "0:", "-o", str(out)).code == 0
    policy.write_text(f"log {sealed.json['anchor_key']}\nwitness w0 {ours}\nwitness w1 {theirs}\ngroup both all w0 w1\nquorum both\n")
    verify = ("evidence", "verify", str(out), "--pin", shop.pin, "--policy", str(policy))
    done = run(*verify, "--min-verdict", "WITNESSED", "--json")
    assert (done.code, done.json["verdict"]) == (19, "ANCHORED")
