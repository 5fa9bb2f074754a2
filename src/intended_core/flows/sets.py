"""sets: which policy set is in force, and which were before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from intended_core.errors import UnitRefusedError
from intended_core.flows.activate import set_row
from intended_core.flows.cache import decode_sources
from intended_core.flows.effects import Context, Flow, ReadRows
from intended_core.flows.pointer import read_pointer
from intended_core.lang.semantic import text_digest
from intended_core.unit import Row

__all__ = ["SetView", "active_set", "earlier_set"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetView:
    """A set by its digest (32 bytes), with its sources. `seq`: the record that put it in force. `before`: digests, the newest first.

    `packs`: the packs that are held to a digest, where it is the set in force.
    """

    digest: bytes
    seq: int
    sources: Mapping[str, str]
    before: tuple[bytes, ...]
    packs: Mapping[str, bytes] = field(default_factory=dict)


def active_set(context: Context) -> Flow[SetView | None]:
    """The set that the pointer names, None before the first activation. It need not load: sources are shown as they are kept."""
    found = yield from read_pointer(context)
    if found is None:
        return None
    return replace((yield from _set(context, found.digest, found.seq, found.before)), packs=found.packs)


def earlier_set(context: Context, digest: bytes | None, *, active: bool = False) -> Flow[SetView]:
    """The active set (`active`), the one before it, or the earlier one of this digest. Raises UnitRefusedError."""
    now = yield from active_set(context)
    if now is None:
        raise UnitRefusedError("no_policy", "no policy set was ever active here")
    if active:
        return now
    wanted = now.before[:1] if digest is None else tuple(each for each in now.before if each == digest)
    if not wanted:
        raise UnitRefusedError("set_unknown", "no such set was active here before, as far back as is kept")
    return (yield from _set(context, wanted[0], now.seq, ()))


def _set(context: Context, digest: bytes, seq: int, before: tuple[bytes, ...]) -> Flow[SetView]:
    rows: Sequence[Row] = yield ReadRows(context.scope, (set_row(digest),))
    sources = decode_sources(context.mac.check(context.scope, rows[0]).row.body) if rows else []
    if not sources or text_digest(sources) != digest:
        raise UnitRefusedError("set_unknown", "the sources of this set are not in the store any more")
    return SetView(digest=digest, seq=seq, sources={source.name: source.text for source in sources}, before=before)
