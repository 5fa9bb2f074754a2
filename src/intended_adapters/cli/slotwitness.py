"""The customer's side of slot proofs: keep the newest head of one's own log, refuse whatever does not go on from it."""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Self

import typer

from intended_adapters.cli.common import Exit, JsonFlag, emit, fail, read_file
from intended_core import AssemblyError, Grade, exit_code, follow_slot_proof

__all__ = ["follows"]

SMALL = 256 * 1024
MAX_FILE_BYTES = 4096


class _Kept:
    """What is kept of the log `origin` in a folder. One process at a time: use as a context manager from reading to keeping."""

    __slots__ = ("_folder", "_lock", "_path")

    def __init__(self, folder: str | os.PathLike[str], origin: str) -> None:
        """`folder` must exist; AssemblyError when it cannot be used."""
        self._folder: Final = Path(folder)
        self._path: Final = self._folder / f"{sha256(origin.encode()).hexdigest()}.slot"
        try:
            self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AssemblyError(f"the folder {self._folder} cannot be used: {error.strerror}") from None

    def read(self) -> bytes | None:
        """What was kept last; None for a log that was never seen. Raises OSError."""
        try:
            with self._path.open("rb") as file:
                return file.read(MAX_FILE_BYTES)
        except FileNotFoundError:
            return None

    def keep(self, data: bytes) -> None:
        """Return only when it is on disk; raises OSError otherwise, and what was kept before stays."""
        unfinished = self._path.with_name(self._path.name + ".unfinished")
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)
        place = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(place)
        finally:
            os.close(place)

    def __enter__(self) -> Self:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)


def follows(witness: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    witness.command("slot")(_slot)


def _slot(
    message: Annotated[Path, typer.Argument(help="The body of a webhook slot.proof, - for standard input.")],
    log: Annotated[str, typer.Option(help="The name of your own log, the first line of its checkpoints.")],
    policy: Annotated[Path, typer.Option(help="Your policy file: which anchor logs and witnesses you know.")],
    state: Annotated[Path, typer.Option(help="The folder in which the newest head is kept. Never restore it from a backup.")],
    min_verdict: Annotated[str, typer.Option("--min-verdict", help="Keep nothing below this verdict.")] = "WITNESSED",
    json: JsonFlag = False,
) -> None:
    """Witness your own log: check what was sent of an epoch against the head that you kept, and keep the new one.

    Example: intended witness slot - --log intended.local/0123/live --policy trust.policy --state slots/ < body.json

    Answer the webhook with 2xx when the exit code is 0, and with an error otherwise: it is sent again. Exit code 8 means that the message
    does not go on from what you kept, which is what this is for: look at it before anything else. 18 to 20: too few witnesses cosigned.
    """
    try:
        minimum = Grade(min_verdict.upper())
    except ValueError:
        fail(Exit.USAGE, f"{min_verdict} is not a verdict")
    trusted, body = read_file(policy, limit=SMALL), read_file(message, limit=SMALL)
    with _Kept(state, log) as memory:
        try:
            found = follow_slot_proof(body, policy=trusted, origin=log, kept=memory.read())
            code = exit_code(found.head.grade, minimum=minimum)
            if code == 0 and not found.again:
                memory.keep(found.kept.to_bytes())
        except OSError as error:
            fail(Exit.INPUT, f"{state} cannot be used: {error.strerror}")
    kept = found.kept
    told = {
        "verdict": found.head.grade.value, "organisations": list(found.head.organisations), "epoch": kept.epoch, "size": kept.size,
        "generation": kept.generation, "root": kept.root.hex(), "slot": kept.slot, "again": found.again, "missed": found.missed,
        "recovered": found.recovered, "kept": code == 0,
    }  # fmt: skip
    text = f"{found.head.grade.value}: {kept.origin} held {kept.size} records in epoch {kept.epoch}"
    text += " (sent before)" if found.again else ""
    text += f"; of {found.missed} epochs before it nothing was sent" if found.missed else ""
    text += f"\n  the log was recovered since: generation {kept.generation}, look at its record log.recover" if found.recovered else ""
    emit(json, told, text if code == 0 else text + "\n  not kept: below the verdict that is asked for")
    raise typer.Exit(code)
