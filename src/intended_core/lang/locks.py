"""Packs held to their bytes: who imports a pack that others write says by digest which one, and another byte is refused.

A pack's digest covers the bytes of its files and not their names or order, so that the same pack is the same in every tenant's folder.
What was said once is kept with the set in force: who activates the next one need not say it again, and says so when it is to change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.canonical import digest
from intended_core.errors import PolicyError
from intended_core.lang import ast
from intended_core.lang.diagnostics import render
from intended_core.lang.parser import parse_all
from intended_core.lang.source import Source

__all__ = ["MAX_LOCKS", "NO_CHANGE", "LockChange", "pack_digests", "settle_locks"]

_LABEL = "intended.pack/v1"
MAX_LOCKS: Final = 64  # packs that a scope holds by digest; with names of at most MAX_PACK_NAME they fit into the pointer's row
MAX_PACK_NAME: Final = 255  # characters
DIGEST_BYTES: Final = 32  # SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChange:
    """What somebody says of locks. `packs`: digests (32 bytes) by the pack's name; None says nothing. `unlock`: names to forget."""

    packs: Mapping[str, bytes] | None = None
    unlock: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether it says nothing at all."""
        return self.packs is None and not self.unlock

    def moves(self, kept: Mapping[str, bytes]) -> bool:
        """Whether a lock that is kept is another one afterwards, or none."""
        return bool(self.unlock) or any(kept.get(name, wanted) != wanted for name, wanted in (self.packs or {}).items())


NO_CHANGE: Final = LockChange()


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


def _digests(files: Mapping[str, list[bytes]]) -> dict[str, bytes]:
    return {name: digest(_LABEL, name.encode("utf-8"), *sorted(texts)) for name, texts in sorted(files.items())}


def pack_digests(sources: Sequence[Source]) -> dict[str, bytes]:
    """The digest (32 bytes) of each pack among these files, by its name; files that name no pack stand under "".

    Raises PolicyError for a file that does not parse.
    """
    return _digests(_read(sources)[0])


def settle_locks(sources: Sequence[Source], kept: Mapping[str, bytes], change: LockChange) -> dict[str, bytes]:
    """The locks that stand once these sources are in force: those that are `kept`, after `change`. Raises PolicyError.

    A scope holds every pack that it imports by digest, or none: as soon as one lock stands, an import without one is refused, and so is a
    pack that is locked with another byte. A lock stays while no file declares its pack: leaving the pack out once does not open it.
    """
    given = dict(change.packs or {})
    after = _after(kept, given, change.unlock)
    if not after and change.packs is None:
        return after
    files, imported = _read(sources)
    found = _digests(files)
    for name in sorted(imported - after.keys()):
        raise PolicyError(
            f"the pack `{name}` is imported and not locked: say by digest which one is meant (`packs=`, `--pack {name}=DIGEST`)"
        )
    for name, wanted in sorted(given.items()):
        if name not in found:
            raise PolicyError(f"no file declares the pack `{name}`, which is locked")
        if found[name] != wanted:
            raise PolicyError(f"the pack `{name}` is not the one that is locked: its digest is {found[name].hex()}, not {wanted.hex()}")
    for name, wanted in sorted(after.items()):
        if name in found and found[name] != wanted:
            raise PolicyError(
                f"the pack `{name}` is not the one that is locked here: its digest is {found[name].hex()}, and {wanted.hex()} is kept "
                f"with the set in force. Bring those bytes back; or, if the others are meant, name them: `packs=`, "
                f"`--pack {name}={found[name].hex()}`"
            )
    return after


def _after(kept: Mapping[str, bytes], given: Mapping[str, bytes], unlock: Sequence[str]) -> dict[str, bytes]:
    for name, wanted in sorted(given.items()):
        if len(wanted) != DIGEST_BYTES or not 0 < len(name) <= MAX_PACK_NAME:
            raise PolicyError(f"the pack `{name[:MAX_PACK_NAME]}` is locked by its name and a digest of {DIGEST_BYTES} bytes")
    for name in unlock:
        if name in given:
            raise PolicyError(f"the pack `{name}` is locked and unlocked at once")
        if name not in kept:
            raise PolicyError(f"the pack `{name}` is not locked here, so there is nothing to unlock")
    after = {name: wanted for name, wanted in sorted({**kept, **given}.items()) if name not in unlock}
    if len(after) > MAX_LOCKS:
        raise PolicyError(f"a scope locks at most {MAX_LOCKS} packs; unlock those that it no longer imports")
    return after
