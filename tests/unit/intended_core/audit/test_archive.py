"""The one form of a bundle file: what `pack` writes is read back, and nothing else is (the attacks are in tests/attacks/audit)."""

from __future__ import annotations

import pytest

from intended_core.audit.archive import pack, unpack
from intended_core.errors import AuditError

MEMBERS = {"README.txt": b"hello", "bodies/0001.json": b"{}", "z.json": b""}


def test_round_trip_in_any_order() -> None:
    packed = pack(MEMBERS)
    assert pack(dict(reversed(MEMBERS.items()))) == packed
    found = unpack(packed)
    assert (dict(found.members), found.damaged) == (MEMBERS, ())
    assert list(found.members) == sorted(MEMBERS)


def test_each_bit_of_the_frame_counts() -> None:
    packed = pack({"a.txt": b"x"})
    body = packed.index(b"x")
    for at in range(len(packed)):
        changed = packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]
        try:
            found = unpack(changed)
        except AuditError as error:
            assert error.code == "audit.archive"
        else:
            assert at == body or found.damaged or dict(found.members) != {"a.txt": b"x"}, at


def test_a_member_that_rotted_is_named_and_still_there() -> None:
    found = unpack(pack(MEMBERS).replace(b"hello", b"jello"))
    assert found.damaged == ("README.txt",)
    assert found.members["README.txt"] == b"jello"


@pytest.mark.parametrize("members", [{}, {"../up": b""}, {"a/b/c": b""}, {"ä": b""}])
def test_what_pack_refuses(members: dict[str, bytes]) -> None:
    with pytest.raises(AuditError) as caught:
        pack(members)
    assert caught.value.code == "audit.archive"
