"""A browser that looks at a running web process."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.running_laurel import RunningLaurel, laurel_running
from tests.databases import TestServer
from tests.running_web import web

__all__ = ["web"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = shutil.which("chromium")
    assert path is not None, "chromium is needed: apt-get install chromium"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a fresh browser profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def laurel(server: TestServer) -> Iterator[RunningLaurel]:
    """Web and worker on a filled database, for all tests of pages; a test brings what it changes."""
    with laurel_running(server) as made:
        yield made


@pytest.fixture(scope="session")
def demo_laurel(server: TestServer) -> Iterator[RunningLaurel]:
    """Web and worker on the smallest demo, which has all that happens in a bigger one."""
    with laurel_running(server, demo_scale=0.1) as made:
        yield made
