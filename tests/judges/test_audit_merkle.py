"""Outside judges of the tree and its proofs: transparency-dev's vectors, the classic 8-leaf tree, and a whole C2SP tiles log.

The subtree vectors of the Merkle Tree Certificates draft are not run: this log has no subtree proofs.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from intended_core.audit.checkpoint import open_checkpoint, parse_vkey
from intended_core.audit.proof import (
    ConsistencyProof,
    InclusionProof,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from intended_core.audit.tree import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of
from intended_core.errors import AuditError

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "audit"


def need(name: str) -> Path:
    path = VECTORS / name
    if not path.exists():
        message = f"the vectors {name} are not beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in need(name).read_text().splitlines()]


def hashes(values: list[str] | None) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(value) for value in values or ())


def test_inclusion_vectors() -> None:
    cases = rows("merkle-inclusion.jsonl")
    wrong = []
    for case in cases:
        proof = InclusionProof(index=case["leafIdx"], size=case["treeSize"], path=hashes(case["proof"]))
        try:
            verify_inclusion(proof, leaf=base64.b64decode(case["leafHash"]), root=base64.b64decode(case["root"]))
            refused = False
        except AuditError:
            refused = True
        if refused != case["wantErr"]:
            wrong.append(case["file"])
    assert wrong == []
    assert (len(cases), sum(case["wantErr"] for case in cases)) == (98, 92)


def test_consistency_vectors() -> None:
    cases = rows("merkle-consistency.jsonl")
    wrong = []
    for case in cases:
        proof = ConsistencyProof(first=case["size1"], second=case["size2"], path=hashes(case["proof"]))
        try:
            verify_consistency(
                proof, first_root=base64.b64decode(case["root1"]), second_root=base64.b64decode(case["root2"])
            )
            refused = False
        except AuditError:
            refused = True
        if refused != case["wantErr"]:
            wrong.append(case["file"])
    assert wrong == []
    assert (len(cases), sum(case["wantErr"] for case in cases)) == (98, 92)


def test_reference_tree() -> None:
    tree = json.loads(need("rfc6962-reference-tree.json").read_text())
    leaves = [leaf_hash(bytes.fromhex(text)) for text in tree["leaf_inputs_hex"]]
    level = leaves
    for expected in tree["node_hashes_by_level_hex"]:
        assert [node.hex() for node in level] == expected
        level = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    frontier = Frontier.empty()
    for size, expected in enumerate(tree["root_hash_by_tree_size_hex"]):
        assert frontier.root().hex() == expected
        assert root_of(leaves[:size]).hex() == expected
        if size < len(leaves):
            frontier = frontier.append(leaves[size])


def tile_log() -> tuple[list[bytes], list[bytes]]:
    folder = need("tlog-tiles-log") / "tile"
    tile = (folder / "0" / "000.p" / "15").read_bytes()
    bundle = (folder / "entries" / "000.p" / "15").read_bytes()
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return entries, [tile[start : start + 32] for start in range(0, len(tile), 32)]


def test_a_whole_tiles_log_at_every_size() -> None:
    entries, tile = tile_log()
    folder = need("tlog-tiles-log")
    key = parse_vkey((folder / "vkey.txt").read_text().strip())
    leaves = [leaf_hash(entry) for entry in entries]
    assert leaves == tile
    assert len(leaves) == 15
    roots = {}
    for size in range(16):
        checkpoint = open_checkpoint((folder / f"checkpoint.{size}").read_bytes(), [key])
        assert (checkpoint.origin, checkpoint.size) == (key.name, size)
        assert checkpoint.root == (root_of(leaves[:size]) if size else EMPTY_ROOT)
        roots[size] = checkpoint.root

    def hashes_of(start: int, stop: int) -> list[bytes]:
        return tile[start:stop]

    for size in range(1, 16):
        for index in range(size):
            proof = prove_inclusion(hashes_of, index=index, size=size)
            verify_inclusion(proof, leaf=leaves[index], root=roots[size])
        for first in range(1, size + 1):
            shown = prove_consistency(hashes_of, first=first, second=size)
            verify_consistency(shown, first_root=roots[first], second_root=roots[size])


def test_a_partial_tile_is_the_start_of_the_full_one() -> None:
    _, tile = tile_log()
    folder = need("tlog-tiles-log") / "tile" / "0" / "000.p"
    for size in range(1, 16):
        assert (folder / str(size)).read_bytes() == b"".join(tile[:size])
