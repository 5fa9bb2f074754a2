"""What child processes of the fault tests run: `python -m tests.faults.process_world ROLE FOLDER …`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from bench.world import AUDIENCE, NOW_US, POLICY, intent
from intended_core import Authority, Intent, LocalPersonKey, ManualClock, Settings, TokenError
from intended_core.flows.effects import Context, Effect
from intended_core.flows.runtime import Runtime
from intended_core.ids import EntityRef

__all__ = ["ASKING", "BOB", "DESK", "open_world", "risky"]

BOB, DESK = EntityRef("User", "bob"), EntityRef("Group", "desk")
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


def die(folder: Path, flow: str, index: int, moment: str) -> None:
    """Run one flow and kill this process before or after its effect `index`; print the number of effects when it survived."""
    performed = Runtime.perform
    count = 0
    armed = False

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

    Runtime.perform = perform  # type: ignore[method-assign]
    with open_world(folder) as authority:
        tenant = authority.tenant("acme")
        key = LocalPersonKey.from_pem((folder / "bob.pem").read_bytes())
        view = tenant.approval((folder / "approval").read_text())
        armed = True
        if flow == "authorize":
            tenant.authorize(intent(), audience=AUDIENCE)
        elif flow == "redeem":
            tenant.redeem((folder / "token").read_text(), intent().call(), adapter=tenant.adapter(AUDIENCE))
        elif flow == "approve":
            tenant.approve(view.approval_id, person=BOB, signature=key.sign(view.digest))
        else:
            tenant.rotate_keys()
    print(count)


if __name__ == "__main__":
    role, place = sys.argv[1], Path(sys.argv[2])
    if role == "race":
        race(place)
    else:
        die(place, role, int(sys.argv[3]), sys.argv[4])
