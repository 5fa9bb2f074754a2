"""Commands for requests that wait for people: list, show, approve, reject, cancel."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import ID_MAY_START_WITH_A_DASH, JsonFlag, emit, place
from intended_adapters.cli.signers import private_key
from intended_core import ApprovalStatus, ApprovalView, entity_ref

__all__ = ["approvals", "approvals_commands"]

approvals = typer.Typer()

PersonFlag = Annotated[str, typer.Option("--person", help='Who signs, as in policies: User::"ann".')]
KeyFlag = Annotated[Path, typer.Option("--key", help="That person's private key (PEM).")]
ReasonFlag = Annotated[str, typer.Option("--reason", help="One line that stands in the log.")]


@approvals.command("list")
def approvals_list(
    state: Annotated[str, typer.Option(help="PENDING, APPROVED, USED, REJECTED, CANCELLED or EXPIRED; all without it.")] = "",
    principal: Annotated[str, typer.Option(help='Only requests of this principal: Agent::"bot".')] = "",
    approver: Annotated[str, typer.Option(help='Only requests of which a group is asked that this person is in.')] = "",
    json: JsonFlag = False,
) -> None:
    """List requests, oldest first.

    Example: intended --tenant acme approvals list --state PENDING --approver 'User::"ann"'
    """
    of, by = (entity_ref(text) if text else None for text in (principal, approver))
    where = place()
    with where.open() as authority:
        found = where.handle(authority).approvals.list(state=state or None, principal=of, approver=by)
    emit(
        json, {"approvals": [_data(view) for view in found]},
        "\n".join(f"{view.state:9} {view.approval_id}  {view.principal}  until {_time(view.expires_us)}" for view in found)
        or "no request",
    )  # fmt: skip


@approvals.command("show", context_settings=ID_MAY_START_WITH_A_DASH)
def approvals_show(approval_id: str, json: JsonFlag = False) -> None:
    """Show exactly what an approver signs: values as safe text, and the canonical bytes.

    Example: intended --tenant acme approvals show ID
    """
    where = place()
    with where.open() as authority:
        view = where.handle(authority).approvals.show(approval_id)
    text = (
        f"{view.state}\nasked by {view.principal} for {view.audience}, until {_time(view.expires_us)}\n"
        f"needs {' or '.join(' and '.join(one) for one in _needs(view))}\n"
        f"approved by {', '.join(str(ref) for ref in view.approved_by) or 'nobody'}\n\n{view.shown}\n\n"
        f"canonical {view.intent.encode('ascii', 'backslashreplace').decode()}\ndigest {view.digest.hex()}"
    )
    emit(json, _data(view), text)


@approvals.command("approve", context_settings=ID_MAY_START_WITH_A_DASH)
def approvals_approve(approval_id: str, person: PersonFlag, key: KeyFlag, json: JsonFlag = False) -> None:
    """Approve a pending request with a person's own key.

    Example: intended --tenant acme approvals approve ID --person 'User::"ann"' --key ann.pem
    """
    private, ref = private_key(key), entity_ref(person)
    where = place()
    with where.open() as authority:
        done = where.handle(authority).approvals.approve(approval_id, person=ref, key=private)
        _said(json, done, f"{done.state}: counted for {done.counted_for}")


@approvals.command("reject", context_settings=ID_MAY_START_WITH_A_DASH)
def approvals_reject(
    approval_id: str, person: PersonFlag, key: KeyFlag, reason: ReasonFlag = "", json: JsonFlag = False
) -> None:
    """End a request by the no of a person who may approve it.

    Example: intended --tenant acme approvals reject ID --person 'User::"ann"' --key ann.pem --reason "wrong account"
    """
    private, ref = private_key(key), entity_ref(person)
    where = place()
    with where.open() as authority:
        done = where.handle(authority).approvals.reject(approval_id, person=ref, key=private, reason=reason)
        _said(json, done, done.state)


@approvals.command("cancel", context_settings=ID_MAY_START_WITH_A_DASH)
def approvals_cancel(
    approval_id: str,
    reason: ReasonFlag = "",
    principal: Annotated[str, typer.Option(help="Only if this principal asked for it.")] = "",
    json: JsonFlag = False,
) -> None:
    """Take a request back.

    Example: intended --tenant acme approvals cancel ID --reason "paid by hand"
    """
    by = entity_ref(principal) if principal else None
    where = place()
    with where.open() as authority:
        done = where.handle(authority).approvals.cancel(approval_id, reason=reason, by=by)
        _said(json, done, done.state)


def _said(as_json: bool, done: ApprovalStatus, text: str) -> None:
    emit(as_json, {"approval": done.approval_id, "state": done.state, "counted_for": done.counted_for}, text)


def _needs(view: ApprovalView) -> list[list[str]]:
    return [[f"{need.quorum} of {need.group}" for need in alternative] for alternative in view.alternatives]


def _data(view: ApprovalView) -> dict[str, Any]:
    return {
        "approval": view.approval_id, "state": view.state, "principal": str(view.principal), "audience": view.audience,
        "intent": view.intent, "shown": view.shown.split("\n"), "digest": view.digest.hex(),
        "rejection_digest": view.rejection.hex(), "needs": _needs(view),
        "approved_by": [str(ref) for ref in view.approved_by], "created_us": view.created_us, "expires_us": view.expires_us,
    }  # fmt: skip


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def approvals_commands(app: typer.Typer) -> None:
    """What is done most stands at the root as well."""
    app.command("approve", context_settings=ID_MAY_START_WITH_A_DASH)(approvals_approve)
