"""fmt and its neighbours: what an author does to policy files before anything is activated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, policy_paths, read_file
from intended_core import FormattedFile, format_policies

__all__ = ["authoring_commands", "fmt"]

Paths = Annotated[list[Path], typer.Argument(help="Policy files, or directories that hold them.", show_default=False)]


def fmt(
    paths: Paths,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 5 when a file is not formatted.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; show what would change.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write policy files in the one style; every comment and the meaning stay.

    Example: intended fmt policies/payments

    `-` formats standard input to standard output. Exit code 5 with --check when a file is not formatted, or when one does not parse.
    """
    streamed = [str(path) for path in paths] == ["-"]
    where = policy_paths(paths)
    made = format_policies({name: read_file(path) for name, path in where.items()})
    changed = [one for one in made if one.changed]
    if streamed and not (check or diff or json):
        typer.echo(made[0].after, nl=False)
        return
    if not (check or diff or streamed):
        for one in changed:
            _replace(where[one.name], one)
    files = [{"file": one.name, "changed": one.changed, "text_digest": one.text_digest.hex()} for one in made]
    if json:
        emit(True, {"files": files, "changed": len(changed)}, "")
    elif diff:
        typer.echo("".join(one.diff() for one in changed), nl=False)
    else:
        word = "would change" if check else "changed"
        lines = [f"{one.name}: {'not formatted' if check else 'formatted'}" for one in changed]
        emit(False, {}, "\n".join([*lines, f"{len(made)} files, {len(changed)} {word}"]))
    if check and changed:
        raise typer.Exit(int(Exit.POLICY))


def _replace(target: Path, one: FormattedFile) -> None:
    """The file's new text, whole or not at all."""
    scratch = target.with_name(f".{target.name}.fmt")
    try:
        scratch.write_text(one.after, encoding="utf-8", newline="")
        scratch.chmod(target.stat().st_mode & 0o777)
        scratch.replace(target)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        fail(Exit.INPUT, f"{target} cannot be written: {error.strerror or type(error).__name__}")


def authoring_commands(app: typer.Typer) -> None:
    """Add the commands of this room."""
    app.command()(fmt)
