"""Values made fast are the values that the constructor makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field

import pytest

from intended_core.quick import maker
from intended_core.unit import Row, RowKey, UnitView


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    first: int
    second: str = "two"


@dataclass(frozen=True, slots=True)
class Mixed:
    first: int
    second: int = field(default=2, kw_only=True)
    third: int = 3


@dataclass(frozen=True, slots=True)
class Inherits(RowKey):
    more: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    first: int
    second: list[int] = field(default_factory=list)


@pytest.mark.parametrize(
    ("cls", "args", "kwargs"),
    [
        (Named, (), {"first": 1}),
        (Named, (), {"first": 1, "second": "x"}),
        (Mixed, (1,), {}),
        (Mixed, (1, 9), {"second": 7}),
        (RowKey, ("nonce", "a"), {}),
        (Row, ("nonce", "a", 1, "ISSUED", b"b", b"m"), {}),
        (Inherits, ("nonce", "a"), {}),
        (Inherits, ("nonce", "a", 3), {}),
        (UnitView, (None, {}), {}),
        (UnitView, (None, {}, {"t": ()}), {"time_us": 3}),
    ],
    ids=["default", "named", "mixed", "mixed-all", "key", "row", "heir", "heir-all", "factory", "factory-given"],
)
def test_a_value_made_fast_is_the_constructors(cls, args, kwargs):
    made = maker(cls)(*args, **kwargs)
    assert type(made) is cls
    assert made == cls(*args, **kwargs)
    assert hash_of(made) == hash_of(cls(*args, **kwargs))
    assert repr(made) == repr(cls(*args, **kwargs))


def hash_of(value):
    try:
        return hash(value)
    except TypeError as error:
        return str(error)


def test_what_a_factory_makes_is_made_anew_for_each():
    make = maker(Filled)
    one, two = make(1), make(1)
    assert one.second == []
    assert one.second is not two.second
    assert make(1, [5]).second == [5]


@dataclass(frozen=True, slots=True)
class Later:
    first: int
    second: int = field(init=False)


def test_a_field_that_the_constructor_leaves_empty_is_left_empty():
    made = maker(Later)(1)
    assert made.first == 1
    assert not hasattr(made, "second")
    with pytest.raises(TypeError):
        maker(Later)(1, second=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("made", [maker(Named)(first=1), maker(Inherits)("nonce", "a")], ids=["own", "heir"])
def test_a_value_made_fast_is_frozen(made):
    for name in made.__dataclass_fields__:
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, 2)
        with pytest.raises(FrozenInstanceError):
            delattr(made, name)
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        made.other = 2  # type: ignore[attr-defined]


def test_a_call_that_the_constructor_refuses_is_refused():
    for args, kwargs in (((), {}), ((1,), {}), ((), {"first": 1, "third": 2})):
        with pytest.raises(TypeError):
            Named(*args, **kwargs)
        with pytest.raises(TypeError):
            maker(Named)(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Checked:
    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("negative")


@dataclass(frozen=True, slots=True)
class Below(Checked):
    more: int = 0


class Open:
    pass


@dataclass(frozen=True, slots=True)
class Spoilt(Open):
    value: int


@dataclass(slots=True)
class Mutable:
    value: int


@dataclass(frozen=True)
class Roomy:
    value: int


class Plain:
    __slots__ = ("value",)


def test_only_who_says_so_leaves_a_check_out():
    assert maker(Checked, unsafe_unchecked=True)(-1).value == -1
    with pytest.raises(TypeError):
        maker(Spoilt, unsafe_unchecked=True)


@pytest.mark.parametrize("cls", [Checked, Below, Spoilt, Mutable, Roomy, Plain], ids=lambda cls: cls.__name__)
def test_a_class_that_checks_has_room_or_changes_is_not_made_fast(cls):
    with pytest.raises(TypeError):
        maker(cls)
