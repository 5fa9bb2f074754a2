"""Open and first authorize with 10,000 rules: from the sources, and from the kept form of the set. Each run is a process of its own.

The figure begins when the process has loaded its modules, which it would do for a tenant of three rules too (told beside it), and includes
opening the store, reading and verifying the tenant's rows and its set, making ready what is asked for, the decision, its record and its token.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.harness import Results
from bench.load_open import RULES, policy
from intended_core import Authority, Entity, EntityRef

ROUNDS = 3
CHILD = Path(__file__).resolve().parent / "load_open.py"


def _made(folder: Path) -> tuple[Path, Path]:
    for name in ("store", "keys"):
        (folder / name).mkdir()
    store, key = folder / "store" / "authority.db", folder / "keys" / "kek"
    with Authority.create(store, key_file=key, durability="normal") as authority:
        tenant = authority.create_tenant("acme")
        tenant.activate(policy())
        user = EntityRef("User", "ann")
        things = [Entity(ref=EntityRef(f"Thing{n}", "t"), attributes={"owner": user, "size": 1}) for n in (7, 8)]
        tenant.put_entities([Entity(ref=user, attributes={"level": 1}), *things])
    return store, key


def _opened(store: Path, key: Path) -> dict[str, float]:
    paths = os.pathsep.join([str(CHILD.parent.parent), *([os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else [])])
    done = subprocess.run(
        [sys.executable, str(CHILD), str(store), str(key)], check=True, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Cold and kept in alternating rounds."""
    results = Results("load")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "kept"
        folder.mkdir()
        kept = _made(folder)
        shutil.copytree(folder, Path(name) / "cold")
        cold = (Path(name) / "cold" / "store" / "authority.db", Path(name) / "cold" / "keys" / "kek")
        connection = sqlite3.connect(cold[0])
        connection.execute("DELETE FROM row_policy WHERE \"key\" LIKE 'cache:%'")
        connection.commit()
        connection.close()
        runs = [(_opened(*cold), _opened(*kept)) for _ in range(ROUNDS)]
    middle = {
        (kind, one): statistics.median(run[at][one] for run in runs) for at, kind in enumerate(("sources", "kept form")) for one in runs[0][0]
    }
    for kind, seconds in (("sources", 3), ("kept form", 0.3)):
        taken, used = middle[kind, "seconds"], middle[kind, "processor_s"]
        results.figure(f"open + first authorize, {RULES} rules, from the {kind}", taken, "s", target=f"≤ {seconds}", met=taken <= seconds)
        results.figure(f"processor time of it, from the {kind}", used, "s")
        results.figure(f"the first authorize of it, from the {kind}", middle[kind, "first_s"], "s")
        results.figure(f"first authorize of another action, from the {kind}", middle[kind, "other_ms"], "ms")
        results.figure(f"that one again, from the {kind}", middle[kind, "again_ms"], "ms")
        resident, peak = middle[kind, "resident_mb"], middle[kind, "peak_mb"]
        results.figure(f"resident memory after it, from the {kind}", resident, "MB", target="≤ 150", met=resident <= 150)
        results.figure(f"peak memory, from the {kind}", peak, "MB", target="≤ 300", met=peak <= 300)
    results.figure("loading the modules of such a process, before", middle["kept form", "modules_s"], "s")
    results.figure("processor time of that", middle["kept form", "modules_processor_s"], "s")
    ratio = statistics.median(first["seconds"] / second["seconds"] for first, second in runs)
    results.figure("from the sources / from the kept form", ratio, "×")
    results.write()


if __name__ == "__main__":
    main()
