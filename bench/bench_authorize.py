"""authorize and redeem beside their floors (`bench/floors.py`), in both durabilities, in the same rounds.

The targets are held to the first floor. Beside it stand the floor with the calls that the checks need, and the first floor called in turn
with the path, each call finding the processor's caches as the other left them (docs/adr/0030).

`make bench ROOM=authorize` prints the figures and writes bench/results/authorize.json.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.floors import Floor, Sample, seen
from bench.harness import Results, together
from bench.world import AUDIENCE, NOW_US, intent, make_tenant
from intended_adapters.storage.connection import Durability
from intended_core import Authority, Granted, ManualClock, TenantAuthority

ROUNDS, CALLS, TURNS = 61, 15, 600
TARGETS = {"authorize": {"normal": 1.15, "full": 1.15}, "redeem": {"normal": 1.3, "full": 1.15}}


def sampled(tenant: TenantAuthority) -> Sample:
    """One authorize and one redeem as they really are, on a log that has some records already."""
    bank, wanted = tenant.adapter(AUDIENCE), intent()
    for _ in range(40):
        tenant.authorize(wanted, audience=AUDIENCE)
    outcomes: list[Granted] = []

    def grant() -> None:
        outcome = tenant.authorize(wanted, audience=AUDIENCE)
        if not isinstance(outcome, Granted):
            raise RuntimeError("the benchmark's intent was not allowed")
        outcomes.append(outcome)

    [(read, issued)] = seen(grant)
    token = outcomes[0].token.text
    calls: list[bytes] = []
    [(_, spent)] = seen(lambda: calls.append(tenant.redeem(token, wanted.call(), adapter=bank).call.wire))
    [snapshot] = read.rows.values()
    return Sample(
        call=calls[0], intent=outcomes[0].intent.wire, token=token.encode(), snapshot=snapshot,
        issued=issued.writes[0].row, consumed=spent.writes[0].row, allowed=issued.records[0], spent=spent.records[0],
        head=spent.head,
    )  # fmt: skip


def in_turn(call: Callable[[], object], floor: Callable[[], object]) -> float:
    """The ratio of the medians of `call` and `floor`, one call of each after the other."""
    taken: tuple[list[float], list[float]] = [], []
    gc.collect()
    gc.disable()
    try:
        for _ in range(TURNS):
            for one, times in zip((call, floor), taken, strict=True):
                begin = time.perf_counter()
                one()
                times.append(time.perf_counter() - begin)
    finally:
        gc.enable()
    return statistics.median(taken[0]) / statistics.median(taken[1])


def measured(results: Results, place: str, durability: Durability) -> None:
    """One durability mode: authorize then redeem, each in rounds beside its floor."""
    path = Path(place, durability)
    (path / "data").mkdir(parents=True)
    (path / "keys").mkdir()
    clock = ManualClock(NOW_US)
    authority = Authority.create(
        path / "data" / "a.db", key_file=path / "keys" / "kek", clock=clock, durability=durability
    )
    tenant = make_tenant(authority)
    bank = tenant.adapter(AUDIENCE)
    floor = Floor(path / "data" / "floor.db", durability, sampled(tenant))
    checked = Floor(path / "data" / "checked.db", durability, floor.sample)
    bare = Floor(path / "data" / "bare.db", durability, floor.sample)
    wanted = intent()
    call = wanted.call()
    tokens: list[str] = []

    def authorize() -> None:
        outcome = tenant.authorize(wanted, audience=AUDIENCE)
        if not isinstance(outcome, Granted):
            raise RuntimeError("the benchmark's intent was not allowed")
        tokens.append(outcome.token.text)

    def redeem() -> None:
        tenant.redeem(tokens.pop(), call, adapter=bank)

    steps = {
        "authorize": (authorize, floor.authorize, bare.issue_rsa_and_sql, checked.authorize_checked),
        "redeem": (redeem, floor.redeem, bare.redeem_rsa_and_sql, checked.redeem_checked),
    }
    for name, calls in steps.items():
        mine, theirs, without, looking = together(calls, number=CALLS, rounds=ROUNDS)
        most = TARGETS[name][durability]
        ratio = mine.ratio_to(theirs)
        results.figure(f"{name}, {durability}", mine.median_us, "µs")
        results.figure(f"{name} floor, {durability}", theirs.median_us, "µs")
        results.figure(f"{name} / floor, {durability}", ratio, "×", target=f"≤ {most}", met=ratio <= most)
        results.figure(f"{name} / RSA and SQL alone, {durability}", mine.ratio_to(without), "×")
        results.figure(f"{name} / floor with the checks' calls, {durability}", mine.ratio_to(looking), "×")
    for name, calls in steps.items():
        results.figure(f"{name} / floor in turn, {durability}", in_turn(calls[0], calls[1]), "×")
    authority.close()


def main() -> int:
    """Measure and write bench/results/authorize.json."""
    results = Results("authorize")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as place:
        measured(results, place, "normal")
        measured(results, place, "full")
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
