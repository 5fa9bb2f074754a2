"""Parse trees to syntax trees of expressions."""

from __future__ import annotations

import pytest

from intended_core.lang import ast
from intended_core.lang.parser import parse
from intended_core.lang.source import Source


def expr(text: str) -> ast.Expr:
    items, problems = parse(Source.from_text("a", f"const a: T = {text};"))
    assert problems == ()
    assert isinstance(items[0], ast.ConstDecl)
    return items[0].value


def show(node: ast.Expr) -> str:
    match node:
        case ast.BinaryExpr(op=op, left=left, right=right):
            return f"({show(left)} {op} {show(right)})"
        case ast.UnaryExpr(op=op, operand=operand):
            return f"({op} {show(operand)})"
        case ast.LiteralExpr(text=text) | ast.NameExpr(name=text):
            return text
        case ast.Access(base=base, name=name):
            return f"{show(base)}.{name.text}"
        case _:
            return type(node).__name__


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a and b or c and not d", "((a and b) or (c and (not d)))"),
        ("a + b * c - d", "((a add (b mul c)) sub d)"),
        ("a < b and c != d", "((a lt b) and (c ne d))"),
        ("a not in b", "(not (a in b))"),
        ("a and b and c and d", "((a and b) and (c and d))"),
        ("a and b and c", "((a and b) and c)"),
        ("-1 + 2", "((neg 1) add 2)"),
        ("args.when.if", "args.when.if"),
        ("1_000.50", "1000.50"),
        ("not a.b", "(not a.b)"),
    ],
)
def test_precedence_and_words(text: str, shown: str) -> None:
    assert show(expr(text)) == shown


@pytest.mark.parametrize(
    ("text", "value"),
    [(r'"a\"b"', 'a"b'), (r'"\\n"', "\\n"), (r'"\n\t\r"', "\n\t\r"), (r'"\u{e9}\u{1F600}"', "é😀"), ('"#;}"', "#;}")],
)
def test_escapes(text: str, value: str) -> None:
    node = expr(text)
    assert isinstance(node, ast.LiteralExpr)
    assert node.text == value


@pytest.mark.parametrize("text", [r'"\u{d800}"', r'"\u{110000}"'])
def test_escapes_that_are_no_characters(text: str) -> None:
    _, problems = parse(Source.from_text("a", f"const a: T = {text};"))
    assert [item.code for item in problems] == ["parse.string"]


def test_spans_name_the_first_and_last_character() -> None:
    span = expr("a + bb").span
    assert (span.line, span.column, span.end_column) == (1, 14, 19)


def test_default_reads_the_whole_path() -> None:
    node = expr('args.a?.b.c?.d ?? "x"')
    assert isinstance(node, ast.DefaultExpr)
    assert show(node.base) == "args.a"
    assert [name.text for name in node.path] == ["b", "c", "d"]


def test_what_gathers() -> None:
    for kind in ("any", "all", "count", "sum"):
        made = expr(f"{kind} x in s {{ x }}")
        assert isinstance(made, ast.QuantExpr)
        assert made.kind == kind
    row = expr("t[1]")
    assert isinstance(row, ast.IndexExpr)
    assert isinstance(row.key, ast.LiteralExpr)
