"""The real authority behind the gate: one tenant, its policy set, its log."""

from __future__ import annotations

from pathlib import Path

from intended_adapters.agentdojo.gate import Allowed, Refused, Waiting
from intended_adapters.agentdojo.host import OWNER
from intended_core import (
    AssemblyError,
    Authority,
    Call,
    Entity,
    EntityRef,
    Granted,
    Intent,
    LocalPersonKey,
    Pending,
    SignedToken,
    SystemRandomness,
    TenantAuthority,
)

__all__ = ["AUDIENCE", "AuthorityGate", "policy_sources"]

AUDIENCE = "agentdojo"


class AuthorityGate:
    """A gate that decides with a tenant's active policies and redeems its tokens; the owner's key approves.

    Made by `prepare`. `asked`, `approvals`, `redeemed`: how many calls were put to the authority, to be found again in its log.
    `exhibit`: the log position of the newest Allow that a person approved, else of the newest Allow.
    """

    def __init__(self, tenant: TenantAuthority, owner_key: LocalPersonKey) -> None:
        self.tenant = tenant
        self.asked = 0
        self.approvals = 0
        self.redeemed = 0
        self.exhibit: int | None = None
        self._owner_key = owner_key
        self._adapter = tenant.adapter(AUDIENCE)
        self._known: dict[EntityRef, Entity] = {}

    @classmethod
    def prepare(cls, authority: Authority, name: str, policies: Path, parties: tuple[Entity, ...]) -> AuthorityGate:
        """A new tenant `name` with the policies of folder `policies`, the `parties` as entities, and the owner's key registered."""
        tenant = authority.create_tenant(name, "test")
        key = LocalPersonKey.generate(SystemRandomness())
        tenant.activate(policy_sources(policies))
        gate = cls(tenant, key)
        gate.know(parties)
        tenant.register_person(OWNER, key.public_key)
        return gate

    def know(self, entities: tuple[Entity, ...]) -> None:
        """Keep what is new or has changed."""
        changed = [entity for entity in entities if self._known.get(entity.ref) != entity]
        if changed:
            self.tenant.put_entities(changed)
            self._known.update((entity.ref, entity) for entity in changed)

    def authorize(self, intent: Intent, *, approval_id: str | None = None) -> Allowed | Waiting | Refused:
        """The authority's answer."""
        self.asked += 1
        outcome = self.tenant.authorize(intent, audience=AUDIENCE, approval=approval_id)
        if isinstance(outcome, Granted):
            if approval_id is not None or not self.approvals:
                self.exhibit = outcome.seq
            return Allowed(token=outcome.token, rules=outcome.rules)
        if isinstance(outcome, Pending):
            return Waiting(approval_id=outcome.approval_id, rules=outcome.rules)
        return Refused(reasons=tuple(f"{outcome.kind}: {reason.place} {reason.text}" for reason in outcome.reasons))

    def approve(self, approval_id: str) -> None:
        """The owner signs exactly this request."""
        self.tenant.approve(approval_id, person=OWNER, key=self._owner_key)
        self.approvals += 1

    def redeem(self, token: SignedToken, call: Call) -> None:
        """Consume the token for `call`; raises TokenError when it is not good for exactly this, once."""
        self.tenant.redeem(token, call, adapter=self._adapter)
        self.redeemed += 1


def policy_sources(folder: Path) -> dict[str, str]:
    """The policy files of a folder by name; raises AssemblyError when there is none."""
    files = sorted(folder.glob("*.policy"))
    if not files:
        raise AssemblyError(f"there are no policy files in {folder}: give their folder with --policies")
    return {file.name: file.read_text(encoding="utf-8") for file in files}
