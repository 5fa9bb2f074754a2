"""The approvals desk: what people and operators do with requests that wait. `tenant.approvals`.

A host asks again with the same intent and the id of the approved request; what an approval is worth is judged then (`flows.approvals`).
"""

from __future__ import annotations

from intended_core.access.persons import LocalPersonKey
from intended_core.desks.desk import Desk
from intended_core.flows.approve import ApprovalStatus, approve
from intended_core.flows.queue import ApprovalView, list_approvals, show_approval
from intended_core.flows.withdraw import cancel, expire_requests, reject
from intended_core.ids import EntityRef

__all__ = ["ApprovalsDesk"]


class ApprovalsDesk(Desk):
    """The queue of requests of one tenant. Every refusal is an AccessDeniedError, KeyRingError or UnitRefusedError."""

    __slots__ = ()

    def list(
        self, *, state: str | None = None, principal: EntityRef | None = None, approver: EntityRef | None = None
    ) -> tuple[ApprovalView, ...]:
        """The requests, oldest first: in `state` (PENDING, APPROVED, USED, REJECTED, CANCELLED, EXPIRED), of `principal`, and those of
        which a group is asked that `approver` is in.
        """
        return self._driver.operate(list_approvals(self._context, state=state, principal=principal, approver=approver))

    def show(self, approval_id: str) -> ApprovalView:
        """The request as an approver is shown it: safe text, canonical bytes, and the digests that they sign."""
        return self._driver.run(show_approval(self._context, approval_id))

    def approve(
        self, approval_id: str, *, person: EntityRef, key: LocalPersonKey | None = None, signature: bytes | None = None
    ) -> ApprovalStatus:
        """Approve as `person`, with their local `key` or a `signature` (64 bytes over `ApprovalView.digest`) that they made elsewhere."""
        if (key is None) == (signature is None):
            raise TypeError("give either the person's key or their signature")
        signed = key.sign(self.show(approval_id).digest) if key is not None else signature
        return self._driver.run(approve(self._context, approval_id, person=person, signature=signed or b""))

    def reject(
        self, approval_id: str, *, person: EntityRef, key: LocalPersonKey | None = None, signature: bytes | None = None,
        reason: str = "",
    ) -> ApprovalStatus:  # fmt: skip
        """End the request as `person`, who may approve it: with their local `key`, or a `signature` over `ApprovalView.rejection`."""
        if (key is None) == (signature is None):
            raise TypeError("give either the person's key or their signature")
        signed = key.sign(self.show(approval_id).rejection) if key is not None else signature
        return self._driver.run(
            reject(self._context, approval_id, person=person, signature=signed or b"", reason=reason)
        )

    def cancel(self, approval_id: str, *, reason: str = "", by: EntityRef | None = None) -> ApprovalStatus:
        """Take the request back as the host; `by` names the principal for whom: only a request of their own is then cancelled."""
        return self._driver.run(cancel(self._context, approval_id, reason=reason, by=by))

    def expire(self) -> int:
        """End the requests whose time is over; how many. `tenant.sweep()` does this too."""
        return self._driver.operate(expire_requests(self._context))
