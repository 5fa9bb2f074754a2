"""A power cut, simulated from what a real process asked of the kernel: its writes and syncs as `strace` saw them, and a disk that forgets.

The disk keeps what was synced before the cut. Of everything since then it keeps what it likes: nothing, all, some writes, some
512-byte sectors of a write, in any order; names that were made, renamed or removed since the directory was synced may stand as before.
What the process told others (a line on its standard output) happened at its place among the writes.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.house.source import IN_CI, ROOT

__all__ = ["Cut", "Event", "cuts", "put", "record"]

SECTOR: Final = 512
_CALLS: Final = (
    "openat,open,creat,pwrite64,pwritev,pwritev2,write,writev,sendfile,copy_file_range,fdatasync,fsync,sync,syncfs,sync_file_range,"
    "ftruncate,truncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat,rmdir"
)
_LINE: Final = re.compile(r"(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))")
_TEXT: Final = r'"((?:\\x[0-9a-f]{2})*)"'
_FD: Final = r"\d+<((?:\\x[0-9a-f]{2}|[^<>\\])*)>"
_MODES: Final = ("nothing", "all", "first", "some", "torn")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the process did: write · truncate · sync (of a file or a directory) · make · remove · rename · say."""

    what: str
    path: str = ""
    data: bytes = b""
    at: int = 0
    to: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is on the disk after one cut, by path under the folder, and what had been said before it."""

    files: dict[str, bytes]
    said: tuple[str, ...]
    at: int
    mode: str


def record(folder: Path, module: str, *arguments: str) -> list[Event]:
    """Run `python -m module folder arguments…` and tell what it did to the files under `folder`, in order. Skips without strace."""
    strace = shutil.which("strace")
    trace = folder.with_name(f"{folder.name}.trace")
    command = [
        strace or "strace", "-f", "-y", "-xx", "-s", "1048576", "-qq", "--seccomp-bpf", "-e", "signal=none", "-e", f"trace={_CALLS}",
        "-o", str(trace), sys.executable, "-B", "-m", module, str(folder), *arguments,
    ]  # fmt: skip
    done = None
    if strace is not None:
        environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done is None or "ptrace" in done.stderr.lower():
        if IN_CI:
            pytest.fail("strace is needed here, and allowed to trace a child: scripts/debian.sh installs it")
        pytest.skip("strace is not installed here, or may not trace")
    assert done.returncode == 0, done.stderr
    return list(_events(trace.read_text(encoding="ascii").splitlines(), str(folder)))


def _events(lines: Sequence[str], folder: str) -> Iterator[Event]:
    waiting: dict[str, str] = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        assert found is not None, line[:200]
        pid, name, rest, resumed, tail = found.groups()
        if name is not None and rest.endswith("<unfinished ...>"):
            # What a write changes may be there from here on; what a sync promises is there once it has returned.
            waiting[pid] = rest.removesuffix("<unfinished ...>")
            if "write" not in name:
                continue
            rest += " = 0"
        elif resumed is not None:
            begun = waiting.pop(pid)
            if "write" in resumed:
                continue
            name, rest = resumed, begun + tail
        if re.search(r"= -1 E", rest) is None:
            yield from _event(name, rest, folder)


def _event(name: str, rest: str, folder: str) -> Iterator[Event]:
    paths = [_plain(path).decode() for path in re.findall(_FD, rest)]
    named = [_plain(text).decode("utf-8", "replace") for text in re.findall(_TEXT, rest)] if "write" not in name else []
    if name == "write" and rest.startswith("1<"):
        yield Event("say", data=_data(rest))
        return
    if not any(path == folder or path.startswith(f"{folder}/") for path in (*paths, *named)):
        return
    first = paths[0] if paths else named[0]
    if first.endswith("-shm"):
        return  # shared memory of living processes: whoever opens the file first makes it anew
    if name in ("write", "pwrite64"):
        where = re.search(r", (\d+)\)? (?:= |<unf)", rest) if name == "pwrite64" else None
        yield Event("write", first, _data(rest), -1 if name == "write" else int(where[1] if where else ""))
    elif name in ("fsync", "fdatasync"):
        yield Event("sync", first)
    elif name == "ftruncate":
        size = re.search(r", (\d+)\)", rest)
        yield Event("truncate", first, at=int(size[1] if size else ""))
    elif name == "fallocate":  # takes space at the end of a file, and never less than there was
        where = re.search(r", 0, (\d+), (\d+)\)", rest)
        yield Event("truncate", first, at=int(where[1]) + int(where[2]) if where else -1)
    elif name == "openat":
        opened = named[0]
        if "O_CREAT" in rest:
            yield Event("make", opened, at=int("O_TRUNC" in rest))
        else:
            assert "O_TRUNC" not in rest, rest
    elif name == "mkdir":
        yield Event("mkdir", named[0])
    elif name in ("unlink", "unlinkat"):
        yield Event("remove", named[0])
    elif name.startswith("rename"):
        yield Event("rename", named[0], to=named[1])
    else:
        raise AssertionError(f"the process did something that this disk does not know: {name}({rest[:200]}")


def _data(rest: str) -> bytes:
    found = re.search(_TEXT, rest)
    assert found is not None, rest[:200]
    return _plain(found[1])


def _plain(text: str) -> bytes:
    if "\\" not in text:
        return text.encode()
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(slots=True)
class _File:
    """What is safely on the disk, and what was asked for since."""

    safe: bytes = b""
    since: list[Event] = field(default_factory=list)
    end: int = 0  # where the process believes it to end

    def sync(self) -> None:
        self.safe = _applied(self.safe, self.since)
        self.since = []


def _applied(data: bytes, events: Sequence[Event]) -> bytes:
    held = bytearray(data)
    for event in events:
        if event.what == "truncate":
            held = held[: event.at] + bytes(max(0, event.at - len(held)))
            continue
        held += bytes(max(0, event.at - len(held)))
        held[event.at : event.at + len(event.data)] = event.data
    return bytes(held)


class _Disk:
    """Files by number, and two views of the names: as the process sees them, and as the last sync of the directory left them."""

    def __init__(self) -> None:
        self.files: list[_File] = []
        self.names: dict[str, int] = {}
        self.safe_names: dict[str, int] = {}
        self.since: list[tuple[str, dict[str, int]]] = []  # (folder, names after one change), since that folder was synced

    def take(self, event: Event) -> None:
        if event.what == "write":
            file = self.files[self.names[event.path]]
            at = file.end if event.at < 0 else event.at  # what `write` writes is appended by every writer here
            file.since.append(Event("write", event.path, event.data, at))
            file.end = max(file.end, at + len(event.data))
        elif event.what == "truncate":
            file = self.files[self.names[event.path]]
            file.since.append(event)
            file.end = event.at
        elif event.what == "sync" and event.path in self.names:
            self.files[self.names[event.path]].sync()
        elif event.what == "sync":
            # The names of one folder; those of other folders stay in doubt.
            kept = [change for change in self.since if change[0] != event.path]
            self.safe_names = {
                **{name: number for name, number in self.safe_names.items() if _folder(name) != event.path},
                **{name: number for name, number in self.names.items() if _folder(name) == event.path},
            }
            self.since = kept
        elif event.what == "make" and event.path not in self.names:
            self.names[event.path] = len(self.files)
            self.files.append(_File())
            self._named(event.path)
        elif event.what == "make" and event.at:
            self.take(Event("truncate", event.path, at=0))
        elif event.what == "remove":
            del self.names[event.path]
            self._named(event.path)
        elif event.what == "rename":
            self.names[event.to] = self.names.pop(event.path)
            self._named(event.to)

    def _named(self, path: str) -> None:
        folder = _folder(path)
        self.since.append((folder, {name: number for name, number in self.names.items() if _folder(name) == folder}))

    def left(self, chance: random.Random, mode: str) -> dict[str, bytes]:
        """What is there after a cut now."""
        names = dict(self.safe_names)
        for folder in {change[0] for change in self.since}:
            changes = [change[1] for change in self.since if change[0] == folder]
            kept = {"nothing": 0, "all": len(changes)}.get(mode, chance.randint(0, len(changes)))
            if kept:  # a journal keeps the order of names
                names = {name: number for name, number in names.items() if _folder(name) != folder} | changes[kept - 1]
        return {name: self._data(self.files[number], chance, mode) for name, number in names.items()}

    @staticmethod
    def _data(file: _File, chance: random.Random, mode: str) -> bytes:
        since = file.since
        if mode == "nothing":
            since = []
        elif mode == "first":
            since = since[: chance.randint(0, len(since))]
        elif mode == "some":
            since = [event for event in since if chance.random() < 0.5]
        elif mode == "torn":
            since = [part for event in since for part in _sectors(event) if chance.random() < 0.7]
        return _applied(file.safe, since)


def _sectors(event: Event) -> Iterator[Event]:
    if event.what == "truncate":
        yield event
    for start in range(0, len(event.data), SECTOR):
        yield Event("write", event.path, event.data[start : start + SECTOR], event.at + start)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def cuts(events: Sequence[Event], count: int, *, seed: int, begin: str) -> Iterator[Cut]:
    """`count` cuts at random moments after the line `begin` was said, in the order of time; each disk forgets in its own way."""
    chance = random.Random(seed)
    disk, said = _Disk(), b""
    first = next(number for number, event in enumerate(events) if event.what == "say" and begin in event.data.decode())
    moments = sorted(chance.choices(range(first + 1, len(events) + 1), k=count))
    for number, event in enumerate([*events, Event("end")]):
        while moments and moments[0] == number:
            moments.pop(0)
            mode = chance.choice(_MODES)
            lines = said.decode().splitlines()
            yield Cut(disk.left(chance, mode), tuple(lines[lines.index(begin) + 1 :]), number, mode)
        if event.what == "say":
            said += event.data
        else:
            disk.take(event)


def put(cut: Cut, *, was: Path, folder: Path) -> None:
    """Lay what the disk kept down in `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in cut.files.items():
        path = folder / Path(name).relative_to(was)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
