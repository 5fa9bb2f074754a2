"""Evidence of a whole stretch of a log as one file: every record of [first, stop), so that nothing of it can be left out (audit.md § 1.7).

The file holds the right edge of the tree before the stretch and every header in it; whoever reads it grows the tree themselves and compares
it with the signed checkpoint. So a selective stretch is not a smaller proof but none. Bodies may stay out, all of them or one by one.

    README.txt  [bodies.jsonl]  bodies/<seq>.json  entries.jsonl  proofs.jsonl  manifest.json  keys/log.vkey
    heads/checkpoint  heads/frontier  heads/headers.jsonl  [heads/tail.json]  [heads/consistency.json]
    [heads/anchor.json heads/anchor-link.json]

`entries`, `proofs` and `bodies/` are the log's first two records, which name its tenant and its key, and the changes of its token keys
before the stretch. `tail` shows that the checkpoint's
tree continues the one that ends with the stretch, `consistency` that it continues an older head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from intended_core.audit.archive_file import ArchiveWriter, Sum
from intended_core.audit.body_lines import body_line
from intended_core.audit.bundle import (
    CHECKPOINT,
    CONSISTENCY,
    ENTRIES,
    FRONTIER,
    HEADERS,
    LOG_KEY,
    MAX_RECORDS,
    NOT_COVERED,
    PROOFS,
    README,
    anchor_members,
    body_name,
    consistency_json,
    moment,
    shown,
)
from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.manifest import MANIFEST, sign_manifest
from intended_core.audit.proof import ConsistencyProof, InclusionProof
from intended_core.audit.tree import Frontier
from intended_core.canonical import Json, b64url, canonical_json
from intended_core.errors import AuditError
from intended_core.ids import Environment
from intended_core.unit import RecordRow

__all__ = [
    "BODIES",
    "PREDICATE_TYPE",
    "TAIL",
    "RangeClaims",
    "founding_places",
    "range_readme",
    "write_range",
]

FORMAT: Final = "intended.evidence-range/v1"
PREDICATE_TYPE: Final = "https://intended.dev/evidence-range/v1"
BODIES: Final = "bodies.jsonl"
TAIL: Final = "heads/tail.json"
BATCH_LINES: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeClaims:
    """What such a file says about itself. `first`, `stop`: the stretch [first, stop). `made_us`: when it was written, microseconds."""

    origin: str
    tenant: str
    tenant_uuid: str
    environment: Environment
    generation: int
    first: int
    stop: int
    size: int
    made_us: int
    engine: str

    def to_json(self) -> dict[str, Json]:
        """The manifest's predicate, without the sizes of the members."""
        return {
            "format": FORMAT,
            "claim": f"records {self.first} to {self.stop - 1} of this log, every one of them",
            "scope": {
                "origin": self.origin, "tenant": self.tenant, "uuid": self.tenant_uuid, "environment": self.environment,
                "generation": self.generation,
            },
            "first": self.first, "stop": self.stop, "size": self.size, "made_us": self.made_us, "engine": self.engine,
            "not_covered": list(NOT_COVERED),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> RangeClaims:
        """The claims of a predicate; raises AuditError unless `to_json` writes exactly these."""
        scope = value.get("scope")
        place: Mapping[str, Json] = scope if isinstance(scope, dict) else {}
        texts = [place.get("origin"), place.get("tenant"), place.get("uuid"), value.get("engine")]
        numbers = [place.get("generation"), *(value.get(name) for name in ("first", "stop", "size", "made_us"))]
        environment = place.get("environment")
        if (
            environment not in ("live", "test")
            or not all(isinstance(text, str) for text in texts)
            or not all(type(number) is int for number in numbers)
        ):
            raise AuditError("the manifest's claims are malformed", code="audit.manifest")
        origin, tenant, uuid, engine = (str(text) for text in texts)
        generation, first, stop, size, made_us = (int(str(number)) for number in numbers)
        claims = cls(
            origin=origin, tenant=tenant, tenant_uuid=uuid, environment="live" if environment == "live" else "test",
            generation=generation, first=first, stop=stop, size=size, made_us=made_us, engine=engine,
        )  # fmt: skip
        ours = {name: item for name, item in value.items() if name != "sizes"}
        if claims.to_json() != ours or not 0 <= first < stop <= size:
            raise AuditError("the manifest's claims are malformed", code="audit.manifest")
        return claims


def write_range(
    out: BinaryIO,
    *,
    claims: RangeClaims,
    founding: Sequence[RecordRow],
    proofs: Sequence[InclusionProof],
    before: Frontier,
    records: Callable[[], Iterable[RecordRow]],
    tail: ConsistencyProof | None,
    consistency: ConsistencyProof | None,
    checkpoint: bytes,
    log_key: VerifierKey,
    sign: Callable[[bytes], bytes],
    bodies: bool = True,
    fields: bool = True,
    anchor: tuple[bytes, ConsistencyProof | None] | None = None,
) -> int:
    """Write the file into `out`, which is empty and can seek; returns its size in bytes. The same arguments give the same bytes.

    `founding`: the log's first two records and the changes of its token keys before the stretch, `proofs` theirs. `before`: the right edge
    of the tree of `claims.first` records. `records`: the stretch, ascending; it is read once for the headers and once more for the
    `bodies`. `tail`: none when the stretch ends the log. `fields`: with the bodies, what they only commit to. `anchor`: as `write_bundle`.
    Raises AuditError, and what `records` raises; `out` is then unfinished.
    """
    places = [row.seq for row in founding]
    if not founding_places(places, claims.first) or [proof.index for proof in proofs] != places:
        raise AuditError("a stretch of a log comes with the log's first two records", code="audit.bundle")
    if before.size != claims.first or (tail is None) is not (claims.stop == claims.size):
        raise AuditError("a stretch begins at its right edge and is tied to the checkpoint", code="audit.bundle")
    small = {
        ENTRIES: b"".join(row.entry + b"\n" for row in founding),
        PROOFS: b"".join(
            canonical_json({"s": proof.index, "path": [b64url(node) for node in proof.path]}) + b"\n" for proof in proofs
        ),
        CHECKPOINT: checkpoint,
        FRONTIER: before.to_bytes(),
        LOG_KEY: f"{log_key}\n".encode(),
        README: range_readme(claims, log_key=log_key, bodies=bodies),
        **{body_name(row.seq): row.body for row in founding},
    }
    if tail is not None:
        small[TAIL] = consistency_json(tail)
    if consistency is not None:
        small[CONSISTENCY] = consistency_json(consistency)
    small |= anchor_members(anchor)
    streamed: dict[str, Callable[[RecordRow], bytes]] = {HEADERS: lambda row: row.entry}
    if bodies:
        streamed[BODIES] = partial(body_line, fields=fields)
    writer, sums = ArchiveWriter(out), {}
    for name in sorted([*small, *streamed, MANIFEST]):
        if name in streamed:
            sums[name] = writer.stream(name, _lines(claims, records(), streamed[name]))
        elif name == MANIFEST:
            # The rest sorts after the manifest: their sums are those of bytes that are at hand.
            listed: dict[str, Sum] = {late: Sum.of(data) for late, data in small.items()} | sums
            manifest = sign_manifest(
                {each: (one.size, one.sha256) for each, one in listed.items()}, claims.to_json(),
                predicate_type=PREDICATE_TYPE, key=log_key, sign=sign,
            )  # fmt: skip
            writer.add(name, manifest)
        else:
            sums[name] = writer.add(name, small[name])
    return writer.close()


def founding_places(places: Sequence[int], first: int) -> bool:
    """Whether records stand at these places beside a stretch from `first`: 0 and 1, then ascending ones before it, at most 1000."""
    rest = list(places[2:])
    return list(places[:2]) == [0, 1] and len(places) <= MAX_RECORDS and rest == sorted(set(rest)) and all(1 < at < first for at in rest)


def _lines(claims: RangeClaims, rows: Iterable[RecordRow], part: Callable[[RecordRow], bytes]) -> Iterator[bytes]:
    """The lines of one part of every record, in batches; raises AuditError when the stretch has a hole."""
    at, batch = claims.first, []
    for row in rows:
        if row.seq != at or at == claims.stop:
            raise AuditError(f"the log does not hold record {at}", code="audit.gap")
        batch.append(part(row))
        at += 1
        if len(batch) == BATCH_LINES:
            yield b"\n".join(batch) + b"\n"
            batch = []
    if at != claims.stop:
        raise AuditError(f"the log does not hold record {at}", code="audit.gap")
    if batch:
        yield b"\n".join(batch) + b"\n"


def range_readme(claims: RangeClaims, *, log_key: VerifierKey, bodies: bool) -> bytes:
    """The text for a reader who is no programmer. It follows from the rest of the file alone, and the verifier compares it."""
    what = "with what each says" if bodies else "without what they say: only that they exist, when, and of which kind they are"
    lines = "\n".join(f"  - {text}" for text in NOT_COVERED)
    return (
        "EVIDENCE OF A STRETCH OF A LOG\n"
        "\n"
        f"Tenant:       {shown(claims.tenant)} ({shown(claims.tenant_uuid)}, {claims.environment})\n"
        f"Log:          {shown(claims.origin)}, generation {claims.generation}\n"
        f"Records:      {claims.first} to {claims.stop - 1} of {claims.size}\n"
        f"Written:      {moment(claims.made_us)} by {shown(claims.engine)}\n"
        f"Log key:      {shown(str(log_key))}\n"
        "\n"
        f"This file holds every record of the log from {claims.first} to {claims.stop - 1}, {what}.\n"
        "None can be left out, added or changed: together they must make up the tree that the signed statement (heads/checkpoint)\n"
        "speaks of.\n"
        "\n"
        "To check it, on any computer, without a network:\n"
        "\n"
        "  intended evidence verify FILE --pin KEY\n"
        "\n"
        "KEY is the log key as you received it from the issuer on another way, at another time. The key printed above came with\n"
        "this file: alone it shows only that the file fits itself.\n"
        "\n"
        "What this file cannot show:\n"
        "\n"
        f"{lines}\n"
    ).encode("ascii")
