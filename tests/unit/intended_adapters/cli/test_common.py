"""What every command shares: exit codes by who must act, output that hostile text cannot dress up, files that are bounded."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
import typer

from intended_adapters.cli import common
from intended_adapters.cli.common import Exit, default_key_file, emit, exit_code, policy_files, problem, read_file
from intended_core import (
    AdapterError,
    AssemblyError,
    AuditError,
    IntendedError,
    IntentError,
    KeyRingError,
    PolicyError,
    StoreError,
    TokenError,
)

HOSTILE = "a\x1b]0;title\x07b\x1b[2Jc\u202ed\rALLOW\x9b31m"


def test_exit_codes_say_who_must_act() -> None:
    expected = [
        (PolicyError("x"), Exit.POLICY), (IntentError("x"), Exit.INPUT), (TokenError("token.replayed"), Exit.TOKEN),
        (AuditError("x", code="audit.x"), Exit.AUDIT), (AdapterError("x"), Exit.OPERATOR), (AssemblyError("x"), Exit.OPERATOR),
        (KeyRingError("x"), Exit.OPERATOR), (StoreError("x"), Exit.OPERATOR), (IntendedError("x"), Exit.FAULT),
    ]  # fmt: skip
    assert [exit_code(error) for error, _ in expected] == [code for _, code in expected]
    assert Exit.OK not in [code for _, code in expected]


def test_hostile_text_reaches_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    emit(False, {}, f"first\n{HOSTILE}")
    problem(Exit.INPUT, HOSTILE)
    out, err = capsys.readouterr()
    for said in (out, err):
        assert not set(said) & set("\x1b\x07\x9b\r\u202e")
        assert "\\x1b" in said
    assert out.startswith("first\na")


def test_text_is_not_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    emit(False, {}, "[green]ALLOW[/green] [/nothing]")
    assert capsys.readouterr().out == "[green]ALLOW[/green] [/nothing]\n"


def test_json_keeps_the_text_and_is_ascii_safe(capsys: pytest.CaptureFixture[str]) -> None:
    emit(True, {"b": HOSTILE, "a": 1}, "never shown")
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": 1, "b": HOSTILE}
    assert "\x1b" not in out
    assert out.index('"a"') < out.index('"b"')


def test_reading_names_the_file_and_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "big").write_bytes(b"12345")
    for path, words in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "big", "larger than 4"),
    ):
        with pytest.raises(typer.Exit) as caught:
            read_file(path, limit=4)
        assert caught.value.exit_code == Exit.INPUT
        said = capsys.readouterr().err
        assert words in said
        assert str(path) in said
    assert read_file(tmp_path / "big", limit=5) == b"12345"


def test_standard_input_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common.typer, "get_binary_stream", lambda _: io.BytesIO(b"12345"))
    assert read_file(Path("-"), limit=5) == b"12345"
    with pytest.raises(typer.Exit):
        read_file(Path("-"), limit=4)


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(typer.Exit) as caught:
        policy_files([tmp_path])
    assert caught.value.exit_code == Exit.INPUT
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.policy").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"y")
    assert policy_files([tmp_path]) == {f"{tmp_path.name}/sub/a.policy": b"x"}
    assert policy_files([tmp_path / "sub" / "a.policy"]) == {"a.policy": b"x"}


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.policy").write_bytes(b"x")
    with pytest.raises(typer.Exit) as caught:
        policy_files([tmp_path / "one" / "a.policy", tmp_path / "two" / "a.policy"])
    assert caught.value.exit_code == Exit.INPUT


def test_the_key_lies_apart_from_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert default_key_file() == Path("/somewhere/intended/kek")


def test_what_is_no_regular_file_in_a_folder_is_refused_and_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.policy").write_bytes(b"x")
    os.mkfifo(tmp_path / "b.policy")
    with pytest.raises(typer.Exit) as caught:
        policy_files([tmp_path])
    assert caught.value.exit_code == Exit.INPUT
    assert "b.policy is no regular file" in capsys.readouterr().err


def test_a_folder_with_the_name_of_a_policy_holds_policies(tmp_path: Path) -> None:
    (tmp_path / "bank.policy").mkdir()
    (tmp_path / "bank.policy" / "a.policy").write_bytes(b"x")
    assert policy_files([tmp_path]) == {f"{tmp_path.name}/bank.policy/a.policy": b"x"}


def test_a_link_to_nothing_is_an_error_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.policy").write_bytes(b"x")
    (tmp_path / "b.policy").symlink_to(tmp_path / "gone")
    with pytest.raises(typer.Exit):
        policy_files([tmp_path])


def test_a_folder_that_is_linked_into_another_is_named_and_not_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forbid that stands there would be missing without a word."""
    for name in ("rules", "shared", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "rules" / "a.policy").write_bytes(b"x")
    (tmp_path / "rules" / "notes").symlink_to(tmp_path / "notes")
    assert len(policy_files([tmp_path / "rules"])) == 1
    (tmp_path / "shared" / "forbids.policy").write_bytes(b"y")
    (tmp_path / "rules" / "shared").symlink_to(tmp_path / "shared")
    with pytest.raises(typer.Exit) as caught:
        policy_files([tmp_path / "rules"])
    assert caught.value.exit_code == Exit.INPUT
    assert "rules/shared is a link to another folder" in capsys.readouterr().err
    (tmp_path / "rules" / "shared").unlink()
    assert len(policy_files([tmp_path / "rules", tmp_path / "shared"])) == 2


def test_a_file_that_a_folder_holds_under_two_names_is_read_once(tmp_path: Path) -> None:
    """As in a folder that is mounted with its data behind a link that is exchanged whole."""
    data = tmp_path / "..2026_11_26"
    data.mkdir()
    (data / "a.policy").write_bytes(b"x")
    (tmp_path / "..data").symlink_to(data.name)
    (tmp_path / "a.policy").symlink_to("..data/a.policy")
    assert policy_files([tmp_path]) == {f"{tmp_path.name}/a.policy": b"x"}
