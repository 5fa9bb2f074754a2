"""The rows of the tampering table about the form of evidence: versions that nobody knows, names that lead elsewhere, records left out."""

from __future__ import annotations

import random
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import Final

from intended_core.audit import archive
from intended_core.audit import bundle as layout
from intended_core.audit.anchored import encode_proof
from intended_core.audit.archive import pack, unpack
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.manifest import MANIFEST, read_manifest, sign_manifest, write_manifest
from intended_core.audit.range_bundle import BODIES
from intended_core.audit.range_verify import verify_range
from intended_core.audit.verdicts import TrustPolicy
from tests.reference.anchored_bundles import anchored
from tests.reference.audit_world import TenantLog, honest_log
from tests.reference.stretches import edited, stretch

__all__ = ["ON_FORMS"]

VERSIONS: Final = ("2", "0", "10", "1.1", "01", "")
ELSEWHERE: Final = ("../../etc/cron.d/x", "/etc/passwd", "bodies/../../x", "C:\\x", "..", "bodies//x", ".ssh", "a\nb", "bodies/x\0.json", "con ")


@cache
def _log() -> TenantLog:
    return honest_log(7, size=40, seed=7)


def _found(data: bytes, trust: TrustPolicy, wanted: Grade = Grade.CONSISTENT_UNANCHORED) -> str:
    verdict = verify_bundle(data, trust=trust)
    return "" if verdict.grade is wanted else verdict.findings[0].code


def _unknown_version(chance: random.Random) -> str:
    """Row 20: whoever holds the keys names a version that nobody knows, in a header, a bundle or a slot proof, and signs it all."""
    version, where = chance.choice(VERSIONS).encode(), chance.randrange(3)
    if where == 0:
        log, first = _log(), chance.randrange(2, 39)
        good = stretch(log, first, 40)
        lines = unpack(good).members[layout.HEADERS].split(b"\n")
        lines[-2] = lines[-2].replace(b"rec.v1", b"rec.v" + version)  # the newest: nothing stands on it yet
        data = edited(good, {layout.HEADERS: b"\n".join(lines)}, sign=log)
        verdict = verify_range(BytesIO(data), trust=TrustPolicy(log_keys=(log.key,)))
        return "" if verdict.grade is Grade.CONSISTENT_UNANCHORED else verdict.findings[0].code
    made = anchored(chance.randrange(40))
    if where == 1:
        members = dict(unpack(made.bundle(None)).members)
        predicate = {name: value for name, value in read_manifest(members.pop(MANIFEST)).predicate.items() if name != "sizes"}
        sums = {name: (len(body), sha256(body).hexdigest()) for name, body in members.items()}
        kind = f"https://intended.dev/evidence/v{version.decode()}"
        members[MANIFEST] = sign_manifest(sums, predicate, predicate_type=kind, key=made.log.key, sign=made.log.secret.sign)
        return _found(pack(members), made.trust("quorum none"), Grade.ANCHORED)
    members = dict(unpack(made.bundle(made.proof(), made.link())).members)
    predicate = {name: value for name, value in read_manifest(members.pop(MANIFEST)).predicate.items() if name != "sizes"}
    members[layout.ANCHOR] = encode_proof(made.proof()).replace(b"proof.v1", b"proof.v" + version)
    members[MANIFEST] = write_manifest(members, predicate, key=made.log.key, sign=made.log.secret.sign)
    return _found(pack(members), made.trust(), Grade.WITNESSED)


def _left_out(chance: random.Random) -> str:
    """Row 23: a record that is inconvenient left out of a stretch, headers, bodies and all; the rest signed anew by the log's own key."""
    log, first = _log(), chance.randrange(2, 30)
    stop = first + 2 + chance.randrange(8)
    gone = chance.randrange(stop - first)
    good = stretch(log, first, stop)
    parts = {name: unpack(good).members[name].split(b"\n")[:-1] for name in (layout.HEADERS, BODIES)}
    left = {name: b"".join(line + b"\n" for at, line in enumerate(lines) if at != gone) for name, lines in parts.items()}
    verdict = verify_range(BytesIO(edited(good, dict(left), sign=log)), trust=TrustPolicy(log_keys=(log.key,)))
    return "" if verdict.kinds is not None else verdict.findings[0].code


def _elsewhere(chance: random.Random) -> str:
    """Row 28: a name that leads out of the folder, or a member that inflates to a thousand times its size."""
    log = _log()
    data = log.bundle(2, [2])
    members = [(name, body, zlib.crc32(body)) for name, body in unpack(data).members.items()]
    if chance.random() < 0.5:
        name = chance.choice(ELSEWHERE)
        made = archive._pack(sorted([*members, (name, chance.randbytes(9), 0)]))
    else:
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
            for name, body, _ in members:
                target.writestr(name, body + bytes(chance.randrange(10**5, 10**6) if name == layout.README else 0))
        made = out.getvalue()
    return _found(made, TrustPolicy(log_keys=(log.key,)))


ON_FORMS: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (20, "an unknown version named in a header, a bundle or a slot proof, all signed anew", "I", _unknown_version),
    (23, "a record left out of a stretch, the rest signed anew", "I", _left_out),
    (28, "a name that leads elsewhere, or a member that inflates", "I", _elsewhere),
)
