"""The items of a file (declarations, rules, tests) from their parse trees; expressions are left to `transform`."""

from __future__ import annotations

from typing import Any, Final

from intended_core.lang import ast
from intended_core.lang.source import Source
from intended_core.lang.transform_tests import TestTransform
from intended_core.lang.typed import Span

__all__ = ["ItemTransform"]

_UNSUPPORTED_ITEMS: Final = {
    "property_": "`prove`",
}


class ItemTransform(TestTransform):
    """The half of `Transform` that knows items."""

    _source: Source

    def string(self, token: Any) -> str:
        """The text of a string token (see `Transform`)."""
        raise NotImplementedError

    def span(self, tree: Any) -> Span:
        """The place of a tree or token."""
        start = getattr(tree, "start_pos", None)
        if start is not None:
            return self._source.span(start, tree.end_pos)
        meta = tree.meta
        return self._source.span(0, 1) if meta.empty else self._source.span(meta.start_pos, meta.end_pos)

    def token(self, token: Any) -> ast.Name:
        """A NAME token, or a string token with its text."""
        text = self.string(token) if token.type == "STRING" else str(token)
        return ast.Name(text, self.span(token))

    def qname(self, tree: Any) -> ast.Name:
        """`a::b` as one name."""
        parts: list[str] = []
        node = tree
        while len(node.children) == 2:
            parts.append(str(node.children[1]))
            node = node.children[0]
        parts.append(str(node.children[0]))
        return ast.Name("::".join(reversed(parts)), self.span(tree))

    def fname(self, tree: Any) -> ast.Name:
        """A member name: any word, or a string."""
        return self.token(tree.children[0])

    def aname(self, tree: Any) -> ast.Name:
        """An action name."""
        return self.token(tree.children[0]) if tree.data == "aquoted" else self.qname(tree)

    def names(self, tree: Any) -> tuple[ast.Name, ...]:
        """A list of qualified names."""
        return () if tree is None else tuple(self.qname(kid) for kid in tree.children)

    def items(self, tree: Any) -> tuple[ast.Item, ...]:
        """Every item of a parsed piece."""
        return tuple(self._item(kid) for kid in tree.children if kid is not None)

    def _item(self, tree: Any) -> ast.Item:
        data, span = tree.data, self.span(tree)
        if data in _UNSUPPORTED_ITEMS:
            return ast.UnsupportedItem(_UNSUPPORTED_ITEMS[data], self._first_name(tree), span)
        found: ast.Item = getattr(self, f"_i_{data}")(tree, span)
        return found

    def _first_name(self, tree: Any) -> str:
        for kid in tree.children:
            if getattr(kid, "type", None) == "NAME":
                return str(kid)
        return ""

    def _split(self, tree: Any) -> tuple[tuple[ast.Annotation, ...], list[Any]]:
        found = [kid for kid in tree.children if getattr(kid, "data", None) == "annot"]
        return tuple(self._annotation(kid) for kid in found), tree.children[len(found) :]

    def _annotation(self, tree: Any) -> ast.Annotation:
        args: list[ast.LiteralExpr | ast.Name] = []
        for kid in tree.children[1].children if tree.children[1] is not None else ():
            if kid.data == "ann_name":
                args.append(self.token(kid.children[0]))
            else:
                literal = self.expr(kid)
                if isinstance(literal, ast.LiteralExpr):
                    args.append(literal)
        return ast.Annotation(str(tree.children[0]), tuple(args), self.span(tree))

    def _i_pack_decl(self, tree: Any, span: Span) -> ast.Item:
        name, version = tree.children[0], tree.children[1] if len(tree.children) > 1 else None
        text = "" if version is None else self.string(version.children[0])
        return ast.PackDecl(self.qname(name).text, text, span)

    def _i_import_decl(self, tree: Any, span: Span) -> ast.Item:
        name, alias = tree.children
        return ast.ImportDecl(self.qname(name), None if alias is None else self.token(alias), span)

    def _i_type_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (name, type_) = self._split(tree)
        return ast.TypeDecl(self.token(name), self.type(type_), notes, span)

    def _i_enum_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (name, *members) = self._split(tree)
        return ast.EnumDecl(self.token(name), tuple(self.token(kid) for kid in members), notes, span)

    def _i_lattice_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (name, *members) = self._split(tree)
        return ast.EnumDecl(self.token(name), tuple(self.token(kid) for kid in members), notes, span, ordered=True)

    def _i_param_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (name, type_, value) = self._split(tree)
        return ast.ParamDecl(self.token(name), self.type(type_), None if value is None else self.expr(value), notes, span)

    def _i_table_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (name, type_) = self._split(tree)
        return ast.TableDecl(self.token(name), self.type(type_), notes, span)

    def _i_entity_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, rest = self._split(tree)
        record = rest[2] if len(rest) > 2 else None
        fields = None if record is None else self._record_type(record)
        return ast.EntityDecl(self.names(rest[0]), self.names(rest[1]), fields, notes, span)

    def _i_action_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (names, parents, *applies) = self._split(tree)
        parts: list[tuple[str, object, Span]] = []
        for kid in applies:
            word, value = str(kid.data).removeprefix("appl_"), kid.children[0]
            made: object = self.token(value) if word == "delegation" else None
            if word in ("principal", "resource"):
                made = self.names(value)
            elif word in ("args", "context"):
                made = self.type(value)
            parts.append((word, made, self.span(kid)))
        above = () if parents is None else tuple(self.aname(kid) for kid in parents.children)
        return ast.ActionDecl(tuple(self.aname(kid) for kid in names.children), above, tuple(parts), notes, span)

    def _i_const_decl(self, tree: Any, span: Span) -> ast.Item:
        name, type_, value = tree.children
        return ast.ConstDecl(self.token(name), self.type(type_), self.expr(value), (), span)

    def _i_def_decl(self, tree: Any, span: Span) -> ast.Item:
        name, *rest = tree.children
        *formals, result, body = rest
        made = tuple((self.token(kid.children[0]), self.type(kid.children[1])) for kid in formals if kid is not None)
        return ast.DefDecl(self.token(name), made, self.type(result), self.expr(body), span)

    def _i_meter_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (name, *parts) = self._split(tree)
        made: list[tuple[str, object, Span]] = []
        for kid in parts:
            word = str(kid.data).removeprefix("meter_")
            listed = [item for item in kid.children if item is not None]
            value: object
            if word == "on":
                value = tuple(self.aname(item) for item in listed)
            elif word == "key":
                value = tuple(self.expr(item) for item in listed)
            else:
                value = self.expr(listed[0])
            made.append((word, value, self.span(kid)))
        return ast.MeterDecl(self.token(name), tuple(made), notes, span)

    def _i_obligation_decl(self, tree: Any, span: Span) -> ast.Item:
        notes, (name, *rest) = self._split(tree)
        *formals, phase = rest
        made = tuple((self.token(kid.children[0]), self.type(kid.children[1])) for kid in formals if kid is not None)
        return ast.ObligationDecl(self.token(name), made, str(phase.data), notes, span)

    def obliged(self, tree: Any) -> ast.ObligeExpr:
        """`name(a: value)`."""
        name, values = tree.children[0], tree.children[1] if len(tree.children) > 1 else None
        return ast.ObligeExpr(self.token(name), self.record(values, self.span(tree)), self.span(tree))

    def type(self, tree: Any) -> ast.TypeExpr:
        """A type."""
        if tree.data == "union":
            return ast.UnionType(tuple(self.type(kid) for kid in tree.children), self.span(tree))
        if tree.data == "record_t":
            return self._record_type(tree)
        name, *args = tree.children
        return ast.TypeName(
            self.qname(name).text, tuple(self.type(kid) for kid in args if kid is not None), self.span(tree)
        )

    def _record_type(self, tree: Any) -> ast.RecordTypeExpr:
        fields: list[ast.FieldDecl | ast.IncludeDecl] = []
        for kid in tree.children:
            if kid is None:
                continue
            if kid.data == "include":
                fields.append(ast.IncludeDecl(self.qname(kid.children[0]), self.span(kid)))
                continue
            notes, (name, optional, type_) = self._split(kid)
            fields.append(
                ast.FieldDecl(self.fname(name), optional is not None, self.type(type_), notes, self.span(kid))
            )
        return ast.RecordTypeExpr(tuple(fields), self.span(tree))

    def _i_rule(self, tree: Any, span: Span) -> ast.Item:
        notes, (effect, name, *clauses) = self._split(tree)
        head = self._source.span(name.start_pos, name.end_pos)
        return ast.RuleDecl(
            str(effect.data), self.token(name), tuple(self._clause(kid) for kid in clauses), notes, head, span
        )

    def _clause(self, tree: Any) -> ast.RuleClause:
        data, kids, span = str(tree.data), tree.children, self.span(tree)
        word = data.removeprefix("c_")
        value: object
        if word in ("principal", "resource"):
            value = self._scope(kids[0])
        elif word == "action":
            scope = kids[0]
            value = tuple(self.aname(kid) for kid in scope.children)
            if scope.data == "as_in":
                value = self.aname(scope.children[0])
        elif word in ("let", "meter"):
            value = (self.token(kids[0]), self.expr(kids[1]))
        elif word == "oblige":
            value = self.obliged(tree)
        elif word == "valid":
            value = (self.expr(kids[0]), None if kids[1] is None else self.expr(kids[1]))
        elif word == "because":
            value = self.string(kids[0])
        elif word == "approval":
            fields = [(str(kid.data).removeprefix("appr_"), self.expr(kid.children[0]), self.span(kid)) for kid in kids]
            value = ast.ApprovalDecl(tuple(fields), span)
        else:
            value = self.expr(kids[0])
        return ast.RuleClause(word, value, span)

    def entity(self, tree: Any) -> ast.EntityExpr:
        """`T::"id"`."""
        return ast.EntityExpr(self.qname(tree.children[0]), self.string(tree.children[1]), self.span(tree))

    def entities(self, tree: Any) -> tuple[ast.EntityExpr, ...]:
        """One entity or a bracketed list."""
        if tree is None:
            return ()
        return tuple(self.entity(kid) for kid in tree.children) if tree.data == "ent_list" else (self.entity(tree),)

    def _scope(self, tree: Any) -> ast.ScopeDecl:
        span, kids = self.span(tree), tree.children
        if tree.data == "sc_eq":
            return ast.ScopeDecl(None, self.entity(kids[0]), None, span)
        if tree.data == "sc_in":
            return ast.ScopeDecl(None, None, self.entities(kids[0]), span)
        within = kids[1] if len(kids) > 1 else None
        return ast.ScopeDecl(self.names(kids[0]), None, None if within is None else self.entities(within), span)
