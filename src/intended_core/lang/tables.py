"""What is declared beside the rules: the defaults of params, constants all, and for each param and table which way more rows can go."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.flow import NOTHING, Env
from intended_core.lang.report import Refused, Report, refuse
from intended_core.lang.schema import Declarations, sealed
from intended_core.lang.typed import Literal_, RecordOf, SetOf, TypedExpr
from intended_core.lang.types import ListType
from intended_core.values import Record, Value

__all__ = ["constant_value", "with_defaults"]


def constant_value(expr: TypedExpr) -> Value:
    """The run-time value of an expression of literals; raises Refused for anything else."""
    if isinstance(expr, Literal_):
        return expr.value
    if isinstance(expr, SetOf):
        items = [constant_value(item) for item in expr.items]
        return tuple(items) if isinstance(expr.type, ListType) else frozenset(items)
    if isinstance(expr, RecordOf):
        made: dict[str, Value] = {}
        for spread in expr.spreads:
            below = constant_value(spread)
            made.update(below if isinstance(below, Record) else {})
        made.update((name, constant_value(item)) for name, item in expr.items)
        return Record(made)
    raise refuse("data.default", "the default of a param is a constant", expr.span, help="write the value itself")


def with_defaults(decls: Declarations, report: Report) -> Declarations:
    """The declarations with every default typed, and the schema sealed by its digest; problems go to the report."""
    typer = ExprTyper(replace(decls, params={}, schema=replace(decls.schema, params={}, tables={})))
    defaults: dict[str, Value] = {}
    for name, decl in sorted(decls.params.items()):
        declared = decls.schema.params.get(name)
        if decl.value is None or declared is None:
            continue
        env = Env(roots={}, names={}, facts=NOTHING, origins={}, fresh=count(1))
        try:
            typed = typer.infer(decl.value, env, declared.type).expr
            bound = getattr(declared.type, "max_size", None)
            value = constant_value(typed)
            if bound is not None and isinstance(value, frozenset | tuple) and len(value) > bound:
                raise refuse("data.default", f"this default has more than {bound} elements", decl.value.span)
            defaults[name] = value
        except Refused as error:
            report.add(_about(error.diagnostic, decl.name.text))
    return decls if report.errors else replace(decls, schema=sealed(decls.schema, defaults))


def _about(found: Diagnostic, name: str) -> Diagnostic:
    if found.code != "name.unknown":
        return found
    return replace(found, cause=f"the default of `{name}` speaks of constants only")
