"""The notices desk: tell people outside what they should look at. `tenant.notices`.

    tenant.secrets.put("notifier:ops", "webhook", b"whsec_…")      # once
    secret = tenant.notices.secret("ops", "webhook")
    ops = load_registry().create("notifier", "webhook", url="https://hooks.example.com/intended", secret=secret)
    tenant.notices.deliver("ops", ops)      # by schedule, every few seconds

Whether anything is told changes no answer: nothing waits for a notifier, and nothing that it says is believed.
"""

from __future__ import annotations

from intended_core.desks.desk import Desk
from intended_core.flows.deliver import Delivered, deliver
from intended_core.flows.secrets import notifier_secret
from intended_core.keys.hidden import SecretBytes
from intended_core.ports import Notifier

__all__ = ["NoticesDesk"]


class NoticesDesk(Desk):
    """What is told to people outside, from the log of one tenant."""

    __slots__ = ()

    def deliver(self, name: str, notifier: Notifier, *, since: int | None = None) -> Delivered:
        """Tell `notifier` what it was not told yet, in order, at least once; `name` is under which the store remembers how far it was told.

        The first time it begins at record `since`, or with what happens from now on. One that fails is asked again by a later call, after
        a pause that grows (`Delivered.due_us`). Raises IntentError for a bad name, UnitRefusedError when another call is telling it.
        """
        return self._driver.operate(deliver(self._context, name, notifier, since=since))

    def secret(self, notifier: str, name: str) -> SecretBytes:
        """The secret `name` that is sealed for this notifier (`tenant.secrets.put("notifier:NAME", …)`), to make the notifier with.

        Raises IntentError, UnitRefusedError `secret_unknown`, KeyRingError.
        """
        return self._driver.operate(notifier_secret(self._context, notifier, name))
