"""The items of a file (declarations, rules, tests) from their parse trees; expressions are left to `transform`."""

from __future__ import annotations

from typing import Any, Final

from intended_core.lang import ast
from intended_core.lang.source import Source
from intended_core.lang.typed import Span

__all__ = ["ItemTransform"]

_UNSUPPORTED_ITEMS: Final = {
    "import_decl": "`import`",
    "meter_decl": "`meter`",
    "obligation_decl": "`obligation`",
    "property_": "`prove`",
}
_UNSUPPORTED_CLAUSES: Final = {"c_meter": "`meter` in a rule", "c_oblige": "`oblige`"}
_UNSUPPORTED_TESTS: Final = {"t_again": "`again`", "t_advance": "`advance`", "t_approve": "`approve by`"}


class ItemTransform:
    """The half of `Transform` that knows items."""

    _source: Source

    def expr(self, tree: Any) -> ast.Expr:
        """An expression (see `Transform`)."""
        raise NotImplementedError

    def string(self, token: Any) -> str:
        """The text of a string token (see `Transform`)."""
        raise NotImplementedError

    def record(self, kwargs: Any, span: Span) -> ast.RecordExpr:
        """A record (see `Transform`)."""
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
        if data in _UNSUPPORTED_CLAUSES:
            return ast.RuleClause(word, ast.Unsupported(_UNSUPPORTED_CLAUSES[data], span), span)
        value: object
        if word in ("principal", "resource"):
            value = self._scope(kids[0])
        elif word == "action":
            scope = kids[0]
            value = tuple(self.aname(kid) for kid in scope.children)
            if scope.data == "as_in":
                value = ast.Unsupported(
                    "an action group (`action in name`); write `action in [a, b]`", self.span(scope)
                )
        elif word == "let":
            value = (self.token(kids[0]), self.expr(kids[1]))
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

    def _world(self, tree: Any) -> ast.WorldEntity:
        found = [kid for kid in tree.children if kid is not None]
        entities = tuple(self.entity(kid) for kid in found if kid.data == "ent")
        parents, attributes = tree.children[-2], tree.children[-1]
        if parents is not None and parents.data == "ent":
            entities = entities[:-1]
        return ast.WorldEntity(entities, self.entities(parents), self._recx(attributes), self.span(tree))

    def _recx(self, tree: Any) -> ast.RecordExpr | None:
        return None if tree is None else self.record(tree.children[0], self.span(tree))

    def _given(self, tree: Any) -> tuple[ast.Name, ast.Expr]:
        return self.token(tree.children[0]), self.expr(tree.children[1])

    def _i_fixture(self, tree: Any, span: Span) -> ast.Item:
        name, *body = tree.children
        entities = tuple(self._world(kid) for kid in body if kid.data == "w_ent")
        givens = tuple(self._given(kid) for kid in body if kid.data == "w_given")
        return ast.FixtureDecl(self.token(name), entities, givens, span)

    def _expect(self, tree: Any) -> ast.ExpectDecl:
        outcome, by, *obliged = tree.children
        if any(kid is not None for kid in obliged):
            return ast.ExpectDecl("obliges", None, None, self.span(tree))
        reason = outcome.children[0] if outcome.children else None
        names = None if by is None else self.names(by)
        return ast.ExpectDecl(
            str(outcome.data).removeprefix("o_"), None if reason is None else self.token(reason), names, self.span(tree)
        )

    def _i_test(self, tree: Any, span: Span) -> ast.Item:
        name, partial, fixtures, *body = tree.children
        refused: list[ast.Unsupported] = []
        if partial is not None:
            refused.append(ast.Unsupported("`partial` tests", self.span(partial)))
        entities: list[ast.WorldEntity] = []
        givens: list[tuple[ast.Name, ast.Expr]] = []
        intents: list[tuple[tuple[tuple[str, object, Span], ...], Span]] = []
        cases: list[ast.Case] = []
        for kid in body:
            data, where = str(kid.data), self.span(kid)
            if data in _UNSUPPORTED_TESTS:
                refused.append(ast.Unsupported(_UNSUPPORTED_TESTS[data], where))
            elif data == "w_ent":
                entities.append(self._world(kid))
            elif data == "w_given":
                givens.append(self._given(kid))
            elif data == "t_intent":
                intents.append((tuple(self._part(part) for part in kid.children), where))
            elif data == "t_expect":
                cases.append(ast.Case(None, None, self._expect(kid.children[0]), where))
            else:
                label, values, expect = kid.children
                cases.append(ast.Case(self.token(label), self._recx(values), self._expect(expect), where))
        refused.extend(
            ast.Unsupported("`obliges`", case.expect.span) for case in cases if case.expect.outcome == "obliges"
        )
        return ast.TestDecl(
            self.token(name),
            self.names(fixtures),
            tuple(entities),
            tuple(givens),
            tuple(intents),
            tuple(cases),
            tuple(refused),
            span,
        )

    def _part(self, tree: Any) -> tuple[str, object, Span]:
        word, value = str(tree.data).removeprefix("t_"), tree.children[0]
        return word, self.aname(value) if word == "action" else self.expr(value), self.span(tree)
