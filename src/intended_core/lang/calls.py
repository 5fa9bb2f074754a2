"""Types of calls: `origin(…)`, `datetime("…")`, defs (inlined at each use) and the closed table of methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from intended_core.lang import ast
from intended_core.lang.builtins import ELEMENT, METHODS, SAME, kind_of, show_type
from intended_core.lang.diagnostics import suggest
from intended_core.lang.flow import Binding, Env, Typed, extend_origin, is_path, origin_of
from intended_core.lang.gathering import readable, whole
from intended_core.lang.literals import datetime_literal
from intended_core.lang.report import Refused, refuse
from intended_core.lang.schema import RESERVED, Declarations
from intended_core.lang.typed import Default, Let, Literal_, Method, OriginOf, TypedExpr, Var
from intended_core.lang.types import ORIGIN_SET, STRING, ListType, Member, RecordType, SetType, Type
from intended_core.lang.zones import known_zones

__all__ = ["MAX_DEF_DEPTH", "CallTyper"]

MAX_DEF_DEPTH: Final = 8  # language.md § 1, totality and cost


class CallTyper:
    """The part of `ExprTyper` that knows calls."""

    decls: Declarations
    infer: Callable[..., Typed]
    used_defs: set[str]
    _member_of: Callable[..., TypedExpr]

    def _step(self, base: TypedExpr, name: ast.Name, env: Env) -> TypedExpr:
        return self._member_of(base, name, env, ast.NameExpr(name.text, name.span))

    def check_new_name(self, name: ast.Name, env: Env) -> None:
        """Refuse a variable that would hide another meaning."""
        if name.text in RESERVED:
            raise refuse(
                "name.invalid",
                f"`{name.text}` has a meaning of its own in the language",
                name.span,
                help="choose another name",
            )
        data = (self.decls.consts, self.decls.schema.params, self.decls.schema.tables)
        if name.text in env.names or any(name.text in known for known in data):
            raise refuse(
                "name.duplicate", f"`{name.text}` already has a meaning here", name.span, help="choose another name"
            )

    def method(self, expr: ast.MethodCall, env: Env, _expected: Type | None) -> Typed:
        """`base.name(args)`."""
        base = self.infer(expr.base, env).expr
        kind = kind_of(base.type)
        spec = METHODS.get((kind, expr.name.text))
        if spec is None:
            known = [name for receiver, name in METHODS if receiver == kind]
            hint = suggest(expr.name.text, known) or (
                f"it has {', '.join(f'`{name}()`' for name in known)}" if known else ""
            )
            raise refuse(
                "type.member", f"{show_type(base.type)} has no method `{expr.name.text}`", expr.name.span, help=hint
            )
        wanted = len(spec.params)
        if len(expr.args) != wanted:
            count = ("no value", "one value", "two values")[wanted]
            raise refuse("type.mismatch", f"`{spec.name}` takes {count}", expr.span, help=f"write `{spec.shown}`")
        args = tuple(
            self._argument(arg, param, base.type, env) for arg, param in zip(expr.args, spec.params, strict=True)
        )
        if spec.params and spec.params[0] in (SAME, ELEMENT):
            whole(base.type, spec.name, expr)
        return Typed(Method(spec.name, base, args, spec.result, expr.span))

    def _argument(self, arg: ast.Expr, param: Type | str, receiver: Type, env: Env) -> TypedExpr:
        if param == ELEMENT and isinstance(receiver, SetType | ListType):
            param = receiver.element
        if not isinstance(param, str):
            return self.infer(arg, env, param).expr
        if param == SAME:
            return self.infer(arg, env, receiver).expr
        found = self.infer(arg, env, STRING).expr
        if isinstance(found, Literal_) and found.value not in known_zones():
            hint = suggest(str(found.value), known_zones()) or 'a zone is named such as "UTC" or "Europe/Paris"'
            message = f'"{str(found.value)[:64]}" is not a time zone of the pinned data'
            raise refuse("type.zone", message, arg.span, help=hint)
        return found

    def call(self, expr: ast.FunctionCall, env: Env, _expected: Type | None) -> Typed:
        """`name(args)`."""
        name = expr.name.text
        if name == "origin":
            return self._origin(expr, env)
        if name == "datetime":
            return Typed(datetime_literal(expr))
        if name in self.decls.defs:
            return self._def(self.decls.defs[name], expr, env)
        hint = suggest(name, [*self.decls.defs, "origin", "datetime"])
        raise refuse(
            "name.unknown", f"there is no function `{name}`", expr.name.span, help=hint or "declare it with `def`"
        )

    def _def(self, decl: ast.DefDecl, expr: ast.FunctionCall, env: Env) -> Typed:
        name = decl.name.text
        self.used_defs.add(name)
        if name in env.open_defs:
            chain = " → ".join([*env.open_defs[env.open_defs.index(name) :], name])
            raise refuse(
                "name.cycle",
                f"the def `{name}` calls itself",
                expr.span,
                label=chain,
                cause="nothing in the language recurs",
            )
        if len(env.open_defs) >= MAX_DEF_DEPTH:
            raise refuse("limit.nesting", f"defs call each other at most {MAX_DEF_DEPTH} deep", expr.span)
        if len(expr.args) != len(decl.formals):
            message = f"`{name}` takes {len(decl.formals)} values, and {len(expr.args)} are given"
            raise refuse("type.mismatch", message, expr.span, help=f"it is declared at {decl.name.span}")
        names: dict[str, Binding] = {}
        lets: list[tuple[str, TypedExpr]] = []
        for (formal, type_), arg in zip(decl.formals, expr.args, strict=True):
            if formal.text in RESERVED or formal.text in names:
                raise refuse("name.invalid", f"`{formal.text}` cannot be the name of a parameter here", formal.span)
            value = self.infer(arg, env, self.decls.resolve(type_)).expr
            if is_path(value) or isinstance(value, Literal_):
                names[formal.text] = Binding(value)
                continue
            var = Var(f"{formal.text}#{next(env.fresh)}", value.type, formal.span)
            names[formal.text] = Binding(var)
            lets.append((var.name, value))
        inner = Env(
            roots=env.roots, names=names, facts=env.facts, origins=env.origins, fresh=env.fresh,
            open_defs=(*env.open_defs, name), quantifiers=env.quantifiers,
        )  # fmt: skip
        try:
            body = self.infer(decl.body, inner, self.decls.resolve(decl.result))
        except Refused as error:
            raise _used_here(error, name, expr) from None
        made = body.expr
        for var_name, value in reversed(lets):
            made = Let(var_name, value, made, made.type, expr.span)
        return Typed(made, body.true, body.false)

    def _origin(self, expr: ast.FunctionCall, env: Env) -> Typed:
        if len(expr.args) != 1:
            raise refuse(
                "origin.path", "`origin` takes one path below args", expr.span, help="write `origin(args.name)`"
            )
        found = self._origin_path(expr.args[0], env)
        if found is None or not found[0]:
            raise refuse(
                "origin.path", "`origin` takes a path below args, or a variable that walks one", expr.args[0].span,
                cause="only what the action will be done with has an origin", help="write `origin(args.name)`",
            )  # fmt: skip
        path, guards, _ = found
        return Typed(OriginOf(path, guards, ORIGIN_SET, expr.span))

    def _origin_path(self, expr: ast.Expr, env: Env) -> tuple[str, tuple[str, ...], Type] | None:
        """Path, optional prefixes and type; absent members need no guard, so this is not `infer`."""
        if isinstance(expr, ast.NameExpr):
            bound = env.names[expr.name].expr if expr.name in env.names else None
            if bound is None and expr.name != "args":
                return None
            typed = bound if bound is not None else self.infer(expr, env).expr
            if bound is not None:
                env.names[expr.name].used.append(True)
            told = origin_of(typed, env)
            return None if told is None else (*told, typed.type)
        if not isinstance(expr, ast.Access):
            return None
        below = self._origin_path(expr.base, env)
        if below is None:
            return None
        path, guards, type_ = below
        if not isinstance(type_, RecordType):
            return None
        member = readable(self.member(type_, expr.name), expr.name)
        return (*extend_origin(path, guards, [(member.name, member.optional)]), member.type)

    member: Callable[[RecordType, ast.Name], Member]

    def origin_below(self, over: Default, told: tuple[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
        """The origin of the elements of `base?.path ?? …` when the base has one."""
        names: list[tuple[str, bool]] = []
        current: Type = over.base.type
        for name in over.path:
            member = current.member(name) if isinstance(current, RecordType) else None
            names.append((name, member is not None and member.optional))
            current = member.type if member is not None else SetType(current)
        return extend_origin(*told, names)


def _used_here(error: Refused, name: str, expr: ast.FunctionCall) -> Refused:
    found = error.diagnostic
    note = f"`{name}` is used at {expr.span}"
    if len(found.notes) >= MAX_DEF_DEPTH:
        return error
    made = type(found)(
        code=found.code, message=found.message, span=found.span, severity=found.severity, label=found.label, cause=found.cause,
        help=found.help, notes=(*found.notes, note),
    )  # fmt: skip
    return Refused(made)
