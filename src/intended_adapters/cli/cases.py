"""Tables of intents with expected outcomes beside a policy: `intents.yaml`, or any YAML or JSON file that is named.

    now: 2026-11-23T10:00:00Z
    entities: entities.json        # or the list itself; default: entities.yaml or entities.json beside the table, if there is one
    cases:
      - name: a small payment
        intent: { principal: { type: User, id: ann }, action: pay, resource: { type: Account, id: main }, args: { amount: 10.00 } }
        expect: allow by pay.small # or { outcome: deny, class: forbid, by: [risk.stop] }

`params` and `tables` give values by name. A list of cases alone is a table too. YAML is read narrowly: true, false and whole numbers are
values, everything else is text, so that `10.00` stays a decimal and a date stays what was written; a key given twice, an anchor and a tag
are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from intended_adapters.cli.common import Exit, fail, read_file
from intended_core import (
    Entity,
    IntentCase,
    IntentError,
    IntentTable,
    entities_from_json,
    intent_from_json,
    parse_datetime,
    parse_json,
)

__all__ = ["CASE_FILES", "load_beside", "load_data", "load_table"]

CASE_FILES: Final = ("intents.yaml", "intents.yml")
ENTITY_FILES: Final = ("entities.yaml", "entities.yml", "entities.json")
MAX_BYTES: Final = 1024 * 1024
UNREAD_NOW: Final = "2026-01-01T00:00:00Z"
_EXPECT: Final = re.compile(r"(allow|escalate|deny)(?:\(([a-z_]+)\))?(?:\s+by\s+(\S+(?:\s*,\s*\S+)*))?")


class _Narrow(yaml.SafeLoader):
    """YAML without anchors, tags, duplicate keys and guesses."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - what the base class has under this name

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem="anchors and tags are not read", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name!r} is given twice", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


_Narrow.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Narrow.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))


def load_data(path: Path) -> bytes:
    """The file as strict JSON: JSON as it is, YAML read narrowly."""
    data = read_file(path, limit=MAX_BYTES)
    if path.suffix not in (".yaml", ".yml"):
        return data
    try:
        return orjson.dumps(yaml.load(data, _Narrow))  # noqa: S506 - narrower than safe_load
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        fail(Exit.INPUT, f"{path}{where}: {error.problem}")
    except (yaml.YAMLError, orjson.JSONEncodeError, RecursionError, ValueError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else "a character or a value in it has no form in JSON"
        fail(Exit.INPUT, f"{path} is not YAML that can be read: {why}")


def load_table(path: Path, *, expecting: bool = True) -> IntentTable:
    """A table; says what is wrong and ends the command. `expecting`: each case says what is expected."""
    table = _parsed(path)
    if isinstance(table, list):
        table = {"cases": table}
    if not isinstance(table, dict) or not {"cases"} <= table.keys() <= {"cases", "entities", "now", "params", "tables"}:
        fail(Exit.INPUT, f"{path}: a table has cases and, where wanted, entities, now, params and tables")
    if not isinstance(table["cases"], list):
        fail(Exit.INPUT, f"{path}: cases are a list")
    now = str(table.get("now", UNREAD_NOW))
    params, tables = _beside(path, table)
    return IntentTable(
        cases=tuple(_case(path, at, item, now, expecting) for at, item in enumerate(table["cases"], 1)),
        entities=tuple(_entities(path, table.get("entities"))), params=params, tables=tables,
    )  # fmt: skip


def load_beside(path: Path | None) -> tuple[dict[str, object], dict[str, object]]:
    """Params and tables of a file `{params: {…}, tables: {…}}`."""
    if path is None:
        return {}, {}
    data = _parsed(path)
    if not isinstance(data, dict) or not data.keys() <= {"params", "tables"}:
        fail(Exit.INPUT, f"{path}: params and tables are wanted here")
    return _beside(path, data)


def _beside(path: Path, table: dict[str, Any]) -> tuple[dict[str, object], dict[str, object]]:
    params, tables = table.get("params", {}), table.get("tables", {})
    if not isinstance(params, dict) or not isinstance(tables, dict):
        fail(Exit.INPUT, f"{path}: params and tables are given by name")
    return params, tables


def _parsed(path: Path) -> Any:
    try:
        return parse_json(load_data(path))
    except IntentError as error:
        fail(Exit.INPUT, f"{path}: {error}")


def _entities(path: Path, given: Any) -> list[Entity]:
    if isinstance(given, list):
        return entities_from_json(orjson.dumps(given))
    if isinstance(given, str):
        return entities_from_json(load_data(path.parent / given))
    found = [path.parent / name for name in ENTITY_FILES if (path.parent / name).is_file()]
    return entities_from_json(load_data(found[0])) if found else []


def _case(path: Path, at: int, item: Any, now: str, expecting: bool) -> IntentCase:
    place = f"{path}: case {at}"
    if not isinstance(item, dict) or not isinstance(item.get("intent"), dict):
        fail(Exit.INPUT, f"{place}: a case has an intent")
    name, expected, given = str(item.get("name", f"case {at}")), item.get("expect"), dict(item["intent"])
    if expecting and expected is None:
        fail(Exit.INPUT, f"{place} ({name}) expects nothing; write `expect: allow`")
    now = str(given.pop("now", item.get("now", now)))
    outcome, kind, by, obliges = _expectation(f"{place} ({name})", expected)
    try:
        intent, now_us = intent_from_json(orjson.dumps(given), grants_verified=True), parse_datetime(now) * 1000
    except IntentError as error:
        fail(Exit.INPUT, f"{place} ({name}): {error}")
    return IntentCase(
        name=name, intent=intent, now_us=now_us, outcome=outcome, kind=kind, by=by, obliges=obliges, place=place
    )


def _expectation(place: str, given: Any) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    if given is None:
        return "", "", (), ()
    if isinstance(given, str) and (found := _EXPECT.fullmatch(given)) is not None:
        return found[1], found[2] or "", tuple(re.split(r"\s*,\s*", found[3])) if found[3] else (), ()
    if not isinstance(given, dict) or not {"outcome"} <= given.keys() <= {"outcome", "class", "by", "obliges"}:
        fail(Exit.INPUT, f"{place}: expect is like `deny(forbid) by risk.stop`")
    if given["outcome"] not in ("allow", "escalate", "deny"):
        fail(Exit.INPUT, f"{place}: an outcome is allow, escalate or deny")
    return str(given["outcome"]), str(given.get("class", "")), _names(given.get("by")), _names(given.get("obliges"))


def _names(given: Any) -> tuple[str, ...]:
    """One name, a list of names, or a mapping by name."""
    if given is None:
        return ()
    return tuple(str(one) for one in (given if isinstance(given, list | dict) else [given]))
