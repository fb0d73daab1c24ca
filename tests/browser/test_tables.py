"""Tables in a real browser: what their toolbars offer, and how a row is opened."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.running_laurel import RunningLaurel
from tests.browser.visits import PATIENCE_MS, WIDTHS, visiting
from ui import registry

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

# Who opens a page of the menu; all others are the administrator's, who may open every one but the portal's.
OF_PARTICIPANTS = {"my-claims", "rewards", "my-orders"}
# Views of a page that hold another table than the page does at first.
VIEWS = (
    ("manager", "/"),
    ("operator", "/"),
    ("poland", "/"),
    ("finance", "/"),
    ("marketing", "/"),
    ("finance", "/orders?view=Decided"),
    ("manager", "/programmes?view=Versions"),
)
# Tables on the pages of the demo as they are first drawn; with fewer the walk would have missed some.
FEWEST_TABLES = 15

TOOLBARS = """() => [...document.querySelectorAll('[data-testid="stDataFrame"]')].map(table =>
    [...table.querySelectorAll('[data-testid="stElementToolbar"] button')].map(
        button => button.getAttribute("aria-label") || button.textContent))"""


def test_no_page_has_a_table_that_downloads_itself_and_no_chart_that_does(
    browser: Browser, demo_laurel: RunningLaurel
) -> None:
    looks = [
        *(
            ("provider" if one.key in OF_PARTICIPANTS else "admin", f"/{one.url_path}")
            for one in registry.pages()
        ),
        *VIEWS,
    ]
    seen, offered = 0, set()
    for person, path in looks:
        with visiting(browser, demo_laurel, person) as visit:
            visit.open("/" if path == "/home" else path)
            tables = visit.page.get_by_test_id("stDataFrame")
            for place in range(tables.count()):
                tables.nth(place).scroll_into_view_if_needed()
                tables.nth(place).hover()
            toolbars = visit.page.evaluate(TOOLBARS)
            seen += len(toolbars)
            offered |= {label for labels in toolbars for label in labels}
            assert visit.page.locator(".modebar-btn").count() == 0, path
            assert visit.page.get_by_role("button", name="Download", exact=False).count() == 0, path
    assert seen >= FEWEST_TABLES
    assert any("Search" in label for label in offered), offered
    assert not [label for label in offered if "ownload" in label or "opy" in label], offered


def test_a_row_is_chosen_by_a_click_on_any_cell_by_enter_and_by_its_box(
    browser: Browser, demo_laurel: RunningLaurel
) -> None:
    with visiting(browser, demo_laurel, "manager") as visit:
        visit.open("/claims")
        table = visit.table("Claims")
        rows = table.rows()
        chosen = visit.page.get_by_role("heading", level=2)

        def waits_for(row: int) -> None:
            expect(chosen.filter(has_text=f"{rows[row]['Claim']} · {rows[row]['Claimant']}")).to_be_visible(
                timeout=PATIENCE_MS
            )
            visit.settled()

        table.click(1, along=200)
        waits_for(1)
        table.click(3, along=400)
        waits_for(3)
        table.choose(4)
        waits_for(4)
        # By keys, without opening what lies between.
        visit.reload()
        table.rows()
        table.region.locator('canvas[data-testid="data-grid-canvas"]').focus()
        visit.page.keyboard.press("ArrowDown")
        visit.page.keyboard.press("ArrowDown")
        visit.page.wait_for_timeout(1000)
        expect(chosen).to_have_count(0)
        visit.page.keyboard.press("Enter")
        waits_for(2)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_pager_shows_the_number_of_each_of_two_pages(
    browser: Browser, demo_laurel: RunningLaurel, width: int
) -> None:
    with visiting(browser, demo_laurel, "manager", width=width) as visit:
        visit.open("/participants")
        pager = visit.page.get_by_test_id("stPagination")
        for number in (1, 2):
            expect(pager.get_by_role("button", name=f"Page {number}", exact=True)).to_be_visible()
        pager.get_by_role("button", name="Page 2", exact=True).click()
        visit.says(re.compile("^101–"))
