"""The newest head of each log in a file of its own: a second place that a restored backup of the store does not bring back with it.

    {"heads":{"0123…/live":{"g":1,"n":4711,"root":"…","tag":"…"}},"v":0}

Keep it where the key file is, outside the data directory and outside the store's backups. A note only ever moves forward: by generation,
then by size. Several processes may write to it; each merges what it knows under a lock of the directory.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from intended_core.canonical import b64url, unb64url
from intended_core.errors import AdapterError, IntentError
from intended_core.ids import Scope
from intended_core.ports import HeadNote

__all__ = ["FileHeadMark", "open_file_head_mark"]

MAX_BYTES: Final = 64 * 1024 * 1024  # 200 bytes a scope: some hundred thousand of them


class FileHeadMark:
    """The default `HeadMark`."""

    __slots__ = ("_path",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path: Final = Path(path).absolute()

    @property
    def location(self) -> str:
        """Where the file is."""
        return str(self._path)

    def exists(self) -> bool:
        """Whether anything was ever noted here; a file that is gone may be what somebody wanted forgotten."""
        return self._path.is_symlink() or self._path.exists()

    def newest(self, scope: Scope) -> HeadNote | None:
        """The note of a scope, or None. Raises AdapterError when the file is not one that this adapter wrote."""
        return self._read().get(scope.key)

    def advance(self, notes: Sequence[tuple[Scope, HeadNote]]) -> None:
        """Note these heads, where they are newer than what stands; durable when this returns. Raises AdapterError."""
        with self._locked() as directory:
            known = self._read()
            for scope, note in notes:
                stands = known.get(scope.key)
                if stands is None or (stands.generation, stands.size) < (note.generation, note.size):
                    known[scope.key] = note
            self._write(known, directory)

    def _read(self) -> dict[str, HeadNote]:
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise AdapterError(f"the head mark {self._path} cannot be read (a link is refused): {error.strerror}") from None
        try:
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise AdapterError(f"the head mark {self._path} is not a regular file")
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise AdapterError(f"the head mark {self._path} cannot be read: {error.strerror}") from None
        try:
            if len(data) > MAX_BYTES:
                raise ValueError
            found: Any = orjson.loads(data)
            if found["v"] != 0:
                raise ValueError
            return {str(key): _note(value) for key, value in found["heads"].items()}
        except (ValueError, TypeError, KeyError, AttributeError, IntentError):
            raise AdapterError(f"the head mark {self._path} is damaged: keep it, and recover as after a restored backup") from None

    def _write(self, known: dict[str, HeadNote], directory: int) -> None:
        heads = {
            key: {"g": note.generation, "n": note.size, "root": b64url(note.root), "tag": b64url(note.tag)}
            for key, note in known.items()
        }
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            fresh.unlink(missing_ok=True)  # of a process that died while it wrote: the lock is ours
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(orjson.dumps({"heads": heads, "v": 0}, option=orjson.OPT_SORT_KEYS))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            os.fsync(directory)
        except OSError as error:
            raise AdapterError(f"the head mark {self._path} cannot be written: {error.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise AdapterError(f"the directory of the head mark {self._path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield directory
        finally:
            os.close(directory)  # and the lock with it

    def __repr__(self) -> str:
        return f"FileHeadMark({str(self._path)!r})"


def _note(value: Any) -> HeadNote:
    if type(value["g"]) is not int or type(value["n"]) is not int:
        raise ValueError
    return HeadNote(generation=value["g"], size=value["n"], root=unb64url(value["root"]), tag=unb64url(value["tag"]))


def open_file_head_mark(*, path: str, new: bool = False) -> FileHeadMark:
    """The factory that is registered as head mark `file`: `new` makes the file, where there is none. Raises AdapterError."""
    mark = FileHeadMark(path)
    if new and not mark.exists():
        mark.advance(())  # from now on a file that is gone was taken away
    return mark
