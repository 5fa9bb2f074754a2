"""The desk of policy sets: drafted, checked, simulated over what was decided before, approved by a second person, active.

    draft = tenant.policies.draft({"pay.policy": text}, drafter=ann, key=ann_key)
    tenant.policies.check(draft.draft_id)
    simulation = tenant.policies.simulate(draft.draft_id)
    tenant.policies.approve(draft.draft_id, person=bob, key=bob_key)
    tenant.policies.activate(draft.draft_id)

Drafts of params and tables (`tenant.data.draft`) go the same way here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from intended_core.access.persons import LocalPersonKey
from intended_core.desks.desk import Desk, signature_of
from intended_core.errors import IntentError, PolicyError
from intended_core.flows.activate import Activated
from intended_core.flows.data import DataWritten
from intended_core.flows.draftrows import Origin
from intended_core.flows.drafts import (
    DraftView,
    approve_draft,
    check_draft,
    draft_policy,
    list_drafts,
    show_draft,
    sign_draft,
    withdraw_draft,
)
from intended_core.flows.enact import enact_data, enact_policy
from intended_core.flows.pointer import read_pointer
from intended_core.flows.sets import SetView, active_set, earlier_set
from intended_core.flows.simulate import Progress, Simulation, simulate_draft
from intended_core.ids import EntityRef
from intended_core.lang.locks import LockChange, pack_digests
from intended_core.lang.source import Source

__all__ = ["PoliciesDesk", "Promotion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A set as it is active in one environment, to be drafted in another: its sources, where it was tested, and the packs held there."""

    sources: Mapping[str, str]
    tested: Origin
    packs: Mapping[str, bytes] = field(default_factory=dict)


class PoliciesDesk(Desk):
    """Drafts of one tenant, and the sets that were active."""

    __slots__ = ()

    def draft(
        self,
        sources: Mapping[str, str],
        *,
        drafter: EntityRef | None = None,
        key: LocalPersonKey | None = None,
        note: str = "",
        packs: Mapping[str, bytes] | None = None,
        unlock: Sequence[str] = (),
    ) -> DraftView:
        """Keep a set as a draft: file name -> text. With `drafter` and their `key` it is signed at once. Raises IntentError.

        `packs`: the digest of each pack that the set imports. Raises PolicyError for one whose bytes are others, and for one that is
        locked here and is named neither in `packs` nor in `unlock`. Both are signed with the draft.
        """
        return self._draft(sources, drafter, key, note, None, LockChange(packs=packs, unlock=tuple(unlock)))

    def promote(
        self,
        tested: Promotion,
        *,
        drafter: EntityRef | None = None,
        key: LocalPersonKey | None = None,
        note: str = "",
        packs: Mapping[str, bytes] | None = None,
        unlock: Sequence[str] = (),
    ) -> DraftView:
        """Draft here what is active elsewhere; the draft, its signatures and its activation name where it was tested.

        A pack of the set that is held to its bytes there and not here is held here too from then on, and the draft says so; `packs` and
        `unlock` as in `draft`. Raises PolicyError for a pack that is held here to other bytes: nothing but `packs` or `unlock` moves that.
        """
        locks = LockChange(packs=self._held_there(tested, packs, unlock), unlock=tuple(unlock))
        return self._draft(tested.sources, drafter, key, note, tested.tested, locks)

    def _held_there(
        self, tested: Promotion, packs: Mapping[str, bytes] | None, unlock: Sequence[str]
    ) -> Mapping[str, bytes] | None:
        """`packs`, and the locks of the set's packs elsewhere that nothing here says anything of."""
        if not tested.packs:
            return packs
        here = self._driver.operate(read_pointer(self._context))
        kept = {} if here is None else here.packs
        brought = pack_digests(_sources(tested.sources)).keys() & tested.packs.keys() - kept.keys() - set(unlock)
        return {**{name: tested.packs[name] for name in sorted(brought)}, **(packs or {})} if brought else packs

    def rollback(
        self,
        digest: bytes | None = None,
        *,
        drafter: EntityRef | None = None,
        key: LocalPersonKey | None = None,
        note: str = "",
        packs: Mapping[str, bytes] | None = None,
        unlock: Sequence[str] = (),
    ) -> DraftView:
        """Draft a set that was active before: the one before this, or that of this digest. It goes the way of every draft.

        Raises UnitRefusedError when it was not among the last sixteen, PolicyError when a pack that is locked since is another in it:
        `packs` and `unlock` as in `draft`.
        """
        found = self._driver.operate(earlier_set(self._context, digest))
        said = note or f"rollback to {found.digest.hex()[:16]}"
        return self._draft(found.sources, drafter, key, said, None, LockChange(packs=packs, unlock=tuple(unlock)))

    def _draft(
        self, sources: Mapping[str, str], drafter: EntityRef | None, key: LocalPersonKey | None, note: str, tested: Origin | None,
        locks: LockChange,
    ) -> DraftView:  # fmt: skip
        if not sources:
            raise PolicyError("a policy set has at least one file")
        if key is not None and drafter is None:
            raise IntentError("say whose key it is", place="drafter")
        made = _sources(sources)
        view = self._driver.operate(draft_policy(self._context, made, drafter=drafter, note=note, tested=tested, locks=locks))
        return view if key is None else self.sign(view.draft_id, key=key)

    def sign(self, draft_id: str, *, key: LocalPersonKey | None = None, signature: bytes | None = None) -> DraftView:
        """The drafter signs `DraftView.to_sign`, with their `key` or a `signature` (64 bytes) that they made elsewhere."""
        made = signature_of(key, signature, lambda: self.show(draft_id).to_sign)
        return self._driver.operate(sign_draft(self._context, draft_id, signature=made))

    def check(self, draft_id: str) -> DraftView:
        """Check it and run its own tests. Raises PolicyError with every diagnostic; then it stays a draft."""
        return self._driver.operate(check_draft(self._context, draft_id))

    def simulate(self, draft_id: str, *, most: int = 1_000, progress: Progress | None = None) -> Simulation:
        """Ask the newest `most` recorded decisions again under the draft: which would be others now."""
        return self._driver.operate(simulate_draft(self._context, draft_id, most=most, progress=progress))[0]

    def approve(
        self, draft_id: str, *, person: EntityRef, key: LocalPersonKey | None = None, signature: bytes | None = None
    ) -> DraftView:
        """A second person signs `DraftView.to_approve`. The drafter never counts. Raises AccessDeniedError, KeyRingError."""
        made = signature_of(key, signature, lambda: self.show(draft_id).to_approve)
        return self._driver.operate(approve_draft(self._context, draft_id, person=person, signature=made))

    def activate(self, draft_id: str) -> Activated | DataWritten:
        """Put the draft in force, after everything was checked and counted again. Tokens of the set before are void from then on."""
        if self.show(draft_id).subject == "data":
            return self._driver.operate(enact_data(self._context, draft_id))
        return self._driver.operate(enact_policy(self._context, draft_id))

    def withdraw(self, draft_id: str) -> DraftView:
        """It is never put in force."""
        return self._driver.operate(withdraw_draft(self._context, draft_id))

    def show(self, draft_id: str) -> DraftView:
        """One draft; raises UnitRefusedError when there is none."""
        return self._driver.operate(show_draft(self._context, draft_id))

    def list(self) -> tuple[DraftView, ...]:
        """Every draft, oldest first."""
        return self._driver.operate(list_drafts(self._context))

    def active(self) -> SetView | None:
        """The set in force, with the digests of those before it."""
        return self._driver.operate(active_set(self._context))

    def tested(self) -> Promotion:
        """The set that is active here, to be promoted into another environment of this tenant. Raises UnitRefusedError."""
        found = self._driver.operate(earlier_set(self._context, None, active=True))
        where = Origin(environment=self._context.scope.environment, digest=found.digest, seq=found.seq)
        return Promotion(sources=found.sources, tested=where, packs=found.packs)


def _sources(texts: Mapping[str, str]) -> list[Source]:
    return [Source.from_bytes(name, text.encode("utf-8", "surrogatepass")) for name, text in texts.items()]
