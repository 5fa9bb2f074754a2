"""Requests at the command line: the queue, what is shown, and each way of deciding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CLEO = 'User::"cleo"'
Run = Callable[..., Any]


@pytest.fixture
def key(run: Run, shop: Any, tmp_path: Path) -> str:
    """Cleo's, registered anew."""
    path = tmp_path / "cleo.pem"
    public = run("person", "key", str(path), "--json").json["public_key"]
    assert run(*shop.options, "person", "add", CLEO, public).code == 0
    return str(path)


@pytest.fixture
def number(run: Run, shop: Any, key: str) -> str:
    """A request that waits."""
    intent = shop.folder / "a-large-invoice-waits-for-a-person.json"
    waiting = run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json")
    assert (waiting.code, waiting.json["outcome"]) == (4, "escalate")
    return str(waiting.json["approval"])


def listed(run: Run, shop: Any, *options: str) -> list[str]:
    done = run(*shop.options, "approvals", "list", *options, "--json")
    assert done.code == 0
    return [each["approval"] for each in done.json["approvals"]]


def test_the_queue_and_what_is_shown(run: Run, shop: Any, number: str) -> None:
    assert number in listed(run, shop)
    assert number in listed(run, shop, "--state", "PENDING", "--approver", CLEO)
    assert number not in listed(run, shop, "--state", "REJECTED")
    view = run(*shop.options, "approvals", "show", number, "--json").json
    assert number in listed(run, shop, "--principal", view["principal"])
    assert view["state"] == "PENDING"
    assert any(line.startswith("args.") for line in view["shown"])
    text = run(*shop.options, "approvals", "show", number).out
    assert view["digest"] in text
    assert "canonical {" in text
    assert "PENDING" in run(*shop.options, "approvals", "list").out


def test_a_no_and_what_comes_after_it(run: Run, shop: Any, number: str, key: str) -> None:
    who = ("--person", CLEO, "--key", key)
    done = run(*shop.options, "approvals", "reject", number, *who, "--reason", "wrong account", "--json")
    assert (done.code, done.json.get("state")) == (0, "REJECTED"), done
    assert run(*shop.options, "approvals", "approve", number, *who).code not in (0, 1)
    assert number in listed(run, shop, "--state", "REJECTED")


def test_who_may_not_approve_may_not_reject(run: Run, shop: Any, number: str, key: str) -> None:
    assert run(*shop.options, "approvals", "reject", number, "--person", 'User::"nobody"', "--key", key).code == 9
    assert number in listed(run, shop, "--state", "PENDING")


def test_a_request_is_taken_back_once(run: Run, shop: Any, number: str) -> None:
    other = run(*shop.options, "approvals", "cancel", number, "--principal", 'Agent::"other"')
    assert other.code == 3
    assert run(*shop.options, "approvals", "cancel", number, "--reason", "paid by hand").code == 0
    assert run(*shop.options, "approvals", "cancel", number).code not in (0, 1)


def test_a_request_that_nobody_made(run: Run, shop: Any) -> None:
    assert run(*shop.options, "approvals", "show", "none").code not in (0, 1)
