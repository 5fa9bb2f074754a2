"""What every command shares: where the store is, how output looks, which exit code says what."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import orjson
import typer
from rich.console import Console

import intended_core
from intended_core import (
    AccessDeniedError,
    AdapterError,
    AssemblyError,
    AuditError,
    IntendedError,
    IntentError,
    KeyRingError,
    PolicyError,
    TokenError,
    UnitRefusedError,
)

__all__ = [
    "ID_MAY_START_WITH_A_DASH",
    "Exit",
    "JsonFlag",
    "Place",
    "console",
    "counted",
    "default_key_file",
    "emit",
    "exit_code",
    "fail",
    "place",
    "plain",
    "policy_files",
    "policy_paths",
    "problem",
    "read_file",
]

console = Console(highlight=False, soft_wrap=True)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)

# Ids are base64url: one in 64 begins with a dash and is no option.
ID_MAY_START_WITH_A_DASH: Final = {"ignore_unknown_options": True}
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


class Exit(IntEnum):
    """Exit codes, as docs/reference/exit-codes.md lists them."""

    OK = 0
    FAULT = 1
    USAGE = 2
    DENY = 3
    ESCALATE = 4
    POLICY = 5
    INPUT = 6
    TOKEN = 7
    AUDIT = 8
    OPERATOR = 9


@dataclass(frozen=True, slots=True)
class Place:
    """Where the authority is and which tenant is meant."""

    store: Path
    key_file: Path
    tenant: str
    env: str

    def open(self) -> intended_core.Authority:
        """The existing authority."""
        if not self.store.exists():
            fail(Exit.OPERATOR, f"there is no store at {self.store}; make one with `intended init`")
        return intended_core.Authority.open(self.store, key_file=self.key_file)

    def open_quietly(self) -> intended_core.Authority:
        """The existing authority, or its own error."""
        return intended_core.Authority.open(self.store, key_file=self.key_file)

    def handle(self, authority: intended_core.Authority) -> intended_core.TenantAuthority:
        """The tenant that --tenant and --env name."""
        if not self.tenant:
            fail(Exit.USAGE, "say which tenant: `intended --tenant NAME …` or INTENDED_TENANT")
        return authority.tenant(self.tenant, self.env)


_PLACE: list[Place] = []


def place(given: Place | None = None) -> Place:
    """The place of this invocation; set once by the root command."""
    if given is not None:
        _PLACE[:] = [given]
    return _PLACE[0]


def default_key_file() -> Path:
    """`$XDG_CONFIG_HOME/intended/kek`, apart from any data directory."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "intended" / "kek"


def emit(as_json: bool, data: dict[str, Any], text: str) -> None:
    """Print `data` as one JSON document, or `text` as it is."""
    if as_json:
        typer.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())
    else:
        console.print(plain(text), markup=False)


def counted(number: int, noun: str, plural: str = "") -> str:
    """The number with its noun: `1 rule`, `2 rules`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def plain(text: str) -> str:
    """`text` with every character that could move a cursor, colour a word or reorder a line written out; line ends stay."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(
        char if char == "\n" or char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def problem(code: Exit, text: str, *, as_json: bool = False) -> None:
    """Say what is wrong: on stderr for people, as a JSON document on stdout for programs."""
    if as_json:
        typer.echo(orjson.dumps({"error": text, "exit": int(code)}, option=orjson.OPT_INDENT_2).decode())
    else:
        _errors.print(f"intended: {plain(text)}", markup=False)


def fail(code: Exit, text: str) -> NoReturn:
    """Say what is wrong, in the form that this command was asked for, and stop."""
    problem(code, text, as_json="--json" in sys.argv)
    raise typer.Exit(int(code))


def exit_code(error: IntendedError) -> Exit:
    """The exit code of one of our errors, by who must act."""
    if isinstance(error, PolicyError):
        return Exit.POLICY
    if isinstance(error, IntentError):
        return Exit.INPUT
    if isinstance(error, TokenError):
        return Exit.TOKEN
    if isinstance(error, AuditError):
        return Exit.AUDIT
    if isinstance(error, AccessDeniedError | UnitRefusedError):
        return Exit.DENY
    if isinstance(error, AdapterError | AssemblyError | KeyRingError):
        return Exit.OPERATOR
    return Exit.FAULT


def read_file(path: Path, *, limit: int = 16 * 1024 * 1024) -> bytes:
    """A file's bytes, `-` for standard input; a clear refusal when it cannot be read or is too large."""
    if str(path) == "-":
        data = typer.get_binary_stream("stdin").read(limit + 1)
    else:
        try:
            with path.open("rb") as stream:
                data = stream.read(limit + 1)
        except OSError as error:
            fail(Exit.INPUT, f"{path} cannot be read: {error.strerror or type(error).__name__}")
    if len(data) > limit:
        fail(Exit.INPUT, f"{path} is larger than {limit} bytes")
    return data


def policy_paths(paths: list[Path]) -> dict[str, Path]:
    """The .policy files that `paths` (files or directories) name: the name that places and records carry -> where the file is.

    A name is the path as given; an absolute path or one with `..` is named by what follows the working directory or, outside it, the
    directory given.
    """
    found: dict[str, Path] = {}
    for given in paths:
        files = _within(given) if given.is_dir() else [given]
        if not files:
            fail(Exit.INPUT, f"{given} holds no .policy file")
        for path in files:
            name = _plain_name(path, given)
            if found.setdefault(name, path).resolve() != path.resolve():
                fail(Exit.INPUT, f"{found[name]} and {path} would have the same name in records")
    return found


def _within(folder: Path) -> list[Path]:
    """The policy files of a folder, each once. What would be left out without a word is refused: it could hold a forbid."""
    here = folder.resolve()
    for path in folder.rglob("*"):
        if path.is_symlink() and path.is_dir() and not path.resolve().is_relative_to(here) and any(path.resolve().rglob("*.policy")):
            fail(Exit.INPUT, f"{path} is a link to another folder with policies; name that folder as well, or remove the link")
    found: dict[Path, Path] = {}
    for path in sorted(folder.rglob("*.policy"), key=lambda one: (len(one.parts), one)):
        if path.is_dir():
            continue
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            fail(Exit.INPUT, f"{path} is no regular file")
        found.setdefault(path.resolve(), path)
    return sorted(found.values())


def _plain_name(path: Path, given: Path) -> str:
    if not path.is_absolute() and ".." not in path.parts:
        return str(path)
    here, real = Path.cwd().resolve(), path.resolve()
    if real.is_relative_to(here):
        return str(real.relative_to(here))
    return path.name if path == given else str(Path(given.resolve().name) / path.relative_to(given))


def policy_files(paths: list[Path]) -> dict[str, bytes]:
    """The .policy files that `paths` name: file name -> bytes."""
    return {name: read_file(path) for name, path in policy_paths(paths).items()}
