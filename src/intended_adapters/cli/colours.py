"""Diagnostics and policies in colour on a terminal; the same characters without colour everywhere else."""

from __future__ import annotations

import re
from typing import Final

from rich.syntax import Syntax
from rich.text import Text

from intended_adapters.cli.lexer import PolicyLexer

__all__ = ["coloured", "policy_text"]

_HEAD: Final = re.compile(r"(error|warning)\[[a-z.-]+\]")
_SOURCE: Final = re.compile(r"( *[0-9]+ \| )(.*)")
_STYLES: Final = {"error": "bold red", "warning": "bold yellow"}


def policy_text(text: str) -> Text:
    """A policy, coloured."""
    shown = Syntax("", PolicyLexer(), theme="ansi_dark", background_color="default").highlight(text)
    if not text.endswith("\n"):
        shown.rstrip()
    return shown


def coloured(text: str) -> Text:
    """What `check` says: heads by severity, source lines as policies, carets in the colour of their head."""
    made = Text()
    style = "bold"
    for number, line in enumerate(text.split("\n")):
        if number:
            made.append("\n")
        head, source = _HEAD.match(line), _SOURCE.fullmatch(line)
        if head is not None:
            style = _STYLES[head[1]]
            made.append(head[0], style=style)
            made.append(line[head.end() :], style="bold")
        elif source is not None:
            made.append(source[1], style="dim")
            made.append_text(policy_text(source[2]) if source[2].strip() else Text(source[2]))
        elif line.lstrip().startswith("| ") and "^" in line:
            made.append(line, style=style)
        elif line.lstrip().startswith(("-->", "= ", "|")):
            made.append(line, style="cyan")
        else:
            made.append(line)
    return made
