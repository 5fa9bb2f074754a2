"""Write the generated pages of docs/reference from the code: `python -m scripts.reference`.

A test compares the committed pages with what this makes, so nothing that a user can meet stays undocumented.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import typer

from intended_adapters.builtin import BUILTIN_ADAPTERS
from intended_adapters.cli.app import app
from intended_adapters.cli.common import Exit, exit_code
from intended_core import errors
from intended_core.audit.grades import EXIT_CODES, Grade
from intended_core.flows.effects import Settings
from intended_core.hookspecs import ADAPTER_KINDS, PROJECT, IntendedHooks
from intended_core.lang.builtins import METHODS, show_type
from intended_core.outcome import DENY_CLASSES
from intended_core.tokens import proof
from intended_core.tokens.verifier import CODES
from scripts.catalogue import catalogue

__all__ = ["FOLDER", "pages"]

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- made by scripts/reference.py -->"

DENIALS = {
    "intent_invalid": "the intent does not fit the schema; the reason names the place",
    "error": "a rule in scope failed, an entity is unknown, or something that nobody expected happened",
    "forbid": "a forbid matched",
    "default": "no permit matched",
    "chain_missing": "the principal may not act without a delegation chain",
    "holder_missing": "the action is marked `@discloses`, and no holder's key was named to bind its token to",
    "halted": "the tenant, adapter, principal or token is stopped",
    "clock": "the clock stands before what the log has already recorded",
    "conflict": "policies or entities kept changing while the intent was decided",
    "unavailable": "a store, key, signer or log did not answer",
}
EXITS = {
    Exit.OK: "done; for decisions: allow",
    Exit.FAULT: "something that nobody expected; nothing was let through",
    Exit.USAGE: "the command line is wrong",
    Exit.DENY: "denied, or refused by a guard",
    Exit.ESCALATE: "waits for people",
    Exit.POLICY: "a policy does not check, or a policy test fails",
    Exit.INPUT: "an intent, entity or file is not acceptable",
    Exit.TOKEN: "the token was not honoured",
    Exit.AUDIT: "a log, proof or bundle does not hold",
    Exit.OPERATOR: "the store, a key or the set-up needs an operator",
}

VERDICTS = {
    Grade.WITNESSED: "and as many organisations as your policy file asks for have cosigned it",
    Grade.ANCHORED: "and a witness of your policy file has cosigned it, though fewer than the file asks for",
    Grade.CONSISTENT_UNANCHORED: "all holds under keys that you pinned; nobody outside attests",
    Grade.CONSISTENT_UNPINNED: "all holds, under keys that came along with it",
    Grade.INCOMPLETE: "what is here holds; a part that the claim needs is missing",
    Grade.TRUNCATED: "shorter than a head that you know",
    Grade.FORKED: "two signed heads contradict each other",
    Grade.TAMPERED: "something differs from what was committed to",
    Grade.MALFORMED: "not in the one form that it may have; nothing was checked further",
}


def pages() -> dict[str, str]:
    """File name -> Markdown of every generated page."""
    made = {
        "commands.md": _commands(),
        "exit-codes.md": _exits(),
        "errors.md": _errors(),
        "builtins.md": _builtins(),
        "diagnostics.md": catalogue(),
        "hooks.md": _hooks(),
        "settings.md": _settings(),
    }
    return {name: f"{text.rstrip()}\n\n{MADE}\n" for name, text in made.items()}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _first(text: str | None) -> str:
    """The first paragraph, on one line."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())


def _commands() -> str:
    root = typer.main.get_command(app)
    parts = [
        "# Commands",
        "Every command takes `--json` where it answers something, and ends with one of the [exit codes](exit-codes.md). "
        "The options of `intended` itself stand before the command.",
    ]
    for path, command in _walk("intended", root):
        parts.append(f"## {path}")
        parts.append(_first(command.help))
        rows = [_parameter(one) for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
        if rows:
            parts.append(_table(("parameter", "meaning", "environment"), rows))
    return "\n\n".join(part for part in parts if part)


def _walk(path: str, command: click.Command) -> Iterable[tuple[str, click.Command]]:
    yield path, command
    children = getattr(command, "commands", {})
    for name in sorted(children):
        yield from _walk(f"{path} {name}", children[name])


def _parameter(one: click.Parameter) -> tuple[str, str, str]:
    shown = (
        ", ".join(f"`{name}`" for name in one.opts)
        if one.param_type_name == "option"
        else f"`{(one.name or '').upper()}`"
    )
    needed = " (required)" if one.required else ""
    variables = one.envvar if isinstance(one.envvar, str) else ", ".join(one.envvar or ())
    return shown, _first(getattr(one, "help", "")) + needed, f"`{variables}`" if variables else ""


def _exits() -> str:
    rows = [(str(int(code)), code.name.lower(), EXITS[code]) for code in Exit]
    verdicts = [(str(code), f"`{grade.value}`", VERDICTS[grade]) for grade, code in EXIT_CODES.items()]
    return "\n\n".join(
        [
            "# Exit codes",
            _table(("code", "name", "meaning"), rows),
            "## Verdicts",
            "`intended audit verify` and `intended evidence verify` end with 0 when the verdict is at or above `--min-verdict`, best "
            "first, and with the verdict's own code when it is below.",
            _table(("code", "verdict", "meaning"), verdicts),
            "With `--json` an error is one JSON document on standard output: `error` (text) and `exit` (the code); a wrong command line "
            "too. Without it, errors go to standard error.",
        ]
    )


def _errors() -> str:
    classes = [getattr(errors, name) for name in errors.__all__]
    rows = [
        (f"`{one.__name__}`", f"`{one.__mro__[1].__name__}`", _first(one.__doc__), str(int(_exit_of(one))))
        for one in classes
    ]
    return "\n\n".join(
        [
            "# Errors, denials, token codes",
            "## Errors",
            "`authorize` never raises for what a caller or a policy can contain; everything that verifies raises.",
            _table(("error", "is a", "who must act, and when", "[exit](exit-codes.md)"), rows),
            "## Classes of denial",
            "`Deny.kind`, and what a policy test writes as `expect deny(class)`.",
            _table(("class", "when"), ((f"`{one}`", DENIALS[one]) for one in DENY_CLASSES)),
            "## Codes of a refused token",
            "A holder sees one message for all of them; the code stands in the log. Checks run in this order.",
            "\n".join(f"{number}. `{code}`" for number, code in enumerate((*CODES, *proof.CODES), 1)),
        ]
    )


def _exit_of(kind: type[errors.IntendedError]) -> Exit:
    return exit_code(kind.__new__(kind))


def _builtins() -> str:
    rows = [
        (
            f"`{spec.receiver}`",
            f"`{spec.shown}`",
            f"`{show_type(spec.result)}`",
        )
        for spec in sorted(METHODS.values(), key=lambda one: (one.receiver, one.name))
    ]
    return "# Built-in methods\n\nThe closed table of what a policy can call on a value.\n\n" + _table(
        ("of", "method", "gives"), rows
    )


def _hooks() -> str:
    hooks = [
        (f"`{name}`", _first(member.__doc__))
        for name, member in inspect.getmembers(IntendedHooks, inspect.isfunction)
        if not name.startswith("_")
    ]
    built_in = [(f"`{kind}`", f"`{name}`", f"`{module}`") for kind, name, module, _ in BUILTIN_ADAPTERS]
    return "\n\n".join(
        [
            "# Hooks and adapters",
            f"Plugins announce themselves in the entry-point group `{PROJECT}.adapters` and implement these hooks. Hooks run once, at "
            "start-up, and contribute factories; nothing that is decided ever passes through them.",
            _table(("hook", "what it does"), hooks),
            f"Kinds of adapter: {', '.join(f'`{kind}`' for kind in ADAPTER_KINDS)}.",
            "## Built in",
            _table(("kind", "name", "module"), built_in),
        ]
    )


def _settings() -> str:
    rows = [
        (f"`{one.name}`", str(one.type).removeprefix("builtins."), f"`{one.default}`")
        for one in dataclasses.fields(Settings)
    ]
    return "\n\n".join(
        [
            "# Settings",
            "`Authority.create(…, settings=Settings(…))`; the unit is in the name.",
            _table(("setting", "type", "default"), rows),
            "The variables that the command line reads stand with [its options](commands.md).",
        ]
    )


def main() -> int:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
