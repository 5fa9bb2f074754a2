"""Tiles and bundles: names, partial ones, and a whole log as files, spoiled in every way."""

from __future__ import annotations

import pytest

from intended_core.audit.levels import Levels
from intended_core.audit.tiles import (
    bundle_bytes,
    parse_bundle,
    parse_tile,
    read_log,
    tile_index,
    tile_path,
    tiles_between,
)
from intended_core.audit.tree import leaf_hash, root_of
from intended_core.errors import AuditError

ENTRIES = [f"entry {number}".encode() for number in range(600)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def files(size: int) -> dict[str, bytes]:
    made = dict(tiles_between(Levels(LEAVES[:size]), first=0, second=size))
    for start in range(0, size, 256):
        part = ENTRIES[start : min(start + 256, size)]
        made[tile_path(None, start // 256, width=len(part))] = bundle_bytes(part)
    return made


def test_names() -> None:
    assert tile_index(1234067) == "x001/x234/067"
    assert tile_index(0) == "000"
    assert tile_path(0, 5) == "tile/0/005"
    assert tile_path(2, 1000, width=3) == "tile/2/x001/000.p/3"
    assert tile_path(None, 0, width=255) == "tile/entries/000.p/255"
    for bad in ((6, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(AuditError):
            tile_path(bad[0], bad[1], width=bad[2])


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 600])
def test_a_log_is_read_back_from_its_files(size: int) -> None:
    assert read_log(files(size), size=size, root=root_of(LEAVES[:size])) == tuple(ENTRIES[:size])


def test_only_what_is_new_is_written() -> None:
    grown = dict(tiles_between(Levels(LEAVES), first=500, second=600))
    assert sorted(grown) == ["tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]
    assert dict(tiles_between(Levels(LEAVES), first=0, second=600)).items() >= grown.items()
    assert dict(tiles_between(Levels(LEAVES), first=600, second=600)) == {}


def test_every_spoiled_file_is_found() -> None:
    whole, root = files(600), root_of(LEAVES)
    for path in sorted(whole):
        data = whole[path]
        for bad in (data[:-1], data + b"\0", data[:-1] + bytes([data[-1] ^ 1]), None):
            spoiled = (
                {**whole, path: bad} if bad is not None else {name: one for name, one in whole.items() if name != path}
            )
            with pytest.raises(AuditError) as caught:
                read_log(spoiled, size=600, root=root)  # type: ignore[arg-type]
            assert caught.value.code in {"audit.tile", "audit.root", "audit.gap"}
    with pytest.raises(AuditError):
        read_log(whole, size=600, root=bytes(32))


def test_bundles_and_tiles_have_one_length() -> None:
    assert parse_bundle(bundle_bytes([b"", b"x"]), width=2) == (b"", b"x")
    for data, width in ((b"\0", 1), (b"\0\1", 1), (b"\0\1xy", 1), (b"", 1), (b"\0\0\0\0", 1)):
        with pytest.raises(AuditError):
            parse_bundle(data, width=width)
    for entries in ([], [b""] * 257, [b"x" * 65_536]):
        with pytest.raises(AuditError):
            bundle_bytes(entries)
    with pytest.raises(AuditError):
        parse_bundle(b"\0" * 20_000_000, width=256)
    with pytest.raises(AuditError):
        parse_tile(bytes(33), width=1)
