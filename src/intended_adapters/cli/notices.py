"""Commands that tell people outside what they should look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place
from intended_core import UnitRefusedError, load_registry

__all__ = ["notices"]

notices = typer.Typer()


def _sealed(desk: Any, name: str) -> bytes:
    """The webhook's secret out of the store; it never shows."""
    try:
        found: bytes = desk.secret(name, "webhook")
    except UnitRefusedError:
        fail(Exit.USAGE, f"a webhook is signed: seal its secret with `intended secrets put notifier:{name} webhook`, or give --secret-file")
    return found


@notices.command("slots")
def notices_slots(
    name: Annotated[str, typer.Argument(help="Under which the store remembers how far this notifier was told.")],
    webhook: Annotated[str, typer.Option(help="POST to this https address, signed; without it each is a line in the log.")] = "",
    secret_file: Annotated[
        Path | None, typer.Option(help="The webhook's secret in a file of mode 0600, instead of the one that is sealed for it.")
    ] = None,
    since: Annotated[int, typer.Option(help="The first time, begin at this epoch; without it with the newest.")] = -1,
    json: JsonFlag = False,
) -> None:
    """Tell a customer which head their log has in each epoch, with its proof, about a kilobyte an epoch. Run it by schedule.

    Example: intended --tenant acme notices slots customer --webhook https://hooks.example.com/slots

    The other side keeps the newest with `intended witness slot`. The webhook's secret is sealed as for `notices deliver`.
    """
    if secret_file is not None and not webhook:
        fail(Exit.USAGE, "--secret-file belongs to --webhook")
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        notifier = _notifier(tenant.notices, name, webhook, secret_file)
        done = authority.anchor.tell_slots(tenant.scope, name, notifier, since=None if since < 0 else since)
    emit(
        json,
        {"told": done.told, "next": done.next_epoch, "waiting": done.waiting, "due_us": done.due_us, "given_up": done.given_up},
        f"told {done.told} epochs, next is {done.next_epoch}"
        + (f"; {name} did not take one, and is asked again" if done.due_us else "")
        + (f"; {done.given_up} were never told" if done.given_up else ""),
    )


def _notifier(desk: Any, name: str, webhook: str, secret_file: Path | None) -> Any:
    options: dict[str, object] = {}
    if webhook:
        options = {"url": webhook, **({"secret_file": secret_file} if secret_file else {"secret": _sealed(desk, name)})}
    return load_registry().create("notifier", "webhook" if webhook else "log", **options)


@notices.command("deliver")
def notices_deliver(
    name: Annotated[str, typer.Argument(help="Under which the store remembers how far this notifier was told.")],
    webhook: Annotated[str, typer.Option(help="POST to this https address, signed; without it each is a line in the log.")] = "",
    secret_file: Annotated[
        Path | None, typer.Option(help="The webhook's secret in a file of mode 0600, instead of the one that is sealed for it.")
    ] = None,
    since: Annotated[int, typer.Option(help="The first time, begin at this record; without it with what happens from now on.")] = -1,
    json: JsonFlag = False,
) -> None:
    """Tell a notifier what it was not told yet: requests, what became of them, overdue obligations, halts. Run it by schedule.

    Example: intended --tenant acme notices deliver ops --webhook https://hooks.example.com/intended

    The webhook's secret (one line whsec_…) is sealed with `intended secrets put notifier:ops webhook`.
    """
    if secret_file is not None and not webhook:
        fail(Exit.USAGE, "--secret-file belongs to --webhook")
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).notices
        done = desk.deliver(name, _notifier(desk, name, webhook, secret_file), since=None if since < 0 else since)
        emit(
            json, {"told": done.told, "next": done.next_seq, "due_us": done.due_us, "given_up": done.given_up},
            f"told {done.told}, up to record {done.next_seq}"
            + (f"; {name} did not take one, and is asked again" if done.due_us else "")
            + (f"; {done.given_up} were never taken" if done.given_up else ""),
        )  # fmt: skip
