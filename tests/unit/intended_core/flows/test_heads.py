"""A remembered head saves work and never trust: only the very same bytes are found again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.log import genesis_head
from intended_core.errors import StoreCorruptError
from intended_core.flows.heads import HeadMemory
from intended_core.ids import Scope
from intended_core.keys.rowmac import RowMac
from intended_core.unit import Head

SCOPE = Scope("acme", "0" * 32, "live")
OTHER = Scope("other", "1" * 32, "live")
LOG = genesis_head(origin="o", issuer="i", generation=1)


class CountingMac(RowMac):
    checks = 0

    def check_head(self, scope: Scope, head: Head) -> Head:
        self.checks += 1
        return super().check_head(scope, head)


@pytest.fixture
def mac() -> CountingMac:
    return CountingMac(bytes(32))


def test_a_head_that_was_written_is_found_again_without_a_check(mac: CountingMac) -> None:
    memory = HeadMemory()
    head = memory.write(mac, SCOPE, 5, LOG)
    assert mac.check_head(SCOPE, head) == head
    assert memory.read(mac, SCOPE, Head(head.version, bytes(bytearray(head.state)), head.mac)) is LOG
    assert mac.checks == 1


def test_a_head_that_was_read_is_found_again_and_another_is_checked(mac: CountingMac) -> None:
    first = HeadMemory().write(mac, SCOPE, 5, LOG)
    second = HeadMemory().write(mac, SCOPE, 6, replace(LOG, guards=9))
    memory = HeadMemory()
    assert memory.read(mac, SCOPE, first) == LOG == memory.read(mac, SCOPE, first)
    assert mac.checks == 1
    assert memory.read(mac, SCOPE, second).guards == 9
    assert memory.read(mac, SCOPE, first).guards == 0
    assert mac.checks == 3


@pytest.mark.parametrize("change", [{"version": 6}, {"state": b"{}"}, {"mac": bytes(32)}], ids=["version", "state", "tag"])
def test_an_edited_head_is_never_the_remembered_one(mac: CountingMac, change: dict[str, object]) -> None:
    memory = HeadMemory()
    head = memory.write(mac, SCOPE, 5, LOG)
    with pytest.raises(StoreCorruptError):
        memory.read(mac, SCOPE, replace(head, **change))  # type: ignore[arg-type]
    assert memory.read(mac, SCOPE, head) is LOG


def test_a_head_of_another_scope_is_never_the_remembered_one(mac: CountingMac) -> None:
    memory = HeadMemory()
    head = memory.write(mac, SCOPE, 5, LOG)
    with pytest.raises(StoreCorruptError):
        memory.read(mac, OTHER, head)
