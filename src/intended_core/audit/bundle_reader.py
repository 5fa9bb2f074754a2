"""A bundle as typed values: its form is checked, nothing in it is believed yet. Input is hostile; every refusal is an AuditError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.audit import bundle as layout
from intended_core.audit.anchored import RecordProof, parse_proof
from intended_core.audit.archive import unpack
from intended_core.audit.bundle import Claims, body_name, fields_name
from intended_core.audit.bundle_anchor import BundleAnchor
from intended_core.audit.checkpoint import VerifierKey, parse_vkey
from intended_core.audit.manifest import MANIFEST, Manifest, read_manifest
from intended_core.audit.proof import ConsistencyProof
from intended_core.audit.tree import Frontier
from intended_core.canonical import Json, parse_canonical, unb64url
from intended_core.errors import AuditError, IntentError

__all__ = ["Bundle", "read_anchor", "read_bundle", "read_consistency", "read_lines", "read_log_key", "read_path_line"]

MAX_LINE_BYTES: Final = 16 * 1024
MAX_PATH: Final = 64  # a tree of 2**53 leaves is 53 levels deep
MAX_SOURCES: Final = 2_000
_REQUIRED: Final = frozenset(
    {
        layout.README, MANIFEST, layout.ENTRIES, layout.PROOFS, layout.CHECKPOINT, layout.LOG_KEY, layout.TOKEN_KEYS,
    }
)  # fmt: skip
_INPUTS: Final = (layout.INTENT, layout.ENTITIES, layout.POLICY_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The parts of a bundle. `entries`, `proofs`, `bodies`, `fields` go together by position; a withheld body is None.

    `inputs`: intent, entities and sources, or None when the decision had none. `data`: params and tables, where the decision read any.
    """

    members: Mapping[str, bytes]
    damaged: tuple[str, ...]
    manifest: Manifest
    claims: Claims
    checkpoint: bytes
    log_key: VerifierKey
    token_keys: tuple[Mapping[str, Json], ...]
    entries: tuple[bytes, ...]
    proofs: tuple[tuple[int, tuple[bytes, ...]], ...]
    bodies: tuple[bytes | None, ...]
    fields: tuple[bytes, ...]
    inputs: tuple[bytes, bytes, tuple[tuple[str, str], ...]] | None
    data: bytes | None
    before: Frontier | None
    headers: tuple[bytes, ...]
    consistency: ConsistencyProof | None
    anchor: BundleAnchor | None


def _fail(text: str) -> AuditError:
    return AuditError(f"the bundle {text}", code="audit.bundle")


def read_bundle(data: bytes) -> Bundle:
    """The bundle in `data`; raises AuditError (`audit.archive`, `audit.manifest`, `audit.bundle`, …) for any other form."""
    archive = unpack(data)
    members = archive.members
    if not members.keys() >= _REQUIRED:
        raise _fail(f"lacks {min(_REQUIRED - members.keys())}")
    manifest = read_manifest(members[MANIFEST])
    proofs = tuple(read_path_line(line) for line in read_lines(members[layout.PROOFS], layout.MAX_RECORDS))
    entries = read_lines(members[layout.ENTRIES], layout.MAX_RECORDS)
    if len(proofs) != len(entries) or not entries:
        raise _fail("has not one proof for each record")
    inputs = _inputs(members)
    headers, before = _range(members)
    made = Bundle(
        members=members,
        damaged=archive.damaged,
        manifest=manifest,
        claims=Claims.from_json(manifest.predicate),
        checkpoint=members[layout.CHECKPOINT],
        log_key=read_log_key(members[layout.LOG_KEY]),
        token_keys=_token_keys(members[layout.TOKEN_KEYS]),
        entries=entries,
        proofs=proofs,
        bodies=tuple(members.get(body_name(seq)) for seq, _ in proofs),
        fields=tuple(members.get(fields_name(seq), b"") for seq, _ in proofs),
        inputs=inputs,
        data=members.get(layout.DATA) if inputs is not None else None,
        before=before,
        headers=headers,
        consistency=read_consistency(members.get(layout.CONSISTENCY)),
        anchor=read_anchor(members),
    )
    _no_strangers(made)
    return made


def _no_strangers(bundle: Bundle) -> None:
    known = set(_REQUIRED) | {name(seq) for seq, _ in bundle.proofs for name in (body_name, fields_name)}
    if bundle.inputs is not None:
        known |= {*_INPUTS, *(f"policy/{number:04d}.policy" for number in range(len(bundle.inputs[2])))}
    if bundle.data is not None:
        known.add(layout.DATA)
    if bundle.before is not None:
        known |= {layout.FRONTIER, layout.HEADERS}
    if bundle.consistency is not None:
        known.add(layout.CONSISTENCY)
    if bundle.anchor is not None:
        known |= {layout.ANCHOR, layout.ANCHOR_LINK}
    strangers = bundle.members.keys() - known
    if strangers:
        raise _fail(f"holds an unknown member {min(strangers)}")


def _json(data: bytes, what: str, limit: int = MAX_LINE_BYTES) -> Json:
    try:
        return parse_canonical(data, max_bytes=limit)
    except IntentError:
        raise _fail(f"has a {what} that is not canonical JSON") from None


def read_lines(data: bytes, limit: int) -> tuple[bytes, ...]:
    """The lines of a member, at most `limit` of them; raises AuditError for an empty, overlong or unfinished one."""
    if data.count(b"\n") > limit or (data and not data.endswith(b"\n")):
        raise _fail("has too many lines or an unfinished one")
    lines = tuple(data[:-1].split(b"\n")) if data else ()
    if any(not 0 < len(line) <= MAX_LINE_BYTES for line in lines):
        raise _fail("has an empty or overlong line")
    return lines


def _hashes(value: Json) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > MAX_PATH:
        raise _fail("has a malformed proof")
    try:
        path = tuple(unb64url(item) for item in value if isinstance(item, str))
    except IntentError:
        raise _fail("has a malformed proof") from None
    if len(path) != len(value):
        raise _fail("has a malformed proof")
    return path


def read_path_line(line: bytes) -> tuple[int, tuple[bytes, ...]]:
    """The place and the path of a line of `proofs.jsonl`; raises AuditError."""
    value = _json(line, "proof")
    if not isinstance(value, dict) or value.keys() != {"s", "path"}:
        raise _fail("has a malformed proof")
    seq = value["s"]
    if type(seq) is not int or seq < 0:
        raise _fail("has a malformed proof")
    return seq, _hashes(value["path"])


def read_log_key(data: bytes) -> VerifierKey:
    """The key of `keys/log.vkey`; raises AuditError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _fail("has a log key that is not text") from None
    if len(text) > 1024 or not text.endswith("\n"):
        raise _fail("has a malformed log key")
    return parse_vkey(text[:-1])


def _token_keys(data: bytes) -> tuple[Mapping[str, Json], ...]:
    value = _json(data, "key set", 256 * 1024)
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.keys() != {"keys"} or not isinstance(keys, list):
        raise _fail("has a malformed key set")
    found = tuple(key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str))
    if len(found) != len(keys) or any("d" in key for key in found):
        raise _fail("has a malformed key set")
    return found


def _inputs(members: Mapping[str, bytes]) -> tuple[bytes, bytes, tuple[tuple[str, str], ...]] | None:
    present = [name for name in _INPUTS if name in members]
    if not present:
        return None
    if len(present) != len(_INPUTS):
        raise _fail("holds only a part of the decision's inputs")
    names = _json(members[layout.POLICY_NAMES], "list of policy names", 1024 * 1024)
    if not isinstance(names, list) or len(names) > MAX_SOURCES:
        raise _fail("has a malformed list of policy names")
    sources: list[tuple[str, str]] = []
    for number, name in enumerate(names):
        text = members.get(f"policy/{number:04d}.policy")
        if not isinstance(name, str) or text is None:
            raise _fail("has a malformed list of policy names")
        try:
            sources.append((name, text.decode("utf-8")))
        except UnicodeDecodeError:
            raise _fail("holds a policy that is not UTF-8") from None
    return members[layout.INTENT], members[layout.ENTITIES], tuple(sources)


def _range(members: Mapping[str, bytes]) -> tuple[tuple[bytes, ...], Frontier | None]:
    frontier, headers = members.get(layout.FRONTIER), members.get(layout.HEADERS)
    if frontier is None and headers is None:
        return (), None
    if frontier is None or headers is None:
        raise _fail("holds only a part of a range of headers")
    return read_lines(headers, layout.MAX_HEADERS), Frontier.from_bytes(frontier)


def read_consistency(data: bytes | None) -> ConsistencyProof | None:
    """The proof of a member, None when there is none; raises AuditError."""
    if data is None:
        return None
    value = _json(data, "consistency proof")
    if not isinstance(value, dict) or value.keys() != {"first", "second", "path"}:
        raise _fail("has a malformed consistency proof")
    first, second = value["first"], value["second"]
    if type(first) is not int or type(second) is not int:
        raise _fail("has a malformed consistency proof")
    return ConsistencyProof(first=first, second=second, path=_hashes(value["path"]))


def read_anchor(members: Mapping[str, bytes]) -> BundleAnchor | None:
    """The slot proof that came along and its tie to the checkpoint, None where there is none; raises AuditError for another form."""
    if layout.ANCHOR not in members:
        return None
    proof = parse_proof(members[layout.ANCHOR])
    if isinstance(proof, RecordProof):
        raise _fail("has a record's proof where a slot's belongs")
    return BundleAnchor(proof=proof, link=read_consistency(members.get(layout.ANCHOR_LINK)))
