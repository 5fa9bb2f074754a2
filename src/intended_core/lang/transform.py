"""Parse tree to syntax tree: names, places and operators; nothing of meaning.

Chains of `and` and of `or` become balanced, so that a long list of conditions is not a deep one; both still read left to right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from intended_core.errors import IntendedError
from intended_core.lang import ast
from intended_core.lang.source import Source
from intended_core.lang.transform_items import ItemTransform
from intended_core.lang.typed import Span

__all__ = ["Transform", "TreeError"]

_ESCAPE: Final = re.compile(r'\\(?:u\{([0-9a-fA-F]{1,6})\}|(["\\nrt]))')
_PLAIN: Final = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_BINARY: Final = {
    "eq": "eq", "ne": "ne", "le": "le", "ge": "ge", "lt": "lt", "gt": "gt", "in_": "in", "add": "add", "sub": "sub", "mul": "mul",
}  # fmt: skip
_LITERALS: Final = {"int": "int", "dec": "dec", "dur": "dur", "time": "time", "date": "date"}
_ROOTS: Final = {
    "args_root": "args", "principal_root": "principal", "action_root": "action", "resource_root": "resource", "context_root": "context",
}  # fmt: skip


class TreeError(IntendedError):
    """What the grammar lets through and the language does not: `code` and message at `span`."""

    def __init__(self, code: str, message: str, span: Span, advice: str) -> None:
        super().__init__(message)
        self.code = code
        self.span = span
        self.advice = advice


class Transform(ItemTransform):
    """Makes the syntax tree of one file; raises TreeError."""

    def __init__(self, source: Source, max_nesting: int) -> None:
        self._source = source
        self._limit = max_nesting
        self._depth = 0

    def expr(self, tree: Any) -> ast.Expr:
        """An expression."""
        self._depth += 1
        try:
            if self._depth > self._limit:
                message = f"operators are nested deeper than {self._limit}"
                raise TreeError("limit.nesting", message, self.span(tree), "name parts with `let` or `def`")
            return self._expr(tree)
        finally:
            self._depth -= 1

    def _expr(self, tree: Any) -> ast.Expr:
        data, kids, span = tree.data, tree.children, self.span(tree)
        if data in _BINARY:
            return ast.BinaryExpr(_BINARY[data], self.expr(kids[0]), self.expr(kids[1]), span)
        if data in ("and_", "or_"):
            return self._chain(tree)
        if data in _LITERALS:
            return ast.LiteralExpr(data, str(kids[0]).replace("_", ""), span)
        if data in _ROOTS:
            return ast.NameExpr(_ROOTS[data], span)
        method: Callable[[list[Any], Span], ast.Expr] | None = getattr(self, f"_x_{data}", None)
        if method is None:
            return ast.Unsupported("this expression", span)
        return method(kids, span)

    def _chain(self, tree: Any) -> ast.Expr:
        data, parts = tree.data, []
        while getattr(tree, "data", None) == data:
            parts.append(tree.children[1])
            tree = tree.children[0]
        parts.append(tree)
        parts.reverse()
        return self._balanced(data.rstrip("_"), [self.expr(part) for part in parts])

    def _balanced(self, op: str, parts: list[ast.Expr]) -> ast.Expr:
        if len(parts) == 1:
            return parts[0]
        half = (len(parts) + 1) // 2
        left, right = self._balanced(op, parts[:half]), self._balanced(op, parts[half:])
        span = Span(left.span.file, left.span.line, left.span.column, right.span.end_line, right.span.end_column)
        return ast.BinaryExpr(op, left, right, span)

    def _x_str(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.LiteralExpr("str", self.string(kids[0]), span)

    def _x_true(self, _kids: list[Any], span: Span) -> ast.Expr:
        return ast.LiteralExpr("bool", "true", span)

    def _x_false(self, _kids: list[Any], span: Span) -> ast.Expr:
        return ast.LiteralExpr("bool", "false", span)

    def _x_ref(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.NameExpr(self.qname(kids[0]).text, span)

    def _x_entity(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.EntityExpr(self.qname(kids[0]), self.string(kids[1]), span)

    def _x_attr(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.Access(self.expr(kids[0]), self.fname(kids[1]), span)

    def _x_method(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.MethodCall(self.expr(kids[0]), self.fname(kids[1]), self._args(kids[2]), span)

    def _x_call(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.FunctionCall(self.qname(kids[0]), self._args(kids[1]), span)

    def _args(self, tree: Any) -> tuple[ast.Expr, ...]:
        return () if tree is None else tuple(self.expr(kid) for kid in tree.children)

    def _x_index(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.IndexExpr(self.expr(kids[0]), self.expr(kids[1]), span)

    def _x_neg_not(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.UnaryExpr("not", self.expr(kids[0]), span)

    def _x_negate(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.UnaryExpr("neg", self.expr(kids[0]), span)

    def _not(self, expr: ast.Expr) -> ast.Expr:
        return ast.UnaryExpr("not", expr, expr.span)

    def _x_not_in(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._not(ast.BinaryExpr("in", self.expr(kids[0]), self.expr(kids[1]), span))

    def _x_has(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.HasExpr(self.expr(kids[0]), tuple(self.fname(kid) for kid in kids[1].children), span)

    def _x_not_has(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._not(self._x_has(kids, span))

    def _x_like(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.LikeExpr(self.expr(kids[0]), self.string(kids[1]), span)

    def _x_not_like(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._not(self._x_like(kids, span))

    def _x_is_(self, kids: list[Any], span: Span) -> ast.Expr:
        within = kids[2] if len(kids) > 2 else None
        return ast.IsExpr(self.expr(kids[0]), self.qname(kids[1]), None if within is None else self.expr(within), span)

    def _x_is_not(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._not(ast.IsExpr(self.expr(kids[0]), self.qname(kids[1]), None, span))

    def _x_ite(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.IfExpr(self.expr(kids[0]), self.expr(kids[1]), self.expr(kids[2]), span)

    def _x_default(self, kids: list[Any], span: Span) -> ast.Expr:
        path: list[ast.Name] = []
        tree = kids[0]
        while tree.data in ("opt_attr", "opt_more"):
            path.append(self.fname(tree.children[1]))
            tree = tree.children[0]
        path.reverse()
        return ast.DefaultExpr(self.expr(tree), tuple(path), self.expr(kids[1]), span)

    def _x_opt_attr(self, _kids: list[Any], span: Span) -> ast.Expr:
        return ast.Unsupported("`?.` without `??`", span)

    _x_opt_more = _x_opt_attr

    def _x_set_(self, kids: list[Any], span: Span) -> ast.Expr:
        return ast.SetExpr(tuple(self.expr(kid) for kid in kids if kid is not None), span)

    def _x_rec(self, kids: list[Any], span: Span) -> ast.Expr:
        return self.record(kids[0], span)

    def record(self, kwargs: Any, span: Span) -> ast.RecordExpr:
        """`{ a: 1, ...b }`."""
        items: list[tuple[ast.Name, ast.Expr]] = []
        spreads: list[ast.Expr] = []
        for kid in () if kwargs is None else kwargs.children:
            if kid.data == "spread":
                spreads.append(self.expr(kid.children[0]))
            else:
                items.append((self.fname(kid.children[0]), self.expr(kid.children[1])))
        return ast.RecordExpr(tuple(items), tuple(spreads), span)

    def _quantified(self, kind: str, kids: list[Any], span: Span) -> ast.Expr:
        return ast.QuantExpr(kind, self.token(kids[0]), self.expr(kids[1]), self.expr(kids[2]), span)

    def _x_any_(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._quantified("any", kids, span)

    def _x_all_(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._quantified("all", kids, span)

    def _x_count_(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._quantified("count", kids, span)

    def _x_sum_(self, kids: list[Any], span: Span) -> ast.Expr:
        return self._quantified("sum", kids, span)

    def string(self, token: Any) -> str:
        """The text of a string token, escapes read."""
        text = str(token)[1:-1]
        if "\\" not in text:
            return text
        for code in _ESCAPE.findall(text):
            if code[0] and (int(code[0], 16) > 0x10FFFF or 0xD800 <= int(code[0], 16) <= 0xDFFF):
                raise TreeError("parse.string", f"U+{code[0].upper()} is not a character", self.span(token), "")
        return _ESCAPE.sub(_unescape, text)


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code is None:
        return _PLAIN[match.group(2)]
    return chr(int(code, 16))
