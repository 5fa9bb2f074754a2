"""Approval blocks: who may approve, how many, who may not, for how long, and what each approver must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from intended_core.lang import ast
from intended_core.lang.builtins import show_type
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.flow import Env, path_key
from intended_core.lang.polarity import check_approval_field
from intended_core.lang.report import refuse
from intended_core.lang.typed import Approval, Let, Literal_, TypedExpr, Var
from intended_core.lang.types import DURATION, INT, ActionDecl, EntityType, SetType
from intended_core.lang.walk import walk

__all__ = ["MAX_QUORUM", "approval_of", "wrap"]

MAX_QUORUM: Final = 16  # language.md § 1, clauses
_REQUIRED: Final = ("from", "quorum", "expires")


def approval_of(
    decl: ast.ApprovalDecl,
    key: str,
    env: Env,
    typer: ExprTyper,
    action: ActionDecl,
    lets: Sequence[tuple[str, TypedExpr]],
) -> Approval:
    """The typed approval block; raises Refused."""
    found: dict[str, ast.Expr] = {}
    conditions: list[ast.Expr] = []
    for word, expr, span in decl.fields:
        if word == "when":
            conditions.append(expr)
        elif word in found:
            raise refuse("field.repeated", f"`{word}` stands twice in this approval", span)
        else:
            found[word] = expr
    for word in _REQUIRED:
        if word not in found:
            example = {"from": 'from: Group::"…"', "quorum": "quorum: 1", "expires": "expires: 1h"}[word]
            raise refuse("field.missing", f"this approval does not say `{word}`", decl.span, help=f"add `{example};`")
    group = typer.infer(found["from"], env).expr
    above = group.type
    if not isinstance(above, EntityType):
        raise refuse("type.mismatch", f"`from` names one group, and this is {show_type(group.type)}", found["from"].span)
    people = [
        name for name in typer.decls.schema.entities if any(typer.decls.below(name, high) for high in above.names)
    ]
    roots = [name for name in people if typer.decls.schema.entities[name].root]
    quorum = typer.infer(found["quorum"], env, INT).expr
    _check_quorum(quorum)
    expires = typer.infer(found["expires"], env, DURATION).expr
    if isinstance(expires, Literal_) and isinstance(expires.value, int) and expires.value <= 0:
        raise refuse("type.literal", "an approval expires after a positive time", found["expires"].span)
    exclude: TypedExpr | None = None
    if "exclude" in found:
        exclude = typer.infer(found["exclude"], env, None).expr
        if not isinstance(exclude.type, SetType) or not isinstance(exclude.type.element, EntityType):
            raise refuse(
                "type.mismatch",
                f"`exclude` lists persons, and this is {show_type(exclude.type)}",
                found["exclude"].span,
            )
        exclude = wrap(exclude, lets)
    inner = replace(env, roots={**env.roots, "approver": EntityType(tuple(sorted(roots or people)))})
    typed = tuple(wrap(typer.boolean(item, inner).expr, lets) for item in conditions)
    binds = _bound(found["binds"], env, typer, action) if "binds" in found else ()
    made = Approval(key, wrap(group, lets), wrap(quorum, lets), exclude, wrap(expires, lets), typed, decl.span, binds)
    for field in (made.group, made.quorum, made.exclude, made.expires, *made.conditions):
        if field is not None:
            check_approval_field(field, action)
    return made


def _bound(expr: ast.Expr, env: Env, typer: ExprTyper, action: ActionDecl) -> tuple[str, ...]:
    """The host's context members that the approval is bound to, by path; principal, action, resource and args always are."""
    if not isinstance(expr, ast.SetExpr):
        raise refuse("type.mismatch", "`binds` lists members of context", expr.span, help="write `binds: [context.risk];`")
    found: list[str] = []
    for item in expr.items:
        path = path_key(typer.infer(item, env).expr)
        member = None if path is None or path[0] != "context" or len(path) < 2 else action.context.member(path[1])
        if path is None or member is None:
            message = "an approval binds principal, action, resource and args by itself; `binds` adds members of context"
            raise refuse("type.mismatch", message, item.span)
        if member.from_caller:
            raise refuse("type.mismatch", f"`{path[1]}` is given by the caller and cannot be bound", item.span)
        found.append(".".join(path))
    return tuple(sorted(set(found)))


def _check_quorum(expr: TypedExpr) -> None:
    for node in walk(expr):
        if (
            node is expr
            and isinstance(node, Literal_)
            and isinstance(node.value, int)
            and not 1 <= node.value <= MAX_QUORUM
        ):
            raise refuse(
                "approval.quorum", f"a quorum is 1 to {MAX_QUORUM} persons, and this is {node.value}", node.span
            )


def wrap(expr: TypedExpr, lets: Sequence[tuple[str, TypedExpr]]) -> TypedExpr:
    """The expression inside the lets that it uses; each let's value is already wrapped in those it uses itself."""
    if not lets:
        return expr
    used = {node.name for node in walk(expr) if isinstance(node, Var)}
    for name, value in reversed(lets):
        if name in used:
            expr = Let(name, value, expr, expr.type, expr.span)
    return expr
