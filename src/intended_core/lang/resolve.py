"""Type expressions to types, and what may stand where in a schema: the half of its builder that knows types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.grants import grant_type
from intended_core.lang.literals import duration_ms
from intended_core.lang.report import Report, refuse
from intended_core.lang.typed import Span
from intended_core.lang.typeforms import MAX_TYPE_DEPTH, measure
from intended_core.lang.types import (
    SCALARS,
    EntityType,
    EnumType,
    ListType,
    MapType,
    Member,
    RecordType,
    SetType,
    Type,
)

__all__ = ["GENERIC", "MAX_SET", "TypeResolver"]

MAX_SET: Final = 10_000  # the largest @max: one walk of it fits the step limit
MAX_TEXT: Final = 65_536  # the largest @max of a String, in bytes: a quarter of an intent
GENERIC: Final = {"Set": 1, "List": 1, "Map": 2}
_MEMBER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_KEYS: Final = "a Bool, a number, a text, a time, an enum or an entity"


class TypeResolver:
    """Resolves type names against what the set declares."""

    report: Report
    entities: dict[str, ast.EntityDecl]
    enums: dict[str, ast.EnumDecl]
    aliases: dict[str, ast.TypeDecl]
    _types: dict[str, Span]
    _resolved: dict[str, Type]
    _open: list[str]
    _cyclic: set[str]
    _refused: dict[str, ast.UnsupportedItem]

    def resolve(self, expr: ast.TypeExpr, bound: int | None = None, depth: int = 0) -> Type:
        """The type meant; raises Refused."""
        if depth > MAX_TYPE_DEPTH:
            raise refuse("limit.nesting", f"types are nested deeper than {MAX_TYPE_DEPTH}", expr.span)
        if isinstance(expr, ast.RecordTypeExpr):
            return self.record(expr, depth)
        if isinstance(expr, ast.UnionType):
            names: set[str] = set()
            for part in expr.members:
                found = self.resolve(part, None, depth + 1)
                if not isinstance(found, EntityType):
                    raise refuse("type.mismatch", "a union joins entity types only", part.span)
                names.update(found.names)
            return EntityType(tuple(sorted(names)))
        return self._named(expr, bound, depth)

    def _named(self, expr: ast.TypeName, bound: int | None, depth: int) -> Type:
        name = expr.name
        if name in GENERIC:
            return self._generic(expr, bound, depth)
        if expr.args:
            raise refuse("type.mismatch", f"`{name}` takes no type in `<…>`", expr.span)
        if name in SCALARS:
            return SCALARS[name]
        if name == "Grant":
            return grant_type(tuple(sorted(self.entities)))
        if name in self.entities:
            return EntityType((name,))
        if name in self.enums:
            decl = self.enums[name]
            return EnumType(name, tuple(member.text for member in decl.members), decl.ordered)
        if name in self.aliases:
            return self._alias(name, expr.span, depth)
        if name in self._refused:  # reported where it is declared; the same code and place is one diagnostic
            raise refuse("unsupported", self._refused[name].what, self._refused[name].span)
        known = [*SCALARS, *GENERIC, "Grant", *self._types]
        raise refuse(
            "name.unknown",
            f"there is no type `{name}`",
            expr.span,
            help=suggest(name, known) or "declare it with `entity`, `enum` or `type`",
        )

    def _generic(self, expr: ast.TypeName, bound: int | None, depth: int) -> Type:
        name, wanted = expr.name, GENERIC[expr.name]
        if len(expr.args) != wanted:
            example = "Map<String, Decimal>" if name == "Map" else f"{name}<String>"
            raise refuse(
                "type.mismatch", f"`{name}` takes {'two types' if wanted == 2 else 'one type'}", expr.span, help=f"write `{example}`"
            )  # fmt: skip
        parts = [self.resolve(arg, None, depth + 1) for arg in expr.args]
        if name == "Map":
            if isinstance(parts[0], SetType | ListType | MapType | RecordType):
                raise refuse("type.mismatch", f"the key of a map is {_KEYS}", expr.args[0].span)
            if isinstance(parts[1], MapType):
                raise refuse("type.mismatch", "a map of maps is not a type of the language", expr.args[1].span)
            return MapType(parts[0], parts[1], bound)
        if isinstance(parts[0], SetType | ListType | MapType):
            raise refuse("type.mismatch", f"a {name.lower()} of collections is not a type of the language", expr.span)
        return SetType(parts[0], bound) if name == "Set" else ListType(parts[0], bound)

    def _alias(self, name: str, span: Span, depth: int) -> Type:
        if name in self._resolved:
            return self._resolved[name]
        if name in self._open:
            self._cyclic.update(self._open)
            chain = " → ".join([*self._open[self._open.index(name) :], name])
            raise refuse("name.cycle", f"the type `{name}` contains itself", span, label=chain)
        self._open.append(name)
        try:
            decl = self.aliases[name]
            found = self.resolve(decl.type, self._max(decl.annotations, decl.type), depth + 1)
        finally:
            self._open.pop()
        measure(found, span)
        self._resolved[name] = found
        return found

    def _max(self, notes: Sequence[ast.Annotation], type_: ast.TypeExpr) -> int | None:
        bound: int | None = None
        for note in notes:
            if note.name != "max":
                continue
            number = note.args[0] if len(note.args) == 1 else None
            if (
                not isinstance(number, ast.LiteralExpr)
                or number.kind != "int"
                or len(number.text) > 6
                or not 1 <= int(number.text) <= MAX_SET
            ):
                raise refuse("annotation.value", f"@max takes one number from 1 to {MAX_SET:,}", note.span)
            if bound is not None:
                raise refuse("field.repeated", "@max stands twice", note.span)
            bound = int(number.text)
            if not isinstance(type_, ast.TypeName) or type_.name not in GENERIC:
                raise refuse("annotation.value", "@max bounds a `Set<…>`, a `List<…>`, a `Map<…>` or a String member", note.span)
        return bound

    def record(self, expr: ast.RecordTypeExpr, depth: int = 0) -> RecordType:
        """The record type meant; raises Refused."""
        members: dict[str, Member] = {}
        for field in expr.fields:
            if isinstance(field, ast.IncludeDecl):
                base = self._named(ast.TypeName(field.name.text, (), field.name.span), None, depth + 1)
                if not isinstance(base, RecordType):
                    raise refuse("type.mismatch", f"`...{field.name.text}` is not a record", field.span)
                added = list(base.members)
            else:
                added = [self._member(field, depth)]
            for member in added:
                if member.name in members:
                    raise refuse("name.duplicate", f"the member `{member.name}` is declared twice", field.span)
                members[member.name] = member
        return RecordType(tuple(members.values()))

    def _member(self, field: ast.FieldDecl, depth: int) -> Member:
        if _MEMBER.fullmatch(field.name.text) is None:
            raise refuse(
                "name.invalid",
                "a member name has 1-64 ASCII letters, digits, _ and -, and starts with a letter or _",
                field.name.span,
            )
        from_caller = presentational = False
        for note in field.annotations:
            if note.name == "from":
                if len(note.args) != 1 or not isinstance(note.args[0], ast.Name) or note.args[0].text != "caller":
                    raise refuse("annotation.value", "@from takes `caller`", note.span, help="write `@from(caller)`")
                from_caller = True
            elif note.name == "presentational":
                if note.args:
                    raise refuse("annotation.value", "@presentational takes no value", note.span)
                presentational = True
            elif note.name != "max":
                hint = suggest(note.name, ("max", "from", "presentational"))
                raise refuse("annotation.unknown", f"`@{note.name}` is not known on a member", note.span, help=hint)
        text = isinstance(field.type, ast.TypeName) and field.type.name == "String"
        longest = self._max_text(field.annotations) if text else None
        bound = None if text else self._max(field.annotations, field.type)
        type_ = self.resolve(field.type, bound, depth + 1)
        if isinstance(type_, MapType):
            raise refuse("type.mismatch", "only a table is a `Map`", field.type.span, help="declare it with `table`")
        return Member(field.name.text, type_, field.optional, from_caller, presentational, longest)

    def _max_text(self, notes: Sequence[ast.Annotation]) -> int | None:
        found = [note for note in notes if note.name == "max"]
        for note in found[1:]:
            raise refuse("field.repeated", "@max stands twice", note.span)
        for note in found:
            number = note.args[0] if len(note.args) == 1 else None
            digits = number.text if isinstance(number, ast.LiteralExpr) and number.kind == "int" else ""
            if 0 < len(digits) <= 6 and 1 <= int(digits) <= MAX_TEXT:
                return int(digits)
            raise refuse("annotation.value", f"@max of a String takes its bytes, 1 to {MAX_TEXT:,}", note.span)
        return None

    def max_age(self, notes: Sequence[ast.Annotation]) -> int | None:
        """The milliseconds of `@max_age`, or None; raises Refused for it and for annotations that a table does not have."""
        age: int | None = None
        for note in notes:
            if note.name == "max":
                continue
            if note.name != "max_age":
                hint = suggest(note.name, ("max", "max_age")) or "tables have @max and @max_age"
                raise refuse("annotation.unknown", f"`@{note.name}` is not known on a table", note.span, help=hint)
            value = note.args[0] if len(note.args) == 1 else None
            if not isinstance(value, ast.LiteralExpr) or value.kind != "dur" or duration_ms(value) <= 0:
                raise refuse("annotation.value", "@max_age takes a duration", note.span, help="write `@max_age(24h)`")
            if age is not None:
                raise refuse("field.repeated", "@max_age stands twice", note.span)
            age = duration_ms(value)
        return age
