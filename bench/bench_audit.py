"""The log and its evidence: append on its own, proofs, verification of a log, export and verification of a bundle."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from bench.harness import Results, measure
from bench.world import AUDIENCE, NOW_US, intent, make_tenant
from intended_core import Authority, Granted, ManualClock, export_evidence, verify_evidence, verify_tenant_log
from intended_core.audit.log import Draft, append, genesis_head
from intended_core.audit.proof import prove_inclusion, verify_inclusion
from intended_core.audit.record import EventKind
from intended_core.audit.tree import leaf_hash, root_of
from intended_core.ids import Scope

SCOPE = Scope("acme", "0123456789abcdef0123456789abcdef", "live")
BODY = {f"member{n:02d}": "x" * 40 for n in range(8)}


def main() -> int:
    """Measure and write bench/results/audit.json."""
    results = Results("audit")
    state = [genesis_head(origin="bench/log", issuer="bench", generation=1)]
    draft = Draft(kind=EventKind.ACTION_DONE, body=BODY, salt=bytes(16))

    def one() -> None:
        state[0], _ = append(state[0], SCOPE, (draft,), now_us=NOW_US, writer="bench")

    results.figure("append: body, header, leaf, frontier", measure(one, number=3_000).median_us, "µs")
    leaves = [leaf_hash(bytes([n % 256, n // 256])) for n in range(4096)]
    root = root_of(leaves)
    proof = prove_inclusion(lambda a, b: leaves[a:b], index=2500, size=4096)
    results.figure(
        "verify an inclusion proof of 4,096",
        measure(lambda: verify_inclusion(proof, leaf=leaves[2500], root=root), number=2_000).median_us,
        "µs",
    )
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as place:
        path = Path(place)
        (path / "data").mkdir()
        (path / "keys").mkdir()
        authority = Authority.create(
            path / "data" / "a.db", key_file=path / "keys" / "kek", clock=ManualClock(NOW_US), durability="normal"
        )
        tenant = make_tenant(authority)
        bank, wanted = tenant.adapter(AUDIENCE), intent()
        call = wanted.call()
        seqs = []
        for _ in range(400):
            outcome = tenant.authorize(wanted, audience=AUDIENCE)
            if not isinstance(outcome, Granted):
                raise RuntimeError("the benchmark's intent was not allowed")
            tenant.redeem(outcome.token, call, adapter=bank)
            seqs.append(outcome.seq)
        _, key = tenant.checkpoint()
        begin = time.perf_counter()
        verdict = verify_tenant_log(tenant, pinned=[str(key)])
        rate = verdict.size / (time.perf_counter() - begin)
        results.figure("verify a whole log, full", rate, "records/s")
        made = measure(lambda: export_evidence(tenant, seqs[200], made_us=NOW_US), number=3, rounds=5)
        results.figure("export a bundle", made.median_us / 1000, "ms")
        data = export_evidence(tenant, seqs[200], made_us=NOW_US)
        results.figure("size of a bundle with its header range", len(data) / 1024, "KiB")
        checked = measure(lambda: verify_evidence(data, pinned=[str(key)]), number=3, rounds=5)
        results.figure("verify a bundle offline, decision run again", checked.median_us / 1000, "ms")
        authority.close()
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
