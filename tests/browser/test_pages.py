"""Every page in a real browser, at a desk's width and a phone's: nothing sideways, nothing that bars anybody."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from loyalty_core.kernel import PROJECT_FOLDER, Settings
from tests.access.people import PASSWORD
from tests.pages.world import GOOD_FILE, World, make_world
from tests.running_web import RunningWeb

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

WIDTHS = {"desk": 1280, "phone": 390}
PAGES = {
    "home": "",
    "uploads": "uploads",
    "confirm": "uploads?file={new_file}",
    "imports": "imports",
    "import": "imports?import={accepted}",
    "held": "imports?import={held}",
    "standings": "standings?period=Apr+2026",
    "company": "company?company=C-100",
    "lines": "company?company=C-100&view=Sales+lines",
    "programmes": "programmes",
    "versions": "programmes?view=Versions",
    "apply": "programmes?view=Apply+a+document",
    "users": "users",
    "audit": "audit",
}
# Findings in what Streamlit itself draws, by axe's rule and a part of the element. Each must still occur.
STREAMLITS_OWN = {
    ("list", "stSidebarNavItems"),
    ("listitem", "<li class"),
    ("svg-img-alt", "mark-symbol"),
}
# Where LAUREL_PICTURES names a folder, the README's pictures are made there.
PICTURES = os.environ.get("LAUREL_PICTURES")


@pytest.fixture(scope="module")
def world(web: RunningWeb) -> World:
    return make_world(web.database, Settings(home=web.home, database_url=None))


@pytest.fixture(scope="module")
def admin(web: RunningWeb, world: World, browser: Browser) -> Iterator[BrowserContext]:
    """A browser in which the administrator is signed in."""
    assert world.database is web.database
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Warsaw")
    page = context.new_page()
    page.goto(web.address)
    page.get_by_label("Sign-in name").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    expect(page.get_by_role("heading", name="Good")).to_be_visible(timeout=30_000)
    page.close()
    yield context
    context.close()


@pytest.fixture
def tab(admin: BrowserContext) -> Iterator[Page]:
    page = admin.new_page()
    yield page
    page.close()


def open_page(page: Page, web: RunningWeb, world: World, name: str, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    ids = {"new_file": world.new_file, "accepted": world.accepted, "held": world.held}
    page.goto(f"{web.address}/{PAGES[name].format(**ids)}")
    expect(page.locator("h1")).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=30_000)
    page.wait_for_timeout(700)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_or_bars_anybody(
    web: RunningWeb, world: World, tab: Page, scheme: str
) -> None:
    wrong: list[str] = []
    met: set[tuple[str, str]] = set()
    hosts: set[str] = set()
    tab.on("request", lambda request: hosts.add(re.sub(r"^(\w+:(//[^/]+)?).*", r"\1", request.url)))
    for name in PAGES:
        for device, width in WIDTHS.items():
            open_page(tab, web, world, name, width, scheme)
            main = "document.querySelector('[data-testid=stMain]')"
            if tab.evaluate(f"{main}.scrollWidth > {main}.clientWidth"):
                wrong.append(f"{name} scrolls sideways on a {device}")
            wrong += [f"{name}: {text}" for text in tab.get_by_test_id("stException").all_inner_texts()]
            for finding in Axe().run(tab).response["violations"]:
                if finding["impact"] not in ("serious", "critical"):
                    continue
                for node in finding["nodes"]:
                    own = {
                        one for one in STREAMLITS_OWN if one[0] == finding["id"] and one[1] in node["html"]
                    }
                    met |= own
                    if not own:
                        wrong.append(f"{name} on a {device}: {finding['id']} {node['html'][:160]}")
            if PICTURES and device == "desk" and name in ("home", "import", "standings", "company"):
                tab.screenshot(path=Path(PICTURES) / f"{name}-{scheme}.png")
    assert not wrong, "\n".join(wrong)
    assert met == STREAMLITS_OWN, "an entry no longer occurs: take it out of the list"
    assert hosts <= {web.address, web.address.replace("http", "ws"), "data:", "blob:"}


def test_a_file_is_brought_with_a_real_upload_and_confirmed(
    web: RunningWeb, world: World, tab: Page, tmp_path: Path
) -> None:
    file = tmp_path / "june.csv"
    file.write_text(GOOD_FILE.replace("2026-04", "2026-06"), encoding="utf-8")
    open_page(tab, web, world, "uploads", WIDTHS["phone"], "light")
    tab.locator("input[type=file]").set_input_files(file)
    expect(tab.get_by_role("heading", name="june.csv")).to_be_visible(timeout=30_000)
    expect(tab.get_by_text("The columns are those of the source")).to_be_visible()
    tab.get_by_role("button", name="Start").click()
    tab.wait_for_url("**/uploads?import=*", timeout=30_000)
    address = tab.url
    expect(tab.get_by_text("as soon as its turn comes")).to_be_visible(timeout=30_000)
    tab.reload()
    expect(tab.get_by_text("as soon as its turn comes")).to_be_visible(timeout=30_000)
    assert tab.url == address


def test_the_standings_are_filtered_by_the_address_and_lead_to_a_workbook(
    web: RunningWeb, world: World, tab: Page
) -> None:
    open_page(tab, web, world, "standings", WIDTHS["desk"], "light")
    expect(tab.get_by_text("movement against 1 Mar 2026 – 31 Mar 2026")).to_be_visible()
    tab.get_by_role("button", name="Make the workbook").click()
    with tab.expect_download(timeout=30_000) as download:
        tab.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "standings-spring-2026-04-01-2026-04-30.xlsx"


def test_the_readmes_pictures_are_there() -> None:
    pictures = PROJECT_FOLDER / "docs" / "pictures"
    for name in ("home", "import", "standings", "company"):
        assert (pictures / f"{name}-light.png").stat().st_size > 10_000
