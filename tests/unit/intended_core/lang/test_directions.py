"""Which way params and tables can move a set."""

from __future__ import annotations

import pytest

from intended_core.lang.directions import directions
from tests.reference.policy_world import World

DATA = "@max(9) table t: Set<String>; table m: Map<String, Int>; param p: Int = 1; "


def found(effect: str, condition: str) -> dict[str, str]:
    return dict(directions(World.of(DATA + f'@id("r") {effect} r {{ action == read; {condition} }}').checked))


@pytest.mark.parametrize(
    ("effect", "condition", "table"),
    [
        ("permit", "when args.s in t;", "widens"),
        ("permit", "unless args.s in t;", "narrows"),
        ("forbid", "when args.s in t;", "narrows"),
        ("forbid", "unless args.s in t;", "widens"),
        ("forbid", "unless any x in t { x == args.s };", "widens"),
        ("permit", "when all x in t { x != args.s };", "narrows"),
        ("permit", "when args.n > 1 or not (args.s in t and args.n > 2);", "narrows"),
        ("permit", "when t.size() > 2;", "both"),
        ("permit", "when args.s in t; unless args.s in t;", "both"),
        ("permit", "when args.n > 2;", "unused"),
    ],
)
def test_tables(effect: str, condition: str, table: str) -> None:
    assert found(effect, condition) == {"m": "unused", "p": "unused", "t": table}


def test_ceilings_and_amounts_of_meters_go_both_ways() -> None:
    text = (
        'param top: Int = 5; param each: Int = 1; meter reads { on: [read]; key: [principal]; window: sliding(1h); amount: each; }'
        ' @id("r") permit r { action == read; } @id("f") forbid f { meter reads > top; }'
    )
    assert dict(directions(World.of(text).checked)) == {"each": "both", "top": "both"}


def test_params_and_rows_by_key_go_both_ways() -> None:
    assert found("permit", 'when args.n > p and m["a"] > 1;') == {"m": "both", "p": "both", "t": "unused"}
