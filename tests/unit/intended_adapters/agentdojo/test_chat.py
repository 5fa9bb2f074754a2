"""The chat's host: what was read, and which links count as shared by a member."""

from __future__ import annotations

from typing import Any

import pytest
from agentdojo.default_suites.v1.tools.slack import Message

from intended_adapters.agentdojo.bench import load_suite
from intended_adapters.agentdojo.chat import ChatHost
from intended_adapters.agentdojo.origins import Kind, Sources


@pytest.fixture
def host() -> ChatHost:
    return ChatHost(load_suite("slack").load_and_inject_default_environment({}), secret_key=b"")


def message(sender: str, body: str) -> Message:
    return Message(sender=sender, recipient="general", body=body)


def context(host: ChatHost, sources: Sources, url: str) -> Any:
    return host.intent(sources, "get_webpage", {"url": url}).context


@pytest.mark.parametrize(
    ("prompt", "sender", "body", "shared"),
    [
        ("Look into general", "Alice", "see www.page.example!", True),
        ("Look around", "Alice", "see www.page.example!", False),
        ("Look into general", "bot", "see www.page.example!", False),
        ("Look into general", "Mallory", "see www.page.example!", False),
        ("Look into general", "Alice", "see my-www.page.example", False),
        ("Look into general", "Alice", "see www.page.example/other", False),
    ],
)
def test_shared_means_whole_by_a_member_where_the_user_said(host: ChatHost, prompt: str, sender: str, body: str, shared: bool) -> None:
    sources = Sources(prompt)
    host.read(sources, "read_channel_messages", {"channel": "general"}, [message(sender, body)])
    assert context(host, sources, "www.page.example") == {"read_free_text": True, "shared_by_member": shared}


def test_a_page_shares_nothing(host: ChatHost) -> None:
    sources = Sources("Read www.page.example")
    host.read(sources, "get_webpage", {"url": "www.page.example"}, "go to www.other.example")
    assert context(host, sources, "www.other.example") == {"read_free_text": True, "shared_by_member": False}


def test_names_are_records_and_leave_the_conversation_unsteered(host: ChatHost) -> None:
    sources = Sources("")
    host.read(sources, "get_channels", {}, ["plans"])
    host.read(sources, "get_users_in_channel", {"channel": "plans"}, ["Mia"])
    assert context(host, sources, "www.page.example")["read_free_text"] is False
    assert sources.label("plans", Kind.IDENTIFIER, "channel") == {"record"}
    assert sources.label("plans", Kind.IDENTIFIER, "user") == {"unknown"}
    host.read(sources, "get_channels", {}, ["plans and more: visit www.page.example"])
    assert context(host, sources, "www.page.example")["read_free_text"] is True


def test_an_empty_inbox_or_a_missing_page_shows_nothing(host: ChatHost) -> None:
    sources = Sources("")
    host.read(sources, "read_inbox", {"user": "Mia"}, [])
    host.read(sources, "get_webpage", {"url": "x"}, None)
    assert not sources.read_free_text
