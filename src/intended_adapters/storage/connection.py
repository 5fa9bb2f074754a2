"""Connections to one SQLite file: how they are opened, what is read back, and what each failure means to the operator."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from intended_adapters.storage.openfiles import close, opened, unless_open
from intended_core.errors import (
    AssemblyError,
    StoreBusyError,
    StoreConflictError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)

__all__ = ["APPLICATION_ID", "Durability", "check_file", "connect", "create_file", "settings", "translate"]

Durability = Literal["full", "normal"]

APPLICATION_ID: Final = 0x494E5444  # "INTD" in the file's header: tells this store from any other SQLite file
MIN_SQLITE: Final = (3, 37, 0)  # STRICT tables
CACHED_STATEMENTS: Final = 256  # every statement of the store, about 60, stays prepared
MAGIC: Final = b"SQLite format 3\x00"
_SYNCHRONOUS: Final = {"full": 2, "normal": 1}  # https://www.sqlite.org/pragma.html#pragma_synchronous

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FORMAT})
_READ_ONLY: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})


def translate(error: Exception, location: str) -> StoreError:
    """The operator's error for one of the driver. Its text may go to logs: it holds no row and no parameter."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else -1
    if primary in _BUSY:
        return StoreBusyError(f"{location} is locked by another process: stop it, or wait and try again")
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:  # or there is none for the index of its log
        return StoreFullError(f"no space is left for {location}: free some on its disk")
    if primary in _READ_ONLY:
        return StoreReadOnlyError(f"{location} cannot be written: check the permissions of the file and of its directory")
    if primary in _CORRUPT:
        name = getattr(error, "sqlite_errorname", "corrupt")
        return StoreCorruptError(f"{location} is damaged or its disk fails ({name}): stop, keep the file, restore a backup")
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return StoreConflictError("a row of the unit is there already, or breaks a rule of its table: nothing was written")
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"{location} cannot be opened: check that its directory exists and can be written")
    return StoreError(f"{location} refused a statement ({getattr(error, 'sqlite_errorname', type(error).__name__)})")


def create_file(path: Path) -> None:
    """Make an empty file that only this account can read. StoreError when anything stands there already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise StoreError(f"{path} exists already: a store is never created over something else") from None
    except FileNotFoundError:
        raise StoreError(f"{path} cannot be created: its directory does not exist") from None
    except PermissionError:
        raise StoreReadOnlyError(f"{path} cannot be created: its directory cannot be written by this account") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be created: {error.strerror}") from None
    os.close(handle)


def check_file(path: Path) -> None:
    """Look at the file before SQLite does: it answers late and vaguely. StoreError and its kinds say what stands there."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise StoreError(f"{path} is a directory: name the store's file")
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path} is not a regular file")
        header = unless_open(path, lambda: _header(path))
    except FileNotFoundError:
        raise StoreError(f"{path} does not exist: create the store first (opening never creates one)") from None
    except NotADirectoryError:
        raise StoreError(f"{path} does not exist: a part of its path is a file") from None
    except PermissionError:
        raise StoreReadOnlyError(f"{path} cannot be read by this account: check its permissions") from None
    except OSError as error:
        raise StoreCorruptError(f"{path} cannot be read: {error.strerror}") from None
    if found.st_size == 0:
        raise AssemblyError(f"{path} holds no store: its creation was not finished; remove the file and create it again")
    if header is None:
        return  # SQLite has it open in this process, and has looked itself
    if not header.startswith(MAGIC) or len(header) < 100:
        raise StoreCorruptError(f"{path} is not a store (it does not begin as an SQLite file): name another, or restore a backup")
    # https://www.sqlite.org/fileformat2.html#the_database_header
    page = int.from_bytes(header[16:18], "big")
    pages, change, valid_for = (int.from_bytes(header[at : at + 4], "big") for at in (28, 24, 92))
    page = 65536 if page == 1 else page
    if change == valid_for and pages * page > found.st_size and not Path(f"{path}-wal").exists():
        raise StoreCorruptError(f"{path} is cut short ({found.st_size} bytes of {pages * page}): restore a backup")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID and not Path(f"{path}-wal").exists():
        raise StoreError(f"{path} is an SQLite file of something else: name the store's file")


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def connect(path: Path, *, durability: Durability, busy_timeout_seconds: float, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit with every setting made and read back. Raises AssemblyError, StoreError."""
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        raise AssemblyError(f"this Python's SQLite is {sqlite3.sqlite_version}: 3.37 or newer is needed")
    location = str(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = opened(
            path,
            lambda: sqlite3.connect(
                f"file:{quote(location)}?mode=rw", uri=True, timeout=busy_timeout_seconds, isolation_level=None,
                check_same_thread=False, cached_statements=CACHED_STATEMENTS,
            ),
        )  # fmt: skip
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_seconds * 1000)}")
        for text in ("foreign_keys = ON", "trusted_schema = OFF", "cell_size_check = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {text}").fetchall()
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"{location} cannot use a write-ahead log (it answered {mode!r}): move it to a local disk")
        connection.execute(f"PRAGMA synchronous = {durability.upper()}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        expected = {
            "foreign_keys": 1, "trusted_schema": 0, "cell_size_check": 1, "secure_delete": 1,
            "synchronous": _SYNCHRONOUS[durability],
        }  # fmt: skip
        for name, value in expected.items():
            answer = connection.execute(f"PRAGMA {name}").fetchone()
            if answer is None or answer[0] != value:
                raise StoreError(f"{location} did not take the setting {name} = {value}: this SQLite is built without it")
    except sqlite3.Error as error:
        if connection is not None:
            close(connection)
        raise translate(error, location) from None
    except BaseException:
        if connection is not None:
            close(connection)
        raise
    return connection


def settings(connection: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    """Name and value of what decides about safety, as the database answers now."""
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys", "trusted_schema", "cell_size_check",
             "secure_delete", "page_size", "page_count")  # fmt: skip
    read = tuple((name, str(connection.execute(f"PRAGMA {name}").fetchone()[0])) for name in names)
    return (("sqlite", sqlite3.sqlite_version), *read)
