"""Every page as its role, judged by axe, by its width, and by what it makes the browser do."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser

from loyalty_core.access import Role
from tests.browser.running_laurel import RunningLaurel
from tests.browser.visits import EXPLAINED, WIDTHS, visiting

pytestmark = pytest.mark.xdist_group("browser")

GRAVE = ("serious", "critical")

# What Streamlit draws itself and no page can change: axe's rule, and what the element is.
OF_STREAMLIT = frozenset(
    {
        # The menu's sections are <div>s between the list and its items.
        ("list", '[data-testid="stSidebarNavItems"]'),
        ("listitem", '[data-testid="stSidebarNavItems"] li'),
        # A metric's small line has an empty group for the points that a pointer would mark.
        ("svg-img-alt", '[data-testid="stMetricChart"] g.mark-symbol'),
    }
)


@dataclass(frozen=True)
class Look:
    """One page to look at; `{accepted}` and the like in its path name the imports of the fixture."""

    name: str
    role: Role
    path: str
    heading: str
    is_seen_dark: bool = False


LOOKS = (
    Look("home", Role.ADMIN, "/", "Mira", True),
    Look("home of an operator", Role.OPERATOR, "/", "Oskar"),
    Look("home of a programme manager", Role.PROGRAMME_MANAGER, "/", "Vera"),
    Look("home of a head of sales", Role.HEAD_OF_SALES, "/", "Petar"),
    Look("home of an analyst", Role.ANALYST, "/", "Ana"),
    Look("uploads", Role.OPERATOR, "/uploads", "Uploads", True),
    Look("a file to confirm", Role.OPERATOR, "/uploads?file={received}", "partners-2026-09"),
    Look("an accepted import", Role.OPERATOR, "/uploads?import={accepted}", "partners-2026-03", True),
    Look("a waiting import", Role.OPERATOR, "/uploads?import={waiting}", "returns-without-names", True),
    Look("a refused import", Role.ANALYST, "/imports?import={refused}", "colour-chart"),
    Look("imports", Role.ADMIN, "/imports", "Imports"),
    Look("standings", Role.ANALYST, "/standings?period=Aug+2026", "Standings", True),
    Look("standings of regions", Role.HEAD_OF_SALES, "/standings?by=Regions", "Standings"),
    Look("companies", Role.HEAD_OF_SALES, "/company", "Companies"),
    Look("a company", Role.ANALYST, "/company?company=K-203", "Kod Platana", True),
    Look("a company's lines", Role.ANALYST, "/company?company=K-203&view=Sales+lines", "Kod Platana"),
    Look("a programme", Role.PROGRAMME_MANAGER, "/programmes", "Colour club", True),
    Look("versions", Role.ANALYST, "/programmes?view=Versions", "Colour club"),
    Look("a document to apply", Role.PROGRAMME_MANAGER, "/programmes?view=Apply+a+document", "Colour club"),
    Look("users", Role.ADMIN, "/users", "Users", True),
    Look("audit", Role.ADMIN, "/audit", "Audit", True),
)

AXE = """async known => {
    const outcome = await axe.run(document, {resultTypes: ["violations"]});
    const found = [];
    for (const violation of outcome.violations) {
        for (const node of violation.nodes) {
            let element = document;
            for (const step of node.target.flat()) {
                element = (element.shadowRoot || element).querySelector(step);
            }
            found.push({
                rule: violation.id,
                impact: violation.impact,
                target: node.target.join(" "),
                known: known.filter(([rule, what]) => rule === violation.id && element && element.matches(what)),
                summary: node.failureSummary,
            });
        }
    }
    return found;
}"""


@dataclass
class Seen:
    """What came up over all looks, for the tests that close the lists."""

    looks: set[tuple[str, str]]
    of_streamlit: set[tuple[str, str]]
    explained: set[re.Pattern[str]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen(set(), set(), set())


def modes() -> list[Any]:
    return [
        pytest.param(look, width, dark, id=f"{look.name} {width}{' dark' if dark else ''}")
        for look in LOOKS
        for width, dark in ((WIDTHS[0], False), (WIDTHS[1], False), (WIDTHS[0], True))
        if look.is_seen_dark or not dark
    ]


@pytest.mark.parametrize(("look", "width", "dark"), modes())
def test_a_page_is_for_everybody_and_fits_its_window(
    browser: Browser, laurel: RunningLaurel, seen: Seen, look: Look, width: int, dark: bool
) -> None:
    ids = {state.value: str(import_id) for state, import_id in laurel.imports.items()}
    with visiting(browser, laurel, look.role, width=width, dark=dark) as visit:
        visit.open(look.path.format(received=laurel.received, **ids))
        visit.title(re.compile(look.heading))
        # Charts and tables are drawn when the script has ended.
        visit.page.wait_for_timeout(400)
        assert not visit.scrolls_sideways()
        # As a debugger would: the page's own policy lets no foreign script in.
        visit.page.evaluate(AXE_SCRIPT)
        found = visit.page.evaluate(AXE, [list(entry) for entry in OF_STREAMLIT])
    grave = [one for one in found if one["impact"] in GRAVE]
    unknown = [(one["rule"], one["target"], one["summary"]) for one in grave if not one["known"]]
    assert not unknown, unknown
    seen.looks.add((look.name, f"{width}{dark}"))
    seen.of_streamlit |= {(rule, what) for one in grave for rule, what in one["known"]}
    seen.explained |= {one for one in EXPLAINED if any(one.match(text) for text in visit.explained)}


def test_every_entry_of_the_lists_still_occurs(seen: Seen) -> None:
    """What Streamlit has put right must leave the lists, or they would hide a fault of ours one day."""
    if len(seen.looks) < len(modes()):
        pytest.skip("only some pages were looked at, or some failed")
    assert seen.of_streamlit == OF_STREAMLIT
    assert seen.explained == set(EXPLAINED)
