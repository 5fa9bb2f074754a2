"""What an authority is configured with, within its bounds: whatever is outside refuses to start."""

from __future__ import annotations

from intended_core.errors import AssemblyError, IntentError
from intended_core.flows.effects import Settings
from intended_core.ids import adapter_id

__all__ = ["checked_name", "checked_settings"]


def checked_settings(settings: Settings) -> Settings:
    """These settings; raises AssemblyError naming the one that is out of its bounds."""
    if not 1 <= settings.token_life_seconds <= 300:
        raise AssemblyError("token_life_seconds is 1 to 300")
    if not 0 <= settings.leeway_seconds <= 30:
        raise AssemblyError("leeway_seconds is 0 to 30")
    if not 0 <= settings.jwks_age_seconds <= 86_400:
        raise AssemblyError("jwks_age_seconds is 0 to 86400")
    adapters = [adapter_id(adapter) for adapter, _ in settings.detached_registers]
    if len(set(adapters)) != len(adapters) or any(
        name == "ledger" or name != adapter_id(name) for _, name in settings.detached_registers
    ):
        raise AssemblyError("detached_registers names each adapter once, and registers in the form of adapter ids, never the ledger")
    if not 1 <= settings.refusal_interval_seconds <= 86_400:
        raise AssemblyError("refusal_interval_seconds is 1 to 86400")
    if not 0.1 <= settings.flow_deadline_seconds <= 60:
        raise AssemblyError("flow_deadline_seconds is 0.1 to 60")
    return settings


def checked_name(name: str) -> str:
    """This name of an authority; raises IntentError."""
    if not name.isascii() or not 1 <= len(name) <= 100 or not all(char.isalnum() or char in ".-_" for char in name):
        raise IntentError("an authority's name is 1-100 letters, digits, dots, hyphens and underscores", place="name")
    return name
