"""Fixtures and tests from their parse trees: worlds, givens, intents, and the steps that a test takes."""

from __future__ import annotations

from typing import Any

from intended_core.lang import ast
from intended_core.lang.typed import Span

__all__ = ["TestTransform"]


class TestTransform:
    """The part of `Transform` that knows tests."""

    __test__ = False

    def expr(self, tree: Any) -> ast.Expr:
        """An expression (see `Transform`)."""
        raise NotImplementedError

    def record(self, kwargs: Any, span: Span) -> ast.RecordExpr:
        """A record (see `Transform`)."""
        raise NotImplementedError

    def span(self, tree: Any) -> Span:
        """The place of a tree or token (see `ItemTransform`)."""
        raise NotImplementedError

    def token(self, token: Any) -> ast.Name:
        """A name (see `ItemTransform`)."""
        raise NotImplementedError

    def aname(self, tree: Any) -> ast.Name:
        """An action name (see `ItemTransform`)."""
        raise NotImplementedError

    def names(self, tree: Any) -> tuple[ast.Name, ...]:
        """Qualified names (see `ItemTransform`)."""
        raise NotImplementedError

    def entity(self, tree: Any) -> ast.EntityExpr:
        """`T::"id"` (see `ItemTransform`)."""
        raise NotImplementedError

    def entities(self, tree: Any) -> tuple[ast.EntityExpr, ...]:
        """Entities (see `ItemTransform`)."""
        raise NotImplementedError

    def obliged(self, tree: Any) -> ast.ObligeExpr:
        """An obligation with its values (see `ItemTransform`)."""
        raise NotImplementedError

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
        due = tuple(self.obliged(kid) for kid in obliged if kid is not None)
        reason = outcome.children[0] if outcome.children else None
        return ast.ExpectDecl(
            str(outcome.data).removeprefix("o_"),
            None if reason is None else self.token(reason),
            None if by is None else self.names(by),
            due or None,
            self.span(tree),
        )

    def _i_test(self, tree: Any, span: Span) -> ast.Item:
        name, partial, fixtures, *body = tree.children
        entities: list[ast.WorldEntity] = []
        givens: list[tuple[ast.Name, ast.Expr]] = []
        intents: list[tuple[tuple[tuple[str, object, Span], ...], Span]] = []
        steps: list[ast.TestStep] = []
        for kid in body:
            data, where = str(kid.data), self.span(kid)
            if data == "w_ent":
                entities.append(self._world(kid))
            elif data == "w_given":
                givens.append(self._given(kid))
            elif data == "t_intent":
                intents.append((tuple(self._part(part) for part in kid.children), where))
            else:
                steps.append(self._step(data.removeprefix("t_"), kid.children, where))
        return ast.TestDecl(
            self.token(name), partial is not None, self.names(fixtures), tuple(entities), tuple(givens), tuple(intents),
            tuple(steps), span,
        )  # fmt: skip

    def _step(self, kind: str, kids: list[Any], where: Span) -> ast.TestStep:
        if kind == "advance":
            return ast.TestStep(kind, None, None, None, self.expr(kids[0]), (), where)
        if kind == "approve":
            return ast.TestStep(kind, None, None, None, None, self.entities(kids[0]), where)
        name = self.token(kids[0]) if kind == "case" else None
        values = kids[-2] if kind in ("case", "again") else None
        return ast.TestStep(kind, name, self._recx(values), self._expect(kids[-1]), None, (), where)

    def _part(self, tree: Any) -> tuple[str, object, Span]:
        word, value = str(tree.data).removeprefix("t_"), tree.children[0]
        return word, self.aname(value) if word == "action" else self.expr(value), self.span(tree)
