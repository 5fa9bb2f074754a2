"""Schemas in Cedar's human syntax (`.cedarschema`) to raw declarations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, VisitError

from intended_core.lang.cedar.schema import RawAction, RawEntity, RawNamed, RawNamespace, RawRecord, RawSet, RawType
from intended_core.lang.cedar.text import TextError, check_name, depth_problem, grammar, unescape, unexpected
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.report import Refused, refuse
from intended_core.lang.source import Source
from intended_core.lang.typed import Span

__all__ = ["parse_schema_text"]


def parse_schema_text(source: Source) -> list[RawNamespace]:
    """The namespaces of one file, the outermost one first; raises Refused."""
    too_deep = depth_problem(source)
    if too_deep is not None:
        raise Refused(too_deep)
    try:
        found: list[RawNamespace] = _Build(source).transform(_lark().parse(source.text))
    except UnexpectedInput as error:
        raise Refused(unexpected(source, error)) from None
    except VisitError as error:
        wrong = error.orig_exc
        if isinstance(wrong, TextError):
            raise refuse(wrong.code, str(wrong), source.span(wrong.at, wrong.end), help=wrong.advice) from None
        raise
    except (RecursionError, MemoryError):
        message = "the schema needs more depth or memory than loading may use"
        raise Refused(Diagnostic(code="limit.memory", message=message, span=source.span(0, 1))) from None
    return found


@lru_cache(maxsize=1)
def _lark() -> Lark:
    return Lark(grammar("cedarschema"), parser="lalr", maybe_placeholders=True)


_Path = tuple[str, Span]


@v_args(inline=True)
class _Build(Transformer[Token, Any]):
    def __init__(self, source: Source) -> None:
        super().__init__(visit_tokens=False)
        self.source = source

    def _span(self, token: Token) -> Span:
        return self.source.span(token.start_pos or 0, token.end_pos or 0)

    def start(self, *items: Any) -> list[RawNamespace]:
        outer = RawNamespace(name="", span=self.source.span(0, 1))
        spaces = [item for item in items if isinstance(item, RawNamespace)]
        _fill(outer, [item for item in items if not isinstance(item, RawNamespace)])
        return [outer, *spaces]

    def namespace(self, *items: Any) -> RawNamespace:
        name, span = next(item for item in items if isinstance(item, tuple))
        made = RawNamespace(name=name, span=span)
        _fill(made, [item for item in items if isinstance(item, list)])
        return made

    def annotation(self, _name: Token, value: Token | None) -> None:
        if value is not None:
            unescape(value)

    def entity(self, *parts: Any) -> list[Any]:
        names, parents, shape, tags = (part for part in _bare(parts) if not isinstance(part, Token))
        return [
            RawEntity(
                name=check_name(name), span=self._span(name), parents=tuple(parents or ()), shape=shape, tags=tags
            )
            for name in names
        ]

    def enumerated(self, *parts: Any) -> list[Any]:
        names, *ids = [part for part in parts if part is not None and getattr(part, "type", "") != "ENTITY"]
        texts = tuple(unescape(text) for text in ids)
        return [RawEntity(name=check_name(name), span=self._span(name), ids=texts) for name in names]

    def names(self, *tokens: Token) -> list[Token]:
        return list(tokens)

    def one_type(self, path: _Path) -> list[RawNamed]:
        return [RawNamed(*path)]

    def many_types(self, *paths: _Path | None) -> list[RawNamed]:
        return [RawNamed(*path) for path in paths if path is not None]

    def action(self, *parts: Any) -> list[Any]:
        kept = [part for part in _bare(parts) if not isinstance(part, Token)]
        names, groups, *applies, attributes = kept
        if attributes is not None and attributes.members:
            raise TextError("unsupported", "attributes of actions are not part of validated Cedar", 0, 1)
        found: dict[str, Any] = {}
        for item in applies:
            if item is None:
                continue
            if item[0] in found:
                raise TextError("field.repeated", f"`{item[0]}` stands twice", item[2], item[2] + 1)
            found[item[0]] = item[1]
        return [
            RawAction(
                name=name, span=span, groups=tuple(groups or ()), principals=tuple(found.get("principal", ())),
                resources=tuple(found.get("resource", ())), context=found.get("context"),
            )
            for name, span in names
        ]  # fmt: skip

    def action_names(self, *names: tuple[str, Span]) -> list[tuple[str, Span]]:
        return list(names)

    def name(self, token: Token) -> tuple[str, Span]:
        return (unescape(token) if token.type == "STRING" else str(token)), self._span(token)

    def one_group(self, group: tuple[str | None, str]) -> list[tuple[str | None, str]]:
        return [group]

    def many_groups(self, *groups: tuple[str | None, str] | None) -> list[tuple[str | None, str]]:
        return [group for group in groups if group is not None]

    def plain_group(self, name: tuple[str, Span]) -> tuple[str | None, str]:
        return (None, name[0])

    def typed_group(self, path: _Path, text: Token) -> tuple[str | None, str]:
        return (path[0], unescape(text))

    def principals(self, types: list[RawNamed]) -> tuple[str, Any, int]:
        return ("principal", types, 0)

    def resources(self, types: list[RawNamed]) -> tuple[str, Any, int]:
        return ("resource", types, 0)

    def context(self, type_: RawType) -> tuple[str, Any, int]:
        return ("context", type_, 0)

    def common(self, *parts: Any) -> list[Any]:
        name, type_ = [part for part in parts if part is not None and getattr(part, "type", "") != "TYPE"]
        return [(check_name(name), type_, self._span(name))]

    def named(self, path: _Path) -> RawNamed:
        return RawNamed(*path)

    def set(self, element: RawType) -> RawSet:
        return RawSet(element, element.span)

    def record(self, brace: Token, *members: Any) -> RawRecord:
        return RawRecord(tuple(member for member in members if member is not None), self._span(brace))

    def attribute(self, *parts: Any) -> tuple[str, RawType, bool]:
        name, optional, type_ = parts[-3:]
        return name[0], type_, optional is None

    def path_start(self, token: Token) -> _Path:
        return str(token), self._span(token)

    def path_more(self, left: _Path, token: Token) -> _Path:
        return f"{left[0]}::{token}", left[1]


def _bare(parts: tuple[Any, ...]) -> list[Any]:
    """What stands after the keyword: annotations come before it."""
    at = next(at for at, part in enumerate(parts) if isinstance(part, Token))
    return list(parts[at + 1 :])


def _fill(space: RawNamespace, groups: list[Any]) -> None:
    for group in groups:
        for item in group:
            if isinstance(item, RawEntity):
                space.entities.append(item)
            elif isinstance(item, RawAction):
                space.actions.append(item)
            else:
                space.commons.append(item)
