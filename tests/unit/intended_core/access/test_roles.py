from __future__ import annotations

from typing import get_args

import pytest

from intended_core.access.roles import PERMISSIONS, ROLES, Permission, check_permitted, checked_roles
from intended_core.errors import AccessDeniedError, IntentError
from intended_core.ids import EntityRef
from intended_core.persons import Person

SECOND_PERSON = {"audit.erase", "audit.hold", "signing_key.compromise", "policy.activate", "halt.resume"}


def person(*roles: str) -> Person:
    return Person(ref=EntityRef("User", "ann"), public_key=bytes(32), roles=frozenset(roles))


def test_every_permission_is_held_by_somebody_and_by_known_roles_only() -> None:
    assert set(PERMISSIONS) == set(get_args(Permission))
    assert all(held and held <= set(ROLES) for held in PERMISSIONS.values())


def test_who_runs_the_house_neither_approves_nor_submits() -> None:
    for permission in ("intent.approve", "intent.reject", "intent.submit"):
        assert "admin" not in PERMISSIONS[permission]  # type: ignore[index]


def test_a_viewer_changes_nothing() -> None:
    held = {permission for permission, roles in PERMISSIONS.items() if "viewer" in roles}
    assert all(permission.endswith(".read") for permission in held)


def test_what_takes_two_persons_is_for_approvers_and_admins() -> None:
    for permission in SECOND_PERSON:
        assert PERMISSIONS[permission] == {"approver", "admin"}  # type: ignore[index]


def test_one_role_that_holds_the_permission_is_enough() -> None:
    check_permitted(person("viewer", "approver"), "halt.resume")
    with pytest.raises(AccessDeniedError, match="no role that may do this"):
        check_permitted(person("viewer", "operator"), "halt.resume")


@pytest.mark.parametrize("roles", [(), ("root",), ("Admin",), ("admin ",)])
def test_a_role_that_nobody_knows_holds_nothing(roles: tuple[str, ...]) -> None:
    for permission in PERMISSIONS:
        with pytest.raises(AccessDeniedError):
            check_permitted(person(*roles), permission)
    with pytest.raises(IntentError):
        checked_roles(roles)


def test_a_permission_that_nobody_knows_is_held_by_none() -> None:
    with pytest.raises(AccessDeniedError):
        check_permitted(person(*ROLES), "intent.everything")  # type: ignore[arg-type]


def test_one_name_is_one_role() -> None:
    assert checked_roles("admin") == {"admin"} == checked_roles(["admin", "admin"])
