"""What a witness remembers: one small file a log, put in place whole and on disk before anything is answered; one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from intended_core.errors import AssemblyError

__all__ = ["FileMemory"]

MAX_FILE_BYTES: Final = 4096


class FileMemory:
    """Heads by log origin, in a folder that this process alone has. Use as a context manager."""

    __slots__ = ("_folder", "_lock")

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """`folder` must exist. AssemblyError when it does not, or another process has it."""
        self._folder: Final = Path(folder)
        try:
            self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AssemblyError(f"the witness's folder {self._folder} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise AssemblyError(
                f"another process is this witness already ({self._folder}): two would cosign two histories"
            ) from None

    def newest(self, origin: str) -> tuple[int, bytes] | None:
        """Size and root of the newest head cosigned; None for a log never seen. AssemblyError when the file is damaged."""
        path = self._path(origin)
        try:
            with path.open("rb") as file:
                data = json.loads(file.read(MAX_FILE_BYTES))
            if data["origin"] != origin or type(data["size"]) is not int:
                raise AssemblyError(f"{path} is damaged: a witness that does not know what it cosigned must not go on")
            return data["size"], bytes.fromhex(data["root"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise AssemblyError(f"{path} is damaged: a witness that does not know what it cosigned must not go on") from None

    def remember(self, origin: str, size: int, root: bytes) -> None:
        """Return only when it is on disk; raises OSError otherwise."""
        path = self._path(origin)
        unfinished = path.with_name(path.name + ".unfinished")
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, json.dumps({"origin": origin, "size": size, "root": root.hex()}).encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        unfinished.replace(path)
        place = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(place)
        finally:
            os.close(place)

    def _path(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.json"

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
