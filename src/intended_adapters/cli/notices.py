"""Commands that tell people outside what they should look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place
from intended_core import load_registry

__all__ = ["notices"]

notices = typer.Typer()


@notices.command("deliver")
def notices_deliver(
    name: Annotated[str, typer.Argument(help="Under which the store remembers how far this notifier was told.")],
    webhook: Annotated[str, typer.Option(help="POST to this https address, signed; without it each is a line in the log.")] = "",
    secret_file: Annotated[Path | None, typer.Option(help="The webhook's secret: one line whsec_…, mode 0600.")] = None,
    since: Annotated[int, typer.Option(help="The first time, begin at this record; without it with what happens from now on.")] = -1,
    json: JsonFlag = False,
) -> None:
    """Tell a notifier what it was not told yet: requests, what became of them, overdue obligations, halts. Run it by schedule.

    Example: intended --tenant acme notices deliver ops --webhook https://hooks.example.com/intended --secret-file keys/webhook
    """
    if (webhook == "") != (secret_file is None):
        fail(Exit.USAGE, "a webhook is signed: --webhook and --secret-file belong together")
    options = {"url": webhook, "secret_file": secret_file} if webhook else {}
    notifier = load_registry().create("notifier", "webhook" if webhook else "log", **options)
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).notices
        done = desk.deliver(name, notifier, since=None if since < 0 else since)  # type: ignore[arg-type]
        emit(
            json, {"told": done.told, "next": done.next_seq, "due_us": done.due_us, "given_up": done.given_up},
            f"told {done.told}, up to record {done.next_seq}"
            + (f"; {name} did not take one, and is asked again" if done.due_us else "")
            + (f"; {done.given_up} were never taken" if done.given_up else ""),
        )  # fmt: skip
