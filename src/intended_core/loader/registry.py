"""The adapters of one authority: collected from plugins once, then fixed.

    registry = load_registry()                      # the built-ins
    registry = load_registry(entry_points=("kms",)) # and one installed plugin, by name
    storage = registry.create("storage", "sqlite", path="authority.db")

A factory comes from exactly one plugin: a second one of the same kind and name is an error that names both, never an override. What a
factory makes is looked at before it is handed on: every call of its port must be there, and be a plain one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from intended_core.errors import AssemblyError, IntendedError
from intended_core.hookspecs import ADAPTER_KINDS, AdapterKind
from intended_core.loader.plugins import FrozenPluginManager, is_deferred, load_installed
from intended_core.ports import (
    HeadMark,
    KeyEncryption,
    Notifier,
    Server,
    Signer,
    Storage,
    TimeAuthority,
    TimeVerifier,
    Transport,
    Witness,
)

__all__ = ["BUILTIN_PLUGIN", "RegisteredAdapter", "Registry", "load_registry"]

BUILTIN_PLUGIN: Final = "intended_adapters.builtin"  # a name, not an import: the core knows no adapter
_HOOK: Final = "intended_register_adapters"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,40}(/[a-z][a-z0-9-]{1,40})?")
_PORTS: Final[Mapping[str, type]] = {
    "storage": Storage, "signer": Signer, "key_encryption": KeyEncryption, "transport": Transport,
    "witness": Witness, "notifier": Notifier, "server": Server, "head_mark": HeadMark,
    "time_authority": TimeAuthority, "time_verifier": TimeVerifier,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredAdapter:
    """One factory: its kind and name, and the plugin that contributed it."""

    kind: AdapterKind
    name: str
    plugin: str
    factory: Callable[..., object]


class Registry:
    """Takes plugins until `start`, then answers for their adapters and never changes. One per authority; no global state."""

    __slots__ = ("_adapters", "_manager", "_started")

    def __init__(self) -> None:
        self._manager: Final = FrozenPluginManager()
        self._adapters: Mapping[tuple[str, str], RegisteredAdapter] = MappingProxyType({})
        self._started = False

    def register(self, plugin: object, *, name: str) -> None:
        """Add a plugin under a name of the host's choice. AssemblyError after `start`, for a taken name, a wrapper, an async hook."""
        self._manager.register(plugin, name)

    def unregister(self, name: str) -> None:
        """Take a plugin out again; AssemblyError after `start` and for an unknown name."""
        if not self._started and not self._manager.has_plugin(name):
            raise AssemblyError(f"there is no plugin {name!r}")
        self._manager.unregister(name=name)

    def start(self) -> None:
        """Call every plugin once, in the order of registration, and fix what they contributed. All or nothing."""
        if self._started:
            raise AssemblyError("the adapters of a started authority are fixed: start happens once")
        try:
            self._manager.check_pending()
        except Exception as error:  # noqa: BLE001 - pluggy's own error names the plugin and the hook
            raise AssemblyError(f"a plugin implements a hook that does not exist: {error}") from None
        found: dict[tuple[str, str], RegisteredAdapter] = {}
        for name, plugin in self._manager.list_name_plugin():
            self._collect(name, plugin, found)
        self._manager.freeze()
        self._adapters = MappingProxyType(found)
        self._started = True

    def _collect(self, name: str, plugin: object, found: dict[tuple[str, str], RegisteredAdapter]) -> None:
        others = [other for _, other in self._manager.list_name_plugin() if other is not plugin]
        call: Any = self._manager.subset_hook_caller(_HOOK, others)
        giving = _Register(name, found)
        try:
            answers = call(register=giving)
        except IntendedError:
            raise
        except Exception as error:
            raise AssemblyError(f"plugin {name} failed to register: {type(error).__name__}: {error}") from error
        finally:
            giving.close()
        if answers:
            raise AssemblyError(f"plugin {name} answered its hook with a value: a plugin registers factories and returns nothing")

    def adapters(self) -> Sequence[RegisteredAdapter]:
        """Every factory, by kind and name."""
        return tuple(self._adapters[key] for key in sorted(self._adapters))

    def create(self, kind: AdapterKind, name: str, **options: object) -> object:
        """Make the adapter `name` of this kind with its own options.

        Raises AssemblyError when there is none, it refuses the options, or what it makes does not have its port's calls; and
        the adapter's own StoreError or KeyRingError.
        """
        if not self._started:
            raise AssemblyError("no adapter is made before the registry has started")
        found = self._adapters.get((kind, name))
        if found is None:
            known = ", ".join(key[1] for key in sorted(self._adapters) if key[0] == kind) or "none"
            raise AssemblyError(f"there is no {kind} adapter {name!r} (there are: {known})")
        try:
            made = found.factory(**options)
        except IntendedError:
            raise
        except TypeError as error:
            raise AssemblyError(f"the {kind} adapter {name!r} does not take these options: {error}") from None
        except Exception as error:
            raise AssemblyError(f"the {kind} adapter {name!r} could not be made: {type(error).__name__}: {error}") from error
        _check_port(found, made)
        return made


class _Register:
    """`hookspecs.Register`, bound to one plugin and of use only during its hook."""

    __slots__ = ("_found", "_open", "_plugin")

    def __init__(self, plugin: str, found: dict[tuple[str, str], RegisteredAdapter]) -> None:
        self._plugin = plugin
        self._found = found
        self._open = True

    def close(self) -> None:
        self._open = False

    def __call__(self, kind: AdapterKind, name: str, factory: Callable[..., object]) -> None:
        who = f"plugin {self._plugin}"
        if not self._open:
            raise AssemblyError(f"{who} registers after its hook has ended: register inside the hook")
        if not isinstance(kind, str) or kind not in ADAPTER_KINDS:
            raise AssemblyError(f"{who} registers an adapter of the unknown kind {kind!r} (there are: {', '.join(ADAPTER_KINDS)})")
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise AssemblyError(f"{who} registers {name!r}: a name is 2-41 lower-case letters, digits and hyphens, or dist/name")
        if not callable(factory) or is_deferred(factory):
            raise AssemblyError(f"{who} registers {kind} {name!r} without a plain factory: async ones and generators make nothing")
        made = RegisteredAdapter(kind=kind, name=name, plugin=self._plugin, factory=factory)
        other = self._found.setdefault((kind, name), made)
        if other is not made:
            raise AssemblyError(f"the {kind} adapter {name!r} is contributed by plugin {other.plugin} and by {who}: remove one")


def load_registry(
    *, plugins: Mapping[str, object] | None = None, entry_points: Sequence[str] = (), builtins: str | None = BUILTIN_PLUGIN
) -> Registry:
    """A started registry: the built-ins, the host's own `plugins` by name, and the installed ones that the host names.

    `builtins`: the module that registers the built-in adapters, None for none. Raises AssemblyError.
    """
    registry = Registry()
    if builtins is not None:
        try:
            registry.register(import_module(builtins), name="builtin")
        except ImportError as error:
            raise AssemblyError(f"the built-in adapters ({builtins}) cannot be imported: {error}") from error
    for name, plugin in (plugins or {}).items():
        registry.register(plugin, name=name)
    for name in entry_points:
        registry.register(load_installed(name), name=name)
    registry.start()
    return registry


def _check_port(adapter: RegisteredAdapter, made: object) -> None:
    what = f"the {adapter.kind} adapter {adapter.name!r} of plugin {adapter.plugin}"
    if is_deferred(made) or hasattr(made, "__await__"):
        raise AssemblyError(f"{what} made something to be awaited, not an adapter")
    for call in sorted(name for name in dir(_PORTS[adapter.kind]) if not name.startswith("_")):
        member = getattr(type(made), call, None)
        if member is None:
            raise AssemblyError(f"{what} has no {call}: it does not implement its port")
        if is_deferred(member) and (adapter.kind, call) != ("storage", "records"):
            raise AssemblyError(f"{what} has an async {call}: a port's calls are plain ones")
