"""Time out of other hands: have the anchor log stamped, take a record's time file, check it beside a bundle."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, place, read_file
from intended_core import (
    AdapterError,
    AuditError,
    Authority,
    Grade,
    TimeBracket,
    bracket_evidence,
    export_time,
    load_registry,
    token_of,
)

__all__ = [
    "Asked", "Stamper", "TimeFile", "Tsa", "TsaCert", "TsaCerts", "asked_time", "audit_time", "audit_timestamp", "bracket_json",
    "bracket_text", "moment", "stamped_lines", "stamper", "times",
]  # fmt: skip

SMALL = 512 * 1024
Tsa = Annotated[str | None, typer.Option("--tsa", help="Address of a time-stamping authority (RFC 3161).")]
TsaCert = Annotated[
    Path | None, typer.Option("--tsa-cert", help="Its certificates (PEM) that you pin: its root, or its root and its own.")
]
TsaCerts = Annotated[
    list[Path] | None,
    typer.Option("--tsa-cert", help="Certificates (PEM) of a time-stamping authority that you know; repeatable."),
]
TimeFile = Annotated[Path | None, typer.Option("--time", help="A time file of one of its records (`audit time`).")]


@dataclass(slots=True)
class Stamper:
    """An authority that is asked, and how often; remembers when it was asked last, so that a running sealer asks in time."""

    authority: Any
    verifier: Any
    every: float
    asked: float | None = None

    def due(self, now: float) -> bool:
        """Whether so much time has passed since the last try."""
        return self.asked is None or now - self.asked >= self.every

    def stamp(self, authority: Authority) -> dict[str, Any]:
        """Ask now: what was stamped, or why nothing was."""
        self.asked = time.monotonic()
        try:
            done = authority.anchor.stamp(self.authority, self.verifier, due_seconds=int(2 * self.every))
        except (AdapterError, AuditError) as error:
            return {"unstamped": str(error)}
        return {
            "stamped": {"size": done.size, "time_us": done.stamp.time_us, "authority": done.stamp.authority, "fresh": done.fresh}
        }  # fmt: skip


def stamper(url: str | None, certificates: Path | None, every: float) -> Stamper | None:
    """The authority at `url`, None where none is named."""
    if (url is None) != (certificates is None):
        fail(Exit.USAGE, "give --tsa-cert with --tsa: nobody's time is believed without certificates of your own")
    if url is None or certificates is None:
        return None
    registry = load_registry()
    verifier = registry.create("time_verifier", "rfc3161", certificates=read_file(certificates, limit=SMALL))
    return Stamper(authority=registry.create("time_authority", "http", url=url), verifier=verifier, every=every)


def stamped_lines(told: dict[str, Any]) -> list[str]:
    """What a stamp, or its failure, looks like to a person."""
    lines = []
    if "stamped" in told:
        one = told["stamped"]
        when = "" if one["fresh"] else " already"
        lines.append(f"  stamped{when} by {one['authority']} up to epoch {one['size'] - 1}: {moment(one['time_us'])} UTC")
    if "unstamped" in told:
        lines.append(f"  not stamped: {told['unstamped']}")
    return lines


def audit_timestamp(
    tsa: Tsa = None,
    tsa_cert: TsaCert = None,
    every: Annotated[float, typer.Option(help="Go on, asking so often (seconds).")] = 0.0,
    json: JsonFlag = False,
) -> None:
    """Have the newest checkpoint of the anchor log stamped by a clock that you do not control (RFC 3161).

    Example: intended audit timestamp --tsa https://tsa.example/tsr --tsa-cert tsa.pem

    Needs pip install 'intended[time]'. What is stamped was recorded before that time; exit code 9 when nothing was stamped: nothing stops,
    and `intended doctor` tells until a stamp succeeds.
    """
    found = stamper(tsa, tsa_cert, every)
    if found is None:
        fail(Exit.USAGE, "say whom to ask: --tsa and --tsa-cert")
    with place().open() as authority:
        while True:
            told = found.stamp(authority)
            emit(json, told, "\n".join(line.strip() for line in stamped_lines(told)))
            if every <= 0:
                raise typer.Exit(int(Exit.OPERATOR if "unstamped" in told else Exit.OK))
            try:
                time.sleep(every)
            except KeyboardInterrupt:
                raise typer.Exit(int(Exit.OK)) from None


def audit_time(
    seq: Annotated[int, typer.Argument(help="The record.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write it.")],
    token: Annotated[
        Path | None, typer.Option("--token", help="Also write the token (PATH.tsr) and what it is over (PATH.note), for other tools.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write the time file of a record: between which outside times it was recorded. It is kept beside a bundle.

    Example: intended --tenant acme audit time 42 -o decision-42.time

    Exit code 8 while no stamp reaches so far.
    """
    where = place()
    with where.open() as authority:
        data = export_time(authority, where.handle(authority), seq)
    written = [(out, data)]
    if token is not None:
        note, response = token_of(data)
        written += [(token.with_name(token.name + ".tsr"), response), (token.with_name(token.name + ".note"), note)]
    for path, content in written:
        try:
            path.write_bytes(content)
        except OSError as error:
            fail(Exit.INPUT, f"{path} cannot be written: {error.strerror}")
    files = [str(path) for path, _ in written]
    emit(json, {"file": str(out), "bytes": len(data), "seq": seq, "files": files}, f"wrote {', '.join(files)}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A time file and what it is believed under, as the command line names them."""

    file: Path
    policy: bytes
    authorities: list[Any]
    max_delay: float | None

    def look(self, bundle: Path, grade: Grade) -> tuple[dict[str, Any], str]:
        """What the time file says of a bundle with this verdict, for JSON and for people. Raises AuditError when it does not hold."""
        if grade in (Grade.TRUNCATED, Grade.FORKED, Grade.TAMPERED, Grade.MALFORMED):
            return {"time": None}, "\n  the time file was not looked at: the bundle does not hold"
        data = read_file(self.file, limit=SMALL)
        found = bracket_evidence(bundle, data, policy=self.policy, authorities=self.authorities, max_delay_s=self.max_delay)
        return bracket_json(found), bracket_text(found)


def asked_time(
    file: Path | None, *, policy: bytes | None, certificates: Sequence[Path] | None, max_delay: float | None
) -> Asked | None:
    """The time file that was given, None where there is none."""
    if file is None:
        if certificates or max_delay is not None:
            fail(Exit.USAGE, "--tsa-cert and --max-delay are for a --time file")
        return None
    if policy is None or not certificates:
        fail(Exit.USAGE, "a time file is believed only under --policy (anchor logs, witnesses) and --tsa-cert (whose clocks you believe)")
    registry = load_registry()
    known: list[Any] = [
        registry.create("time_verifier", "rfc3161", certificates=read_file(path, limit=SMALL)) for path in certificates
    ]
    return Asked(file=file, policy=policy, authorities=known, max_delay=max_delay)


def bracket_json(found: TimeBracket) -> dict[str, Any]:
    """For the JSON of a verdict."""
    stamps = [{"authority": one.authority, "time_us": one.time_us, "accuracy_us": one.accuracy_us} for one in found.stamps]
    return {
        "time": {
            "seq": found.seq, "since_us": found.since_us, "until_us": found.until_us, "own_us": found.own_us, "epoch": found.epoch,
            "stamps": stamps, "witnesses": list(found.witnesses),
        }
    }  # fmt: skip


def bracket_text(found: TimeBracket) -> str:
    """For the text of a verdict, with a line break before it."""
    who = ", ".join(sorted({one.authority for one in found.stamps}))
    if found.since_us is None:
        return f"\n  record {found.seq} was recorded before {moment(found.until_us)} UTC by {who}; nobody outside says since when"
    return (
        f"\n  record {found.seq} was recorded between {moment(found.since_us)} and {moment(found.until_us)} UTC"
        f" by clocks that the issuer does not control: {', '.join(found.witnesses)}; {who}"
    )


def moment(time_us: int) -> str:
    """A time as people read it."""
    return datetime.fromtimestamp(time_us / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def times(audit: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    audit.command("timestamp")(audit_timestamp)
    audit.command("time")(audit_time)
