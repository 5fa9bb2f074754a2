"""Colours for policies: a Pygments lexer, found by documentation tools as `intended` and for `*.policy`.

It reads any text, also one that the language refuses; what it does not know is marked as an error and nothing is lost.
"""

from __future__ import annotations

from typing import ClassVar, Final

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

__all__ = ["PolicyLexer"]

DECLARATIONS: Final = (
    "policy", "pack", "version", "import", "as", "type", "enum", "lattice", "entity", "action", "const",
    "param", "table", "def", "meter", "obligation", "permit", "forbid", "escalate", "fixture", "test",
    "prove",
)  # fmt: skip
CLAUSES: Final = (
    "principal", "resource", "args", "context", "delegation", "on", "key", "window", "amount", "before",
    "after", "let", "when", "unless", "approval", "oblige", "because", "valid", "from", "until", "quorum",
    "exclude", "expires", "binds", "partial", "with", "intent", "origins", "chain", "now", "given", "case",
    "again", "advance", "approve", "by", "expect", "obliges", "allow", "deny", "never", "always",
)  # fmt: skip
WORD_OPERATORS: Final = (
    "and", "or", "not", "in", "is", "has", "like", "if", "then", "else", "all", "any", "count", "sum",
)  # fmt: skip
CONSTANTS: Final = (
    "true", "false",
)  # fmt: skip
TYPES: Final = (
    "Bool", "Int", "Decimal", "String", "Datetime", "Date", "Time", "Duration", "Ip", "Host", "Url", "Path",
    "Email", "Digest", "Set", "List", "Map", "Grant",
)  # fmt: skip
_END: Final = r"(?![A-Za-z0-9_])"


class PolicyLexer(RegexLexer):  # type: ignore[misc]  # pygments carries no types
    """Words of the policy language."""

    name = "intended policy"
    aliases: ClassVar[list[str]] = ["intended", "policy"]
    filenames: ClassVar[list[str]] = ["*.policy"]
    url = ""
    tokens: ClassVar = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r"@[A-Za-z_][A-Za-z0-9_]*", Name.Decorator),
            (r'"', String.Double, "string"),
            (r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![A-Za-z0-9_-])", Number.Date),
            (r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(?![A-Za-z0-9_:])", Number.Date),
            (r"[0-9]+(ms|s|m|h|d|w)" + _END, Number.Date),
            (r"[0-9][0-9_]*\.[0-9]+" + _END, Number.Float),
            (r"[0-9][0-9_]*" + _END, Number.Integer),
            (r"(\.)([A-Za-z_][A-Za-z0-9_]*)", bygroups(Punctuation, Name.Attribute)),
            (r"([A-Za-z_][A-Za-z0-9_]*)(::)(?=[A-Za-z_\"])", bygroups(Name.Class, Punctuation)),
            (r"\.\.\.|\?\?|[=!<>]=|[-+*<>=?]", Operator),
            (
                r"(permit|forbid|escalate)(\s+)([A-Za-z_][A-Za-z0-9_]*)",
                bygroups(Keyword.Declaration, Whitespace, Name.Function),
            ),
            (words(DECLARATIONS, suffix=_END), Keyword.Declaration),
            (words(CLAUSES, suffix=_END), Keyword),
            (words(WORD_OPERATORS, suffix=_END), Operator.Word),
            (words(CONSTANTS, suffix=_END), Keyword.Constant),
            (words(TYPES, suffix=_END), Keyword.Type),
            (r"[A-Za-z_][A-Za-z0-9_]*(?=\s*\()", Name.Function),
            (r"[A-Za-z_][A-Za-z0-9_]*", Name),
            (r"[{}()\[\],;:.|]", Punctuation),
        ],
        "string": [
            (r'[^"\\\n]+', String.Double),
            (r'\\(["\\nrt]|u\{[0-9a-fA-F]{1,6}\})', String.Escape),
            (r'"', String.Double, "#pop"),
            (r"\n", Whitespace, "#pop"),
        ],
    }
