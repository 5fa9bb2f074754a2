"""The root: every command is there with an example and `--json`, and every error of ours becomes one line and a code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from intended_adapters.cli.app import _QUICK, app, make_app, rooms_for


def commands() -> Iterator[tuple[str, click.Command]]:
    def walk(name: str, command: Any) -> Iterator[tuple[str, click.Command]]:
        below = getattr(command, "commands", None)
        if below is None:
            yield name, command
            return
        for word, child in below.items():
            yield from walk(f"{name} {word}".strip(), child)

    yield from walk("", typer.main.get_command(app))


def test_the_commands_that_the_first_version_promises() -> None:
    promised = {
        "demo", "check", "test", "decide", "authorize", "approve", "token redeem", "token inspect", "audit verify", "audit tail",
        "evidence export", "evidence verify", "keys list", "keys rotate", "doctor",
    }  # fmt: skip
    assert promised <= {name for name, _ in commands()}


def test_every_command_has_an_example_and_json() -> None:
    for name, command in commands():
        assert f"intended {name.split()[0]}" in (command.help or "") or "Example: intended" in (command.help or ""), (
            name
        )
        assert any("--json" in option.opts for option in command.params), name


def test_an_unknown_command_or_option_is_a_usage_error(run: Callable[..., Any]) -> None:
    for wrong in (("allow-everything",), ("check", "--permissive", "x"), ("decide",)):
        done = run(*wrong)
        assert (done.code, done.out) == (2, "")
        assert done.err


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (("allow-everything", "--json"), "allow-everything"),
        (("check", "--permissive", "x", "--json"), "--permissive"),
        (("decide", "--json"), "Missing"),
        (("audit", "tail", "-n", "0", "--json"), "greater than or equal to 1"),
    ],
)
def test_a_wrong_command_line_with_json_is_one_document(
    run: Callable[..., Any], wrong: tuple[str, ...], word: str
) -> None:
    done = run(*wrong)
    said = json.loads(done.out)
    assert said.keys() == {"error", "exit"}
    assert (done.code, said["exit"], done.err) == (2, 2, "")
    assert word in said["error"]


def test_help_with_json_is_still_help(run: Callable[..., Any]) -> None:
    done = run("check", "--json", "--help")
    assert done.code == 0
    assert "Usage" in done.out


def test_one_of_our_errors_is_one_line_and_a_code(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database" * 1000)
    done = run("--store", str(tmp_path / "store.db"), "--key-file", str(tmp_path / "kek"), "tenant", "list")
    assert done.code == 9
    assert done.err.startswith("intended: ")
    assert "Traceback" not in done.err + done.out


def test_an_error_with_json_is_one_document(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database" * 1000)
    done = run("--store", str(tmp_path / "store.db"), "--key-file", str(tmp_path / "kek"), "tenant", "list", "--json")
    said = json.loads(done.out)
    assert said.keys() == {"error", "exit"}
    assert said["exit"] == done.code == 9


def test_a_refusal_of_the_face_itself_with_json_is_one_document_too(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("--store", str(tmp_path / "none.db"), "tenant", "list", "--json")
    assert done.code == 9
    assert done.json["exit"] == 9
    assert "intended init" in done.json["error"]


@pytest.mark.parametrize("name", ["live", "prod"])
def test_an_environment_is_live_or_test(run: Callable[..., Any], shop: Any, name: str) -> None:
    done = run(*shop.options, "--env", name, "keys", "list", "--json")
    assert (done.code == 0) == (name == "live")


def test_a_quick_command_is_found_in_the_one_room_that_is_loaded_for_it() -> None:
    whole: Any = typer.main.get_command(app)
    for word in _QUICK:
        (room,) = rooms_for([word, "--help"])
        part: Any = typer.main.get_command(make_app((room,)))
        one, other = part.commands[word], whole.commands[word]
        assert one.help == other.help
        assert [p.name for p in one.params] == [p.name for p in other.params]


@pytest.mark.parametrize("words", [[], ["--help"], ["--tenant", "check", "keys", "list"], ["init"], ["no-such-command"]])
def test_every_other_command_line_loads_every_room(words: list[str]) -> None:
    assert {"language", "authority", "log"} <= set(rooms_for(words))
