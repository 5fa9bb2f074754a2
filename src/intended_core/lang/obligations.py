"""Obligations: what must be done before or after an act, declared with typed parameters and given values by rules."""

from __future__ import annotations

from collections.abc import Sequence

from intended_core.lang import ast
from intended_core.lang.approvals import wrap
from intended_core.lang.diagnostics import suggest
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.flow import Env
from intended_core.lang.polarity import check_approval_field
from intended_core.lang.report import Report, refuse
from intended_core.lang.schema import RESERVED
from intended_core.lang.typed import ObligationType, Oblige, TypedExpr
from intended_core.lang.types import ActionDecl, Type

__all__ = ["check_obligations", "matched_values", "oblige"]

MAX_PARAMS = 16  # parameters of one obligation; they travel in the token


def check_obligations(typer: ExprTyper, report: Report) -> dict[str, ObligationType]:
    """Every declared obligation; problems go to the report."""
    return report.declared(typer.decls.obligations, "an obligation", lambda decl: _declared(decl, typer))


def _declared(decl: ast.ObligationDecl, typer: ExprTyper) -> ObligationType:
    if len(decl.formals) > MAX_PARAMS:
        raise refuse("limit.nesting", f"an obligation has at most {MAX_PARAMS} parameters", decl.name.span)
    params: list[tuple[str, Type]] = []
    for formal, type_ in decl.formals:
        if formal.text in RESERVED:
            raise refuse("name.invalid", f"`{formal.text}` has a meaning of its own in the language", formal.span)
        if any(formal.text == name for name, _ in params):
            raise refuse("name.duplicate", f"the parameter `{formal.text}` stands twice", formal.span)
        params.append((formal.text, typer.decls.resolve(type_)))
    return ObligationType(decl.name.text, tuple(params), "before" if decl.phase == "before" else "after")


def matched_values(expr: ast.ObligeExpr, known: dict[str, ObligationType]) -> tuple[ObligationType, dict[str, ast.Expr]]:
    """The declaration that is meant, and one written value for each of its parameters; raises Refused."""
    name = expr.name
    declared = known.get(name.text)
    if declared is None:
        hint = suggest(name.text, known) or "declare it with `obligation`"
        raise refuse("name.unknown", f"there is no obligation `{name.text}`", name.span, help=hint)
    for spread in expr.values.spreads:
        raise refuse("obligation.values", "an obligation's values are written out", spread.span)
    params = dict(declared.params)
    given: dict[str, ast.Expr] = {}
    for label, value in expr.values.items:
        if label.text not in params:
            hint = suggest(label.text, params) or (f"it has {', '.join(params)}" if params else "it has none")
            raise refuse("obligation.values", f"`{name.text}` has no parameter `{label.text}`", label.span, help=hint)
        if label.text in given:
            raise refuse("field.repeated", f"`{label.text}` stands twice", label.span)
        given[label.text] = value
    missing = [label for label in params if label not in given]
    if missing:
        message = f"`{name.text}` also needs `{'`, `'.join(missing)}`"
        raise refuse("obligation.values", message, expr.span, help=f"write `{missing[0]}: …`")
    return declared, given


def oblige(
    expr: ast.ObligeExpr,
    env: Env,
    typer: ExprTyper,
    effect: str,
    action: ActionDecl,
    known: dict[str, ObligationType],
    lets: Sequence[tuple[str, TypedExpr]],
) -> Oblige:
    """The clause, typed; raises Refused."""
    declared, given = matched_values(expr, known)
    if effect != "permit" and declared.phase == "before":
        message = f"`{declared.name}` is due before the act, and this rule lets nothing act"
        raise refuse(
            "clause.misplaced", message, expr.span, help="oblige it in the permit, or declare one that is due `after`"
        )
    values: list[tuple[str, TypedExpr]] = []
    for label, type_ in declared.params:
        typed = wrap(typer.infer(given[label], env, type_).expr, lets)
        check_approval_field(typed, action)
        values.append((label, typed))
    return Oblige(declared.name, declared.phase, tuple(values), tuple(type_ for _, type_ in declared.params), expr.span)
