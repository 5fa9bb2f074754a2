"""Roles: what a person may do beside approving what a policy asks of their group.

Each role is spelled out in full, there is no inheritance, and what stands in no role nobody may do. Admin runs the house, and neither
approves nor submits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from intended_core.errors import AccessDeniedError, IntentError
from intended_core.outcome import Deny, Reason
from intended_core.persons import Person

__all__ = ["PERMISSIONS", "ROLES", "Permission", "check_permitted", "checked_roles"]

Permission = Literal[
    "intent.read", "decision.read", "policy.read", "connector.read", "intent.submit", "intent.cancel_own", "intent.simulate",
    "intent.approve", "intent.reject", "entity.write", "data.write", "person.manage", "secret.manage", "audit.erase", "audit.hold",
    "signing_key.compromise", "token.revoke", "policy.draft", "policy.activate", "connector.manage", "provider_key.manage",
    "signing_key.read", "signing_key.rotate", "apikey.manage_own", "apikey.manage_all", "member.read", "member.manage",
    "role.assign", "sso.manage", "scim.manage", "audit.read", "audit.export", "halt.engage", "halt.resume", "tenant.settings",
    "tenant.close",
]  # fmt: skip
ROLES: Final = ("viewer", "operator", "approver", "admin")
_V, _O, _P, _A = ROLES
PERMISSIONS: Final[Mapping[Permission, frozenset[str]]] = {
    "intent.read": frozenset(ROLES),
    "decision.read": frozenset(ROLES),
    "policy.read": frozenset(ROLES),
    "connector.read": frozenset(ROLES),
    "intent.submit": frozenset({_O}),
    "intent.cancel_own": frozenset({_O}),
    "intent.simulate": frozenset({_O, _P}),
    "intent.approve": frozenset({_P}),
    "intent.reject": frozenset({_P}),
    "entity.write": frozenset({_O, _A}),
    "data.write": frozenset({_O, _A}),
    "person.manage": frozenset({_A}),
    "secret.manage": frozenset({_A}),
    "audit.erase": frozenset({_P, _A}),
    "audit.hold": frozenset({_P, _A}),
    "signing_key.compromise": frozenset({_P, _A}),
    "token.revoke": frozenset({_O, _P, _A}),
    "policy.draft": frozenset({_O, _A}),
    "policy.activate": frozenset({_P, _A}),
    "connector.manage": frozenset({_A}),
    "provider_key.manage": frozenset({_A}),
    "signing_key.read": frozenset(ROLES),
    "signing_key.rotate": frozenset({_A}),
    "apikey.manage_own": frozenset({_O, _A}),
    "apikey.manage_all": frozenset({_A}),
    "member.read": frozenset(ROLES),
    "member.manage": frozenset({_A}),
    "role.assign": frozenset({_A}),
    "sso.manage": frozenset({_A}),
    "scim.manage": frozenset({_A}),
    "audit.read": frozenset(ROLES),
    "audit.export": frozenset({_P, _A}),
    "halt.engage": frozenset({_O, _P, _A}),
    "halt.resume": frozenset({_P, _A}),
    "tenant.settings": frozenset({_A}),
    "tenant.close": frozenset({_P, _A}),
}


def checked_roles(names: Iterable[str]) -> frozenset[str]:
    """These roles; raises IntentError for one that does not exist, and for none."""
    found = frozenset((names,) if isinstance(names, str) else names)
    if not found or not found <= set(ROLES):
        raise IntentError(f"a person has one or more of the roles {', '.join(ROLES)}", place="roles")
    return found


def check_permitted(person: Person, permission: Permission) -> None:
    """Raise AccessDeniedError unless one of the person's roles holds `permission`."""
    if not PERMISSIONS.get(permission, frozenset()) & person.roles:
        text = f"{person.ref} has no role that may do this ({permission})"
        raise AccessDeniedError(text, outcome=Deny(kind="forbid", reasons=(Reason(text=text),)))
