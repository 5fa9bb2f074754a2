"""What a plugin may be: plain hook functions that contribute factories. Everything else is refused when it is registered.

A wrapper could replace what another plugin contributed, an async function would contribute nothing and look as if it had; so both
are refused before any hook is called. Installed third-party plugins are listed from their metadata and imported only when named.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import pluggy

from intended_core.errors import AssemblyError
from intended_core.hookspecs import PROJECT, IntendedHooks

__all__ = ["ENTRY_POINT_GROUP", "FrozenPluginManager", "InstalledPlugin", "installed_plugins", "is_deferred", "load_installed"]

ENTRY_POINT_GROUP: Final = "intended.adapters"


class FrozenPluginManager(pluggy.PluginManager):
    """A plugin manager of one authority that checks each hook function as it comes, and takes none after `freeze`."""

    def __init__(self) -> None:
        super().__init__(PROJECT)
        self._frozen = False
        self.add_hookspecs(IntendedHooks)

    def freeze(self) -> None:
        """No register, unregister, block, monitor or new hookspec from now on."""
        self._frozen = True

    def _check_open(self) -> None:
        if self._frozen:
            raise AssemblyError("the adapters of a started authority are fixed: register plugins before it starts")

    def register(self, plugin: Any, name: str | None = None) -> str | None:
        """As pluggy's, once per name and object. Raises AssemblyError for what `plugin` may not be."""
        self._check_open()
        shown = name or self.get_canonical_name(plugin)
        for attribute in dir(plugin):
            options = self.parse_hookimpl_opts(plugin, attribute)
            if options is None:
                continue
            where = f"the hook {options['specname'] or attribute} of plugin {shown}"
            if options["wrapper"] or options["hookwrapper"]:
                raise AssemblyError(f"{where} is a wrapper: a plugin contributes factories and never replaces another's")
            if is_deferred(getattr(plugin, attribute)):
                raise AssemblyError(f"{where} is async or a generator, so it would contribute nothing: make it a plain function")
        try:
            return super().register(plugin, name)
        except ValueError:
            raise AssemblyError(f"plugin {shown} is registered already") from None
        except pluggy.PluginValidationError as error:
            raise AssemblyError(f"plugin {shown} does not fit the hooks: {error}") from None

    def unregister(self, plugin: Any = None, name: str | None = None) -> Any:
        """As pluggy's, before `freeze`."""
        self._check_open()
        return super().unregister(plugin, name)

    def set_blocked(self, name: str) -> None:
        """As pluggy's, before `freeze`."""
        self._check_open()
        super().set_blocked(name)

    def add_hookspecs(self, module_or_class: Any) -> None:
        """As pluggy's, before `freeze`."""
        self._check_open()
        super().add_hookspecs(module_or_class)

    def add_hookcall_monitoring(self, before: Any, after: Any) -> Callable[[], None]:
        """Refused: whoever watches hook calls could change what they contribute."""
        raise AssemblyError("hook calls of an authority are not monitored from outside")

    def load_setuptools_entrypoints(self, group: str, name: str | None = None) -> int:
        """Refused: it would import whatever is installed. Name the plugins that are wanted instead."""
        raise AssemblyError("plugins are imported only by name, never because they are installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """A third-party plugin that some installed distribution offers; nothing of it has been imported."""

    name: str
    target: str
    distribution: str
    version: str


def installed_plugins() -> Sequence[InstalledPlugin]:
    """Every offered plugin, by name, from metadata alone. AssemblyError when two distributions offer the same name."""
    found: dict[str, InstalledPlugin] = {}
    for point in sorted(_offered(), key=lambda item: (item.name, _distribution(item)[0])):
        name, version = _distribution(point)
        made = InstalledPlugin(name=point.name, target=point.value, distribution=name, version=version)
        other = found.setdefault(made.name, made)
        if other is not made:
            raise AssemblyError(
                f"the plugin name {made.name!r} is offered by {other.distribution} and by {made.distribution}: uninstall one"
            )
    return tuple(found.values())


def load_installed(name: str) -> object:
    """Import the one installed plugin of this name. AssemblyError when there is none, or it cannot be imported."""
    offered = {plugin.name: plugin for plugin in installed_plugins()}
    if name not in offered:
        raise AssemblyError(f"no installed distribution offers the plugin {name!r} (entry-point group {ENTRY_POINT_GROUP})")
    point = next(item for item in _offered() if item.name == name)
    try:
        return point.load()
    except Exception as error:
        raise AssemblyError(
            f"the plugin {name!r} of {offered[name].distribution} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def is_deferred(function: object) -> bool:
    """Whether calling `function` only makes something that must still be awaited or iterated."""
    candidates = (function, getattr(function, "func", None), getattr(type(function), "__call__", None))  # noqa: B004
    return any(
        inspect.iscoroutinefunction(item) or inspect.isasyncgenfunction(item) or inspect.isgeneratorfunction(item)
        for item in candidates
    )


def _offered() -> Sequence[EntryPoint]:
    return tuple(entry_points(group=ENTRY_POINT_GROUP))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return ("unknown", "") if point.dist is None else (point.dist.name, point.dist.version)
