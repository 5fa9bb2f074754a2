"""Evidence of a stretch of a million records: written, and verified by the package and by the file that stands alone, in streaming memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.harness import Results
from bench.world import NOW_US
from intended_core.audit.checkpoint import VerifierKey, checkpoint_text, sign_checkpoint
from intended_core.audit.levels import Levels
from intended_core.audit.log import Draft, append, genesis_head
from intended_core.audit.proof import prove_inclusion
from intended_core.audit.range_bundle import RangeClaims, write_range
from intended_core.audit.record import EventKind
from intended_core.audit.tree import Frontier
from intended_core.canonical import Json, b64url
from intended_core.ids import Scope
from intended_core.keys.jwks import load_public, thumbprint
from intended_core.unit import RecordRow

ROOT = Path(__file__).parent.parent
COUNT = int(os.environ.get("BENCH_RECORDS", "1000000"))
SCOPE = Scope("acme", "0123456789abcdef0123456789abcdef", "live")
ORIGIN = f"bench/{SCOPE.uuid}/live"
BATCH = 256
BODY = {f"member{n:02d}": "x" * 40 for n in range(8)}
# Both print the seconds and the peak of their resident memory in KiB; the second has nothing of ours on its path.
PACKAGE = (
    "import sys,time;from pathlib import Path;from intended_core import verify_evidence_range;t=time.perf_counter();"
    "v=verify_evidence_range(Path(sys.argv[1]),pinned=[sys.argv[2]],jobs=int(sys.argv[4]));"
    "print(v.grade.value,time.perf_counter()-t,next(x.split()[1] for x in open('/proc/self/status') if x.startswith('VmHWM')))"
)
ALONE = (
    "import sys,time;sys.path.insert(0,sys.argv[3]);import verify_evidence as e;t=time.perf_counter();"
    "v=e.verify_range(open(sys.argv[1],'rb'),[e.parse_key(sys.argv[2])]);"
    "print(v['grade'],time.perf_counter()-t,next(x.split()[1] for x in open('/proc/self/status') if x.startswith('VmHWM')))"
)

VERIFIERS = (("package", PACKAGE, 8.0, "1"), ("package, 2 processes", PACKAGE, 8.0, "2"), ("stand-alone file", ALONE, 30.0, "1"))


def the_log(secret: Ed25519PrivateKey) -> Iterator[RecordRow]:
    """A log of COUNT records; the same each time."""
    der = secret.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    token_key = load_public("Ed25519", der)
    named: dict[str, Json] = {"token_kid": thumbprint(token_key), "token_key": b64url(der), "token_alg": "Ed25519"}
    head = genesis_head(origin=ORIGIN, issuer="bench", generation=1)
    first = [
        Draft(kind=EventKind.LOG_GENESIS, body={"origin": ORIGIN, "issuer": "bench", "log_key": b64url(der), "hash": "sha256"}, salt=bytes(16)),
        Draft(kind=EventKind.TENANT_CREATED, body={"tenant": "acme", "environment": "live", **named}, salt=bytes(16)),
    ]
    head, rows = append(head, SCOPE, first, now_us=NOW_US, writer="bench")
    yield from rows
    drafts = [Draft(kind=EventKind.ACTION_DONE, body=BODY, salt=bytes(16))] * BATCH
    done = len(rows)
    while done < COUNT:
        head, rows = append(head, SCOPE, drafts[: COUNT - done], now_us=NOW_US + done, writer="bench")
        done += len(rows)
        yield from rows


def main() -> int:
    """Measure and write bench/results/stretch.json."""
    results = Results("stretch")
    secret = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x07")
    key = VerifierKey.of(ORIGIN, secret.public_key().public_bytes_raw())
    leaves, founding = [], []
    for row in the_log(secret):
        leaves.append(row.leaf)
        if row.seq < 2:
            founding.append(row)
    tree = Levels(leaves)
    claims = RangeClaims(
        origin=ORIGIN, tenant="acme", tenant_uuid=SCOPE.uuid, environment="live", generation=1, first=0, stop=COUNT, size=COUNT,
        made_us=NOW_US, engine="intended/0",
    )  # fmt: skip
    text = checkpoint_text(origin=ORIGIN, size=COUNT, root=tree.root(0, COUNT))
    note = sign_checkpoint(text, key=key, sign=secret.sign)

    def rows() -> Iterable[RecordRow]:
        return the_log(secret)

    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as place:
        for bodies, name in ((False, "headers only"), (True, "with bodies")):
            path = Path(place) / "stretch.evb"
            begin = time.perf_counter()
            with path.open("wb") as file:
                size = write_range(
                    file, claims=claims, founding=founding, proofs=[prove_inclusion(tree, index=at, size=COUNT) for at in (0, 1)],
                    before=Frontier.empty(), records=rows, tail=None, consistency=None, checkpoint=note, log_key=key,
                    sign=secret.sign, bodies=bodies,
                )  # fmt: skip
            results.figure(f"{COUNT:,} records, {name}: write (making the records anew)", time.perf_counter() - begin, "s")
            results.figure(f"{COUNT:,} records, {name}: size", size / 2**20, "MiB")
            if not bodies:
                results.figure("a record's header", size / COUNT, "B", target="≤ 600 of overhead a record", met=size / COUNT <= 600)
            for who, code, limit, jobs in VERIFIERS:
                done = subprocess.run(
                    [sys.executable, *(["-I", "-S"] if code is ALONE else []), "-c", code, str(path), str(key), str(ROOT / "verifiers"), jobs],
                    capture_output=True, text=True, timeout=600, check=True, env=None if code is PACKAGE else {},
                )  # fmt: skip
                grade, seconds, peak = done.stdout.split()
                if grade != "CONSISTENT_UNANCHORED":
                    raise RuntimeError(f"the benchmark's stretch was graded {grade}: {done.stderr}")
                met = float(seconds) <= limit
                results.figure(f"{name}: verify, {who}", float(seconds), "s", target=f"≤ {limit:g} for a million records", met=met)
                results.figure(f"{name}: verify, {who}: peak resident memory", int(peak) / 1024, "MiB")
    results.figure("peak resident memory of the writer, whole tree held", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
