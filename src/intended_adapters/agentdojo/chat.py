"""The chat assistant's host: channels, messages, members of a workspace, and pages on the web."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from intended_adapters.agentdojo.host import PARTIES, Argument, Told, make_intent
from intended_adapters.agentdojo.origins import Kind, Sources, stands_in
from intended_core import Call, Entity, EntityRef, Intent

__all__ = ["ChatHost"]

_USER: Final = Argument(kind=Kind.IDENTIFIER, domain="user")
_CHANNEL: Final = Argument(kind=Kind.IDENTIFIER, domain="channel")
_URL: Final = Argument(kind=Kind.IDENTIFIER, domain="url")
_PROSE: Final = Argument(kind=Kind.TEXT, domain="text")
_WORKSPACE: Final = EntityRef("Workspace", "workspace")

_SHAPES: Final[Mapping[str, Mapping[str, Argument]]] = {
    "read_channel_messages": {"channel": _CHANNEL},
    "get_users_in_channel": {"channel": _CHANNEL},
    "read_inbox": {"user": _USER},
    "get_webpage": {"url": _URL},
    "post_webpage": {"url": _URL, "content": _PROSE},
    "send_direct_message": {"recipient": _USER, "body": _PROSE},
    "send_channel_message": {"channel": _CHANNEL, "body": _PROSE},
    "add_user_to_channel": {"user": _USER, "channel": _CHANNEL},
    "invite_user_to_slack": {"user": _USER, "user_email": Argument(kind=Kind.IDENTIFIER, domain="email")},
    "remove_user_from_slack": {"user": _USER},
}


class ChatHost:
    """Host of one conversation with the chat assistant. `environment` is the benchmark's slack environment."""

    def __init__(self, environment: Any, *, secret_key: bytes) -> None:
        del secret_key  # nothing secret passes through these tools
        self._members = frozenset(environment.slack.users)
        self._shared: list[str] = []

    def entities(self) -> tuple[Entity, ...]:
        return (*PARTIES, Entity(ref=_WORKSPACE))

    def call(self, function: str, args: Mapping[str, Any]) -> Call:
        stated = {name: value for name, value in args.items() if value is not None}
        return Call(action=function, resource=_WORKSPACE, args=stated)

    def intent(self, sources: Sources, function: str, args: Mapping[str, Any]) -> Intent:
        context: dict[str, object] = {"read_free_text": sources.read_free_text}
        if function == "get_webpage":
            context["shared_by_member"] = any(stands_in(str(args["url"]), body) for body in self._shared)
        return make_intent(self.call(function, args), sources, _SHAPES.get(function, {}), Told(context=context))

    def read(self, sources: Sources, function: str, args: Mapping[str, Any], result: object) -> None:
        if function == "get_webpage":
            sources.read_text(str(result or ""))
        elif not isinstance(result, list):
            return
        elif function == "get_channels":
            for channel in result:
                sources.read_record("channel", channel)
        elif function == "get_users_in_channel":
            for user in result:
                sources.read_record("user", user)
        elif function in ("read_channel_messages", "read_inbox"):
            named = sources.user_named(str(args.get("channel", args.get("user"))))
            for message in result:
                sources.read_record("user", message.sender)
                sources.read_text(message.body)
                # only what a member wrote, in a place that the user told the agent to look at, counts as shared
                if named and message.sender in self._members:
                    self._shared.append(message.body)
