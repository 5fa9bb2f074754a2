"""`intended`: the root command, its options and its sub-commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from intended_adapters.cli.common import Exit, Place, default_key_file, exit_code, place, problem
from intended_core import IntendedError

__all__ = ["app", "main", "make_app", "rooms_for"]

app: typer.Typer  # every command; made when it is first asked for

_ROOMS: Final = (
    "language", "authoring", "authority", "lifecycle", "entities", "persons", "approvals", "notices", "cedar", "keyring", "log",
    "tokens", "halts", "adapters", "anchor",
)  # fmt: skip
_GROUPS: Final = (
    ("authority", "tenants", "tenant", "Make and list tenants."),
    ("lifecycle", "policies", "policy", "Draft, check, simulate, approve, activate and roll back policy sets."),
    ("lifecycle", "data", "data", "Set, show and compare values of params and tables."),
    ("cedar", "imports", "import", "Bring policies from elsewhere."),
    ("entities", "entities", "entities", "Put, list, show and remove entities."),
    ("persons", "persons", "person", "Make person keys; register, list and remove persons."),
    ("approvals", "approvals", "approvals", "List, show and decide requests that wait for people."),
    ("notices", "notices", "notices", "Tell people outside what they should look at."),
    ("tokens", "tokens", "token", "Redeem and inspect tokens; public keys and receipts."),
    ("adapters", "adapters", "adapter", "Credentials of adapters that run elsewhere: make and withdraw them."),
    ("halts", "halts", "halt", "Stop a tenant, an adapter or a principal, and let it go on."),
    ("keyring", "keys", "keys", "Prepare, rotate, retire and compromise signing keys; renew the key-encryption key."),
    ("keyring", "secrets", "secrets", "Seal credentials, provider keys and prompts for one adapter each."),
    ("log", "audit", "audit", "Verify and read the log."),
    ("anchor", "witness", "witness", "Cosign the checkpoints of other people's logs."),
    ("log", "evidence", "evidence", "Export and verify evidence bundles."),
)
# Commands that run often and need one room: the others are not even imported. Every other command loads all of them.
_QUICK: Final = {
    "check": "language", "test": "language", "decide": "language", "fmt": "authoring",
    "audit": "log", "evidence": "log", "witness": "anchor", "demo": "log", "doctor": "log",
}  # fmt: skip


def _root(
    store: Annotated[Path, typer.Option(envvar="INTENDED_STORE", help="The authority's store.")] = Path(
        ".intended/authority.db"
    ),
    key_file: Annotated[
        Path | None,
        typer.Option(envvar="INTENDED_KEY_FILE", help="The key-encryption key; default ~/.config/intended/kek."),
    ] = None,
    tenant: Annotated[str, typer.Option(envvar="INTENDED_TENANT", help="The tenant's name.")] = "",
    env: Annotated[str, typer.Option(envvar="INTENDED_ENV", help="live or test.")] = "live",
) -> None:
    """Options that every command understands; they stand before the command."""
    place(Place(store=store, key_file=key_file or default_key_file(), tenant=tenant, env=env))


def make_app(rooms: Sequence[str] = _ROOMS) -> typer.Typer:
    """The command line with the commands of these rooms."""
    made = typer.Typer(
        name="intended",
        help="Decide what an agent may do, mint single-use tokens, and prove afterwards what happened.\n\n"
        "Example: intended demo",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    made.callback()(_root)
    loaded = {room: import_module(f"intended_adapters.cli.{room}") for room in rooms}
    for room, module in loaded.items():
        add = getattr(module, f"{room}_commands", None)  # a room may have groups alone
        if add is not None:
            add(made)
    for room, group, name, text in _GROUPS:
        if room in loaded:
            made.add_typer(getattr(loaded[room], group), name=name, help=text, no_args_is_help=True)
    return made


def rooms_for(words: Sequence[str]) -> tuple[str, ...]:
    """The rooms that a command line needs: one for a quick command that is said first, else all."""
    room = _QUICK.get(words[0]) if words else None
    return _ROOMS if room is None else (room,)


def __getattr__(name: str) -> typer.Typer:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()["app"] = make_app()
    return made


def main() -> None:
    """Entry point: turns every error of ours, and with --json every wrong command line too, into one document and an exit code."""
    as_json = "--json" in sys.argv
    try:
        code = make_app(rooms_for(sys.argv[1:]))(standalone_mode=not as_json)
    except IntendedError as error:
        code = exit_code(error)
        problem(code, str(error), as_json=as_json)
    except typer.TyperException as error:  # only with --json: without it Typer shows the usage itself
        code = Exit.USAGE
        problem(code, _said(error), as_json=True)
    except typer.Abort:
        code = Exit.FAULT
        problem(code, "aborted", as_json=True)
    except BrokenPipeError:
        code = Exit.OK
    sys.exit(int(code or Exit.OK))


def _said(error: typer.TyperException) -> str:
    """What is wrong with the command line, and nothing of how it is drawn."""
    told = getattr(error, "format_message", None)
    return str(told() if callable(told) else error)
