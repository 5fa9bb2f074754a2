"""A witness remembers across restarts, alone, and would rather stop than guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_adapters.witness.memory import FileMemory
from intended_core.errors import AssemblyError


def test_heads_outlive_the_process(tmp_path: Path) -> None:
    with FileMemory(tmp_path) as memory:
        assert memory.newest("a/log") is None
        memory.remember("a/log", 3, b"r" * 32)
        memory.remember("a/log", 5, b"s" * 32)
        memory.remember("b/log", 1, b"t" * 32)
    with FileMemory(tmp_path) as memory:
        assert memory.newest("a/log") == (5, b"s" * 32)
        assert memory.newest("b/log") == (1, b"t" * 32)
    assert not list(tmp_path.glob("*.unfinished"))


def test_one_process_has_it(tmp_path: Path) -> None:
    with FileMemory(tmp_path), pytest.raises(AssemblyError, match="two histories"):
        FileMemory(tmp_path)
    FileMemory(tmp_path).close()
    with pytest.raises(AssemblyError):
        FileMemory(tmp_path / "missing")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"origin":"other","size":1,"root":""}', '{"origin":"a/log","size":"1","root":""}', "\x00"])
def test_a_damaged_memory_stops_the_witness(tmp_path: Path, text: str) -> None:
    with FileMemory(tmp_path) as memory:
        memory.remember("a/log", 3, b"r" * 32)
        next(tmp_path.glob("*.json")).write_text(text, encoding="utf-8")
        with pytest.raises(AssemblyError):
            memory.newest("a/log")


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    memory = FileMemory(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(OSError, match="No such file"):
        memory.remember("a/log", 1, b"r" * 32)
    memory.close()
