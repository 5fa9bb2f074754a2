"""A real browser, headless and without a network, for the page that verifies evidence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.house.source import IN_CI, ROOT

__all__ = ["PAGE", "browser_page"]

PAGE = ROOT / "verifiers" / "verify_evidence.html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def browser_page() -> Iterator[Page]:
    """The verifier's page, opened from its file in a browser that reaches nothing. Skips where there is none, unless CI=true."""
    found = next((path for path in map(shutil.which, BROWSERS) if path is not None), None)
    if found is None:
        if IN_CI:
            pytest.fail("a browser is required when CI=true: scripts/debian.sh installs one")
        pytest.skip("no Chromium on this machine: scripts/debian.sh installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        try:
            context = browser.new_context(offline=True)
            page = context.new_page()
            page.goto(PAGE.as_uri())
            yield page
        finally:
            browser.close()
