"""`intended`: the root command, its options and its sub-commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from intended_adapters.cli.authoring import authoring_commands
from intended_adapters.cli.authority import (
    approvals,
    authority_commands,
    entities,
    keys,
    persons,
    policies,
    tenants,
    tokens,
)
from intended_adapters.cli.cedar import imports
from intended_adapters.cli.common import Exit, Place, default_key_file, exit_code, place, problem
from intended_adapters.cli.language import language_commands
from intended_adapters.cli.log import audit, evidence, log_commands
from intended_core import IntendedError

__all__ = ["app", "main"]

app = typer.Typer(
    name="intended",
    help="Decide what an agent may do, mint single-use tokens, and prove afterwards what happened.\n\n"
    "Example: intended demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
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


language_commands(app)
authoring_commands(app)
authority_commands(app)
log_commands(app)
for group, name, text in (
    (tenants, "tenant", "Make and list tenants."),
    (policies, "policy", "Activate a policy set."),
    (imports, "import", "Bring policies from elsewhere."),
    (entities, "entities", "Load and remove entities."),
    (persons, "person", "Make person keys and register them."),
    (approvals, "approval", "Look at approval requests."),
    (tokens, "token", "Redeem and inspect tokens."),
    (keys, "keys", "List and rotate signing keys."),
    (audit, "audit", "Verify and read the log."),
    (evidence, "evidence", "Export and verify evidence bundles."),
):
    app.add_typer(group, name=name, help=text, no_args_is_help=True)


def main() -> None:
    """Entry point: turns every error of ours, and with --json every wrong command line too, into one document and an exit code."""
    as_json = "--json" in sys.argv
    try:
        code = app(standalone_mode=not as_json)
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
