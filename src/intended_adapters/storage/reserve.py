"""Space that is set aside beside the store, so that what stops something is still written when the disk is full.

Whoever fills the disk has everything denied, and must not keep others from stopping them. So a file of zeros lies beside the store and
holds space that nothing else can take. A part of it is given up under the store's write lock, for one unit that goes first (a halt, a
revocation) and met a full disk; when that unit is through, whatever it left is taken back at once. It is given up for no other unit.

A file at that name that may be anything else (not of the store's owner, a link, a byte that is not zero) is never opened through a link,
written, cut or removed; there is then no reserve, and `doctor` says so. Without a reserve the store works as on any full disk: it denies.

    reserve = Reserve("/srv/authority.db")
    reserve.fill()
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import time
from contextlib import suppress
from typing import Final

__all__ = ["PART_BYTES", "RESERVE_BYTES", "Reserve"]

RESERVE_BYTES: Final = 1 << 20
PART_BYTES: Final = 1 << 18  # for one unit that stops something: it writes some thirty pages, so even if nothing comes back there are four
_PAGE: Final = 4096
_PIECE: Final = bytes(1 << 16)
_AGAIN_SECONDS: Final = 1.0  # between two tries to take space that was not there


class Reserve:
    """The reserve of one store. It keeps nothing open; `lend` and `again` are called by whoever leads the store's transactions."""

    __slots__ = ("_lent", "_next", "_store", "location", "low")

    def __init__(self, store: str) -> None:
        """`store`: the store's file; a link to it is followed, as SQLite does, since the space counts where the write-ahead log lies."""
        self._store: Final = os.path.realpath(store)
        self.location: Final = f"{self._store}-reserve"
        self.low = False  # whether to look again, once there is space
        self._lent: int | None = None
        self._next = 0.0

    def fill(self) -> None:
        """Set aside what is missing, as far as there is space. Raises nothing: `held` says what came of it."""
        with suppress(OSError):
            file = self._open(make=True)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # whoever has lent from it takes back themselves
                self.low = _fill(file) < RESERVE_BYTES
            finally:
                _unlock(file)

    def again(self) -> None:
        """`fill`, where the reserve was low, every now and then."""
        now = time.monotonic()
        if self.low and now >= self._next:
            self._next = now + _AGAIN_SECONDS
            self.fill()

    def held(self) -> int:
        """Bytes that are really set aside now."""
        try:
            file = self._open(make=False)
        except OSError:
            return 0
        try:
            return _held(os.fstat(file))
        finally:
            os.close(file)

    def lend(self) -> None:
        """Give up a part until the `with` ends. The caller holds the store's write lock, so that no other unit is written meanwhile."""
        self.low = True
        with suppress(OSError):
            self._lent = self._open(make=False)
            with suppress(OSError):  # whoever else has it open now does not hold up a halt
                fcntl.flock(self._lent, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._lent, max(0, _held(os.fstat(self._lent)) - PART_BYTES))
            os.fsync(self._lent)  # some file systems give the space away only then

    def __enter__(self) -> None:
        """What is lent inside comes back at the end."""

    def __exit__(self, *_: object) -> None:
        file, self._lent = self._lent, None
        if file is None:
            return
        try:
            with suppress(OSError):
                self.low = _fill(file) < RESERVE_BYTES
        finally:
            _unlock(file)

    def _open(self, *, make: bool) -> int:
        """A descriptor of the file, which is this store's own. OSError when it is not there or may be anything else."""
        store = os.stat(self._store)  # noqa: PTH116 - a path as text throughout
        try:
            named = os.lstat(self.location)
        except FileNotFoundError:
            if not make or os.geteuid() not in (0, store.st_uid):
                raise
            return self._make(store)
        _check(named, store)
        file = os.open(self.location, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(file)
            _check(found, store)
            if (found.st_dev, found.st_ino) != (named.st_dev, named.st_ino) or not _zeros(file):
                raise _not_ours()
        except BaseException:
            os.close(file)
            raise
        return file

    def _make(self, store: os.stat_result) -> int:
        file = os.open(self.location, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_uid != store.st_uid:
                os.fchown(file, store.st_uid, store.st_gid)
        except BaseException:
            os.close(file)
            raise
        return file


def _unlock(file: int) -> None:
    """Close it, and give up its lock even where a process that was forked meanwhile has it open too."""
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)
    os.close(file)


def _check(found: os.stat_result, store: os.stat_result) -> None:
    """Raise unless a file like this can be the reserve: looked at before it is opened, and once more when it is."""
    if (
        not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != store.st_uid
        or found.st_dev != store.st_dev or found.st_size > RESERVE_BYTES
    ):  # fmt: skip
        raise _not_ours()


def _zeros(file: int) -> bool:
    """Whether there is no byte in it but zeros, read a piece at a time."""
    return all(_PIECE.startswith(os.pread(file, len(_PIECE), at)) for at in range(0, RESERVE_BYTES, len(_PIECE)))


def _not_ours() -> OSError:
    return OSError(errno.EEXIST, "the file is not this store's reserve")


def _held(found: os.stat_result) -> int:
    """Its size; 0 of a file with holes, as a copy may be: they hold no space."""
    return found.st_size if found.st_blocks * 512 >= found.st_size else 0


def _fill(file: int) -> int:
    """Make it as large as there is space, in ever smaller steps: what is left to others is less than a page. Returns what it holds then."""
    found = os.fstat(file)
    held = _held(found)
    if held < found.st_size:
        os.ftruncate(file, held)
    step = RESERVE_BYTES - held
    while step:
        try:
            _allocate(file, held, step)
            held += step
            step = min(step, RESERVE_BYTES - held)
        except OSError:
            os.ftruncate(file, held)
            step = step // 2 // _PAGE * _PAGE
    return _held(os.fstat(file))


def _allocate(file: int, at: int, size: int) -> None:
    """Really take the space for these bytes, all zeros."""
    if sys.platform == "linux":
        os.posix_fallocate(file, at, size)
        return
    if os.pwrite(file, bytes(size), at) != size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)
