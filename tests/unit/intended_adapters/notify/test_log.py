from __future__ import annotations

import logging

import pytest

from intended_adapters.notify.log import log_notifier
from intended_core.ports import Notification


@pytest.mark.parametrize(
    ("kind", "level"), [("approval.requested", logging.INFO), ("obligation.overdue", logging.WARNING), ("halt.engaged", logging.WARNING)]
)
def test_one_line_each(caplog: pytest.LogCaptureFixture, kind: str, level: int) -> None:
    with caplog.at_level(logging.INFO, logger="intended.notify"):
        receipt = log_notifier().send(Notification(id="evt_1", kind=kind, at_us=1, data='{"reason":"é\u202e"}'.encode()))
    assert receipt.status == 0
    [record] = caplog.records
    assert (record.levelno, record.name) == (level, "intended.notify")
    assert record.getMessage() == kind + ' evt_1 {"reason":"\\xe9\\u202e"}'
