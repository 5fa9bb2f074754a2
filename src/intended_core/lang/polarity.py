"""A rule may not be dodged by leaving something out: optional members of args and of caller context, and told origins.

On optional members `has` stands positively only in permits and negatively only in narrowing rules (forbid, escalate), and `?? d` in a
narrowing rule must make its condition true at `d`. A test that a value came from somewhere trustworthy stands positively only in
permits; a test for `content` or `unknown`, which untold origins have, positively only in narrowing rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from intended_core.lang.constants import UNKNOWN, constant_of
from intended_core.lang.flow import path_key
from intended_core.lang.report import Refused, refuse
from intended_core.lang.typed import (
    Binary,
    Default,
    HasMember,
    If,
    Let,
    Literal_,
    OriginOf,
    Quantified,
    SetIn,
    SetOf,
    TypedExpr,
    Unary,
    Var,
)
from intended_core.lang.types import BOOL, ActionDecl, RecordType
from intended_core.lang.walk import parts, walk

__all__ = ["check_approval_field", "check_counted", "check_polarity"]

_UNTOLD: Final = frozenset({"content", "unknown"})  # what an origin that nobody told is


def check_polarity(expr: TypedExpr, effect: str, action: ActionDecl) -> None:
    """Refuse a condition of a rule with this effect that leaving something out could turn; raises Refused."""
    _Check(effect == "permit", action).visit(expr, True, {})


def check_approval_field(expr: TypedExpr, action: ActionDecl) -> None:
    """Refuse an approval whose demands depend on whether an optional member is there; raises Refused."""
    check = _Check(False, action)
    for node in walk(expr):
        if isinstance(node, HasMember | Default) and check.dodgeable(node, {}):
            raise refuse(
                "polarity", "an approval may not ask less when a member is left out", node.span,
                help="make the member required in the schema, or write two rules",
            )  # fmt: skip


def check_counted(expr: TypedExpr, action: ActionDecl) -> None:
    """Refuse a key, amount or ceiling of a meter that the submitter could turn by leaving something out; raises Refused."""
    check = _Check(False, action)
    for node in walk(expr):
        if isinstance(node, OriginOf):
            raise refuse("polarity", "a meter does not depend on where a value came from", node.span)
        if isinstance(node, HasMember | Default) and check.dodgeable(node, {}):
            raise refuse(
                "polarity", "a meter may not count otherwise when a member is left out", node.span,
                help="make the member required in the schema",
            )  # fmt: skip


class _Check:
    def __init__(self, permit: bool, action: ActionDecl) -> None:
        self.permit = permit
        self.action = action

    def visit(self, expr: TypedExpr, positive: bool, lets: Mapping[str, TypedExpr]) -> None:
        """Walk through the connectives; what is below them is an atom."""
        if isinstance(expr, Unary) and expr.op == "not":
            self.visit(expr.operand, not positive, lets)
        elif isinstance(expr, Binary) and expr.op in ("and", "or"):
            self.visit(expr.left, positive, lets)
            self.visit(expr.right, positive, lets)
        elif isinstance(expr, Let):
            self.visit(expr.body, positive, {**lets, expr.name: expr.value})
        elif isinstance(expr, Var) and expr.name in lets and expr.type == BOOL:
            self.visit(lets[expr.name], positive, lets)
        elif isinstance(expr, HasMember):
            if self.dodgeable(expr, lets):
                self._has(expr, positive)
        elif isinstance(expr, If) and expr.type == BOOL:
            self._atom(expr.condition, None, lets)
            self.visit(expr.first, positive, lets)
            self.visit(expr.second, positive, lets)
        elif isinstance(expr, Quantified) and not isinstance(expr.over, OriginOf):
            self._atom(expr.over, positive, lets, expr)
            self.visit(expr.body, positive, lets)
        else:
            self._atom(expr, positive, lets, expr)

    def _has(self, expr: HasMember, positive: bool) -> None:
        if positive == self.permit:
            return
        if self.permit:
            message = f"this permit grants more when `{expr.name}` is left out"
            advice = f"ask `has {expr.name}` without `not`, or make it required in the schema"
        else:
            message = f"this rule is dodged by leaving `{expr.name}` out"
            advice = f"make `{expr.name}` required in the schema, or write `not … has {expr.name} or …`"
        raise refuse("polarity", message, expr.span, help=advice)

    def _atom(
        self, expr: TypedExpr, positive: bool | None, lets: Mapping[str, TypedExpr], whole: TypedExpr | None = None
    ) -> None:
        """A condition without connectives, or (positive None) one that counts in both directions."""
        reached = _reach(expr, lets)
        self._origins(expr, positive, reached)
        for node in reached:
            if isinstance(node, HasMember) and self.dodgeable(node, lets):
                if positive is None or node is not expr:
                    raise self._mixed(node)
                self._has(node, positive)
            elif isinstance(node, Default) and not self.permit and self.dodgeable(node, lets):
                value = UNKNOWN if positive is None or whole is None else constant_of(whole, node, lets)
                if value is not positive:
                    raise refuse(
                        "polarity", f"this rule is dodged by leaving `{'.'.join(node.path)}` out", node.span,
                        cause="the default after `??` does not make this condition hold",
                        help="give a default at which the rule applies, or make the member required in the schema",
                    )  # fmt: skip

    def _mixed(self, node: HasMember) -> Refused:
        return refuse(
            "polarity", f"`has {node.name}` counts both ways here, so leaving `{node.name}` out could turn the outcome", node.span,
            help="use it as a condition of its own, joined by `and` or `or`",
        )  # fmt: skip

    def dodgeable(self, node: HasMember | Default, lets: Mapping[str, TypedExpr]) -> bool:
        """Whether the submitter decides if this member is there: below args, or below context given by the caller."""
        if node.of_entity:
            return False
        base = node.base
        while isinstance(base, Var) and base.name in lets:
            base = lets[base.name]
        key = path_key(base)
        if key is None:
            return True
        if key[0] == "args":
            return True
        if key[0] == "context":
            steps = (*key[1:], *((node.name,) if isinstance(node, HasMember) else node.path))
            first = self.action.context.member(steps[0])
            return first is not None and (first.from_caller or _below_caller(first.type, steps[1:]))
        return key[0].startswith("$")

    # origins

    def _origins(self, expr: TypedExpr, positive: bool | None, reached: Sequence[TypedExpr]) -> None:
        if not any(isinstance(node, OriginOf) for node in reached):
            return
        trusted = None if positive is None else _trusted(expr)
        if trusted is None:
            raise refuse(
                "origin.polarity", "origins are asked here in a way that leaving them out could turn", expr.span,
                help='ask `"content" not in origin(…)`, or `all p in origin(…) { p in ["user", "record"] }`',
            )  # fmt: skip
        if (positive == trusted) == self.permit:
            return
        if self.permit:
            message = "this permit grants more when nobody tells where the value came from"
            advice = 'ask `"content" not in origin(…)`: an origin that is not told is unknown and content'
        else:
            message = "this rule is dodged by not telling where the value came from"
            advice = 'ask for `"content" in origin(…)`: an origin that is not told is unknown and content'
        raise refuse("origin.polarity", message, expr.span, help=advice)


def _below_caller(type_: object, steps: tuple[str, ...]) -> bool:
    for step in steps:
        member = type_.member(step) if isinstance(type_, RecordType) else None
        if member is None:
            return False
        if member.from_caller:
            return True
        type_ = member.type
    return False


def _reach(expr: TypedExpr, lets: Mapping[str, TypedExpr]) -> list[TypedExpr]:
    found: list[TypedExpr] = []
    todo = [expr]
    while todo:
        node = todo.pop()
        found.append(node)
        if isinstance(node, Var) and node.name in lets:
            todo.append(lets[node.name])
        todo.extend(parts(node))
    return found


def _trusted(expr: TypedExpr) -> bool | None:
    """True: holds only for a told origin. False: holds for an untold one. None: cannot be said."""
    if isinstance(expr, SetIn) and isinstance(expr.set, OriginOf) and isinstance(expr.element, Literal_):
        return expr.element.value not in _UNTOLD
    if isinstance(expr, Binary) and expr.op in ("eq", "ne"):
        sides = (expr.left, expr.right) if isinstance(expr.left, OriginOf) else (expr.right, expr.left)
        if not isinstance(sides[0], OriginOf):
            return None
        places = _places(sides[1])
        if places is None or places & _UNTOLD:
            return None
        return expr.op == "eq"
    if isinstance(expr, Quantified) and isinstance(expr.over, OriginOf):
        return _trusted_walk(expr)
    return None


def _trusted_walk(expr: Quantified) -> bool | None:
    body, negated = expr.body, False
    while isinstance(body, Unary) and body.op == "not":
        body, negated = body.operand, not negated
    places: frozenset[object] | None = None
    if isinstance(body, SetIn) and isinstance(body.element, Var) and body.element.name == expr.var:
        places = _places(body.set)
    elif (
        isinstance(body, Binary)
        and body.op in ("eq", "ne")
        and isinstance(body.left, Var)
        and isinstance(body.right, Literal_)
    ):
        places, negated = frozenset({body.right.value}), negated != (body.op == "ne")
    if places is None:
        return None
    holds = [(place in places) != negated for place in sorted(_UNTOLD)]
    untold = any(holds) if expr.kind == "any" else all(holds)
    return not untold


def _places(expr: TypedExpr) -> frozenset[object] | None:
    if not isinstance(expr, SetOf) or not all(isinstance(item, Literal_) for item in expr.items):
        return None
    return frozenset(item.value for item in expr.items if isinstance(item, Literal_))
