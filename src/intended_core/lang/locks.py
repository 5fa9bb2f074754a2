"""Packs held to their bytes: who imports a pack that others write says by digest which one, and another byte is refused.

A pack's digest covers the bytes of its files and not their names or order, so that the same pack is the same in every tenant's folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intended_core.canonical import digest
from intended_core.errors import PolicyError
from intended_core.lang import ast
from intended_core.lang.diagnostics import render
from intended_core.lang.parser import parse_all
from intended_core.lang.source import Source

__all__ = ["check_locks", "pack_digests"]

_LABEL = "intended.pack/v1"


def _read(sources: Sequence[Source]) -> tuple[dict[str, list[bytes]], set[str]]:
    """The bytes of each pack's files, and the packs that are imported."""
    items, problems = parse_all(sources)
    if problems:
        raise PolicyError("\n\n".join(render(item, None) for item in problems), diagnostics=problems)
    home = {item.span.file: item.name for item in items if isinstance(item, ast.PackDecl)}
    files: dict[str, list[bytes]] = {}
    for source in sources:
        files.setdefault(home.get(source.name, ""), []).append(source.text.encode("utf-8"))
    return files, {item.pack.text for item in items if isinstance(item, ast.ImportDecl)}


def pack_digests(sources: Sequence[Source]) -> dict[str, bytes]:
    """The digest (32 bytes) of each pack among these files, by its name; files that name no pack stand under "".

    Raises PolicyError for a file that does not parse.
    """
    files, _ = _read(sources)
    return {name: digest(_LABEL, name.encode("utf-8"), *sorted(texts)) for name, texts in sorted(files.items())}


def check_locks(sources: Sequence[Source], locks: Mapping[str, bytes]) -> None:
    """That every pack that is imported is locked, and every locked pack has exactly the bytes of its digest. Raises PolicyError."""
    found, (_, imported) = pack_digests(sources), _read(sources)
    for name in sorted(imported - locks.keys()):
        raise PolicyError(f"the pack `{name}` is imported and not locked: say by digest which one is meant")
    for name, wanted in sorted(locks.items()):
        if name not in found:
            raise PolicyError(f"no file declares the pack `{name}`, which is locked")
        if found[name] != wanted:
            raise PolicyError(f"the pack `{name}` is not the one that is locked: its digest is {found[name].hex()}, not {wanted.hex()}")
