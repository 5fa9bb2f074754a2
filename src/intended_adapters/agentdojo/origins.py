"""Where the value of an argument came from, told by the host from what really flowed through one conversation.

Law of this room: good labels are earned narrowly, the bad label is given broadly. `user` and `record` need an exact, whole match (case
counts, boundaries count, a record matches only in its own domain); `content` is given on a loose match (case, spaces, thousands
separators and invisible characters do not hide a copy). An identifier that stands nowhere is `unknown`, never `model`: nobody computes an
account number. The room reads no clock, no store and no task; what the right answer of a task is, it cannot know.

Example: after `Sources("Pay AB12X3456 4.00")` the identifier `AB12X3456` is `{"user"}`, the quantity `4` is `{"user"}`, and the identifier
`AB12X34`, a part of what was said, is `{"unknown"}`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Final

__all__ = ["MAX_IDENTIFIER", "Kind", "Sources", "looks_like_identifier", "stands_in"]

MAX_IDENTIFIER: Final = 80  # the longest channel name that chat services accept; accounts, users and dates are shorter
QUOTED_WORDS: Final = 4  # so many words in a row shared with a text that was read are a quotation, not a coincidence

_NUMBER: Final = re.compile(r"(?<![\w.,])\d{1,3}(?:[ ,'\u00a0\u202f]\d{3})+(?:\.\d+)?(?!\w)|(?<![\w.])\d+(?:\.\d+)?(?!\w)")
_WORD: Final = re.compile(r"\w+(?:['\u2019]\w+)?")
_CARRIER: Final = re.compile(r"[^\s<>\"'`()\[\]{},;!?]+")
_INVISIBLE: Final = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))


class Kind(Enum):
    """What an argument is, which decides how its origin is told."""

    IDENTIFIER = "identifier"
    """Names one thing whole: an account, a person, a channel, a path, an address, a secret."""
    QUANTITY = "quantity"
    """A number, date or switch that may be computed."""
    TEXT = "text"
    """Prose that may be composed."""


class Sources:
    """Everything that one conversation has shown the agent so far: the user's words, records by domain, and free text.

    `read_record` and `read_text` are called by the host for each result that the agent was given, before the agent's next call is labelled.
    """

    def __init__(self, prompt: str) -> None:
        self._prompt = unicodedata.normalize("NFC", prompt)
        self._prompt_numbers = _numbers(prompt)
        self._records: dict[str, set[str]] = {}
        self._prompt_folded = _fold(prompt)
        self._prompt_squeezed = _squeeze(prompt)
        self._content = ""
        self._content_squeezed = ""
        self._content_numbers: set[Decimal] = set()
        self._content_shingles: set[tuple[str, ...]] = set()
        self._prompt_shingles = _shingles(prompt)

    @property
    def read_free_text(self) -> bool:
        """True once the agent has been shown any free text: from then on something else than the user may steer it."""
        return bool(self._content)

    def read_record(self, domain: str, value: object) -> None:
        """Note a structured field of the tenant's own data. A value that is prose under the name of a field counts as free text."""
        text = _plain(value)
        if looks_like_identifier(text):
            self._records.setdefault(domain, set()).add(text)
        else:
            self.read_text(text)

    def read_text(self, text: str) -> None:
        """Note free text that the agent was shown: a page, a message, the subject of a payment, a file."""
        folded = _fold(text)
        if not folded:
            return
        self._content = f"{self._content}\n{folded}"
        self._content_squeezed = f"{self._content_squeezed}\n{_squeeze(text)}"
        self._content_numbers |= _numbers(text)
        self._content_shingles |= _shingles(text)

    def user_named(self, value: str) -> bool:
        """True when `value` stands whole and verbatim in the user's own words."""
        return stands_in(unicodedata.normalize("NFC", value), self._prompt)

    def label(self, value: object, kind: Kind, domain: str) -> frozenset[str]:
        """The set of places that `value` came from: some of user, record, content, model, unknown; never empty."""
        text = _plain(value)
        if kind is Kind.QUANTITY:
            found = self._label_quantity(text, domain)
        elif kind is Kind.TEXT:
            found = self._label_text(text)
        else:
            found = self._label_identifier(text, domain)
        if found - {"content"}:
            return frozenset(found)
        if kind is Kind.IDENTIFIER:
            return frozenset(found or {"unknown"})
        return frozenset(found | {"model"})

    def _label_identifier(self, text: str, domain: str) -> set[str]:
        found = set()
        if self.user_named(text):
            found.add("user")
        if text in self._records.get(domain, ()):
            found.add("record")
        if _fold(text) and _squeeze(text) in self._content_squeezed:
            found.add("content")
        return found

    def _label_quantity(self, text: str, domain: str) -> set[str]:
        found = set()
        number = _number(text)
        if (number in self._prompt_numbers) if number is not None else self.user_named(text):
            found.add("user")
        if text in self._records.get(domain, ()):
            found.add("record")
        if (number in self._content_numbers) if number is not None else stands_in(_fold(text), self._content):
            found.add("content")
        return found

    def _label_text(self, text: str) -> set[str]:
        found = set()
        if _WORD.search(text) and self.user_named(text.strip()):
            found.add("user")
        if self._carries_content(text):
            found.add("content")
        return found

    def _carries_content(self, text: str) -> bool:
        """A quotation, or an address, link, account or code that stands in free text and not in the user's words."""
        folded = _fold(text)
        if _WORD.search(folded) and stands_in(folded, self._content) and not stands_in(folded, self._prompt_folded):
            return True
        if (_shingles(text) & self._content_shingles) - self._prompt_shingles:
            return True
        return any(
            carrier in self._content_squeezed and carrier not in self._prompt_squeezed for carrier in _carriers(folded)
        )


def looks_like_identifier(text: str) -> bool:
    """True for a single printable word of at most `MAX_IDENTIFIER` code points: what a field that names something holds."""
    return 0 < len(text) <= MAX_IDENTIFIER and text.isprintable() and not any(char.isspace() for char in text)


def stands_in(needle: str, text: str) -> bool:
    """True when `needle` stands in `text` whole: not as a part of a longer word, account, host, path or address."""
    if not needle:
        return False
    start = text.find(needle)
    while start >= 0:
        if _opens(text, start, needle) and _closes(text, start + len(needle), needle):
            return True
        start = text.find(needle, start + 1)
    return False


def _opens(text: str, start: int, needle: str) -> bool:
    if start == 0 or not (needle[0].isalnum() or needle[0] in "_-/@."):
        return True
    before = text[start - 1]
    return not (before.isalnum() or before in "_-/@.\\")


def _closes(text: str, end: int, needle: str) -> bool:
    if end >= len(text) or not (needle[-1].isalnum() or needle[-1] in "_-/@"):
        return True
    after = text[end]
    if after.isalnum() or after in "_-/@\\":
        return False
    if after in ".:,?=&#%" and end + 1 < len(text):
        following = text[end + 1]
        # a full stop without a space ends a sentence only before a capital: hosts and numbers go on in small letters and digits
        return not (following.isalnum() or following == "/") or (after == "." and following.isupper())
    return True


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    number = _number(str(value))
    return str(value) if number is None else format(number, "f")


def _number(text: str) -> Decimal | None:
    if not re.fullmatch(r"-?\d+(\.\d+)?", text, re.ASCII):
        return None
    try:
        return Decimal(text).normalize() + 0
    except InvalidOperation:
        return None


def _numbers(text: str) -> set[Decimal]:
    found: set[Decimal] = set()
    for match in _NUMBER.finditer(text):
        number = _number(re.sub(r"[ ,'\u00a0\u202f]", "", match.group()))
        if number is not None:
            found.add(number)
    return found


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold().split())


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", _fold(text))


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(_fold(text))
    return {tuple(words[at : at + QUOTED_WORDS]) for at in range(len(words) - QUOTED_WORDS + 1)}


def _carriers(folded: str) -> Iterable[str]:
    for match in _CARRIER.finditer(folded):
        piece = match.group().strip(".:-*_/\\")
        has_digit = any(char.isdigit() for char in piece)
        if "@" in piece or "://" in piece or re.search(r"\w\.\w", piece) or (has_digit and len(piece) >= 5):
            yield piece
