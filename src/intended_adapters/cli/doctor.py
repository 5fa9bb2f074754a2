"""doctor: is this installation and this store as they should be?"""

from __future__ import annotations

import importlib.metadata
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import typer

from intended_adapters.cli.common import Exit, JsonFlag, counted, emit, place
from intended_adapters.cli.times import moment
from intended_core import Authority, IntendedError, StoreError, load_registry

__all__ = ["doctor"]


def doctor(json: JsonFlag = False) -> None:
    """Check the installation, the store, the key file, every tenant's head and log.

    Example: intended doctor

    Exit code 9 when something needs an operator.
    """
    found: list[tuple[str, bool, str]] = []

    def probe(name: str, check: Callable[[], str]) -> None:
        try:
            found.append((name, True, check()))
        except (IntendedError, OSError, importlib.metadata.PackageNotFoundError) as error:
            found.append((name, False, str(error)))

    where = place()
    probe("python", lambda: f"{sys.version.split()[0]}")
    probe("package", lambda: importlib.metadata.version("intended"))
    probe("adapters", _adapters)
    probe("key file", lambda: _key_file(str(where.key_file)))
    opened: list[Authority] = []

    def store() -> str:
        opened.append(where.open_quietly())
        info = opened[0].info()
        return f"{info.adapter} {info.location}, format {info.format_version}, " + ", ".join(
            f"{name}={value}" for name, value in info.settings
        )

    probe("store", store)
    if opened:
        with opened[0] as authority:
            probe("log", lambda: _logs(authority))
            probe("rollback", lambda: _recoveries(authority))
            probe("time", lambda: _stamps(authority))
            probe("reserve", lambda: _reserve(authority))
            probe("halts", lambda: _halts(authority))
            probe("hands", lambda: _hands(authority))
    lines = [f"{'ok  ' if good else 'BAD '} {name:10} {text}" for name, good, text in found]
    emit(
        json,
        {"ok": all(good for _, good, _ in found), "checks": [{"name": n, "ok": g, "text": t} for n, g, t in found]},
        "\n".join(lines),
    )
    if not all(good for _, good, _ in found):
        raise typer.Exit(int(Exit.OPERATOR))


def _adapters() -> str:
    registry = load_registry()
    return ", ".join(f"{found.kind}/{found.name}" for found in registry.adapters())


def _key_file(path: str) -> str:
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if mode & 0o077:
        raise OSError(f"{path} may be read by others (mode {mode:04o}); chmod 600 it")
    return f"{path} (mode {mode:04o})"


def _logs(authority: Authority) -> str:
    authority.probe()
    scopes = authority.tenants()
    return f"{counted(len(scopes), 'tenant environment')}, each log as its head names it"


def _recoveries(authority: Authority) -> str:
    """Raise unless every log stands where it should: not behind its mark, nor ahead of the clock."""
    bad: list[str] = []
    for scope in authority.tenants():
        status = authority.tenant(scope.tenant, scope.environment).recovery.status()
        why = status.evidence or (f"its newest record is {status.ahead_us // 1_000_000} s later than the clock" if status.ahead_us else "")
        if status.refusing or why:
            bad.append(f"{scope.tenant}/{scope.environment} grants nothing: {why}; look at `intended recover`")
    if authority.mark_failure:
        bad.append(f"the newest heads are not noted: {authority.mark_failure}")
    if bad:
        raise StoreError("; ".join(bad))
    return "no log stands behind what is known of it"


def _stamps(authority: Authority) -> str:
    """Raise when time stamps are taken and the last try failed, or the next one is late; that none are taken is no fault."""
    found = authority.anchor.stamping()
    if found.failed_us:
        raise StoreError(f"the anchor log is not stamped since {moment(found.failed_us)} UTC: {found.why}")
    if not found.count:
        return "no time stamps are taken (`intended audit timestamp`)"
    if found.due_us and time.time_ns() // 1000 > found.due_us:
        raise StoreError(f"the next time stamp was due at {moment(found.due_us)} UTC, and nobody asked for it")
    return f"{found.count} time stamps, the newest of {moment(found.time_us)} UTC over {found.size} epochs"


def _reserve(authority: Authority) -> str:
    """What a halt can still be written into on a full disk: said, and no fault."""
    info = authority.info()
    kept = dict(info.settings).get("reserve")
    if kept is None:
        return "this kind of store sets no space aside for a halt"
    held, _, whole = kept.removesuffix(" bytes").partition(" of ")
    if held == whole:
        return f"{kept} are set aside for a halt on a full disk"
    return (
        f"only {kept} are set aside for a halt on a full disk: free some space; what is not the store's own file at {info.location}-reserve"
        " is left alone, move it away"
    )


def _halts(authority: Authority) -> str:
    """What is halted: said, and no fault."""
    halted = [
        f"{scope.tenant}/{scope.environment} {halt.target}"
        for scope in authority.tenants()
        for halt in authority.tenant(scope.tenant, scope.environment).halts.standing()
        if halt.engaged
    ]
    return f"{len(halted)} engaged" + (f": {', '.join(halted)}" if halted else "")


def _hands(authority: Authority) -> str:
    """Where one hand is enough in a live environment, and what to do about it: said, and no fault."""
    live = [scope for scope in authority.tenants() if scope.environment == "live"]
    alone = [
        f"{scope.tenant}/{scope.environment}"
        for scope in live
        if not any("admin" in person.roles for person in authority.tenant(scope.tenant, scope.environment).persons.list())
    ]
    if not alone:
        return f"two persons change what is in force in each of {len(live)} live environments"
    name = alone[0].partition("/")[0]
    return (
        f"one hand changes what is in force in {', '.join(alone)}: it has no admin; register those who approve, then the admin: "
        f"`intended --tenant {name} person add 'User::\"eve\"' PUBLIC_KEY --role admin`"
    )
