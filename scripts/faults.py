"""The fault matrix and the interleavings as tables: what came of each flow when an effect was broken, and how many orders were tried.

    python -m scripts.faults                    every flow × every fault, one letter for each effect
    python -m scripts.faults authorize redeem   only flows whose names begin so
    python -m scripts.faults --orders redeem    every order of the effects of each pair with such a flow

Letters: `d` denied, `r` raised, `x` the process was gone, `.` answered without granting anything, `A` granted or redeemed all the same.
Exit code 1 where a letter is an `A`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from intended_core import Deny, Granted, Pending, RedeemedToken
from tests.faults import test_every_effect as matrix
from tests.faults import test_interleavings as orders
from tests.faults.fault_world import FAULTS, Crash, Run, run

ALLOWS = "A"


def letter(ended: Run) -> str:
    """What a run with one broken effect came to."""
    result: Any = ended.result
    if isinstance(result, Granted | Pending | RedeemedToken) or (isinstance(result, bytes) and b'"consumed"' in result):
        return ALLOWS
    if isinstance(ended.error, Crash):
        return "x"
    if ended.error is not None:
        return "r"
    return "d" if isinstance(result, Deny) else "."


def cell(name: str, fault: str) -> str:
    """One letter for each effect of the flow, broken in this way."""
    here, letters = matrix.world(), []
    for at in range(len(matrix.effects_of(name))):
        here.restore()
        letters.append(letter(run(here, matrix.FLOWS[name](here), at=at, fault=FAULTS[fault])))
    return "".join(letters)


def faults(names: Sequence[str]) -> list[str]:
    """The matrix as lines of a table."""
    columns = sorted(FAULTS)
    lines = ["| flow | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    lines += ["| " + " | ".join([name, *(cell(name, fault) for fault in columns)]) + " |" for name in names]
    return lines


def interleavings(names: Sequence[str]) -> list[str]:
    """Every order of each pair with one of `names`, as lines of a table. Raises AssertionError for an order that may not be."""
    lines = ["| pair | orders | outcomes, each that of one after the other |", "| --- | --- | --- |"]
    memory = orders.warm()
    for pair in orders.PAIRS:
        if pair in orders.APART or not set(pair) & set(names):
            continue
        ran: list[Any] = []

        def execute(prefix: tuple[int, ...], pair: tuple[str, ...] = pair, ran: list[Any] = ran) -> Any:
            ran.append(orders.pair(pair, memory))
            return orders.play(ran[-1], prefix)

        count, seen = 0, set()
        for _ in orders.schedules(execute, at_most=orders.AT_MOST):
            count += 1
            running = ran.pop()
            orders.holds(orders.world(), running)
            seen.add(" + ".join(orders.answer(each) for each in running))
        lines.append(f"| {pair[0]} with {pair[1]} | {count} | {'; '.join(sorted(seen))} |")
    return lines


def main(words: Sequence[str]) -> int:
    """Print the table that is asked for."""
    chosen = [word for word in words if word != "--orders"]
    flows = orders.FLOWS if "--orders" in words else matrix.FLOWS
    names = [name for name in sorted(flows) if not chosen or name.startswith(tuple(chosen))]
    lines = interleavings(names) if "--orders" in words else faults(names)
    print("\n".join(lines))
    letters = "" if "--orders" in words else "".join(text for line in lines[2:] for text in line.split(" | ")[1:])
    granting = letters.count(ALLOWS)
    print(f"\n{len(names)} flows; letters that allow: {granting}")
    return 1 if granting else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
