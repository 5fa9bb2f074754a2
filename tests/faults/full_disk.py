"""A small disk of its own, really mounted, and a neighbour who fills it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.house.source import IN_CI

__all__ = ["filled", "mounted"]


@contextmanager
def mounted(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """`folder` as a disk in memory of that size. Skips where nothing may be mounted, and fails where CI says that it must be."""
    folder.mkdir()
    sudo = [] if os.geteuid() == 0 or shutil.which("sudo") is None else ["sudo", "-n"]
    options = f"size={megabytes}m,mode=0700,uid={os.geteuid()},gid={os.getegid()}"
    done = subprocess.run(
        [*sudo, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode:
        if IN_CI:
            pytest.fail(f"a disk must be mounted here: {done.stderr}")
        pytest.skip("no disk may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run([*sudo, "umount", "--lazy", str(folder)], check=True, timeout=30)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """The disk without a page left, as long as this lasts."""
    neighbour = folder / "neighbour"
    with neighbour.open("wb", buffering=0) as file:
        for size in (1 << 16, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
        yield
    neighbour.unlink()
