"""A log as files (C2SP tlog-tiles): hash tiles, entry bundles and a checkpoint, to be served read-only by anything that serves files.

Tile (L, n) holds the roots of the subtrees of 256**L leaves from n*256 on, 32 bytes each; the newest of a level may be partial and then
carries its width in its name. An entry bundle holds 256 entries, each behind its length in 2 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from intended_core.audit.levels import Levels
from intended_core.audit.tree import HASH_BYTES, MAX_SIZE, leaf_hash, root_of
from intended_core.errors import AuditError

__all__ = [
    "TILE_WIDTH",
    "bundle_bytes",
    "parse_bundle",
    "parse_tile",
    "read_log",
    "tile_index",
    "tile_path",
    "tiles_between",
]

TILE_WIDTH: Final = 256
MAX_LEVEL: Final = 5  # tlog-tiles § Parameters
MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + 65_535)


def tile_index(number: int) -> str:
    """A tile's number as path elements of three digits, each but the last marked with an x: 1234067 is `x001/x234/067`."""
    if not 0 <= number <= MAX_SIZE:
        raise AuditError("there is no such tile", code="audit.tile")
    parts = [f"{number % 1000:03d}"]
    number //= 1000
    while number:
        parts.insert(0, f"x{number % 1000:03d}")
        number //= 1000
    return "/".join(parts)


def tile_path(level: int | None, number: int, *, width: int = TILE_WIDTH) -> str:
    """Where a tile stands below the log's root; `level` None is the bundle of entries. A partial one names its width."""
    if (level is not None and not 0 <= level <= MAX_LEVEL) or not 1 <= width <= TILE_WIDTH:
        raise AuditError("there is no such tile", code="audit.tile")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{tile_index(number)}{partial}"


def bundle_bytes(entries: Sequence[bytes]) -> bytes:
    """The entry bundle of up to 256 entries of at most 65,535 bytes."""
    if not 1 <= len(entries) <= TILE_WIDTH or any(len(entry) > 65_535 for entry in entries):
        raise AuditError("a bundle holds 1 to 256 entries of at most 64 KiB", code="audit.tile")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def parse_bundle(data: bytes, *, width: int) -> tuple[bytes, ...]:
    """The `width` entries of a bundle; raises AuditError `audit.tile` for anything before, between or after them."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise AuditError("an entry bundle is too large", code="audit.tile")
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + size]
        if at + 2 > len(data) or len(entry) != size or len(entries) == width:
            raise AuditError("an entry bundle is cut off or goes on", code="audit.tile")
        entries.append(entry)
        at += 2 + size
    if len(entries) != width:
        raise AuditError("an entry bundle holds another number of entries than its place says", code="audit.tile")
    return tuple(entries)


def parse_tile(data: bytes, *, width: int) -> tuple[bytes, ...]:
    """The `width` hashes of a tile; raises AuditError `audit.tile`."""
    if len(data) != HASH_BYTES * width:
        raise AuditError("a tile holds another number of hashes than its place says", code="audit.tile")
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def tiles_between(tree: Levels, *, first: int, second: int) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every hash tile that a log of `second` entries has and one of `first` had not."""
    for level in range(MAX_LEVEL + 1):
        span = TILE_WIDTH**level
        old, new = first // span, second // span
        if new == old:
            return
        for number in range(old // TILE_WIDTH, (new + TILE_WIDTH - 1) // TILE_WIDTH):
            begin = number * TILE_WIDTH
            end = min(begin + TILE_WIDTH, new)
            hashes = [tree.root(at * span, (at + 1) * span) for at in range(begin, end)]
            yield tile_path(level, number, width=end - begin), b"".join(hashes)


def read_log(files: Mapping[str, bytes], *, size: int, root: bytes) -> tuple[bytes, ...]:
    """The entries of a log of `size` entries given as files, every tile and the root checked; raises AuditError.

    `audit.gap` where a tile or bundle is missing, `audit.tile` where a tile is not what lies below it, `audit.root` for another root.
    """
    entries: list[bytes] = []
    for number in range((size + TILE_WIDTH - 1) // TILE_WIDTH):
        width = min(TILE_WIDTH, size - number * TILE_WIDTH)
        entries += parse_bundle(_file(files, tile_path(None, number, width=width)), width=width)
    hashes = [leaf_hash(entry) for entry in entries]
    if root_of(hashes) != root:
        raise AuditError("the entries do not have the checkpoint's root", code="audit.root")
    for level in range(MAX_LEVEL + 1):
        if not hashes:
            break
        for number in range((len(hashes) + TILE_WIDTH - 1) // TILE_WIDTH):
            expected = hashes[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            path = tile_path(level, number, width=len(expected))
            if parse_tile(_file(files, path), width=len(expected)) != tuple(expected):
                raise AuditError(f"{path} is not what lies below it", code="audit.tile")
        whole = len(hashes) // TILE_WIDTH
        hashes = [root_of(hashes[at * TILE_WIDTH : (at + 1) * TILE_WIDTH]) for at in range(whole)]
    return tuple(entries)


def _file(files: Mapping[str, bytes], path: str) -> bytes:
    try:
        return files[path]
    except KeyError:
        raise AuditError(f"{path} is missing", code="audit.gap") from None
