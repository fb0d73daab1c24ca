"""From every page to every other by the menu, with what a person chose on the one still in the session."""

from itertools import pairwise

import pytest
from playwright.sync_api import Browser, expect

from loyalty_core import access
from tests.browser.running_laurel import RunningLaurel
from tests.browser.visits import PATIENCE_MS, Visit, visiting
from ui.registry import HOME, PageEntry, pages

# Their views share filters; those of other pages have a view of their own without any.
VIEWS_CHANGED = {"standings", "performance", "regions"}
# Their heading is a person's or a programme's name.
TITLED_BY_DATA = {HOME, "programmes"}


def walk_of(keys: list[str]) -> list[str]:
    """Return a walk that goes from every page to every other one exactly once."""
    ways = {one: [other for other in keys if other != one] for one in keys}
    walk, here = [], [keys[0]]
    while here:
        if ways[here[-1]]:
            here.append(ways[here[-1]].pop())
        else:
            walk.append(here.pop())
    return walk[::-1]


def change_filters(visit: Visit, key: str) -> int:
    """Choose something else in every filter of the page and return how many were changed."""
    main = visit.page.get_by_test_id("stMain")
    changed = 0
    if key in VIEWS_CHANGED:
        main.get_by_test_id("stRadio").first.locator("label").nth(1).click()
        visit.settled()
        changed += 1
    for place in range(main.locator("[data-testid=stSelectbox] input").count()):
        box = main.locator("[data-testid=stSelectbox] input").nth(place)
        if not box.is_visible():
            continue
        box.click()
        visit.page.get_by_role("option").last.click()
        visit.settled()
        changed += 1
    search = main.locator("[data-testid=stTextInput] input[type=search]")
    if search.count() and search.first.is_visible():
        search.first.fill("a")
        search.first.press("Enter")
        visit.settled()
        changed += 1
    return changed


def goes_well(visit: Visit, where: str) -> None:
    """Assert that the page which stands shows no error."""
    visit.settled()
    main = visit.page.get_by_test_id("stMain")
    for wrong in (main.get_by_test_id("stException"), main.get_by_text("Something went wrong")):
        assert wrong.count() == 0, f"{where}: {visit.page.url}"


def go(visit: Visit, page: PageEntry) -> None:
    """Open a page by the menu."""
    path = "/" if page.key == HOME else f"/{page.url_path}"
    visit.page.locator(f'[data-testid="stSidebarNav"] a[href$="{path}"]').click()
    visit.page.wait_for_url(lambda url: url.removeprefix(visit.address).partition("?")[0] == path)
    if page.key not in TITLED_BY_DATA:
        expect(visit.page.get_by_role("heading", level=1, name=page.title, exact=True)).to_be_visible(
            timeout=PATIENCE_MS
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["manager", "operator"])
def test_every_page_opens_from_every_other_after_its_filters_were_changed(
    browser: Browser, demo_laurel: RunningLaurel, name: str
) -> None:
    user = access.find_session(demo_laurel.database, demo_laurel.session_of(name))
    assert user is not None
    menu = {page.key: page for page in pages() if page.permission in user.permissions and not page.is_record}
    walk = walk_of(list(menu))
    assert len({*pairwise(walk)}) == len(menu) * (len(menu) - 1)
    with visiting(browser, demo_laurel, name) as visit:
        visit.open("/")
        changed: dict[str, int] = {}
        for before, key in zip([HOME, *walk], walk, strict=False):
            if before != key:
                go(visit, menu[key])
            goes_well(visit, f"{before} to {key}")
            if key not in changed:
                changed[key] = change_filters(visit, key)
                goes_well(visit, f"filters of {key}")
        assert sum(changed.values()) > len(menu), changed
