"""decide on a validated intent, from a plain dict, and loading: the curves over N rules with peers in the same run, time and memory.

Two workloads: N permits, each on its own action and resource type with two conditions (what the peers are asked too); and N rules in fours
(1 permit, 1 gate, 2 forbids, all in scope of each intent). Entities are other objects than the intent's, as in production. The floor is a
dict look-up of a Python predicate per action. Peers come from the `bench` group; one that is not installed is left out and said so.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.harness import Results, Samples, measure
from bench.peers import PEERS, SIZE, make_peer
from bench.world import ENTITIES, NOW_US, POLICY, intent
from intended_core import Allow, Deny
from intended_core.engine.evaluator import decide
from intended_core.entities import Entity, EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.ids import EntityRef
from intended_core.intent import Intent, ValidIntent
from intended_core.lang.checker import check
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet

NOW_MS = NOW_US // 1000
SIZES = (3, 10, 100, 1_000, 10_000)
GATED = (4, 100, 1_000, 10_000)
ASKED = 16  # rules asked in the comparison with peers
SPREAD = 1_000  # intents in turn for the gated curve, so that what does not fit a cache is felt
ROUNDS = 9
SECONDS = 0.06  # of each subject in each round


def sources(lines: Sequence[str]) -> list[Source]:
    """Several files, each below the limit of one."""
    parts = ["\n".join(lines[at : at + 3_000]) for at in range(0, len(lines), 3_000)]
    return [Source.from_bytes(f"many{n:02d}.policy", part.encode()) for n, part in enumerate(parts)]


def permits(size: int) -> list[str]:
    """`size` permits, each on its own action and resource type, with two conditions."""
    lines = ["@root entity User { level: Int }"]
    for n in range(size):
        lines.append(f"entity Thing{n} {{ owner: User, size: Int }}")
        lines.append(f"action act{n} {{ principal: User; resource: Thing{n}; args: {{ amount: Int }}; context: {{ risk: Int }}; }}")
        lines.append(
            f'@id("r{n}") permit rule{n} {{ action == act{n}; when resource.owner == principal and args.amount <= resource.size; }}'
        )
    return lines


def fours(size: int) -> list[str]:
    """`size` rules in fours: a permit, a gate and two forbids per action."""
    lines = ["entity Group;", "@root entity User in Group { suspended: Bool }"]
    for n in range(size // 4):
        lines += [
            f"entity Thing{n} {{ owner: User, open: Bool }}",
            f"action act{n} {{ principal: User; resource: Thing{n}; args: {{ amount: Int }}; context: {{ risk: Int }}; }}",
            f'@id("p{n}") permit permit{n} {{ principal in Group::"staff"; action == act{n}; when args.amount <= 100; }}',
            f'@id("g{n}") escalate gate{n} {{ action == act{n}; when context.risk >= 70; '
            'approval { from: Group::"desk"; quorum: 1; exclude: [principal]; expires: 30m; } }',
            f'@id("f{n}") forbid stop{n} {{ action == act{n}; when context.risk >= 90; }}',
            f'@id("k{n}") forbid kill{n} {{ action == act{n}; when principal.suspended or not resource.open; }}',
        ]
    return lines


def world(checked: CheckedPolicySet, asked: Sequence[int], attributes: dict[str, object], user: dict[str, object]) -> TypedSnapshot:
    """Ann, her groups and one thing of each kind that is asked."""
    staff = EntityRef("Group", "staff")
    grouped = "Group" in checked.schema.entities
    ann = Entity(ref=EntityRef("User", "ann"), parents=frozenset({staff} if grouped else ()), attributes=user)
    rows = [ann, *([Entity(ref=staff), Entity(ref=EntityRef("Group", "desk"))] if grouped else [])]
    rows += [Entity(ref=EntityRef(f"Thing{n}", "t"), attributes=attributes) for n in asked]
    return type_snapshot(checked.schema, EntitySnapshot(version="1", entities={row.ref: row for row in rows}))


def asking(checked: CheckedPolicySet, n: int, amount: int = 5, risk: int = 1) -> ValidIntent:
    """Ann does act n to thing n."""
    given = Intent(
        principal=EntityRef("User", "ann"), action=f"act{n}", resource=EntityRef(f"Thing{n}", "t"), args={"amount": amount},
        context={"risk": risk},
    )  # fmt: skip
    return validate(checked.schema, TEST_SCOPE, given)


def rounds(subjects: dict[str, tuple[Callable[[], object], int]]) -> dict[str, Samples]:
    """Every subject in turn, `ROUNDS` times, about `SECONDS` each: seconds per decision. A subject: (a pass, its decisions)."""
    counts: dict[str, int] = {}
    for name, (call, _) in subjects.items():
        begin = time.perf_counter()
        call()
        counts[name] = max(1, int(SECONDS / max(time.perf_counter() - begin, 1e-7)))
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    gc.collect()
    gc.disable()
    for _ in range(ROUNDS):
        for name, (call, decisions) in subjects.items():
            begin = time.perf_counter()
            for _ in range(counts[name]):
                call()
            taken[name].append((time.perf_counter() - begin) / counts[name] / decisions)
    gc.enable()
    return {name: Samples(seconds=tuple(seconds)) for name, seconds in taken.items()}


def passing(compiled: CompiledPolicySet, valids: Sequence[ValidIntent], snapshot: TypedSnapshot) -> Callable[[], None]:
    """One pass over the intents."""

    def once() -> None:
        for valid in valids:
            decide(compiled, valid, snapshot, now_ms=NOW_MS)

    return once


def permit_curve(results: Results) -> list[dict[str, object]]:
    """Permit-only sets, with every peer that answers."""
    curve: list[dict[str, object]] = []
    for size in SIZES:
        asked = [size * k // ASKED for k in range(ASKED)] if size >= ASKED else list(range(size))
        begin = time.perf_counter()
        checked = check(sources(permits(size)))
        compiled = compile_set(checked)
        loaded = time.perf_counter() - begin
        snapshot = world(checked, asked, {"owner": EntityRef("User", "ann"), "size": SIZE}, {"level": 1})
        valids = [asking(checked, n) for n in asked]
        for n, valid in zip(asked, valids, strict=True):
            found, refused = decide(compiled, valid, snapshot, now_ms=NOW_MS), asking(checked, n, SIZE + 1)
            if not isinstance(found, Allow) or found.rules != (f"r{n}",):
                raise RuntimeError("an intent of the benchmark was not allowed by its rule")
            if not isinstance(decide(compiled, refused, snapshot, now_ms=NOW_MS), Deny):
                raise RuntimeError("an intent of the benchmark was not refused")
        table = {f"act{n}": lambda p, a, r: r["owner"] == p and a["amount"] <= r["size"] for n in range(size)}
        plain = [(f"act{n}", "ann", {"amount": 5}, {"owner": "ann", "size": SIZE}) for n in asked]

        def floor(table: dict[str, Callable[..., bool]] = table, plain: Sequence[tuple[str, str, dict[str, int], dict[str, object]]] = plain) -> None:
            for action, principal, args, resource in plain:
                table[action](principal, args, resource)

        subjects: dict[str, tuple[Callable[[], object], int]] = {
            "intended": (passing(compiled, valids, snapshot), len(valids)), "floor": (floor, len(plain)),
        }  # fmt: skip
        row: dict[str, object] = {"rules": size, "load_s": round(loaded, 3)}
        for name in PEERS:
            ask = make_peer(name, size, asked)
            if isinstance(ask, str):
                row[name] = ask
                continue
            chosen = asked if size <= 100 else asked[:4]
            subjects[name] = (lambda ask=ask, chosen=chosen: [ask(n, 5) for n in chosen], len(chosen))  # type: ignore[misc]
        seen = rounds(subjects)
        mine = seen["intended"]
        for name, samples in seen.items():
            row[name] = float(f"{samples.median_us:.4g}")
        others = {name: samples.ratio_to(mine) for name, samples in seen.items() if name not in ("intended", "floor")}
        results.figure(f"{size:,} permits: validated intent", mine.median_us, "µs", "≤ 0.8", mine.median_us <= 0.8)
        results.figure(f"{size:,} permits: ratio to the floor", mine.ratio_to(seen["floor"]), "×")
        if others:
            nearest = min(others, key=lambda name: others[name])
            ratio = others[nearest]
            results.figure(f"{size:,} permits: nearest peer ({nearest}) / this", ratio, "×", "≥ 4", ratio >= 4)
        curve.append(row)
    return curve


def gated_curve(results: Results) -> list[dict[str, object]]:
    """1 permit, 1 gate and 2 forbids in scope of each intent."""
    curve: list[dict[str, object]] = []
    for size in GATED:
        count = size // 4
        asked = list(range(count)) if count <= SPREAD else [count * k // SPREAD for k in range(SPREAD)]
        checked = check(sources(fours(size)))
        compiled = compile_set(checked)
        snapshot = world(checked, asked, {"owner": EntityRef("User", "ann"), "open": True}, {"suspended": False})
        valids = [asking(checked, n) for n in asked]
        waits = [asking(checked, n, risk=75) for n in asked]
        if not all(isinstance(decide(compiled, valid, snapshot, now_ms=NOW_MS), Allow) for valid in valids):
            raise RuntimeError("an intent of the benchmark was not allowed")
        table = {f"act{n}": lambda a, c, p, r: a["amount"] <= 100 and c["risk"] < 70 and not p and r for n in range(count)}
        plain = [(f"act{n}", {"amount": 5}, {"risk": 1}) for n in asked]

        def floor(table: dict[str, Callable[..., bool]] = table, plain: Sequence[tuple[str, dict[str, int], dict[str, int]]] = plain) -> None:
            for action, args, context in plain:
                table[action](args, context, False, True)

        seen = rounds(
            {"allowed": (passing(compiled, valids, snapshot), len(valids)), "waits": (passing(compiled, waits, snapshot), len(waits)),
             "floor": (floor, len(plain))}
        )  # fmt: skip
        most = 2.5 if size == 10_000 else 1.5
        mine = seen["allowed"]
        results.figure(f"{size:,} rules in fours: allowed", mine.median_us, "µs", f"≤ {most}", mine.median_us <= most)
        results.figure(f"{size:,} rules in fours: ratio to the floor", mine.ratio_to(seen["floor"]), "×")
        results.figure(f"{size:,} rules in fours: the gate asks a person", seen["waits"].median_us, "µs")
        curve.append({"rules": size, **{name: float(f"{one.median_us:.4g}") for name, one in seen.items()}})
    return curve


def from_dict(results: Results) -> None:
    """A payment: from the plain dicts of an intent through strict validation to the answer."""
    checked = check([Source.from_bytes("bench.policy", POLICY.encode())])
    compiled = compile_set(checked)
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="1", entities={e.ref: e for e in ENTITIES}))
    given = intent()
    if not isinstance(decide(compiled, validate(checked.schema, TEST_SCOPE, given), snapshot, now_ms=NOW_MS), Allow):
        raise RuntimeError("the benchmark's intent was not allowed")

    def whole() -> None:
        decide(compiled, validate(checked.schema, TEST_SCOPE, given), snapshot, now_ms=NOW_MS)

    def recorded() -> None:
        valid = validate(checked.schema, TEST_SCOPE, given)
        decide(compiled, valid, snapshot, now_ms=NOW_MS)
        valid.ith  # noqa: B018

    def built() -> None:
        decide(compiled, validate(checked.schema, TEST_SCOPE, intent()), snapshot, now_ms=NOW_MS)

    seen = rounds({"whole": (whole, 1), "built": (built, 1), "recorded": (recorded, 1)})
    whole_us = seen["whole"].median_us
    results.figure("from plain dicts: strict validation and decide", whole_us, "µs", "≤ 6", whole_us <= 6)
    results.figure("the same, with making the Intent", seen["built"].median_us, "µs")
    results.figure("the same, with wire form and digests", seen["recorded"].median_us, "µs")


def loading(results: Results) -> None:
    """10,000 rules in a process of their own: time and memory; and `check` of a file of 300 lines."""
    child = Path(__file__).with_name("load_child.py")
    taken = [
        json.loads(subprocess.run([sys.executable, str(child)], check=True, capture_output=True, text=True).stdout) for _ in range(3)
    ]
    taken.sort(key=lambda one: float(one["cold_s"]))
    middle = taken[1]
    results.figure("10,000 rules cold: parse, check, lay out; an action compiles when asked for", middle["cold_s"], "s", "≤ 3", middle["cold_s"] <= 3)
    results.figure("the same, processor time", middle["processor_s"], "s")
    results.figure("10,000 rules cold: parse, check, compile every action", middle["whole_s"], "s", "≤ 3", middle["whole_s"] <= 3)
    results.figure("the same with every action, processor time", middle["whole_processor_s"], "s")
    results.figure("building the grammar, once a process", middle["grammar_s"] * 1000, "ms")
    results.figure("resident after 10,000 rules", middle["resident_mb"], "MB", "≤ 150", middle["resident_mb"] <= 150)
    results.figure("peak while loading them", middle["peak_mb"], "MB", "≤ 300", middle["peak_mb"] <= 300)
    lines = fours(4 * 50)
    text = sources(lines[:300])
    found = measure(lambda: check(text), number=1, rounds=5).median_us / 1000
    results.figure(f"check of a file of {min(300, len(lines))} lines", found, "ms", "≤ 150", found <= 150)


def main() -> int:
    """Measure and write bench/results/decide.json, curves included."""
    results = Results("decide")
    from_dict(results)
    permit_rows = permit_curve(results)
    gated_rows = gated_curve(results)
    loading(results)
    path = results.write()
    content = json.loads(path.read_text(encoding="utf-8"))
    content["curves"] = {"permits": permit_rows, "fours": gated_rows}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
