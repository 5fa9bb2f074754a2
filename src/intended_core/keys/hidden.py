"""Bytes that nobody sees by accident: they have no text form, no pickle, and are used only where somebody asks for the bytes.

`SecretBytes` is a `bytes`, so that ciphers and codecs take it as it is. What is cut from it or added to it is plain again.
"""

from __future__ import annotations

from typing import NoReturn, SupportsIndex

__all__ = ["SecretBytes"]

_SHOWN = "SecretBytes(<hidden>)"


class SecretBytes(bytes):
    """A secret's bytes. `repr`, `str`, formatting, logs and tracebacks with locals show no byte of it; it is not pickled or copied.

    `bytes(secret)` and `secret.decode()` are the ways to its content.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, format_spec: str) -> str:
        return _SHOWN

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret is not pickled or copied: it stays in the store, sealed")
