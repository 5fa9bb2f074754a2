"""The grammar's LALR tables as a file, so that no start of a program builds them anew (half a second of work).

`grammar/intended.table.json` is made by `make tables` and carried by the wheel beside the grammar. It says of which grammar it is; a table
of another grammar, or one that does not read, is not used and lark builds the tables as ever. States are numbered by the words that reach
them first, so the file depends on the grammar alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from intended_core.lang.lalr import Driver, Rule

__all__ = ["FORMAT", "read_driver", "write_tables"]

FORMAT: Final = "intended.lalr/1"


def write_tables(driver: Driver, grammar: str) -> bytes:
    """The tables of `driver`, made of `grammar`, as bytes that `read_driver` takes back."""
    order = _order(driver)
    place = {state: index for index, state in enumerate(order)}
    names = sorted({name for row in driver.actions for name in row} | {name for row in driver.gotos for name in row})
    number = {name: index for index, name in enumerate(names)}
    rules: list[list[object]] = []
    known: dict[Rule, int] = {}
    actions: list[list[int]] = []
    for state in order:
        row: list[int] = []
        for name, target in sorted(driver.actions[state].items()):
            if isinstance(target, int):
                row += (number[name], place[target])
            else:
                if target not in known:
                    known[target] = len(rules)
                    rules.append([getattr(target, slot) for slot in Rule.__slots__])
                row += (number[name], -1 - known[target])
        actions.append(row)
    gotos = [[part for name, to in sorted(driver.gotos[state].items()) for part in (number[name], place[to])] for state in order]
    made = {
        "format": FORMAT,
        "grammar": _digest(grammar),
        "words": driver.word_pattern.pattern,
        "keywords": dict(sorted(driver.keywords.items())),
        "start": place[driver.start],
        "end": place[driver.end],
        "names": names,
        "rules": rules,
        "actions": actions,
        "gotos": gotos,
    }
    return (json.dumps(made, separators=(",", ":"), ensure_ascii=True) + "\n").encode("ascii")


def read_driver(data: bytes, grammar: str) -> Driver | None:
    """The driver that these tables are, or None when they are of another grammar or do not read."""
    try:
        made: dict[str, Any] = json.loads(data)
        if made["format"] != FORMAT or made["grammar"] != _digest(grammar):
            return None
        names: list[str] = made["names"]
        rules = [
            Rule(size, origin, unit, node, single, tuple((a, b, c) for a, b, c in include), absent)
            for size, origin, unit, node, single, include, absent in made["rules"]
        ]
        actions: list[dict[str, int | Rule]] = [
            {names[name]: to if to >= 0 else rules[-1 - to] for name, to in _pairs(row)} for row in made["actions"]
        ]
        gotos = [{names[name]: to for name, to in _pairs(row)} for row in made["gotos"]]
        return Driver(re.compile(made["words"]), made["keywords"], actions, gotos, made["start"], made["end"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, re.error):
        return None


def _pairs(row: list[int]) -> Iterator[tuple[int, int]]:
    return zip(row[::2], row[1::2], strict=True)


def _digest(grammar: str) -> str:
    return sha256(grammar.encode("utf-8")).hexdigest()


def _order(driver: Driver) -> list[int]:
    """Every state that can be reached, in the order of the words that reach it first."""
    order = [driver.start]
    seen = {driver.start}
    for state in order:
        steps = {name: to for name, to in driver.actions[state].items() if isinstance(to, int)} | driver.gotos[state]
        for _, to in sorted(steps.items()):
            if to not in seen:
                seen.add(to)
                order.append(to)
    return order
