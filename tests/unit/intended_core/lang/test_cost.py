"""The printed cost is what evaluation is bounded by."""

from __future__ import annotations

from intended_core.lang.cost import cost_report
from tests.reference.policy_world import World


def test_the_report() -> None:
    rules = (
        '@id("a") permit a { action == read; when args.n > 1; } @id("b") forbid b { action == read; when (count x in args.set { x > 1 }) > 2; }'
        ' @id("c") permit c { action == write; }'
    )
    world = World.of(rules)
    read, write = cost_report(world.checked)
    assert (read.action, write.action, read.limit) == ("read", "write", 50_000)
    assert read.steps == sum(steps for _, steps in read.rules) == world.checked.cost["read"]
    assert [name for name, _ in read.rules] == ["b", "a"]
    assert write.rules == (("c", 1),)


def test_an_aggregate_costs_its_body_for_each_element() -> None:
    def steps(bound: int) -> int:
        world = World.of(f'@max({bound}) table t: Set<Int>; @id("a") permit a {{ action == read; when (sum x in t {{ x + 1 }}) > 2; }}')
        return cost_report(world.checked)[0].steps

    assert steps(11) - steps(10) == 3
