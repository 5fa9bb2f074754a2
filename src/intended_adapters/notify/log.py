"""The notifier `log`: one line of the standard library's logging for each notification. It never fails, and says no secret."""

from __future__ import annotations

import logging

from intended_core.ports import Notification, NotificationReceipt

__all__ = ["LogNotifier", "log_notifier"]


class LogNotifier:
    """A `ports.Notifier` that writes to the logger `intended.notify`: requests at INFO, alarms at WARNING."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def send(self, notification: Notification) -> NotificationReceipt:
        """Write one line: kind, id, and the data as canonical JSON in ASCII."""
        level = logging.INFO if notification.kind.startswith("approval.") else logging.WARNING
        text = notification.data.decode("utf-8").encode("ascii", "backslashreplace").decode("ascii")
        self._logger.log(level, "%s %s %s", notification.kind, notification.id, text)
        return NotificationReceipt(status=0)


def log_notifier(*, logger: str = "intended.notify") -> LogNotifier:
    """The factory that is registered as notifier `log`."""
    return LogNotifier(logging.getLogger(logger))
