"""Counters as rows keep them: shards of counters, and the directory that says at which version each shard stands.

The directory is the first row of a generation: where it stands, a counter that is in no shard is zero; where it does not, nothing is
believed. The head row names the directory's version and the directory each shard's, so that no row can be taken away, put back or
replaced by an older one unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from intended_core.canonical import b64url, pack, parse_canonical, unb64url
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.meters.counter import Counter
from intended_core.outcome import MeterUse

__all__ = ["SHARDS", "Directory", "Held", "Shard", "shard_of"]

SHARDS: Final = 64  # rows over which the counters of a scope are spread; each reservation writes one row per counter's shard
MAX_SHARD_BYTES: Final = 16 * 1024 * 1024  # about 150,000 counters in one shard
MAX_DIRECTORY_BYTES: Final = 4096
MAX_HELD_BYTES: Final = 64 * 1024


def shard_of(key: bytes) -> int:
    """The shard of a counter."""
    return key[0] % SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """`versions`: of each shard's row, 0 where there is none."""

    generation: int
    versions: tuple[int, ...]

    @classmethod
    def first(cls, generation: int) -> Directory:
        """The first row of a generation: every counter is at zero."""
        return cls(generation=generation, versions=(0,) * SHARDS)

    def moved(self, shards: Mapping[int, int]) -> Directory:
        """The directory once these shards stand at these versions."""
        versions = tuple(shards.get(at, version) for at, version in enumerate(self.versions))
        return replace(self, versions=versions)

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return pack({"g": self.generation, "shards": list(self.versions)})

    @classmethod
    def from_body(cls, body: bytes) -> Directory:
        """The directory of an authenticated row; raises StoreCorruptError."""
        data: Any = _parsed(body, MAX_DIRECTORY_BYTES)
        try:
            generation, versions = data["g"], tuple(data["shards"])
        except (KeyError, TypeError):
            raise StoreCorruptError("a meter row is damaged") from None
        if len(versions) != SHARDS or any(type(item) is not int or item < 0 for item in (generation, *versions)):
            raise StoreCorruptError("a meter row is damaged")
        return cls(generation=generation, versions=versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The counters of one shard, by their 32-byte names."""

    counters: Mapping[bytes, Counter]

    def level(self, use: MeterUse) -> int:
        """Used + reserved of the counter of `use`."""
        return self.counters.get(use.key, Counter()).level(use)

    def adding(self, use: MeterUse, *, now_ms: int) -> Shard:
        """The shard once `use` is reserved; counters whose window is over are forgotten."""
        kept = {key: counter for key, counter in self.counters.items() if not counter.over(now_ms)}
        kept[use.key] = kept.get(use.key, Counter()).adding(use, now_ms=now_ms)
        return Shard(counters=kept)

    def removing(self, key: bytes, amount: int, *, at_ms: int) -> Shard:
        """The shard once that reservation is released; a counter that is gone has nothing to release."""
        found = self.counters.get(key)
        if found is None:
            return self
        return Shard(counters={**self.counters, key: found.removing(amount, at_ms=at_ms)})

    def to_body(self) -> bytes:
        """Canonical bytes for the row; levels are texts, since they may be larger than JSON's integers."""
        return pack(
            {
                b64url(key): [str(item.total), [[at, str(n)] for at, n in item.kept], item.length_ms, item.end_ms]
                for key, item in self.counters.items()
            }
        )

    @classmethod
    def from_body(cls, body: bytes) -> Shard:
        """The shard of an authenticated row; raises StoreCorruptError."""
        data: Any = _parsed(body, MAX_SHARD_BYTES)
        counters: dict[bytes, Counter] = {}
        try:
            for name, (total, kept, length_ms, end_ms) in data.items():
                counters[unb64url(name)] = Counter(
                    total=int(total), kept=tuple((int(at), int(n)) for at, n in kept), length_ms=int(length_ms),
                    end_ms=None if end_ms is None else int(end_ms),
                )  # fmt: skip
        except (AttributeError, TypeError, ValueError, IntentError):
            raise StoreCorruptError("a meter row is damaged") from None
        return cls(counters=counters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one token holds in reserve: (counter, amount, when it was reserved in UTC milliseconds) each; until when it can be redeemed."""

    generation: int
    expires_s: int
    uses: tuple[tuple[bytes, int, int], ...]

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        uses = [[b64url(key), str(amount), at_ms] for key, amount, at_ms in self.uses]
        return pack({"exp": self.expires_s, "g": self.generation, "uses": uses})

    @classmethod
    def from_body(cls, body: bytes) -> Held:
        """What an authenticated row holds; raises StoreCorruptError."""
        data: Any = _parsed(body, MAX_HELD_BYTES)
        try:
            uses = tuple((unb64url(key), int(amount), int(at_ms)) for key, amount, at_ms in data["uses"])
            return cls(generation=int(data["g"]), expires_s=int(data["exp"]), uses=uses)
        except (KeyError, TypeError, ValueError, IntentError):
            raise StoreCorruptError("a meter row is damaged") from None


def _parsed(body: bytes, limit: int) -> object:
    try:
        return parse_canonical(body, max_bytes=limit)
    except IntentError:
        raise StoreCorruptError("a meter row is damaged") from None
