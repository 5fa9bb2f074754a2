"""The key file on disk, and the count of seals beside it: read strictly, replaced whole, synchronised before anybody relies on it.

A key file is replaced by renaming a complete new one over it, under a lock, so that whoever opens it finds all keys of before or all of
after. The count only grows: each process takes a block of seals by appending one line, so a crash counts too many and never too few.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from intended_core.errors import KeyRingError

__all__ = ["KEY_BYTES", "SealCount", "create_file", "read_keys", "replace_keys", "state_of"]

KEY_BYTES: Final = 32
BLOCK: Final = 256  # seals that a process takes at once: one line in the count, one fsync
_STRICT: Final = os.O_NOFOLLOW | os.O_CLOEXEC


def state_of(path: Path) -> tuple[int, int, int, int] | None:
    """What tells one file at `path` from the next: device, inode, size, time of change; None when there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def create_file(path: Path, data: bytes) -> None:
    """Write `data` to a new file of mode 0600, durably. Raises KeyRingError; never overwrites."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _STRICT, 0o600)
    except FileExistsError:
        raise KeyRingError(f"the key file {path} exists already: it is never overwritten") from None
    except OSError as error:
        raise KeyRingError(f"the key file {path} cannot be created: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        raise KeyRingError(f"the key file {path} was not written durably: {error.strerror}") from None


def read_keys(path: Path, *, most: int) -> tuple[bytes, ...]:
    """The 1 to `most` keys in `path`, in their order. Raises KeyRingError as `FileKeyEncryption.open` says."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _STRICT)
    except FileNotFoundError:
        raise KeyRingError(f"the key file {path} is missing: put it back, a new one would open nothing") from None
    except OSError as error:
        raise KeyRingError(f"the key file {path} cannot be opened (a link is refused): {error.strerror}") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise KeyRingError(f"the key file {path} is not a regular file")
        if found.st_uid != os.geteuid():
            raise KeyRingError(f"the key file {path} belongs to another account")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise KeyRingError(f"the key file {path} can be read or written by others: chmod 600 it")
        size = found.st_size
        if not KEY_BYTES <= size <= most * KEY_BYTES or size % KEY_BYTES:
            raise KeyRingError(f"the key file {path} does not hold exactly 32 bytes for each of 1 to {most} keys")
        data = os.read(handle, size + 1)
    except OSError as error:
        raise KeyRingError(f"the key file {path} cannot be read: {error.strerror}") from None
    finally:
        os.close(handle)
    if len(data) != size:
        raise KeyRingError(f"the key file {path} changed while it was read")
    return tuple(data[start : start + KEY_BYTES] for start in range(0, size, KEY_BYTES))


def replace_keys(path: Path, change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]], *, most: int) -> None:
    """Put what `change` makes of the file's keys in their place, all or nothing, one process at a time. Raises KeyRingError."""
    fresh = path.with_name(path.name + ".new")
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | _STRICT, 0o600)
    except OSError as error:
        raise KeyRingError(f"the folder of the key file {path} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the process ends, however it ends
        keys = change(read_keys(path, most=most))
        with suppress(FileNotFoundError):
            fresh.unlink()  # of a process that ended before its rename: nothing was sealed under its key
        create_file(fresh, b"".join(keys))
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise KeyRingError(f"the key file {path} was not replaced: {error.strerror}") from None
    finally:
        os.close(lock)


class SealCount:
    """How often each key has wrapped, of all processes together, in an append-only file; in memory where there is no file.

    Not thread-safe: its owner holds a lock.
    """

    __slots__ = ("_left", "_path", "_pid")

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._left: dict[str, int] = {}
        self._pid = os.getpid()

    def take(self, name: str, *, most: int) -> None:
        """Count one seal of the key `name`; raises KeyRingError once `most` are counted or the count cannot be written."""
        if os.getpid() != self._pid:  # a fork: what is left belongs to the parent
            self._left, self._pid = {}, os.getpid()
        left = self._left.get(name, most if self._path is None else 0)
        if self._path is not None and not left:
            left = self._another_block(self._path, name, most)
        if left < 1:
            raise KeyRingError("the key-encryption key has wrapped its maximum: replace it (`intended keys rewrap`)")
        self._left[name] = left - 1

    @staticmethod
    def _another_block(path: Path, name: str, most: int) -> int:
        line = f"{name} {BLOCK}\n".encode("ascii")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _STRICT, 0o600)
            try:
                os.write(handle, line)
                os.fsync(handle)
                with os.fdopen(os.dup(handle), "rb") as file:
                    file.seek(0)
                    counted = sum(_block(text, name) for text in file)
            finally:
                os.close(handle)
        except OSError as error:
            raise KeyRingError(f"the count of seals {path} cannot be written, so nothing is sealed: {error.strerror}") from None
        return max(0, min(BLOCK, most - (counted - BLOCK)))


def _block(line: bytes, name: str) -> int:
    """What a line counts for this key; one that a crash left unreadable counts for every key."""
    words = line.decode("ascii", "replace").split()
    if len(words) == 2 and words[1] == str(BLOCK) and words[0].isprintable():
        return BLOCK if words[0] == name else 0
    return BLOCK


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
