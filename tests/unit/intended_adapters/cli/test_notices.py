"""Telling people outside, from the command line."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_lines_in_the_log_and_then_nothing_new(run: Run, shop: Any) -> None:
    intent = shop.folder / "a-large-invoice-waits-for-a-person.json"
    assert run(*shop.options, "authorize", str(intent), "--audience", "bank").code == 4
    done = run(*shop.options, "notices", "deliver", "lines", "--since", "0", "--json")
    assert done.code == 0
    assert done.json["told"] >= 1
    again = run(*shop.options, "notices", "deliver", "lines")
    assert (again.code, again.out.startswith("told 0")) == (0, True)
    assert run(*shop.options, "notices", "deliver", "No Name").code == 6


def test_a_webhook_needs_its_secret_and_a_broken_one_is_asked_again(run: Run, shop: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + b64encode(b"x" * 32).decode())
    secret.chmod(0o600)
    url = "http://127.0.0.1:9/"
    assert run(*shop.options, "notices", "deliver", "hook", "--webhook", url).code == 2
    assert run(*shop.options, "notices", "deliver", "hook", "--webhook", "http://example.com/", "--secret-file", str(secret)).code == 9
    intent = shop.folder / "a-large-invoice-waits-for-a-person.json"
    run(*shop.options, "authorize", str(intent), "--audience", "bank")
    done = run(*shop.options, "notices", "deliver", "hook", "--webhook", url, "--secret-file", str(secret), "--since", "0", "--json")
    assert (done.code, done.json["told"]) == (0, 0)
    assert done.json["due_us"] > 0


def test_a_webhooks_secret_out_of_the_store(run: Run, shop: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + b64encode(b"x" * 32).decode())
    words = (*shop.options, "notices", "deliver", "sealed", "--webhook", "http://127.0.0.1:9/")
    refused = run(*words)
    assert (refused.code, "secrets put notifier:sealed webhook" in refused.err) == (2, True)
    assert run(*shop.options, "secrets", "put", "notifier:sealed", "webhook", "--file", str(secret)).code == 0
    done = run(*words, "--json")
    assert (done.code, done.json["told"]) == (0, 0)
    assert run(*shop.options, "notices", "deliver", "lines", "--secret-file", str(secret)).code == 2
