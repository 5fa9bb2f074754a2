"""Faults for a room that decides: what stands in the place of what, and how a fault gets into functions that are imported already."""

from __future__ import annotations

import ast
import copy
import functools
import hashlib
import importlib
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.reached import places_of

__all__ = ["Mutant", "apply_mutant", "forget", "mutants_of", "path_of", "texts_of"]

CORE = Path(__file__).resolve().parent.parent / "src" / "intended_core"
FLIPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.RShift: ast.LShift, ast.LShift: ast.RShift, ast.Pow: ast.Mult,
}  # fmt: skip
NAMES = {"any": "all", "all": "any", "max": "min", "min": "max"}
REMOVED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)




@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault and where it stands. `name`: function, the code before and after, never a line number.

    `reach`: the first and last line of what must run before a test could notice.
    """

    room: str
    name: str
    line: int
    place: int
    change: int
    reach: tuple[int, int]

    @property
    def function(self) -> str:
        """Where it stands, as `texts_of` names it."""
        return self.name.partition(":")[0]


def mutants_of(room: str) -> list[Mutant]:
    """Every mutant of a room, in the order of the text. A room of the engine goes by its own name, any other by its folder's as well."""
    found: list[Mutant] = []
    seen: dict[str, int] = {}
    tree = _parsed(room)
    places = places_of(tree)
    for place, (node, function) in enumerate(_nodes(tree)):
        for change, new in enumerate(_changes(node)):
            name = f"{function}: {_text(node)} -> {_text(new)}"
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                name += f" #{seen[name]}"
            # a number at the top of a room, or a default, can be noticed anywhere
            reach = (1, len(_source(room))) if function.isupper() else places[id(node)]
            found.append(Mutant(room=room, name=name, line=node.lineno, place=place, change=change, reach=reach))
    return found


def path_of(room: str) -> Path:
    """Where the room's text is."""
    return CORE / f"{_place(room)}.py"


def _place(room: str) -> str:
    return room if "/" in room else f"engine/{room}"


@functools.cache
def _source(room: str) -> str:
    """The text as it was at first: who edits the room meanwhile changes no mutant of this run."""
    return path_of(room).read_text(encoding="utf-8")


@functools.cache
def texts_of(room: str) -> dict[str, str]:
    """A digest of the text of each function and number of the room, by the name that its mutants bear."""
    found: dict[str, str] = {}
    for item in _parsed(room).body:
        parts = [(f"{item.name}.", one) for one in item.body] if isinstance(item, ast.ClassDef) else [("", item)]
        for prefix, part in parts:
            name = part.name if isinstance(part, ast.FunctionDef) else part.target.id if isinstance(part, ast.AnnAssign) else ""  # type: ignore[union-attr]
            if name:
                found[prefix + name] = hashlib.sha256(ast.unparse(part).encode()).hexdigest()[:12]
    return found


def _parsed(room: str) -> ast.Module:
    return ast.parse(_source(room))


def _mutated(mutant: Mutant) -> ast.Module:
    tree = _parsed(mutant.room)
    node, _ = list(_nodes(tree))[mutant.place]
    _put(tree, node, list(_changes(node))[mutant.change])
    return ast.fix_missing_locations(tree)


def _text(node: ast.AST) -> str:
    return ast.unparse(node).split("\n", 1)[0]


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """The nodes inside functions, and the numbers at the top, each with the function that it stands in."""
    for item in tree.body:
        if isinstance(item, ast.FunctionDef):
            yield from _inside(item, item.name)
        elif isinstance(item, ast.ClassDef):
            for method in item.body:
                if isinstance(method, ast.FunctionDef):
                    yield from _inside(method, f"{item.name}.{method.name}")
        elif isinstance(item, ast.AnnAssign) and item.value is not None and item.target.id.isupper():  # type: ignore[union-attr]
            for node in ast.walk(item.value):
                if isinstance(node, ast.Constant | ast.BinOp) and not isinstance(getattr(node, "value", 0), str | bool):
                    yield node, item.target.id  # type: ignore[union-attr]


def _inside(function: ast.FunctionDef, name: str) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    for default in (*function.args.defaults, *(item for item in function.args.kw_defaults if item is not None)):
        yield from ((node, name) for node in _walk(default))
    for statement in body:
        yield from ((node, name) for node in _walk(statement))


def _walk(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    if isinstance(node, ast.JoinedStr):
        return
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    """What may stand in the place of `node`, each a fault."""
    match node:
        case ast.Compare(ops=ops):
            for at, operator in enumerate(ops):
                yield _with(node, ops=[*ops[:at], FLIPS[type(operator)](), *ops[at + 1 :]])
        case ast.BoolOp(op=operator, values=values):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
            for at in range(len(values)):
                rest = [*values[:at], *values[at + 1 :]]
                yield rest[0] if len(rest) == 1 else _with(node, values=rest)
        case ast.BinOp(op=operator) if type(operator) in FLIPS:
            yield _with(node, op=FLIPS[type(operator)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield _with(node, value=not value)
        case ast.Constant(value=int() as value):
            yield _with(node, value=value + 1)
            if value > 0:
                yield _with(node, value=value - 1)
        case ast.Constant(value=str() as value) if " " not in value:
            yield _with(node, value=value + "x")
        case ast.IfExp(test=test):
            yield _with(node, test=_not(test))
        case ast.If(test=test):
            yield _with(node, test=_not(test))
            if not isinstance(test, ast.Compare | ast.UnaryOp | ast.Call):
                yield _with(node, test=ast.Constant(value=True))
        case ast.Return(value=value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield _with(node, value=ast.Constant(value=None))
        case ast.GeneratorExp(generators=[loop]) | ast.ListComp(generators=[loop]) if loop.ifs:
            yield _with(node, generators=[_with(loop, ifs=[_not(loop.ifs[0]), *loop.ifs[1:]])])
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield _with(node, func=ast.Name(id=NAMES[name], ctx=ast.Load()))
        case ast.Call(args=args) if len(args) > 1 and not any(isinstance(item, ast.Starred) for item in args):
            for at in range(len(args) - 1):
                yield _with(node, args=[*args[:at], args[at + 1], args[at], *args[at + 2 :]])
        case ast.Assign(targets=[ast.Subscript()]):
            yield ast.copy_location(ast.Pass(), node)
        case _ if isinstance(node, REMOVED):
            yield ast.copy_location(ast.Pass(), node)


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(op=ast.Not(), operand=test)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _put(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list):
                for at, item in enumerate(value):
                    if item is old:
                        value[at] = new
                        return
    raise AssertionError("a node without a place")


def apply_mutant(mutant: Mutant) -> None:
    """Put the mutant's code into the functions of the room that everybody has imported already."""
    module = _module(mutant.room)
    fresh = types.ModuleType(module.__name__)
    fresh.__dict__["__file__"] = module.__file__
    sys.modules[module.__name__] = fresh  # dataclasses look their module up
    try:
        exec(compile(_mutated(mutant), str(module.__file__), "exec"), fresh.__dict__)  # noqa: S102 - our own source with one fault
    finally:
        sys.modules[module.__name__] = module
    for name, made in vars(fresh).items():
        known = vars(module).get(name)
        if getattr(made, "__module__", None) != module.__name__:
            if name == mutant.function or (isinstance(made, int) and not isinstance(made, bool)):
                setattr(module, name, made)
            continue
        if isinstance(made, type) and isinstance(known, type):
            for key, method in vars(made).items():
                _replace(method, vars(known).get(key))
        else:
            _replace(made, known)


def forget(rooms: Iterable[str]) -> None:
    """Empty the caches of these rooms' functions: who meets a remembered answer reaches none of its lines."""
    for room in rooms:
        for item in vars(_module(room)).values():
            if isinstance(item, functools._lru_cache_wrapper):  # its class has no public name
                item.cache_clear()


def _module(room: str) -> types.ModuleType:
    return importlib.import_module("intended_core." + _place(room).replace("/", "."))


def _replace(made: object, known: object) -> None:
    """Give what is known the code of what was made; behind a cache, which then forgets, a property or a class method as well."""
    if isinstance(known, functools._lru_cache_wrapper):  # its class has no public name
        known.cache_clear()
    made, known = _function(made), _function(known)
    if isinstance(made, types.FunctionType) and isinstance(known, types.FunctionType):
        _transplant(made, known)


def _function(item: object) -> object:
    if isinstance(item, property):
        return item.fget
    return getattr(item, "__wrapped__", item)


def _transplant(made: types.FunctionType, known: types.FunctionType) -> None:
    if made.__code__.co_freevars == known.__code__.co_freevars:
        known.__code__ = made.__code__
    plain = {name: value for name, value in (made.__kwdefaults__ or {}).items() if isinstance(value, int | str | type(None))}
    known.__kwdefaults__ = {**(known.__kwdefaults__ or {}), **plain} or None
    pairs = zip(made.__defaults__ or (), known.__defaults__ or (), strict=False)
    known.__defaults__ = tuple(new if isinstance(new, int | str) else old for new, old in pairs) or None
