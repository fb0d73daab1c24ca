"""From every page to every other by the menu, with what a person chose on the one still in the session."""

from itertools import count, pairwise

import pytest
from playwright.sync_api import Browser, Locator, TimeoutError, expect

from loyalty_core import access
from tests.browser.running_laurel import RunningLaurel
from tests.browser.visits import PATIENCE_MS, Visit, visiting
from ui.registry import HOME, PageEntry, pages

# Their views share filters; those of other pages have a view of their own without any.
VIEWS_CHANGED = {"standings", "performance", "regions"}
# Their heading is a person's or a programme's name.
TITLED_BY_DATA = {HOME, "programmes"}


TRIES = 4
OPENS_MS = 5_000

# Follows a link of the menu and returns the heading that stood until then.
FOLLOW = """path => {
    const heading = document.querySelector('[data-testid="stMain"] h1')?.textContent;
    document.querySelector(`[data-testid="stSidebarNav"] a[href$="${path}"]`).click();
    return heading;
}"""

# Says whether the page at the path stands, asked once a picture. The browser asks itself: hundreds of pages are
# waited for, and each question from outside costs more than its answer. The heading is the first that a page draws,
# so once it is another one, the script that runs is the new page's.
STANDS = """([path, title, before]) => {
    const main = document.querySelector('[data-testid="stMain"]');
    if (!main) return false;
    if (main.querySelector('[data-testid="stException"]') || main.textContent.includes("Something went wrong"))
        return "wrong";
    const heading = main.querySelector("h1")?.textContent;
    return location.pathname === path && heading && heading !== before && (title === null || heading === title)
        && document.querySelector('[data-testid="stApp"]').dataset.testScriptState === "notRunning"
        && !document.querySelector('[data-testid="stSkeleton"]') && "well";
}"""


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


def choose_another(visit: Visit, box: Locator) -> bool:
    """Choose the last option of a drop-down, or the first where the last is chosen; whether there was another one."""
    before = box.input_value()
    options = visit.page.get_by_role("option")
    for _try in range(TRIES):
        box.click()
        try:
            options.last.wait_for(timeout=OPENS_MS)
            other = options.last if options.last.inner_text(timeout=OPENS_MS) != before else options.first
            if other.inner_text(timeout=OPENS_MS) == before:
                visit.page.keyboard.press("Escape")
                return False
            other.click(timeout=OPENS_MS)
            expect(box).not_to_have_value(before, timeout=OPENS_MS)
        except (TimeoutError, AssertionError):
            # A run that ended meanwhile has drawn the page anew, and closed the list.
            visit.page.keyboard.press("Escape")
            visit.settled()
            continue
        visit.page.wait_for_timeout(200)  # The run begins a moment after the click.
        visit.settled()
        return True
    raise AssertionError(f"{box.get_attribute('aria-label')} keeps {before}: {visit.page.url}")


def change_filters(visit: Visit, key: str) -> int:
    """Choose something else in every filter of the page and return how many were changed."""
    main = visit.page.get_by_test_id("stMain")
    changed = 0
    if key in VIEWS_CHANGED:
        main.locator('[role="radiogroup"] label').nth(1).click()
        expect(main.get_by_role("radio").nth(1)).to_be_checked()
        visit.settled()
        changed += 1
    boxes = main.locator("[data-testid=stSelectbox] input")
    # A choice may take away or bring others, so they are counted anew each time.
    for place in count():
        if place >= boxes.count():
            break
        box = boxes.nth(place)
        if not box.is_visible():
            continue
        changed += choose_another(visit, box)
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


def go(visit: Visit, page: PageEntry, where: str) -> None:
    """Open a page by the menu, and wait until it stands without an error."""
    path = "/" if page.key == HOME else f"/{page.url_path}"
    title = None if page.key in TITLED_BY_DATA else page.title
    before = visit.page.evaluate(FOLLOW, path)
    try:
        found = visit.page.wait_for_function(STANDS, arg=[path, title, before], timeout=PATIENCE_MS)
    except TimeoutError as error:
        raise AssertionError(f"{where} does not open: {visit.page.url}") from error
    assert found.json_value() == "well", f"{where}: {visit.page.url}"


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
                go(visit, menu[key], f"{before} to {key}")
            if key not in changed:
                changed[key] = change_filters(visit, key)
                goes_well(visit, f"filters of {key}")
        assert sum(changed.values()) > len(menu), changed
