"""Entities as Cedar names them: any text is an id, the empty one too. They live in Cedar mode only and never reach a token."""

from __future__ import annotations

import re
from typing import Final

from intended_core.errors import IntentError
from intended_core.ids import EntityRef

__all__ = ["CedarRef", "quoted", "tags_of"]

MAX_ID_BYTES: Final = 64 * 1024  # a Cedar id has no bound of its own; entities and requests have
_TYPE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*")
_TAGS: Final = " tags"  # no Cedar type has a space, so the record of tags cannot be taken for an entity


def quoted(text: str) -> str:
    """A Cedar string literal of `text`."""
    made = ['"']
    for char in text:
        if char in '"\\':
            made.append("\\" + char)
        elif char.isprintable():
            made.append(char)
        else:
            made.append({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}.get(char) or f"\\u{{{ord(char):x}}}")
    return "".join([*made, '"'])


class CedarRef(EntityRef):
    """One Cedar entity, `Photo::"a"`. Equal only to another CedarRef; raises IntentError when the type is not a Cedar name."""

    __slots__ = ()

    def __post_init__(self) -> None:
        name = self.type.removesuffix(_TAGS) if isinstance(self.type, str) else ""
        if _TYPE.fullmatch(name) is None:
            raise IntentError("an entity type is a name such as User or Bank::User", place="entity")
        if not isinstance(self.id, str) or len(self.id) * 4 > MAX_ID_BYTES:
            raise IntentError(f"an entity id is text of at most {MAX_ID_BYTES // 4} characters", place="entity")
        object.__setattr__(self, "_hash", hash((self.type, self.id)))

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (CedarRef, (self.type, self.id))

    def __str__(self) -> str:
        return f"{self.type}::{quoted(self.id)}"


def tags_of(ref: EntityRef) -> CedarRef:
    """The name under which a snapshot keeps the tags of `ref`."""
    return CedarRef(ref.type + _TAGS, ref.id)
