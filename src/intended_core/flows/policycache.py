"""The kept form of an active policy set, so that a process that opens an authority need not parse and check it again.

It is a copy that nothing rests on: a row beside the sources, `cache:<digest>`, under the tag of every row. It is used only where tag,
digest, engine, table of classes and zone data are those of the set that is active, and its bytes are those that the activation made,
whose digest stands in the pointer (a guard on the roster); where a pointer names none, schema and semantic digest are made again from
what was read. Whatever else stands there is passed over, and the set is made from its sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import orjson

from intended_core.canonical import b64url, canonical_json, unb64url
from intended_core.canonical import digest as digest_of
from intended_core.errors import IntendedError
from intended_core.ids import EntityRef, Scope
from intended_core.keys.rowmac import RowMac
from intended_core.lang.frozen_codec import FrozenError, table_digest
from intended_core.lang.keptset import KeptSet, pack
from intended_core.lang.loading import collector_paused
from intended_core.lang.mentions import constants_of
from intended_core.lang.semantic import semantic_digest, text_digest
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from intended_core.lang.typeforms import schema_digest
from intended_core.lang.zones import TZDATA_VERSION
from intended_core.unit import Row, RowKey, Write

__all__ = ["cache_key", "cache_write", "cached_set", "freeze", "kept_digest", "thaw"]

FORMAT: Final = 2
MAX_CACHE_BYTES: Final = 48 * 1024 * 1024  # 10,000 rules are about 6 MB; a larger set is made from its sources every time
MAX_VERSIONS: Final = 2**53
_LINE: Final = b"\n"


def cache_key(digest: bytes) -> RowKey:
    """Where the kept form of the set of this text digest stands."""
    return RowKey("policy", f"cache:{b64url(digest)}")


def kept_digest(body: bytes) -> bytes:
    """32 bytes over a kept form: what the pointer of the set names."""
    return digest_of("intended.policy.kept.v1", body)


def freeze(checked: CheckedPolicySet) -> bytes | None:
    """The kept form: all of a checked set but its sources, tests and warnings. None where it cannot be kept."""
    try:
        with collector_paused():
            kept = pack(checked)
    except FrozenError:
        return None
    body = canonical_json(_names(checked.text_digest, checked.semantic_digest, checked.schema.digest)) + _LINE + kept
    return body if len(body) <= MAX_CACHE_BYTES else None


def thaw(
    body: bytes, sources: Sequence[Source], *, digest: bytes, semantic: bytes, kept: bytes | None = None
) -> KeptSet | None:
    """The set again, without tests and warnings; None unless it is exactly the one of these digests and of this engine.

    `kept`: the digest of the bytes that the set's activation made, from where it cannot be changed. Other bytes are not read, and what
    those bytes mean is what was checked then, so that each part can wait until it is asked for; without it, everything is read and what it
    means is computed anew.
    """
    if len(body) > MAX_CACHE_BYTES or text_digest(sources) != digest or (kept is not None and kept_digest(body) != kept):
        return None
    line, _, data = body.partition(_LINE)
    try:
        with collector_paused():
            return _thaw(line, data, sources, digest, semantic, pinned=kept is not None)
    except Exception:  # noqa: BLE001 - whatever is wrong with a copy, the sources answer
        return None


def _thaw(
    line: bytes, data: bytes, sources: Sequence[Source], digest: bytes, semantic: bytes, *, pinned: bool
) -> KeptSet | None:
    names: Any = orjson.loads(line)
    named_schema = unb64url(names["schema"])
    if line != canonical_json(_names(digest, semantic, named_schema)):
        return None
    found = KeptSet(data, digest=digest, semantic=semantic, sources=tuple((source.name, source.text) for source in sources))
    if found.schema.digest != named_schema or not (pinned or _means(found.checked(), found.constants)):
        return None
    return found


def _means(found: CheckedPolicySet, constants: frozenset[EntityRef]) -> bool:
    schema, meters = found.schema, found.meters.values()
    return (
        schema_digest(schema.entities, schema.actions, schema.params, schema.tables) == schema.digest
        and semantic_digest(schema, found.rules, TZDATA_VERSION, meters, found.obligations.values()) == found.semantic_digest
        and constants_of(found.rules, meters) == constants
    )


def _names(digest: bytes, semantic: bytes, schema: bytes) -> dict[str, object]:
    return {
        "digest": b64url(digest), "engine": version("intended"), "format": FORMAT,
        "schema": b64url(schema), "semantic": b64url(semantic),
        "table": b64url(table_digest()), "tzdata": TZDATA_VERSION,
    }  # fmt: skip


def cache_write(scope: Scope, mac: RowMac, digest: bytes, body: bytes | None, rows: Mapping[RowKey, Row]) -> tuple[Write, ...]:
    """The write that keeps `body`, over whatever stands there; none where that already is it, or there is nothing to keep."""
    key = cache_key(digest)
    found = rows.get(key)
    replaces = 0 if found is None else found.version
    if body is None or replaces >= MAX_VERSIONS or (found is not None and found.body == body and _authentic(scope, mac, found)):
        return ()
    return (Write(mac.seal_row(scope, key.kind, key.key, replaces + 1, "KEPT", body), replaces),)


def cached_set(
    scope: Scope, mac: RowMac, row: Row | None, sources: Sequence[Source], *, digest: bytes, semantic: bytes, kept: bytes | None = None
) -> KeptSet | None:
    """What the row keeps, if it may be used for the active set of these digests (`kept`: as for `thaw`)."""
    if row is None or row.kind != "policy" or row.key != cache_key(digest).key or not _authentic(scope, mac, row):
        return None
    return thaw(row.body, sources, digest=digest, semantic=semantic, kept=kept)


def _authentic(scope: Scope, mac: RowMac, row: Row) -> bool:
    try:
        return mac.check(scope, row).row is not None
    except IntendedError:
        return False
