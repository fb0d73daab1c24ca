"""How the tests look at a page: as whom, how wide, and what no page may do meanwhile."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Download,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

from tests.browser.running_laurel import RunningLaurel

WIDTHS = (1280, 390)
HEIGHT = 900
PATIENCE_MS = 20_000

# What the browser says of Streamlit's own doings, and why it is no fault of a page.
EXPLAINED = (
    # On any page but the first, Streamlit asks below that page's address first where its server's root is.
    re.compile(r"^404 /[\w-]+/_stcore/(health|host-config)$"),
    # Vega draws a metric's small line before it has its values.
    re.compile(r'^WARN Infinite extent for field "[xy]": \[Infinity, -Infinity\]$'),
)


@dataclass
class Visit:
    """A browser window, signed in as one person."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self, path: str) -> None:
        """Open a page by its address and wait until it stands."""
        self.page.goto(self.address + path)
        self.settled()

    def reload(self) -> None:
        """Load the same address anew and wait until it stands."""
        self.page.reload()
        self.settled()

    def settled(self) -> None:
        """Wait until the page's script has run to its end and what it drew stands."""
        self.page.locator("h1").first.wait_for(timeout=PATIENCE_MS)
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(
            timeout=PATIENCE_MS
        )
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE_MS)

    def title(self, text: str | re.Pattern[str]) -> None:
        """Wait for the page with this title."""
        expect(self.page.get_by_role("heading", level=1, name=text)).to_be_visible(timeout=PATIENCE_MS)
        self.settled()

    def says(self, text: str | re.Pattern[str]) -> None:
        """Wait for a text anywhere on the page."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    def figures(self) -> dict[str, str]:
        """Return the page's large numbers by their labels."""
        metrics = self.page.get_by_test_id("stMetric")
        metrics.first.wait_for(timeout=PATIENCE_MS)
        return {
            one.get_by_test_id("stMetricLabel").inner_text().splitlines()[0]: one.get_by_test_id(
                "stMetricValue"
            ).inner_text()
            for one in metrics.all()
        }

    def table(self, name: str) -> "Table":
        """Return the table with this description."""
        region = self.page.get_by_role("region", name=name, exact=True)
        region.wait_for(timeout=PATIENCE_MS)
        return Table(self, region)

    def choose(self, label: str, option: str) -> None:
        """Choose from a drop-down by typing, as a person does."""
        field_ = self.page.get_by_role("combobox", name=label)
        field_.click()
        field_.press_sequentially(option)
        self.page.get_by_role("option", name=option).first.click()
        self.settled()

    def download(self, link: str) -> Download:
        """Follow a link that downloads."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name=link, exact=True).click()
        return waiting.value

    def facts(self) -> dict[str, str]:
        """Return the names and values of the page's last list of facts."""
        rows = self.page.get_by_test_id("stTable").last.locator("tr")
        rows.first.wait_for(timeout=PATIENCE_MS)
        cells = [[cell.inner_text().strip() for cell in row.locator("th, td").all()] for row in rows.all()]
        return {row[0]: row[1] for row in cells if len(row) == 2}

    def scrolls_sideways(self) -> bool:
        """Whether the page is wider than the window."""
        wider: bool = self.page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".some(one => one && one.scrollWidth > one.clientWidth)"
        )
        return wider


@dataclass
class Table:
    """A table, drawn on a canvas: read by what it tells a screen reader, chosen from by the pointer."""

    visit: Visit
    region: Locator

    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = self.region.locator("canvas table").evaluate(
            """grid => ({
                count: Number(grid.getAttribute("aria-rowcount")) - 1,
                names: [...grid.querySelectorAll("[role=columnheader]")].map(
                    cell => [Number(cell.getAttribute("aria-colindex")), cell.textContent]),
                rows: [...grid.querySelectorAll("tbody [role=row]")].map(row => [
                    Number(row.getAttribute("aria-rowindex")) - 2,
                    [...row.querySelectorAll("[role=gridcell]")].map(
                        cell => [Number(cell.getAttribute("aria-colindex")), cell.textContent])])
            })"""
        )
        return read

    def rows(self) -> list[dict[str, str]]:
        """Return every row by column, scrolling through those that a narrow window does not show."""
        self.region.scroll_into_view_if_needed()
        self.region.locator("canvas table").wait_for(state="attached", timeout=PATIENCE_MS)
        until = time.monotonic() + PATIENCE_MS / 1000
        while True:
            counts, names, found = self._read_through()
            # Where the count changed under way, a filter took effect only then: what was read is of both.
            if counts == {len(found)}:
                return [
                    {names[place]: text for place, text in sorted(found[row].items()) if place in names}
                    for row in sorted(found)
                ]
            assert time.monotonic() < until, f"{len(found)} of {counts} rows could be read"

    def _read_through(self) -> tuple[set[int], dict[int, str], dict[int, dict[int, str]]]:
        """Return the counts of rows that were told meanwhile, the columns' names, and each row's cells."""
        # What is read aloud follows the picture after a fifth of a second, also after a filter changed.
        before, read = None, self._read()
        while before != read:
            self.visit.page.wait_for_timeout(300)
            before, read = read, self._read()
        scroller = self.region.locator(".dvn-scroller")
        counts: set[int] = set()
        names: dict[int, str] = {}
        found: dict[int, dict[int, str]] = {}
        size = scroller.evaluate(
            "one => [one.scrollWidth, one.clientWidth, one.scrollHeight, one.clientHeight]"
        )
        for down in range(0, size[2], max(1, size[3] - 80)):
            for along in range(0, size[0], max(1, size[1] - 40)):
                scroller.evaluate("(one, [left, top]) => one.scrollTo(left, top)", [along, down])
                self.visit.page.wait_for_timeout(300)
                read = self._read()
                counts.add(read["count"])
                names |= dict(read["names"])
                for row, cells in read["rows"]:
                    found.setdefault(row, {}).update(dict(cells))
                if size[0] <= size[1] + 1:
                    break
            if len(found) == read["count"]:
                break
        scroller.evaluate("one => one.scrollTo(0, 0)")
        return counts, names, found

    def choose(self, row: int) -> None:
        """Tick the box before a row that can be seen without scrolling, counted from 0."""
        self.click(row, along=15)

    def click(self, row: int, *, along: float) -> None:
        """Click a row that can be seen without scrolling, counted from 0, so many pixels along."""
        self.region.scroll_into_view_if_needed()
        self.visit.page.wait_for_timeout(300)
        canvas = self.region.locator('canvas[data-testid="data-grid-canvas"]')
        height = self.region.evaluate("one => (parseFloat(getComputedStyle(one).minHeight) - 2) / 2")
        # The part that scrolls lies over the canvas, so the pointer is led by place.
        box = canvas.bounding_box()
        assert box is not None
        self.visit.page.mouse.click(box["x"] + along, box["y"] + height * (row + 1.5))


def _heard(visit: Visit, text: str) -> None:
    (visit.explained if any(one.match(text) for one in EXPLAINED) else visit.complaints).append(text)


def _console(visit: Visit, message: ConsoleMessage) -> None:
    # A response that failed is told by its address in `_response`.
    if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
        _heard(visit, message.text)


def _response(visit: Visit, response: Response) -> None:
    if response.status >= 400:
        _heard(visit, f"{response.status} {response.url.removeprefix(visit.address).partition('?')[0]}")


def _request(visit: Visit, request: Request) -> None:
    visit.hosts.add(re.sub(r"^(\w+:(//[^/]+)?).*", r"\1", request.url, flags=re.DOTALL))


def _new_context(browser: Browser, width: int, dark: bool) -> BrowserContext:
    return browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        locale="en-GB",
        timezone_id="Europe/Warsaw",
        color_scheme="dark" if dark else "light",
    )


def _context(browser: Browser, laurel: RunningLaurel, name: str, width: int, dark: bool) -> BrowserContext:
    """Return the person's browser profile, kept for the next window: scripts are fetched and compiled once."""
    context = laurel.profiles.get((name, width, dark))
    if context is None:
        context = laurel.profiles[name, width, dark] = _new_context(browser, width, dark)
        _sign_in(context, laurel, name)
    return context


def _sign_in(context: BrowserContext, laurel: RunningLaurel, name: str) -> None:
    token = laurel.session_of(name)
    context.add_cookies([{"name": "laurel_session", "value": token, "url": laurel.address, "httpOnly": True}])


@contextmanager
def visiting(
    browser: Browser,
    laurel: RunningLaurel,
    name: str,
    *,
    width: int = 1280,
    dark: bool = False,
    allowed: tuple[str, ...] = (),
) -> Iterator[Visit]:
    """Open a window as the person with this sign-in name, who has signed in; a role is its person's name.

    In the end no page may have asked another host for anything, nor have made the browser complain; `allowed`
    names the complaints that the test provokes.
    """
    with _watched(_context(browser, laurel, name, width, dark), laurel.address, allowed) as visit:
        yield visit


@contextmanager
def arriving(browser: Browser, laurel: RunningLaurel, name: str | None) -> Iterator[Visit]:
    """Open a window of a new profile, which has nothing of Laurel yet, as this person, or as nobody."""
    context = _new_context(browser, WIDTHS[0], dark=False)
    if name is not None:
        _sign_in(context, laurel, name)
    try:
        with _watched(context, laurel.address, ()) as visit:
            yield visit
    finally:
        context.close()


@contextmanager
def signing_in(browser: Browser, laurel: RunningLaurel, name: str, *, width: int = 1280) -> Iterator[Visit]:
    """Open a window of a new profile, sign in by the form, and wait for the home; watched as `visiting` is."""
    context = _new_context(browser, width, dark=False)
    try:
        with _watched(context, laurel.address, ()) as visit:
            visit.page.goto(laurel.address)
            visit.page.get_by_label("Sign-in name").fill(name)
            visit.page.get_by_label("Password", exact=True).fill(laurel.passwords[name])
            visit.page.get_by_role("button", name="Sign in").click()
            expect(visit.page.get_by_label("Sign-in name")).to_have_count(0, timeout=PATIENCE_MS)
            visit.settled()
            yield visit
    finally:
        context.close()


@contextmanager
def _watched(context: BrowserContext, address: str, allowed: tuple[str, ...]) -> Iterator[Visit]:
    visit = Visit(context.new_page(), address)
    visit.page.set_default_timeout(PATIENCE_MS)
    visit.page.on("console", partial(_console, visit))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on("response", partial(_response, visit))
    visit.page.on("request", partial(_request, visit))
    try:
        yield visit
        complaints = [one for one in visit.complaints if one not in allowed]
        assert not complaints, complaints
        foreign = visit.hosts - {address, f"ws{address[4:]}", "data:", "blob:"}
        assert not foreign, foreign
    finally:
        visit.page.close()
