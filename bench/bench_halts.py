"""Halts: how long after a halt has committed a token of its scope is still accepted, and what standing halts and the head mark cost.

`make bench ROOM=halts` prints the figures and writes bench/results/halts.json. The answer to the first question is in the log, in units:
no record of a grant follows the record of the halt. In time it is what a redeemer that had its answer already took to hear of it.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.harness import Results, together
from intended_core import (
    Authority,
    Entity,
    EntityRef,
    Granted,
    HaltTarget,
    Intent,
    LocalPersonKey,
    SystemRandomness,
    TenantAuthority,
    TokenError,
)
from intended_core.audit.record import EventKind, parse_entry
from intended_core.flows.keeper import SECONDS as KEPT_SECONDS

POLICY = """
@root entity Agent {}
entity Account {}
action pay { principal: Agent; resource: Account; args: { amount: Decimal }; }
@id("small")
permit small { action == pay; when args.amount <= 100.00; because "at most 100"; }
"""
BOT, MAIN = EntityRef("Agent", "bot"), EntityRef("Account", "main")
ANN, BOB = EntityRef("Person", "ann"), EntityRef("Person", "bob")
INTENT = Intent(principal=BOT, action="pay", resource=MAIN, args={"amount": "12.50"})
THREADS, RACES, STANDING, ROUNDS = 8, 40, 100, 61


def found(folder: Path) -> tuple[Authority, TenantAuthority, list[tuple[EntityRef, LocalPersonKey]]]:
    """A store that does not wait for the disk, so that what is compared is not drowned by it, with one tenant and two persons."""
    for name in ("keys", "store"):
        (folder / name).mkdir()
    authority = Authority.create(folder / "store" / "a.db", key_file=folder / "keys" / "kek", durability="normal")
    tenant = authority.create_tenant("acme")
    tenant.activate({"pay.policy": POLICY})
    tenant.put_entities([Entity(ref=BOT), Entity(ref=MAIN)])
    keys = [(ref, LocalPersonKey.generate(SystemRandomness())) for ref in (ANN, BOB)]
    for ref, key in keys:
        tenant.register_person(ref, key.public_key)
    return authority, tenant, keys


def race(tenant: TenantAuthority, keys: list[tuple[EntityRef, LocalPersonKey]]) -> tuple[float, float, int]:
    """Redeemers run while it is halted: seconds that `engage` took, seconds from its return to the last accepted answer, grants after it."""
    tokens = [[tenant.require(INTENT, audience="bank") for _ in range(12)] for _ in range(THREADS)]
    bank, last, start = tenant.adapter("bank"), [0.0] * THREADS, threading.Barrier(THREADS + 1)

    def run(number: int) -> None:
        start.wait()
        for token in tokens[number]:
            try:
                tenant.redeem(token, INTENT.call(), adapter=bank)
                last[number] = time.perf_counter()
            except TokenError:
                return

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    start.wait()
    time.sleep(0.004)
    began = time.perf_counter()
    halt = tenant.halts.engage(HaltTarget("environment"), reason="bench", keys=keys[:1])
    done = time.perf_counter()
    for thread in threads:
        thread.join()
    kinds = [parse_entry(record.entry).kind for record in tenant.records(start=halt.seq)]
    tenant.halts.resume(HaltTarget("environment"), reason="bench", keys=keys)
    return done - began, max(0.0, max(last) - done), kinds.count(EventKind.TOKEN_CONSUMED) + kinds.count(EventKind.DECISION_ALLOW)


def authorizing(tenant: TenantAuthority) -> Callable[[], object]:
    """One authorization, checked."""

    def call() -> None:
        if not isinstance(tenant.authorize(INTENT, audience="bank"), Granted):
            raise SystemExit("denied")

    return call


def head_mark(tenant: TenantAuthority) -> float:
    """What an authorization costs the process with the head mark, over what it costs without.

    A commit leaves its head to a keeper that writes twice a second in a thread of its own: no request waits for it, so that what it costs is
    processor time. Of each writing the round is charged the share that falls to its time.
    """
    keeper = tenant._runtime.keeper
    if keeper is None:
        raise SystemExit("no head mark is kept")
    plain = TenantAuthority(runtime=replace(tenant._runtime, keeper=None), context=tenant.context)
    calls = [(authorizing(tenant), True), (authorizing(plain), False)]
    ratios = []
    gc.disable()
    for turn in range(ROUNDS):
        spent = {}
        for call, marked in calls if turn % 2 else reversed(calls):
            keeper.flush()  # or the one would pay for what the other left to be written
            begun, busy = time.perf_counter(), time.process_time()
            for _ in range(100):
                call()
            spent[marked] = time.process_time() - busy
            if marked:
                share, busy = min(1.0, (time.perf_counter() - begun) / KEPT_SECONDS), time.process_time()
                keeper.flush()
                spent[marked] += share * (time.process_time() - busy)
        ratios.append(spent[True] / spent[False])
        gc.collect()
    gc.enable()
    return statistics.median(ratios)


def main() -> None:
    """Print and write the figures."""
    results = Results("halts")
    with tempfile.TemporaryDirectory() as name:
        authority, tenant, keys = found(Path(name))
        with authority:
            seen = [race(tenant, keys) for _ in range(RACES)]
            after = sum(grants for _, _, grants in seen)
            results.figure("grants recorded after their halt", after, "records", target="0", met=after == 0)
            results.figure("engage, median", statistics.median(took for took, _, _ in seen) * 1e3, "ms")
            results.figure("engage, worst", max(took for took, _, _ in seen) * 1e3, "ms")
            results.figure("halt returned to last accepted answer, worst", max(late for _, late, _ in seen) * 1e3, "ms")
            ratio = head_mark(tenant)
            results.figure("authorize with the head mark / without, processor time", ratio, "×", target="≤ 1.03", met=ratio <= 1.03)
            alone, _ = together([authorizing(tenant)] * 2, number=100, rounds=41)
            for number in range(STANDING):
                target = HaltTarget.of_principal(EntityRef("Agent", f"other{number}"))
                tenant.halts.engage(target, reason="bench", keys=keys[:1])
            standing, _ = together([authorizing(tenant)] * 2, number=100, rounds=41)
            results.figure(f"authorize with {STANDING} halts of others", standing.median_us, "µs")
            results.figure("authorize without", alone.median_us, "µs")
    results.write()


if __name__ == "__main__":
    main()
