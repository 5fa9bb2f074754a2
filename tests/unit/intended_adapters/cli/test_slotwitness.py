"""The customer's side: what a real server was sent is piped to `witness slot`, which keeps the newest and refuses another history."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from intended_core import Authority
from tests.reference.loopback import receiving

Run = Callable[..., Any]


@pytest.fixture
def sent(run: Run, shop: Any, tmp_path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The bodies of three epochs, and the options of whoever keeps them."""
    store, key = shop.options[shop.options.index("--store") + 1], shop.options[shop.options.index("--key-file") + 1]
    name = f"hook-{sha256(tmp_path.name.encode()).hexdigest()[:8]}"  # the store is shared by the tests of this file
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + b64encode(b"x" * 32).decode())
    secret.chmod(0o600)
    with receiving() as (posted, url):
        for number in range(3):
            with Authority.open(store, key_file=key) as authority:
                if number:
                    authority.tenant("acme").rotate_keys()
                authority.anchor.seal()
                authority.anchor.release()
                log, anchor = authority.tenant("acme").head().origin, str(authority.anchor.key())
            done = run(*shop.options, "notices", "slots", name, "--webhook", url, "--secret-file", str(secret), "--json")
            assert (done.code, done.json["told"]) == (0, 1)
    files = []
    for number, (headers, body) in enumerate(posted.seen):
        assert headers["webhook-signature"].startswith("v1,")
        files.append(tmp_path / f"{number}.json")
        files[-1].write_bytes(body)
    (tmp_path / "trust.policy").write_text(f"log {anchor}\nquorum none\n")
    (tmp_path / "state").mkdir()
    words = ("--log", log, "--policy", str(tmp_path / "trust.policy"), "--state", str(tmp_path / "state"))
    return files, (*words, "--min-verdict", "consistent_unanchored")


def test_the_newest_head_is_kept_and_an_older_or_unlinked_one_refused(run: Run, sent: Any, tmp_path: Path) -> None:
    files, words = sent
    for number, file in enumerate(files):
        done = run("witness", "slot", str(file), *words, "--json")
        assert (done.code, done.json["kept"], done.json["again"], done.json["missed"]) == (0, True, False, 0), number
        assert run("witness", "slot", str(file), *words, "--json").json["again"] is True
    (kept,) = (tmp_path / "state").glob("*.slot")
    before = kept.read_bytes()
    refused = run("witness", "slot", str(files[0]), *words)
    assert (refused.code, "was seen already" in refused.err) == (8, True)
    assert kept.read_bytes() == before
    (tmp_path / "other").mkdir()
    other = [word if word != str(tmp_path / "state") else str(tmp_path / "other") for word in words]
    assert run("witness", "slot", str(files[0]), *other).code == 0
    skipped = run("witness", "slot", str(files[2]), *other)
    assert (skipped.code, "nothing shows" in skipped.err) == (8, True)


def test_what_is_not_good_enough_is_not_kept(run: Run, sent: Any, tmp_path: Path) -> None:
    files, words = sent
    done = run("witness", "slot", str(files[0]), *words[:-2])
    assert (done.code, "not kept" in done.out) == (20, True)
    assert list((tmp_path / "state").glob("*.slot")) == []
    assert run("witness", "slot", str(files[0]), *words[:-1], "good").code == 2
    assert run("witness", "slot", str(files[0]), "--log", "another/log", *words[2:]).code == 8
    shutil.rmtree(tmp_path / "state")
    assert run("witness", "slot", str(files[0]), *words).code == 9
