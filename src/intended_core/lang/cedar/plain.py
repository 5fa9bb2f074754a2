"""Strict JSON as Cedar uses it: 64-bit integers, no floats, no null, no duplicate keys."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from intended_core.errors import IntentError
from intended_core.values import INT_MAX, INT_MIN

__all__ = ["read_json"]

MAX_JSON_BYTES: Final = 16 * 1024 * 1024  # as for entities of the native language


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise IntentError(f"the member {twice[:80]!r} stands twice", place="json")
    return made


def _no_float(text: str) -> NoReturn:
    raise IntentError(f"{text[:40]} is not a whole number; a decimal is given as text", place="json")


def _integer(text: str) -> int:
    if len(text) > 20 or not INT_MIN <= int(text) <= INT_MAX:
        raise IntentError(f"{text[:40]} is larger than a Long", place="json")
    return int(text)


def read_json(data: bytes, what: str) -> Any:
    """The value of these bytes; raises IntentError with `what` as its place."""
    if len(data) > MAX_JSON_BYTES:
        raise IntentError(f"larger than {MAX_JSON_BYTES} bytes", place=what)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_pairs,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_integer,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate has no UTF-8
    except IntentError as error:
        raise IntentError(error.problem, place=what) from None
    except UnicodeEncodeError:
        raise IntentError("text must be valid Unicode (no lone surrogates)", place=what) from None
    except (UnicodeDecodeError, ValueError):
        raise IntentError("not valid JSON in UTF-8", place=what) from None
    except RecursionError:
        raise IntentError("nested too deep", place=what) from None
    return value
