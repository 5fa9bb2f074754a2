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
from intended_core.audit.keychain import KeyChain
from intended_core.audit.manifest import MANIFEST, read_manifest, sign_manifest, write_manifest
from intended_core.audit.range_bundle import BODIES
from intended_core.audit.range_verify import verify_range
from intended_core.audit.record import EventKind
from intended_core.audit.verdicts import TrustPolicy
from intended_core.canonical import b64url
from tests.reference.anchored_bundles import anchored
from tests.reference.audit_world import TenantLog, honest_log, secret
from tests.reference.changed_keys import compromise, first_key, token_key
from tests.reference.stretches import edited, stretch
from tests.reference.tampered_fields import decisions, fielded, permitted
from tests.reference.tampered_fields import edited as edited_row

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


def _said_erased(chance: random.Random) -> str:
    """Row 25: in a stretch a field that is withheld is said to be erased, by a record that erases others, by one that erases nothing, or by none."""
    log = fielded(chance.randrange(1000))
    seq, other = chance.sample(decisions(log), 2)
    by = chance.choice([permitted(log, ((other, ("ith",)),)), permitted(log, ((seq, ("ith",)),), ("ann", "eve")), log.decide(900), 10**6, seq])
    log.rows = [edited_row(row, lambda fields: fields.update({"ith": by})) if row.seq == seq else row for row in log.rows]
    verdict = verify_range(BytesIO(stretch(log, chance.randrange(3), len(log.rows))), trust=TrustPolicy(log_keys=(log.key,)))
    return "" if verdict.grade is Grade.CONSISTENT_UNANCHORED else verdict.findings[0].code


def _strangers(chance: random.Random) -> str:
    """Row 17: whoever holds the log's key calls a token key compromised, with keys of their own for persons that the log does not know, or one of them."""
    log = TenantLog(1)
    for number in range(chance.randrange(6)):
        log.decide(number)
    key = b64url(secret(61).public_key().public_bytes_raw())
    if chance.random() < 0.5:
        log.add(EventKind.PERSON_REGISTERED, {"person": ["Person", "61"], "key": key, "roles": ["admin"]})
    compromise(log, first_key(log), token_key("Ed25519", chance.randrange(200)))
    log.decide(100)
    if chance.random() < 0.5:
        chain = KeyChain(log.scope)
        list(chain.watch(log.rows))
        return "" if chain.finding is None else chain.finding.code
    verdict = verify_range(BytesIO(stretch(log, chance.randrange(3), len(log.rows))), trust=TrustPolicy(log_keys=(log.key,)))
    return "" if verdict.grade is Grade.CONSISTENT_UNANCHORED else verdict.findings[0].code


ON_FORMS: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (17, "a token key called compromised by persons that the log does not know", "I", _strangers),
    (20, "an unknown version named in a header, a bundle or a slot proof, all signed anew", "I", _unknown_version),
    (23, "a record left out of a stretch, the rest signed anew", "I", _left_out),
    (25, "a field of a stretch said to be erased by a record that does not permit it", "I", _said_erased),
    (28, "a name that leads elsewhere, or a member that inflates", "I", _elsewhere),
)
