"""What a witness answers, status by status, as tlog-witness says; and requests in one form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_consistency
from intended_core.audit.tree import root_of
from intended_core.audit.witnessing import (
    Accepted,
    AddCheckpoint,
    Known,
    Refused,
    format_request,
    judge,
    parse_request,
    read_conflict,
)
from intended_core.errors import AuditError
from tests.reference.anchor_world import AnchorLog, honest_anchor

LOG = honest_anchor(5)
OTHER = honest_anchor(5, salt="other")
LOGS = {LOG.name: [LOG.key]}


def known(size: int, log: AnchorLog = LOG) -> Known:
    return Known(size=size, root=root_of(log.leaves[:size]))


def request(old: int, new: int, log: AnchorLog = LOG) -> AddCheckpoint:
    path = prove_consistency(Levels(log.leaves), first=old, second=new).path if old else ()
    return AddCheckpoint(old=old, path=path, checkpoint=log.note(new, witnesses=()))


def answer(wanted: AddCheckpoint | bytes, at: Known | None) -> Accepted | Refused:
    return judge(wanted if isinstance(wanted, bytes) else format_request(wanted), logs=LOGS, remembered=lambda _: at)


def status(wanted: AddCheckpoint | bytes, at: Known | None) -> int:
    found = answer(wanted, at)
    assert isinstance(found, Refused)
    return found.status


def test_a_first_and_a_later_head_are_accepted() -> None:
    first = answer(request(0, 2), None)
    assert isinstance(first, Accepted)
    assert (first.origin, first.known, first.text) == (LOG.name, known(2), LOG.text(2))
    later = answer(request(2, 5), known(2))
    assert isinstance(later, Accepted)
    assert later.known == known(5)
    again = answer(replace(request(5, 5), path=()), known(5))
    assert isinstance(again, Accepted)


def test_another_old_size_is_a_conflict_with_the_size_that_is_known() -> None:
    for old, at in ((0, known(3)), (2, known(3)), (4, known(3)), (2, None)):
        found = answer(request(old, 5), at)
        assert isinstance(found, Refused)
        assert (found.status, found.media_type) == (409, "text/x.tlog.size")
        assert read_conflict(found.body) == (0 if at is None else at.size)
        assert found.fork is False


def test_a_fork_is_never_cosigned() -> None:
    same = answer(replace(request(5, 5, OTHER), path=()), known(5))
    assert isinstance(same, Refused)
    assert (same.status, same.fork) == (409, True)
    longer = answer(request(3, 5, OTHER), known(3))
    assert isinstance(longer, Refused)
    assert (longer.status, longer.fork) == (422, True)


def test_refusals_by_status() -> None:
    good = request(2, 5)
    assert status(replace(good, path=good.path[:-1]), known(2)) == 422
    assert status(replace(request(0, 3), path=(bytes(32),)), None) == 422
    assert status(replace(good, old=6), known(2)) == 400
    unsigned = good.checkpoint.replace(LOG.name.encode() + b" ", b"someone-else ")
    assert status(replace(good, checkpoint=unsigned), known(2)) == 403
    assert status(replace(good, checkpoint=good.checkpoint[:-8] + b"AAAAAA=\n"), known(2)) in {400, 403}
    stranger = AnchorLog(name="stranger/anchor")
    stranger.seal()
    assert status(AddCheckpoint(old=0, path=(), checkpoint=stranger.note(witnesses=())), None) == 404


@pytest.mark.parametrize(
    "data",
    [
        b"", b"old 1", b"old -1\n\nx", b"old 01\n\nx", b"old 1\nAAAA\n\nx", b"old 1\n" + b"A" * 43 + b"\n\nx", b"new 1\n\nx",
        b"old 1\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\nx", b"old 1\n\n" + b"x" * 70_000, b"old 1\n\xff\n\nx",
    ],
)  # fmt: skip
def test_malformed_requests_are_refused(data: bytes) -> None:
    assert status(data, None) == 400


def test_a_request_is_read_back() -> None:
    wanted = request(3, 5)
    assert parse_request(format_request(wanted)) == wanted
    with pytest.raises(AuditError):
        format_request(replace(wanted, path=(bytes(32),) * 64))
    for body in (b"", b"5", b"05\n", b"5\n5\n", b"-1\n", b"99999999999999999\n"):
        with pytest.raises(AuditError):
            read_conflict(body)
