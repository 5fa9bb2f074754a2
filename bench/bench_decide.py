"""decide on a validated intent, and from a dict; the curve over N permit rules, each on its own action and resource type.

Peers that can be installed beside it are measured in the same run when they are there; the floor is a dict look-up of a compiled predicate.
"""

from __future__ import annotations

import sys

from bench.harness import Results, together
from bench.world import ENTITIES, NOW_US, POLICY, intent
from intended_core import Allow
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.ids import EntityRef
from intended_core.intent import Intent
from intended_core.lang.checker import check
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.toolbox import Entity

NOW_MS = NOW_US // 1000
SIZES = (3, 10, 100, 1_000)


def many(size: int) -> str:
    """`size` permits, each on its own action and resource type, with two conditions."""
    lines = ["@root entity User { level: Int }"]
    for n in range(size):
        lines.append(f"entity Thing{n} {{ owner: User, size: Int }}")
        lines.append(
            f"action act{n} {{ principal: User; resource: Thing{n}; args: {{ amount: Int }}; context: {{ risk: Int }}; }}"
        )
        lines.append(
            f'@id("r{n}") permit rule{n} {{ action == act{n}; when resource.owner == principal and args.amount <= resource.size; }}'
        )
    return "\n".join(lines)


def gated(results: Results) -> None:
    """One permit, one gate and two forbids in scope."""
    checked = check([Source.from_bytes("bench.policy", POLICY.encode())])
    compiled = compile_set(checked)
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="1", entities={e.ref: e for e in ENTITIES}))
    given = intent()
    valid = validate(checked.schema, TEST_SCOPE, given)
    if not isinstance(decide(compiled, valid, snapshot, now_ms=NOW_MS), Allow):
        raise RuntimeError("the benchmark's intent was not allowed")
    table = {("transfer", "Agent", "Account"): lambda a, c: a["money"]["amount"] <= 10**12 and c["risk"] < 70}

    def floor() -> object:
        return table["transfer", "Agent", "Account"](valid.args, valid.context)

    def from_dict() -> object:
        return decide(compiled, validate(checked.schema, TEST_SCOPE, given), snapshot, now_ms=NOW_MS)

    mine, whole, bare = together(
        [lambda: decide(compiled, valid, snapshot, now_ms=NOW_MS), from_dict, floor], number=2_000, rounds=15
    )
    results.figure(
        "validated intent, 1 permit + 1 gate + 2 forbids", mine.median_us, "µs", target="≤ 5", met=mine.median_us <= 5
    )
    results.figure("the same / dict look-up of a predicate", mine.ratio_to(bare), "×")
    results.figure("from dict: schema, wire form, digests, decide", whole.median_us, "µs")


def permits(results: Results, size: int) -> None:
    """A permit-only set of `size` rules."""
    lines = many(size).split("\n")
    parts = ["\n".join(lines[at : at + 3_000]) for at in range(0, len(lines), 3_000)]
    checked = check([Source.from_bytes(f"many{n:02d}.policy", part.encode()) for n, part in enumerate(parts)])
    compiled = compile_set(checked)
    user = EntityRef("User", "ann")
    chosen = [size * k // 16 for k in range(16)] if size >= 16 else list(range(size))
    entities = {user: Entity(ref=user, attributes={"level": 1})}
    valids = []
    for n in chosen:
        thing = EntityRef(f"Thing{n}", "t")
        entities[thing] = Entity(ref=thing, attributes={"owner": user, "size": 100})
        wanted = Intent(principal=user, action=f"act{n}", resource=thing, args={"amount": 5}, context={"risk": 1})
        valids.append(validate(checked.schema, TEST_SCOPE, wanted))
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="1", entities=entities))

    def once() -> None:
        for valid in valids:
            decide(compiled, valid, snapshot, now_ms=NOW_MS)

    (mine,) = together([once], number=200, rounds=15)
    per = mine.median_us / len(valids)
    results.figure(f"validated intent, {size:,} permits", per, "µs", target="≤ 5", met=per <= 5)


def main() -> int:
    """Measure and write bench/results/decide.json."""
    results = Results("decide")
    gated(results)
    for size in SIZES:
        permits(results, size)
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
