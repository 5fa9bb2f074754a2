"""Commands for policy sets and their data: draft, check, simulate, approve, activate, roll back; set, show and compare values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import (
    ID_MAY_START_WITH_A_DASH,
    Exit,
    JsonFlag,
    counted,
    emit,
    fail,
    place,
    policy_files,
    read_file,
)
from intended_adapters.cli.signers import By, KeyFile, private_key
from intended_adapters.cli.simulation import show_simulation, simulation_json, watched
from intended_core import EntityRef, LocalPersonKey, TenantAuthority, entity_ref, lock_packs, parse_json

__all__ = ["data", "policies"]

policies = typer.Typer()
data = typer.Typer()
MAX_DATA_BYTES = 16 * 1024 * 1024

Packs = Annotated[
    list[str] | None,
    typer.Option("--pack", help="An imported pack held to its bytes from now on: NAME=DIGEST, as `policy packs` prints it."),
]
Unlock = Annotated[list[str] | None, typer.Option("--unlock", help="A pack that is no longer held to its bytes, by its name.")]
NoteFlag = Annotated[str, typer.Option("--note", help="One line that the second person and the log read.")]
Paths = Annotated[list[Path], typer.Argument(show_default=False, help="Policy files or directories.")]


def _drafter(by: str, key: Path | None) -> tuple[EntityRef | None, LocalPersonKey | None]:
    if key is not None and not by:
        fail(Exit.USAGE, "say who signs: a --key belongs to a --person")
    return (entity_ref(by) if by else None), (None if key is None else private_key(key))


def _locks(given: list[str] | None, unlock: list[str] | None) -> dict[str, Any]:
    """What is said of the locks of packs, as draft and activate take it."""
    try:
        packs = {name: bytes.fromhex(text) for name, _, text in (each.partition("=") for each in given)} if given else None
        return {"packs": packs, "unlock": tuple(unlock or ())}
    except ValueError:
        fail(Exit.USAGE, "a pack is locked as NAME=DIGEST, with 64 hexadecimal characters as `policy packs` prints them")


def _texts(paths: list[Path]) -> dict[str, str]:
    return {name: text.decode("utf-8", "surrogateescape") for name, text in policy_files(paths).items()}


def _draft_json(view: Any) -> dict[str, Any]:
    tested = view.tested
    return {
        "draft": view.draft_id, "subject": view.subject, "state": view.state, "content": view.content.hex(), "base": view.base,
        "drafter": None if view.drafter is None else str(view.drafter), "signed": view.signed, "note": view.note,
        "approved_by": [str(each) for each in view.approved_by], "findings": dict(view.findings), "seq": view.seq,
        "tested": None if tested is None else {"env": tested.environment, "digest": tested.digest.hex(), "seq": tested.seq},
        "to_sign": view.to_sign.hex(), "to_approve": view.to_approve.hex(), "unlock": list(view.locks.unlock),
        "packs": {name: digest.hex() for name, digest in (view.locks.packs or {}).items()},
    }  # fmt: skip


def _draft_text(view: Any) -> str:
    lines = [f"{view.state:10} {view.draft_id}  {view.subject}  {view.content.hex()[:16]}"]
    if view.note:
        lines.append(f"  note      {view.note}")
    if view.drafter is not None:
        lines.append(f"  drafter   {view.drafter}{'' if view.signed else ' (not signed)'}")
    if view.approved_by:
        lines.append(f"  approved  {', '.join(str(each) for each in view.approved_by)}")
    if view.tested is not None:
        lines.append(f"  tested    in {view.tested.environment}, record {view.tested.seq}")
    lines += [f"  locks     {name}={digest.hex()}" for name, digest in (view.locks.packs or {}).items()]
    lines += [f"  unlocks   {name}" for name in view.locks.unlock]
    for name, found in view.findings.items():
        lines.append(f"  {name:9} {_plain(found)}")
    return "\n".join(lines)


def _plain(found: Any) -> str:
    if isinstance(found, dict):
        return ", ".join(f"{name} {value}" for name, value in found.items() if not str(name).endswith("digest"))
    if isinstance(found, list):
        return "; ".join(" ".join(str(part) for part in each) if isinstance(each, list) else str(each) for each in found)
    return str(found)


@policies.command("draft")
def policy_draft(
    paths: Paths, by: By = "", key: KeyFile = None, note: NoteFlag = "", pack: Packs = None, unlock: Unlock = None,
    json: JsonFlag = False,
) -> None:  # fmt: skip
    """Keep a policy set as a draft and check it; nothing is decided by it yet.

    Example: intended --tenant acme policy draft policies/payments --person 'User::"ann"' --key ann.pem
    """
    drafter, private = _drafter(by, key)
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).policies
        view = desk.draft(_texts(paths), drafter=drafter, key=private, note=note, **_locks(pack, unlock))
        view = desk.check(view.draft_id)
    emit(json, _draft_json(view), f"{_draft_text(view)}\nnext: intended policy simulate {view.draft_id}")


@policies.command("packs")
def policy_packs(paths: Paths, json: JsonFlag = False) -> None:
    """Print the digest of each pack among the files, to hold whoever imports it to these bytes; needs no store.

    Example: intended policy packs policies/shared
    """
    found = {name: digest.hex() for name, digest in lock_packs(policy_files(paths)).items() if name}
    emit(json, {"packs": found}, "\n".join(f"{name}={digest}" for name, digest in found.items()) or "no file names a pack")


@policies.command("promote")
def policy_promote(
    by: By = "", key: KeyFile = None, note: NoteFlag = "", pack: Packs = None, unlock: Unlock = None, json: JsonFlag = False
) -> None:
    """Draft in --env what is active in the tenant's other environment; the draft names what was tested there.

    Example: intended --tenant acme --env live policy promote --person 'User::"ann"' --key ann.pem
    """
    drafter, private = _drafter(by, key)
    where = place()
    with where.open() as authority:
        here = where.handle(authority)
        tested = authority.tenant(where.tenant, "test" if where.env == "live" else "live").policies.tested()
        view = here.policies.promote(tested, drafter=drafter, key=private, note=note, **_locks(pack, unlock))
        view = here.policies.check(view.draft_id)
    emit(json, _draft_json(view), f"{_draft_text(view)}\nnext: intended policy simulate {view.draft_id}")


@policies.command("check", context_settings=ID_MAY_START_WITH_A_DASH)
def policy_check(draft: str, json: JsonFlag = False) -> None:
    """Check a draft again and run the set's own tests.

    Example: intended --tenant acme policy check DRAFT
    """
    where = place()
    with where.open() as authority:
        view = where.handle(authority).policies.check(draft)
    emit(json, _draft_json(view), _draft_text(view))


@policies.command("simulate", context_settings=ID_MAY_START_WITH_A_DASH)
def policy_simulate(
    draft: str,
    most: Annotated[int, typer.Option(help="How many of the newest decisions are asked again, at most.")] = 1_000,
    json: JsonFlag = False,
) -> None:
    """Ask recorded decisions again under a draft: which would be others now.

    Example: intended --tenant acme policy simulate DRAFT --most 5000
    """
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).policies
        with watched(json) as progress:
            found = desk.simulate(draft, most=most, progress=progress)
    if json:
        emit(True, simulation_json(found), "")
    else:
        show_simulation(found)


@policies.command("approve", context_settings=ID_MAY_START_WITH_A_DASH)
def policy_approve(
    draft: str,
    person: Annotated[str, typer.Option(help='Who signs, as in policies: User::"bob"; never who drafted it.')],
    key: Annotated[Path, typer.Option(help="That person's private key (PEM).")],
    json: JsonFlag = False,
) -> None:
    """Approve a simulated draft as a second person.

    Example: intended --tenant acme policy approve DRAFT --person 'User::"bob"' --key bob.pem
    """
    private, ref = private_key(key), entity_ref(person)
    where = place()
    with where.open() as authority:
        view = where.handle(authority).policies.approve(draft, person=ref, key=private)
    emit(json, _draft_json(view), f"{_draft_text(view)}\nnext: intended policy activate --draft {view.draft_id}")


@policies.command("activate")
def policy_activate(
    paths: Annotated[list[Path] | None, typer.Argument(show_default=False, help="Policy files or directories.")] = None,
    draft: Annotated[str, typer.Option(help="The draft to put in force, instead of files.")] = "",
    pack: Packs = None,
    unlock: Unlock = None,
    json: JsonFlag = False,
) -> None:
    """Check, test and activate a policy set; tokens of the set before are void from then on.

    Example: intended --tenant acme policy activate policies/payments

    Once there is an admin, files alone are refused: a draft that a second person approved is activated.
    """
    if bool(paths) == bool(draft):
        fail(Exit.USAGE, "give either policy files or --draft")
    if (pack or unlock) and draft:
        fail(Exit.USAGE, "packs are locked where the files are given: at `policy draft`")
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        done: Any = (
            tenant.policies.activate(draft) if draft else tenant.activate(_texts(paths or []), **_locks(pack, unlock))
        )
    if hasattr(done, "version"):
        _emit_written(json, done)
        return
    emit(
        json,
        {
            "digest": done.digest.hex(), "semantic_digest": done.semantic_digest.hex(), "rules": done.rules,
            "tests": done.tests, "seq": done.seq,
        },
        f"active: {counted(done.rules, 'rule')}, {counted(done.tests, 'test')} passed\ndigest {done.digest.hex()}\nrecord {done.seq}",
    )  # fmt: skip


@policies.command("rollback")
def policy_rollback(
    digest: Annotated[str, typer.Option(help="Which earlier set; without it, the one before.")] = "",
    by: By = "",
    key: KeyFile = None,
    note: NoteFlag = "",
    pack: Packs = None,
    unlock: Unlock = None,
    json: JsonFlag = False,
) -> None:
    """Draft a set that was active before; it is simulated, approved and activated like any other.

    Example: intended --tenant acme policy rollback --person 'User::"ann"' --key ann.pem
    """
    drafter, private = _drafter(by, key)
    try:
        wanted = bytes.fromhex(digest) if digest else None
    except ValueError:
        fail(Exit.INPUT, "a digest is 64 hexadecimal characters, as `intended policy show` prints it")
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).policies
        view = desk.rollback(wanted, drafter=drafter, key=private, note=note, **_locks(pack, unlock))
        view = desk.check(view.draft_id)
    emit(json, _draft_json(view), f"{_draft_text(view)}\nnext: intended policy simulate {view.draft_id}")


@policies.command("withdraw", context_settings=ID_MAY_START_WITH_A_DASH)
def policy_withdraw(draft: str, json: JsonFlag = False) -> None:
    """Close a draft; it is never put in force.

    Example: intended --tenant acme policy withdraw DRAFT
    """
    where = place()
    with where.open() as authority:
        view = where.handle(authority).policies.withdraw(draft)
    emit(json, _draft_json(view), _draft_text(view))


@policies.command("list")
def policy_list(json: JsonFlag = False) -> None:
    """List drafts, oldest first, and the set in force.

    Example: intended --tenant acme policy list
    """
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).policies
        views, now = desk.list(), desk.active()
    active = "no set is active" if now is None else f"in force: {now.digest.hex()[:16]}, record {now.seq}"
    emit(
        json,
        {"active": None if now is None else now.digest.hex(), "drafts": [_draft_json(view) for view in views]},
        "\n".join([active, *(_draft_text(view) for view in views)]),
    )


@policies.command("show", context_settings=ID_MAY_START_WITH_A_DASH)
def policy_show(
    draft: Annotated[str, typer.Argument(help="A draft's id; without it, the set in force.")] = "", json: JsonFlag = False
) -> None:
    """Show a draft, or the set in force and those before it.

    Example: intended --tenant acme policy show
    """
    where = place()
    with where.open() as authority:
        desk = where.handle(authority).policies
        if draft:
            view = desk.show(draft)
            emit(json, _draft_json(view), f"{_draft_text(view)}\n  digest    {view.to_approve.hex()} is what a second person signs")
            return
        now = desk.active()
    if now is None:
        emit(json, {"active": None}, "no set is active")
        return
    before, packs = [each.hex() for each in now.before], {name: each.hex() for name, each in now.packs.items()}
    emit(
        json, {"active": now.digest.hex(), "seq": now.seq, "files": sorted(now.sources), "before": before, "packs": packs},
        "\n".join([f"in force {now.digest.hex()}, record {now.seq}", *(f"  {name}" for name in sorted(now.sources)),
                   *(f"locked   {name}={each}" for name, each in packs.items()), *(f"before   {each}" for each in before)]),
    )  # fmt: skip


def _change(path: Path) -> dict[str, Any]:
    found = parse_json(read_file(path, limit=MAX_DATA_BYTES))
    if not isinstance(found, dict) or not found.keys() <= {"params", "tables", "remove"}:
        fail(Exit.INPUT, 'a change is {"params": {name: value}, "tables": {name: rows}, "remove": [names]}')
    for name, kind in (("params", dict), ("tables", dict), ("remove", list)):
        if not isinstance(found.get(name, kind()), kind):
            fail(Exit.INPUT, f"{name} is {'a list' if kind is list else 'an object'}")
    return {
        "params": _refs(found.get("params", {})), "tables": _refs(found.get("tables", {})),
        "remove": [str(name) for name in found.get("remove", [])],  # type: ignore[union-attr]
    }  # fmt: skip


def _refs(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"__entity"} and isinstance(value["__entity"], dict) and value["__entity"].keys() == {"type", "id"}:
            return EntityRef(str(value["__entity"]["type"]), str(value["__entity"]["id"]))
        return {name: _refs(item) for name, item in value.items()}
    return [_refs(item) for item in value] if isinstance(value, list) else value


def _emit_written(json: bool, done: Any) -> None:
    changes = [[each.kind, each.name, each.what, each.direction] for each in done.changes]
    emit(
        json, {"version": done.version, "digest": done.digest.hex(), "seq": done.seq, "changes": changes},
        "\n".join([f"in force: version {done.version}, record {done.seq}", *(f"  {' '.join(each)}" for each in changes)]),
    )  # fmt: skip


@data.command("set")
def data_set(
    path: Annotated[Path, typer.Argument(help="The change as JSON; - for standard input.")],
    draft: Annotated[bool, typer.Option("--draft", help="Keep it as a draft instead, for a second person.")] = False,
    by: By = "",
    key: KeyFile = None,
    note: NoteFlag = "",
    json: JsonFlag = False,
) -> None:
    """Set params and tables, all or nothing; values are typed by the set in force.

    Example: intended --tenant acme data set limits.json
    """
    drafter, private = _drafter(by, key)
    change = _change(path)
    where = place()
    with where.open() as authority:
        tenant = where.handle(authority)
        if not draft:
            if drafter is not None:
                fail(Exit.USAGE, "--person and --key belong to --draft")
            _emit_written(json, tenant.data.set(**change))
            return
        view = tenant.data.draft(**change, drafter=drafter, key=private, note=note)
        view = tenant.policies.check(view.draft_id)
    emit(json, _draft_json(view), f"{_draft_text(view)}\nnext: intended policy simulate {view.draft_id}")


def _shown(tenant: TenantAuthority) -> tuple[Any, dict[str, Any]]:
    view = tenant.data.show()
    told = {
        "version": view.version, "digest": view.digest.hex(), "params": dict(view.params),
        "tables": {name: {"rows": rows, "updated_ms": at} for name, (rows, at) in view.tables.items()},
        "undeclared": list(view.undeclared), "missing": list(view.missing),
    }  # fmt: skip
    return view, told


@data.command("show")
def data_show(
    name: Annotated[str, typer.Argument(help="One param or table; without it, all.")] = "", json: JsonFlag = False
) -> None:
    """Show the values in force, as `data set` takes them.

    Example: intended --tenant acme data show auto_limit
    """
    where = place()
    with where.open() as authority:
        view, told = _shown(where.handle(authority))
    if name and name not in view.params and name not in view.tables:
        fail(Exit.INPUT, f"{name} has no value of its own")
    params = {each: value for each, value in told["params"].items() if name in ("", each)}
    tables = {each: value for each, value in told["tables"].items() if name in ("", each)}
    lines = [f"version {view.version}", *(f"param {each} = {value}" for each, value in params.items())]
    lines += [f"table {each} = {value['rows']}" for each, value in tables.items()]
    emit(json, {**told, "params": params, "tables": tables}, "\n".join(lines))


@data.command("list")
def data_list(json: JsonFlag = False) -> None:
    """List params and tables that have values, and those that the set in force waits for.

    Example: intended --tenant acme data list
    """
    where = place()
    with where.open() as authority:
        view, told = _shown(where.handle(authority))
    names = [f"param  {each}" for each in view.params]
    names += [f"table  {each}  {len(rows) if isinstance(rows, list | dict) else 1} rows" for each, (rows, _) in view.tables.items()]
    names += [f"waits  {each}: reading it denies" for each in view.missing]
    names += [f"unread {each}: the set in force does not declare it" for each in view.undeclared]
    emit(
        json,
        {
            "version": view.version, "params": sorted(view.params), "tables": sorted(view.tables), "missing": told["missing"],
            "undeclared": told["undeclared"],
        },
        "\n".join([f"version {view.version}", *names]),
    )  # fmt: skip


@data.command("diff")
def data_diff(
    path: Annotated[Path, typer.Argument(help="The change as JSON; - for standard input.")], json: JsonFlag = False
) -> None:
    """Say what a change would move, and which way: widens, narrows or both. Nothing is changed.

    Example: intended --tenant acme data diff limits.json
    """
    change = _change(path)
    where = place()
    with where.open() as authority:
        found = where.handle(authority).data.compare(**change)
    changes = [[each.kind, each.name, each.what, each.direction] for each in found]
    emit(json, {"changes": changes}, "\n".join(" ".join(each) for each in changes) or "nothing changes")
