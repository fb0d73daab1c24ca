"""What a browser that has nothing of Laurel yet is sent until a page stands."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.running_laurel import RunningLaurel
from tests.browser.visits import Visit, arriving

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

MOST_BYTES = 2_000_000
CHARTS = "PlotlyChart"


class Sent:
    """The bytes of every answer as they went over the line, headers included, by address."""

    def __init__(self) -> None:
        self.by_address: dict[str, int] = {}

    def bytes(self) -> int:
        return sum(self.by_address.values())


@contextmanager
def counting(page: Page) -> Iterator[Sent]:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sent, asked = Sent(), dict[str, str]()
    session.on("Network.requestWillBeSent", lambda e: asked.__setitem__(e["requestId"], e["request"]["url"]))
    session.on(
        "Network.loadingFinished",
        lambda e: sent.by_address.__setitem__(asked[e["requestId"]], int(e["encodedDataLength"])),
    )
    yield sent
    session.detach()


def loaded(visit: Visit, path: str) -> Sent:
    with counting(visit.page) as sent:
        visit.open(path)
        # A chart's library is asked for when the page's script has ended.
        visit.page.wait_for_timeout(1_500)
    return sent


@pytest.mark.parametrize("path", ["/", "/uploads", "/claims", "/users"])
def test_a_first_page_without_charts_comes_with_at_most_two_megabytes(
    browser: Browser, demo_laurel: RunningLaurel, path: str
) -> None:
    name = {"/users": "admin", "/": "provider"}.get(path, "operator")
    with arriving(browser, demo_laurel, name) as visit:
        sent = loaded(visit, path)
    assert 200_000 < sent.bytes() <= MOST_BYTES, sorted(sent.by_address.items(), key=lambda one: -one[1])[:12]
    assert not [address for address in sent.by_address if CHARTS in address]


def test_the_sign_in_page_comes_with_at_most_two_megabytes(
    browser: Browser, demo_laurel: RunningLaurel
) -> None:
    with arriving(browser, demo_laurel, None) as visit:
        sent = loaded(visit, "/")
    assert 200_000 < sent.bytes() <= MOST_BYTES, sorted(sent.by_address.items(), key=lambda one: -one[1])[:12]


def test_the_library_of_charts_comes_with_the_first_chart(
    browser: Browser, demo_laurel: RunningLaurel
) -> None:
    with arriving(browser, demo_laurel, "manager") as visit:
        sent = loaded(visit, "/performance")
    assert [address for address in sent.by_address if CHARTS in address]
