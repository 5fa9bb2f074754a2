"""Meters are found by action, and their parts are functions of an intent."""

from __future__ import annotations

from intended_core.lang.compiler import compile_set
from tests.unit.intended_core.lang.support import run


def test_meters_stand_under_each_of_their_actions() -> None:
    checked, _ = run(
        'meter b { on: [transfer]; key: [principal]; window: lifetime; amount: args.amount; } @id("r") forbid r { meter b > 5; }'
        'meter a { on: [transfer, close]; key: []; window: sliding(1m); amount: 1; } @id("s") forbid s { meter a > 5; }'.replace("key: []", "key: [1]")
    )
    assert checked is not None
    compiled = compile_set(checked)
    assert {action: [meter.name for meter in found] for action, found in compiled.meters.items()} == {"close": ["a"], "transfer": ["a", "b"]}
    assert [meter.scaled for meter in compiled.meters["transfer"]] == [False, True]
    rules = [rule for bucket in compiled.index.values() for rule in bucket.general]
    assert all(rule.asks and rule.meter is not None for rule in rules)
