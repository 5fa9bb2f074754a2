"""What child processes of the fault tests run: `python -m tests.faults.process_world race FOLDER` or `… nursery`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from bench.world import AUDIENCE, ENTITIES, NOW_US, POLICY, intent
from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_core import (
    Authority,
    Intent,
    LocalPersonKey,
    ManualClock,
    Settings,
    TenantAuthority,
    TokenError,
    check_policies,
)
from intended_core.flows.effects import Context, Effect
from intended_core.flows.rewrap import rewrap as carry_over
from intended_core.flows.runtime import Runtime
from intended_core.ids import EntityRef
from intended_core.keys.ring import KeyState
from tests.reference.tile_world import fill

__all__ = ["ASKING", "BOB", "CLOSE", "CYD", "DESK", "FLOWS", "both_keys", "open_world", "risky"]

CLOSE = "close"  # the one flow of two scopes: the tenant's end, and its tombstone in the anchor log

BOB, CYD, DESK = EntityRef("User", "bob"), EntityRef("User", "cyd"), EntityRef("Group", "desk")
ASKING = POLICY.replace(
    "entity Account {", "@root entity User in Group {} \nentity Account {"
)  # the desk has a person in it


def risky() -> Intent:
    """An intent that the gate makes wait."""
    first = intent()
    return Intent(
        principal=first.principal, action=first.action, resource=first.resource, args=first.args, context={"risk": 75},
        origins=first.origins,
    )  # fmt: skip


def open_world(folder: Path) -> Authority:
    """The authority in `folder`, at the moment that every token was made for."""
    return Authority.open(
        folder / "data" / "a.db", key_file=folder / "keys" / "kek", clock=ManualClock(NOW_US),
        settings=Settings(token_life_seconds=300, flow_deadline_seconds=60), durability="normal",
    )  # fmt: skip


def race(folder: Path) -> None:
    """Redeem every token of `tokens` in step with another process: a line on stdin starts a round, a line on stdout ends it."""
    tokens = (folder / "tokens").read_text().split()
    with open_world(folder) as authority:
        tenant = authority.tenant("acme")
        bank, call = tenant.adapter(AUDIENCE), intent().call()
        print("ready", flush=True)
        for token in tokens:
            sys.stdin.readline()
            try:
                tenant.redeem(token, call, adapter=bank)
                print("won", flush=True)
            except TokenError as error:
                print(error.code, flush=True)


def _armed(index: int, moment: str) -> Callable[[], int]:
    """From the returned function's first call on, kill this process before or after effect `index`; each call tells the count."""
    performed = Runtime.perform
    count, armed = 0, False

    def perform(self: Runtime, effect: Effect, context: Context) -> Any:
        nonlocal count
        if not armed:
            return performed(self, effect, context)
        at, count = count, count + 1
        if at == index and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = performed(self, effect, context)
        if at == index and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def arm() -> int:
        nonlocal armed
        armed = True
        return count

    Runtime.perform = perform  # type: ignore[method-assign]
    return arm


def die(folder: Path, flow: str, index: int, moment: str) -> None:
    """Run one flow in this process and be killed at its effect `index`."""
    arm = _armed(index, moment)
    with open_world(folder) as authority:
        tenant = authority.tenant("acme")
        approval = (folder / "approval").read_text()
        key = LocalPersonKey.from_pem((folder / "bob.pem").read_bytes())
        digest = tenant.approval(approval).digest
        arm()
        if flow == CLOSE:
            authority.close_tenant("acme", reason="over", keys=both_keys(folder))
        else:
            FLOWS[flow](tenant, folder, approval, key.sign(digest))


def both_keys(folder: Path) -> list[tuple[EntityRef, LocalPersonKey]]:
    """The two persons of this world, to sign what takes two."""
    return [(ref, LocalPersonKey.from_pem((folder / name).read_bytes())) for ref, name in ((BOB, "bob.pem"), (CYD, "cyd.pem"))]


def compromise(tenant: TenantAuthority, folder: Path) -> None:
    """Two persons call the prepared key compromised: the tokens that wait stay good."""
    kid = next(record.kid for record in tenant.keyring.records() if record.state is KeyState.PRE_ACTIVE)
    tenant.keyring.compromise(kid, keys=both_keys(folder))


def rewrap(tenant: TenantAuthority) -> None:
    """Take a fresh key-encryption key and carry the rows over, some in each unit."""
    kek = cast("FileKeyEncryption", tenant._runtime.kek).renew()
    while tenant.operate(carry_over(tenant._context, kek_id=kek, limit=3)).left:
        pass


FLOWS: dict[str, Callable[[TenantAuthority, Path, str, bytes], object]] = {
    "authorize": lambda tenant, folder, approval, signature: tenant.authorize(intent(), audience=AUDIENCE),
    "escalate": lambda tenant, folder, approval, signature: tenant.authorize(risky(), audience=AUDIENCE),
    "redeem": lambda tenant, folder, approval, signature: tenant.redeem(
        (folder / "token").read_text(), intent().call(), adapter=tenant.adapter(AUDIENCE)
    ),
    "approve": lambda tenant, folder, approval, signature: tenant.approve(approval, person=BOB, signature=signature),
    "rotate": lambda tenant, folder, approval, signature: tenant.rotate_keys(),
    "prepare": lambda tenant, folder, approval, signature: tenant.keyring.prepare(algorithm="Ed25519"),
    "compromise": lambda tenant, folder, approval, signature: compromise(tenant, folder),
    "rewrap": lambda tenant, folder, approval, signature: rewrap(tenant),
    "put-secret": lambda tenant, folder, approval, signature: tenant.secrets.put(AUDIENCE, "api-key", b"second"),
    "remove-secret": lambda tenant, folder, approval, signature: tenant.secrets.remove(AUDIENCE, "api-key"),
    "lay-tiles": lambda tenant, folder, approval, signature: (fill(tenant, 600), tenant.tiles.lay()),
    "put-entities": lambda tenant, folder, approval, signature: tenant.put_entities(ENTITIES),
}


def nursery() -> None:
    """Fork a child for each line `FOLDER FLOW INDEX MOMENT` on stdin, and tell how it ended: what is imported is imported once."""
    check_policies({"p.policy": ASKING.encode()})  # loads the grammar, which takes longer than everything that a child does
    for line in sys.stdin:
        folder, flow, index, moment = line.split()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                die(Path(folder), flow, int(index), moment)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "race":
        race(Path(sys.argv[2]))
    else:
        nursery()
