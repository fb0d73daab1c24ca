"""Every page as its role, judged by axe, by its width, and by what it makes the browser do."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser
from sqlalchemy import text

from loyalty_core.access import Role
from tests.browser.running_laurel import COMMAND_LINE, RunningLaurel
from tests.browser.visits import EXPLAINED, WIDTHS, visiting

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

GRAVE = ("serious", "critical")
# axe calls these moderate; who listens to a page goes through it by its headings.
OF_HEADINGS = ("heading-order", "page-has-heading-one", "empty-heading")

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
    """One page to look at, as a person by sign-in name; over partners a role is its person's name.

    `{accepted}` and the like in its path name the imports of the partners' Laurel.
    """

    name: str
    person: str
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

# Over the demo, which has claims, budgets, rewards, orders and people.
DEMO_LOOKS = (
    Look("the manager's home", "manager", "/", "Jelena", True),
    Look("the operator's home", "operator", "/", "Dewi"),
    Look("a head of sales' home", "poland", "/", "Tomasz"),
    Look("finance's home", "finance", "/", "Ewa", True),
    Look("marketing's home", "marketing", "/", "Saskia"),
    Look("a participant's home", "provider", "/", "points", True),
    Look("a wholesaler's home", "wholesaler", "/", "points"),
    Look("uploads with samples", "operator", "/uploads", "Uploads"),
    Look("claims", "operator", "/claims", "Claims", True),
    Look("a claim", "operator", "/claims?claim={claim}", "Claim", True),
    Look("a form to key in", "operator", "/claims?view=Key+in+a+form", "Claims"),
    Look("registrations", "operator", "/registrations", "Registrations", True),
    Look("my claims", "provider", "/my-claims", "My claims", True),
    Look("a claim to send", "provider", "/my-claims?new=yes", "My claims"),
    Look("rewards", "provider", "/rewards", "Rewards", True),
    Look("my orders", "cleaner", "/my-orders", "My orders"),
    Look("reward approvals", "finance", "/orders", "Reward approvals", True),
    Look("an order", "finance", "/orders?order={order}", "Reward approvals", True),
    Look("decided orders", "finance", "/orders?view=Decided&day={decided_on}", "Reward approvals"),
    Look("the catalogue", "marketing", "/catalogue", "Reward catalogue", True),
    Look("an order for somebody", "sales", "/order-for", "Order for a participant"),
    Look("budgets", "poland", "/budgets", "Budgets", True),
    Look("performance", "manager", "/performance", "Performance", True),
    Look("regions", "poland", "/regions", "Regions", True),
    Look("participants", "manager", "/participants", "Participants", True),
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


def modes(looks: tuple[Look, ...]) -> list[Any]:
    return [
        pytest.param(look, width, dark, id=f"{look.name} {width}{' dark' if dark else ''}")
        for look in looks
        for width, dark in ((WIDTHS[0], False), (WIDTHS[1], False), (WIDTHS[0], True))
        if look.is_seen_dark or not dark
    ]


@pytest.fixture(scope="module")
def records(demo_laurel: RunningLaurel) -> dict[str, object]:
    """What the paths of the demo's looks name: a waiting claim, a waiting order, a day of decisions."""
    with demo_laurel.database.snapshot(COMMAND_LINE) as connection:
        claim, order, decided_on = connection.execute(
            text(
                "select (select max(number) from claim where state = 'waiting'),"
                " (select id from reward_order where state = 'awaiting_finance' order by number limit 1),"
                " (select max(decided_at)::date from reward_order)"
            )
        ).one()
    return {"claim": claim, "order": order, "decided_on": decided_on}


def look_at(
    browser: Browser, laurel: RunningLaurel, seen: Seen, look: Look, path: str, width: int, dark: bool
) -> None:
    with visiting(browser, laurel, look.person, width=width, dark=dark) as visit:
        visit.open(path)
        visit.title(re.compile(look.heading))
        # Charts and tables are drawn when the script has ended.
        visit.page.wait_for_timeout(400)
        assert not visit.scrolls_sideways()
        # As a debugger would: the page's own policy lets no foreign script in.
        visit.page.evaluate(AXE_SCRIPT)
        found = visit.page.evaluate(AXE, [list(entry) for entry in OF_STREAMLIT])
        titles = visit.page.get_by_role("heading", level=1).all_inner_texts()
    assert len(titles) == 1, titles
    grave = [one for one in found if one["impact"] in GRAVE or one["rule"] in OF_HEADINGS]
    unknown = [(one["rule"], one["target"], one["summary"]) for one in grave if not one["known"]]
    assert not unknown, unknown
    seen.looks.add((look.name, f"{width}{dark}"))
    seen.of_streamlit |= {(rule, what) for one in grave for rule, what in one["known"]}
    seen.explained |= {one for one in EXPLAINED if any(one.match(said) for said in visit.explained)}


@pytest.mark.parametrize(("look", "width", "dark"), modes(LOOKS))
def test_a_page_is_for_everybody_and_fits_its_window(
    browser: Browser, laurel: RunningLaurel, seen: Seen, look: Look, width: int, dark: bool
) -> None:
    ids = {state.value: str(import_id) for state, import_id in laurel.imports.items()}
    path = look.path.format(received=laurel.received, **ids)
    look_at(browser, laurel, seen, look, path, width, dark)


@pytest.mark.parametrize(("look", "width", "dark"), modes(DEMO_LOOKS))
def test_a_page_of_the_daily_work_is_for_everybody_and_fits_its_window(
    browser: Browser,
    demo_laurel: RunningLaurel,
    records: dict[str, object],
    seen: Seen,
    look: Look,
    width: int,
    dark: bool,
) -> None:
    look_at(browser, demo_laurel, seen, look, look.path.format(**records), width, dark)


def test_every_entry_of_the_lists_still_occurs(seen: Seen) -> None:
    """What Streamlit has put right must leave the lists, or they would hide a fault of ours one day."""
    if len(seen.looks) < len(modes((*LOOKS, *DEMO_LOOKS))):
        pytest.skip("only some pages were looked at, or some failed")
    assert seen.of_streamlit == OF_STREAMLIT
    assert seen.explained == set(EXPLAINED)
