"""What runs until the power is cut: `python -m tests.faults.power_world FOLDER store|authority full|normal`, a line for each acknowledged act."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bench.world import AUDIENCE, ENTITIES, NOW_US, POLICY, intent
from intended_adapters.storage.connection import Durability
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core import Authority, ManualClock, Settings
from intended_core.testing.storage_cases import ACME, advance, consume, issue

__all__ = ["reopened"]

UNITS = 60  # of each thread
THREADS = 4
SETTINGS = Settings(token_life_seconds=300, flow_deadline_seconds=60)


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def _in_threads(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def store(folder: Path, durability: Durability) -> None:
    """Units on the bare store, by several threads: nonces are issued and spent."""
    storage = SqliteStorage.create(folder / "data" / "a.db", durability=durability)
    storage.create_scope(ACME)
    storage.commit(advance(ACME))
    _say("ready")

    def work(number: int) -> None:
        for turn in range(UNITS):
            name = f"n{number}.{turn}"
            storage.commit(issue(ACME, name))
            _say(f"issued {name}")
            storage.commit(consume(ACME, name, name.encode()))
            _say(f"spent {name}")

    _in_threads(work)
    storage.close()


def authority(folder: Path, durability: Durability) -> None:
    """Tokens are granted and redeemed by several threads."""
    made = Authority.create(
        folder / "data" / "a.db", key_file=folder / "keys" / "kek", clock=ManualClock(NOW_US), settings=SETTINGS, durability=durability
    )
    tenant = made.create_tenant("acme")
    tenant.activate({"p.policy": POLICY})
    tenant.put_entities(ENTITIES)
    bank, wanted = tenant.adapter(AUDIENCE), intent()
    call = wanted.call()
    _say("ready")

    def work(number: int) -> None:
        for turn in range(UNITS):
            token = tenant.require(wanted, audience=AUDIENCE).text
            _say(f"issued {token}")
            if (number + turn) % 3:
                tenant.redeem(token, call, adapter=bank)
                _say(f"spent {token}")

    _in_threads(work)
    made.close()


def reopened(folder: Path) -> Authority:
    """The authority in `folder`, at the moment that every token was made for."""
    return Authority.open(
        folder / "data" / "a.db", key_file=folder / "keys" / "kek", clock=ManualClock(NOW_US), settings=SETTINGS, durability="normal"
    )


if __name__ == "__main__":
    place = Path(sys.argv[1])
    {"store": store, "authority": authority}[sys.argv[2]](place, cast(Durability, sys.argv[3]))
