"""Outside judge of our tiles: a whole C2SP tlog-tiles log of 15 entries, with its signed checkpoint at every size (transparency-dev/tessera)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from intended_core.audit.checkpoint import open_checkpoint, parse_vkey
from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_consistency, prove_inclusion, verify_consistency, verify_inclusion
from intended_core.audit.tiles import bundle_bytes, parse_bundle, parse_tile, read_log, tile_path, tiles_between
from intended_core.audit.tree import leaf_hash, root_of
from intended_core.errors import AuditError

LOG = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "audit" / "tlog-tiles-log"
SIZES = range(1, 16)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    if not LOG.is_dir():
        message = "the vectors tlog-tiles-log are not beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return {str(path.relative_to(LOG)): path.read_bytes() for path in LOG.rglob("*") if path.is_file()}


def test_every_checkpoint_tile_and_bundle(files: dict[str, bytes], record_property: Callable[[str, object], None]) -> None:
    key = parse_vkey(files["vkey.txt"].decode().strip())
    read = 0
    for size in SIZES:
        head = open_checkpoint(files[f"checkpoint.{size}"], [key])
        assert head.size == size
        entries = read_log(files, size=size, root=head.root)
        leaves = [leaf_hash(entry) for entry in entries]
        # and what we would have written
        made = dict(tiles_between(Levels(leaves), first=0, second=size))
        assert made == {path: files[path] for path in made}
        assert bundle_bytes(entries) == files[tile_path(None, 0, width=size)]
        read += 2
    assert open_checkpoint(files["checkpoint.0"], [key]).size == 0
    assert files["checkpoint"] in {files[f"checkpoint.{size}"] for size in (0, *SIZES)}
    record_property("tlog_tiles_checkpoints", 16)
    record_property("tlog_tiles_files", read)


def test_proofs_between_all_sizes_of_the_log(files: dict[str, bytes]) -> None:
    key = parse_vkey(files["vkey.txt"].decode().strip())
    roots = {size: open_checkpoint(files[f"checkpoint.{size}"], [key]).root for size in SIZES}
    tree = Levels(parse_tile(files[tile_path(0, 0, width=15)], width=15))
    for second in SIZES:
        for first in range(1, second + 1):
            proof = prove_consistency(tree, first=first, second=second)
            verify_consistency(proof, first_root=roots[first], second_root=roots[second])
        for index in range(second):
            leaf = tree.root(index, index + 1)
            verify_inclusion(prove_inclusion(tree, index=index, size=second), leaf=leaf, root=roots[second])


def test_one_spoiled_bit_anywhere_is_found(files: dict[str, bytes]) -> None:
    key = parse_vkey(files["vkey.txt"].decode().strip())
    head = open_checkpoint(files["checkpoint.15"], [key])
    tile, bundle = tile_path(0, 0, width=15), tile_path(None, 0, width=15)
    for path in (tile, bundle):
        for at in range(len(files[path])):
            spoiled = bytearray(files[path])
            spoiled[at] ^= 1 << (at % 8)
            with pytest.raises(AuditError):
                read_log({**files, path: bytes(spoiled)}, size=15, root=head.root)
    assert root_of([leaf_hash(entry) for entry in parse_bundle(files[bundle], width=15)]) == head.root
