"""One factory per kind and name, collected once, fixed, and looked at before it is handed on."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from intended_core.errors import AssemblyError, StoreError
from intended_core.hookspecs import hookimpl
from intended_core.loader.registry import BUILTIN_PLUGIN, Registry, load_registry
from intended_core.testing.model_store import ModelStorage

SRC = str(Path(__file__).resolve().parents[4] / "src")


class Gives:
    """A plugin that contributes what it is told."""

    def __init__(self, *given: tuple[Any, Any, Any], answer: object = None) -> None:
        self.given = given
        self.answer = answer
        self.kept: Any = None

    @hookimpl
    def intended_register_adapters(self, register: Any) -> object:
        self.kept = register
        for kind, name, factory in self.given:
            register(kind, name, factory)
        return self.answer


class Nothing:
    """Has the port's name and none of its calls."""


class AsyncSigner:
    async def generate(self, algorithm: str) -> None:
        """Would sign nothing."""

    def load(self, algorithm: str, private_der: bytes) -> None:
        """Plain."""


def model(**options: object) -> ModelStorage:
    return ModelStorage(**options)  # type: ignore[arg-type]


def test_builtins_are_found_by_name_and_imported_late() -> None:
    code = (
        "import sys\nfrom intended_core.loader.registry import load_registry\nregistry = load_registry()\n"
        "print([(a.kind, a.name, a.plugin) for a in registry.adapters()])\n"
        "print([name for name in ('sqlalchemy', 'alembic', 'pydantic', 'cryptography') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": SRC})
    adapters, loaded = done.stdout.splitlines()
    assert ast.literal_eval(adapters) == [
        ("head_mark", "file", "builtin"), ("key_encryption", "file", "builtin"), ("notifier", "log", "builtin"),
        ("notifier", "webhook", "builtin"), ("server", "tiles", "builtin"), ("server", "witness", "builtin"),
        ("signer", "local", "builtin"), ("storage", "sqlite", "builtin"), ("time_authority", "http", "builtin"),
        ("time_verifier", "rfc3161", "builtin"), ("transport", "in-process", "builtin"),
        ("witness", "http", "builtin"),
    ]  # fmt: skip
    assert loaded == "[]"


def test_the_hosts_own_plugin() -> None:
    registry = load_registry(plugins={"host": Gives(("storage", "model", model), ("storage", "vendor/model", model))})
    assert isinstance(registry.create("storage", "model"), ModelStorage)
    assert isinstance(registry.create("storage", "vendor/model", on_step=print), ModelStorage)
    assert [(found.name, found.plugin) for found in registry.adapters() if found.kind == "storage"] == [
        ("model", "host"), ("sqlite", "builtin"), ("vendor/model", "host"),
    ]  # fmt: skip


def test_a_second_factory_of_one_name_is_an_error_that_names_both() -> None:
    with pytest.raises(AssemblyError, match=r"'sqlite' is contributed by plugin builtin and by plugin host"):
        load_registry(plugins={"host": Gives(("storage", "sqlite", model))})
    with pytest.raises(AssemblyError, match=r"'x-y' is contributed by plugin one and by plugin two"):
        load_registry(plugins={"one": Gives(("signer", "x-y", model)), "two": Gives(("signer", "x-y", model))})
    with pytest.raises(AssemblyError, match=r"'x-y' is contributed by plugin one and by plugin one"):
        load_registry(plugins={"one": Gives(("signer", "x-y", model), ("signer", "x-y", model))})
    load_registry(plugins={"one": Gives(("signer", "x-y", model)), "two": Gives(("storage", "x-y", model))})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("register", "x-y", model), "unknown kind"),
        ((None, "x-y", model), "unknown kind"),
        (("storage", "X", model), "a name is"),
        (("storage", "", model), "a name is"),
        (("storage", "a" * 42, model), "a name is"),
        (("storage", "a/b/c", model), "a name is"),
        (("storage", "sqlite\n", model), "a name is"),
        (("storage", 3, model), "a name is"),
        (("storage", "x-y", None), "plain factory"),
        (("storage", "x-y", AsyncSigner().generate), "plain factory"),
    ],
    ids=lambda item: repr(item)[:40],
)
def test_what_is_not_an_adapter_is_refused(given: tuple[Any, Any, Any], message: str) -> None:
    with pytest.raises(AssemblyError, match=message):
        load_registry(plugins={"host": Gives(given)})


def test_a_hook_returns_nothing() -> None:
    with pytest.raises(AssemblyError, match="returns nothing"):
        load_registry(plugins={"host": Gives(answer=model)})


def test_a_hook_that_does_not_exist() -> None:
    class Unknown:
        @hookimpl
        def intended_decide(self, intent: object) -> bool:
            return True

    with pytest.raises(AssemblyError, match="hook that does not exist"):
        load_registry(plugins={"host": Unknown()})


def test_a_plugin_that_breaks_is_named() -> None:
    class Broken:
        @hookimpl
        def intended_register_adapters(self, register: Any) -> None:
            raise ZeroDivisionError("inside")

    with pytest.raises(AssemblyError, match="plugin host failed to register: ZeroDivisionError"):
        load_registry(plugins={"host": Broken()})


def test_register_is_of_no_use_after_its_hook() -> None:
    plugin = Gives()
    registry = load_registry(plugins={"host": plugin})
    before = registry.adapters()
    with pytest.raises(AssemblyError, match="after its hook has ended"):
        plugin.kept("storage", "late", model)
    assert registry.adapters() == before


def test_a_started_registry_is_fixed() -> None:
    registry = load_registry()
    for call in (
        lambda: registry.register(Gives(("storage", "late", model)), name="late"),
        lambda: registry.unregister("builtin"),
        lambda: registry.unregister("missing"),
        registry.start,
    ):
        with pytest.raises(AssemblyError, match="fixed"):
            call()
    assert "late" not in {found.name for found in registry.adapters()}


def test_before_the_start_plugins_come_and_go() -> None:
    registry = Registry()
    registry.register(Gives(("storage", "model", model)), name="host")
    with pytest.raises(AssemblyError, match="before the registry has started"):
        registry.create("storage", "model")
    registry.unregister("host")
    with pytest.raises(AssemblyError, match="no plugin"):
        registry.unregister("host")
    registry.start()
    assert registry.adapters() == ()


def test_a_start_that_fails_starts_nothing() -> None:
    registry = Registry()
    registry.register(Gives(("storage", "good", model)), name="good")
    registry.register(Gives(("nonsense", "bad", model)), name="bad")
    with pytest.raises(AssemblyError):
        registry.start()
    assert registry.adapters() == ()
    with pytest.raises(AssemblyError, match="before the registry has started"):
        registry.create("storage", "good")


def _deferred() -> Iterator[int]:
    yield 1


def _raises(error: Exception) -> Callable[[], object]:
    def factory() -> object:
        raise error

    return factory


@pytest.mark.parametrize(
    ("kind", "factory", "message"),
    [
        ("storage", Nothing, "has no close"),
        ("signer", Nothing, "has no generate"),
        ("key_encryption", Nothing, "has no kek_id"),
        ("transport", Nothing, "has no invoke"),
        ("storage", lambda: None, "does not implement its port"),
        ("signer", AsyncSigner, "async generate"),
        ("signer", lambda: _deferred, "awaited"),
        ("signer", _raises(ZeroDivisionError("x")), "could not be made: ZeroDivisionError"),
        ("signer", lambda wanted: wanted, "does not take these options"),
    ],
)
def test_what_a_factory_makes_is_looked_at(kind: Any, factory: Callable[..., object], message: str) -> None:
    registry = load_registry(builtins=None, plugins={"host": Gives((kind, "made", factory))})
    with pytest.raises(AssemblyError, match=message):
        registry.create(kind, "made")


def test_the_adapters_own_errors_come_out_unchanged() -> None:
    error = StoreError("the disk is gone")
    registry = load_registry(builtins=None, plugins={"host": Gives(("storage", "made", _raises(error)))})
    with pytest.raises(StoreError) as caught:
        registry.create("storage", "made")
    assert caught.value is error


def test_an_unknown_adapter_names_the_known() -> None:
    registry = load_registry()
    with pytest.raises(AssemblyError, match=r"no storage adapter 'postgres' \(there are: sqlite\)"):
        registry.create("storage", "postgres")
    with pytest.raises(AssemblyError, match=r"there are: none"):
        load_registry(builtins=None).create("signer", "local")


def test_built_ins_that_are_missing() -> None:
    with pytest.raises(AssemblyError, match="cannot be imported"):
        load_registry(builtins=f"{BUILTIN_PLUGIN}_missing")


def test_registries_share_nothing() -> None:
    first = load_registry(plugins={"host": Gives(("storage", "model", model))})
    second = load_registry()
    assert "model" in {found.name for found in first.adapters()}
    assert "model" not in {found.name for found in second.adapters()}
