"""A bundle's form: each part is checked alone, and what nobody knows is refused."""

from __future__ import annotations

import pytest

from intended_core.audit import bundle as layout
from intended_core.audit.archive import pack, unpack
from intended_core.audit.bundle_reader import MAX_LINE_BYTES, MAX_PATH, read_bundle
from intended_core.audit.manifest import MANIFEST
from intended_core.errors import AuditError
from tests.reference.audit_world import TenantLog

LOG = TenantLog(1)
DECIDED = LOG.decide(1)
GOOD = dict(unpack(LOG.bundle(DECIDED, [LOG.consume(1, DECIDED)], known=2)).members)


def refused(changes: dict[str, bytes | None]) -> str:
    members = {name: body for name, body in {**GOOD, **changes}.items() if body is not None}
    with pytest.raises(AuditError) as caught:
        read_bundle(pack(members))
    return str(caught.value)


def test_parts_stand_by_position() -> None:
    bundle = read_bundle(pack(GOOD))
    assert [seq for seq, _ in bundle.proofs] == [0, 1, 2, 3]
    assert len(bundle.entries) == len(bundle.bodies) == 4
    assert bundle.before is not None
    assert bundle.before.size == DECIDED
    assert bundle.consistency is not None
    assert (bundle.consistency.first, bundle.consistency.second) == (2, 4)


def test_a_withheld_body_is_none() -> None:
    members = {name: body for name, body in GOOD.items() if name != layout.body_name(3)}
    assert read_bundle(pack(members)).bodies[3] is None


@pytest.mark.parametrize(
    "name", [layout.README, MANIFEST, layout.ENTRIES, layout.PROOFS, layout.CHECKPOINT, layout.LOG_KEY]
)
def test_each_required_member(name: str) -> None:
    assert f"lacks {name}" in refused({name: None})


def test_a_stranger() -> None:
    assert "unknown member notes.txt" in refused({"notes.txt": b"trust me"})
    assert "unknown member" in refused({layout.body_name(9): b"{}"})


@pytest.mark.parametrize("name", [layout.INTENT, layout.ENTITIES, layout.POLICY_NAMES])
def test_inputs_are_whole_or_absent(name: str) -> None:
    assert "only a part of the decision's inputs" in refused({name: None})


@pytest.mark.parametrize("name", [layout.FRONTIER, layout.HEADERS])
def test_a_range_is_whole_or_absent(name: str) -> None:
    assert "only a part of a range" in refused({name: None})


@pytest.mark.parametrize(
    "proof",
    [
        b"[]", b'{"path":[]}', b'{"path":[],"s":-1}', b'{"path":[],"s":true}', b'{"path":"","s":0}', b'{"path":[5],"s":0}',
        b'{"path":["!"],"s":0}', b'{"s":0,"path":[]}', b'{"path":[' + b",".join([b'"AA"'] * (MAX_PATH + 1)) + b'],"s":0}',
    ],
)  # fmt: skip
def test_a_malformed_proof(proof: bytes) -> None:
    lines = GOOD[layout.PROOFS].split(b"\n")
    assert "proof" in refused({layout.PROOFS: b"\n".join([proof, *lines[1:]])})


def test_lines_are_whole_and_bounded() -> None:
    entries = GOOD[layout.ENTRIES]
    assert "unfinished" in refused({layout.ENTRIES: entries[:-1]})
    assert "empty or overlong" in refused({layout.ENTRIES: b"\n" + entries})
    assert "empty or overlong" in refused({layout.ENTRIES: b"x" * (MAX_LINE_BYTES + 1) + b"\n" + entries})
    assert "not one proof for each record" in refused({layout.ENTRIES: entries + b"{}\n"})


@pytest.mark.parametrize(
    "keys", [b"[]", b"{}", b'{"keys":[{}]}', b'{"keys":[{"d":"secret","kid":"K"}]}', b'{"keys":[5]}']
)
def test_a_key_set_holds_public_keys_by_name(keys: bytes) -> None:
    assert "malformed key set" in refused({layout.TOKEN_KEYS: keys})


@pytest.mark.parametrize("key", [b"\xff\n", b"no newline", b"x" * 2000 + b"\n"])
def test_a_malformed_log_key(key: bytes) -> None:
    assert "log key" in refused({layout.LOG_KEY: key})


@pytest.mark.parametrize("value", [b"[]", b'{"first":1}', b'{"first":"1","path":[],"second":2}', b"\xff"])
def test_a_malformed_consistency_proof(value: bytes) -> None:
    assert "consistency proof" in refused({layout.CONSISTENCY: value})
