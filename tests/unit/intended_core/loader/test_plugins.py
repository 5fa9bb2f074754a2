"""Plugins are plain, named, and imported only when asked for."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Generator, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from intended_core.errors import AssemblyError
from intended_core.hookspecs import Register, hookimpl
from intended_core.loader.plugins import FrozenPluginManager, installed_plugins, is_deferred, load_installed


class Plain:
    @hookimpl
    def intended_register_adapters(self, register: Register) -> None:
        register("signer", "plain", object)


class Wrapper:
    @hookimpl(wrapper=True)
    def intended_register_adapters(self, register: Register) -> Generator[None, object, object]:
        return (yield)


class OldWrapper:
    @hookimpl(hookwrapper=True)
    def intended_register_adapters(self, register: Register) -> Iterator[None]:
        yield


class Async:
    @hookimpl
    async def intended_register_adapters(self, register: Register) -> None:
        register("signer", "plain", object)


class AsyncStream:
    @hookimpl
    async def intended_register_adapters(self, register: Register) -> AsyncIterator[int]:
        yield 1


class LazyGenerator:
    @hookimpl
    def intended_register_adapters(self, register: Register) -> Iterator[int]:
        register("signer", "plain", object)
        yield 1


class RenamedWrapper:
    @hookimpl(wrapper=True, specname="intended_register_adapters")
    def something_else(self, register: Register) -> Generator[None, object, object]:
        return (yield)


class OtherArguments:
    @hookimpl
    def intended_register_adapters(self, register: Register, engine: object) -> None:
        """Asks for more than there is."""


@pytest.mark.parametrize("plugin", [Wrapper(), OldWrapper(), RenamedWrapper()], ids=lambda item: type(item).__name__)
def test_a_wrapper_is_refused(plugin: object) -> None:
    manager = FrozenPluginManager()
    with pytest.raises(AssemblyError, match="is a wrapper"):
        manager.register(plugin, "p")
    assert manager.list_name_plugin() == []


@pytest.mark.parametrize("plugin", [Async(), AsyncStream(), LazyGenerator()], ids=lambda item: type(item).__name__)
def test_a_hook_that_would_contribute_nothing_is_refused(plugin: object) -> None:
    manager = FrozenPluginManager()
    with pytest.raises(AssemblyError, match="plain function"):
        manager.register(plugin, "p")
    assert manager.list_name_plugin() == []


def test_a_hook_with_other_arguments_is_refused() -> None:
    with pytest.raises(AssemblyError, match="does not fit"):
        FrozenPluginManager().register(OtherArguments(), "p")


def test_a_name_or_an_object_is_registered_once() -> None:
    manager = FrozenPluginManager()
    first = Plain()
    manager.register(first, "p")
    for plugin, name in ((Plain(), "p"), (first, "q")):
        with pytest.raises(AssemblyError, match="registered already"):
            manager.register(plugin, name)
    assert manager.list_name_plugin() == [("p", first)]


def test_after_freeze_nothing_changes() -> None:
    manager = FrozenPluginManager()
    plugin = Plain()
    manager.register(plugin, "p")
    manager.freeze()
    for call in (
        partial(manager.register, Plain(), "q"), partial(manager.unregister, plugin), partial(manager.unregister, name="p"),
        partial(manager.set_blocked, "p"), partial(manager.add_hookspecs, SimpleNamespace()),
    ):  # fmt: skip
        with pytest.raises(AssemblyError, match="fixed"):
            call()
    assert manager.list_name_plugin() == [("p", plugin)]


def test_nobody_watches_or_loads_in_bulk() -> None:
    manager = FrozenPluginManager()
    with pytest.raises(AssemblyError):
        manager.add_hookcall_monitoring(print, print)
    with pytest.raises(AssemblyError):
        manager.load_setuptools_entrypoints("intended.adapters")


def test_managers_are_not_shared() -> None:
    first, second = FrozenPluginManager(), FrozenPluginManager()
    first.register(Plain(), "p")
    assert second.list_name_plugin() == []


class _AsyncCall:
    async def __call__(self) -> None:
        """Never runs by being called."""


@pytest.mark.parametrize("function", [Async().intended_register_adapters, _AsyncCall(), partial(_AsyncCall.__call__, None)])
def test_deferred_is_seen(function: object) -> None:
    assert is_deferred(function)
    assert not is_deferred(Plain().intended_register_adapters)


def _offer(folder: Path, distribution: str, plugin: str, module: str, version: str = "1.0") -> None:
    """An installed distribution, as its metadata says."""
    info = folder / f"{distribution.replace(chr(45), chr(95))}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[intended.adapters]\n{plugin} = {module}\n", encoding="utf-8")
    (folder / f"{module}.py").write_text(
        "from intended_core.hookspecs import hookimpl\n"
        "@hookimpl\ndef intended_register_adapters(register):\n    register('signer', 'vendor', object)\n",
        encoding="utf-8",
    )


def test_installed_plugins_are_listed_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(tmp_path, "vendor-kms", "kms", "vendor_kms_never_named")
    _offer(tmp_path, "vendor-hsm", "hsm", "vendor_hsm_named")
    monkeypatch.syspath_prepend(tmp_path)
    found = {plugin.name: (plugin.distribution, plugin.version, plugin.target) for plugin in installed_plugins()}
    assert found["kms"] == ("vendor-kms", "1.0", "vendor_kms_never_named")
    assert "vendor_kms_never_named" not in sys.modules
    loaded = load_installed("hsm")
    assert loaded is sys.modules["vendor_hsm_named"]
    assert "vendor_kms_never_named" not in sys.modules


def test_one_name_from_two_distributions_is_an_error_that_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(tmp_path / "a", "vendor-one", "kms", "vendor_one")
    _offer(tmp_path / "b", "vendor-two", "kms", "vendor_two")
    monkeypatch.syspath_prepend(tmp_path / "a")
    monkeypatch.syspath_prepend(tmp_path / "b")
    with pytest.raises(AssemblyError, match="vendor-one and by vendor-two"):
        installed_plugins()
    with pytest.raises(AssemblyError, match="vendor-one and by vendor-two"):
        load_installed("kms")


def test_a_plugin_that_is_not_there_or_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssemblyError, match="no installed distribution offers"):
        load_installed("nothing-of-this-name")
    _offer(tmp_path, "vendor-broken", "broken", "vendor_broken")
    (tmp_path / "vendor_broken.py").write_text("raise ZeroDivisionError('on import')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssemblyError, match="vendor-broken cannot be imported: ZeroDivisionError"):
        load_installed("broken")
