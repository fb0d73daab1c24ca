"""Standings as people use them: filter, pass the address on, follow a figure to its cell, take a workbook."""

import io
import re
from datetime import date
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest
from playwright.sync_api import Browser, expect

from loyalty_core.access import Role
from tests.browser import partners
from tests.browser.running_laurel import OWN_COUNTRY, RunningLaurel
from tests.browser.visits import PATIENCE_MS, WIDTHS, Visit, visiting

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

SALES = partners.sales_of_the_months()
JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)
TABLE = "Standings, the best place first"


def shown(visit: Visit) -> list[dict[str, str]]:
    return visit.table(TABLE).rows()


def movement(place: partners.Place, before: dict[str, partners.Place]) -> str:
    if place.code not in before:
        return "new"
    up = before[place.code].rank - place.rank
    return "=" if up == 0 else f"{'▲' if up > 0 else '▼'} {abs(up)}"


def expected_with_movement(country: str | None = None) -> list[dict[str, str]]:
    # A filter by region chooses what is shown; ranks count all whom the reader sees.
    before = {place.code: place for place in partners.places(SALES, month=JULY)}
    return [
        {
            "Rank": str(place.rank),
            "Move": movement(place, before),
            "Company": place.name,
            "Points": f"{place.points:,}",
            "Before": f"{before[place.code].points:,}" if place.code in before else "",
            "Net sales": f"€{place.net:,}",
            "Code": place.code,
            "Region": place.town,
        }
        for place in partners.places(SALES, month=AUGUST)
        if country is None or place.town in partners.REGIONS[country]
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_filters_live_in_the_address_and_a_copied_address_shows_the_same(
    browser: Browser, laurel: RunningLaurel, width: int
) -> None:
    with visiting(browser, laurel, Role.ANALYST, width=width) as visit:
        visit.open("/standings")
        assert visit.figures()["Companies"] == str(len(partners.COMPANIES))
        visit.choose("Period", "Aug 2026")
        visit.choose("Region", "Britain")
        visit.says("movement against 1 Jul 2026 – 31 Jul 2026")
        query = parse_qs(urlsplit(visit.page.url).query)
        assert (query["standings.period"], query["standings.region"]) == (["Aug 2026"], ["Britain"])
        britain = expected_with_movement("Britain")
        assert shown(visit) == britain
        visit.reload()
        assert shown(visit) == britain
        copied = visit.page.url
        assert not visit.scrolls_sideways()
    with visiting(browser, laurel, Role.PROGRAMME_MANAGER, width=width) as other:
        other.open(copied.removeprefix(laurel.address))
        assert shown(other) == britain


def test_movement_stands_beside_the_month_before(browser: Browser, laurel: RunningLaurel) -> None:
    expected = expected_with_movement()
    moves = "".join(row["Move"] for row in expected)
    assert "▲" in moves
    assert "▼" in moves
    with visiting(browser, laurel, Role.ANALYST) as visit:
        visit.open("/standings?period=Aug+2026")
        assert shown(visit) == expected


@pytest.mark.parametrize("width", WIDTHS)
def test_the_workbook_holds_what_is_shown(browser: Browser, laurel: RunningLaurel, width: int) -> None:
    with visiting(browser, laurel, Role.ANALYST, width=width) as visit:
        visit.open(f"/standings?period=Aug+2026&region={OWN_COUNTRY}")
        rows = shown(visit)
        assert len(rows) == 6
        visit.page.get_by_role("button", name="Make the workbook").click()
        download = visit.download("Download")
        assert re.fullmatch(r"standings-colour-club-.*\.xlsx", download.suggested_filename)
        sheet = openpyxl.load_workbook(io.BytesIO(download.path().read_bytes())).active
        assert sheet is not None
        header, *cells = sheet.iter_rows(values_only=True)
        book = [dict(zip(header, row, strict=True)) for row in cells]
    assert [
        {
            "Rank": str(row["Rank"]),
            "Company": row["Name"],
            "Points": f"{row['Points']:,}",
            "Before": f"{row['Points before']:,}",
            "Net sales": f"€{Decimal(str(row['Net sales'])):,.2f}",
            "Code": row["Code"],
            "Region": row["Region"],
        }
        for row in book
    ] == [{name: text for name, text in row.items() if name != "Move"} for row in rows]
    assert {row["Currency"] for row in book} == {partners.CURRENCY}


@pytest.mark.parametrize("width", WIDTHS)
def test_a_place_leads_to_its_company_its_points_and_the_row_of_the_file(
    browser: Browser, laurel: RunningLaurel, width: int
) -> None:
    winner = partners.places(SALES)[0]
    with visiting(browser, laurel, Role.ANALYST, width=width) as visit:
        visit.open("/standings")
        visit.table(TABLE).choose(0)
        visit.title(winner.name)
        expect(visit.page).to_have_url(re.compile(rf"/company\?company={winner.code}"))
        assert visit.figures()["Points"] == f"{winner.points:,}"
        statement = visit.table("Points statement, the newest first")
        postings = statement.rows()
        assert sum(int(row["Points"].replace(",", "")) for row in postings) == winner.points
        statement.choose(0)
        awards = visit.table("Awards of the posting, the largest first")
        largest = awards.rows()[0]
        sold = max((row for row in SALES if row.customer == winner.code), key=lambda row: row.points)
        assert largest["Points"] == f"+{sold.points}"
        assert largest["Amount"] == f"€{sold.amount:,}"
        awards.choose(0)
        expect(visit.page.get_by_role("heading", name="Where these points came from")).to_be_visible(
            timeout=PATIENCE_MS
        )
        # The header is row 1.
        row_no = SALES.index(sold) + 2
        assert largest["File"] == f"partners-2026-03_2026-08.csv › row {row_no}"
        told = visit.facts()
        assert (told["File"], told["Row"]) == ("partners-2026-03_2026-08.csv", str(row_no))
        visit.says(re.compile(rf"{sold.points} points"))
        assert not visit.scrolls_sideways()


def test_a_head_of_sales_sees_the_own_region_alone(browser: Browser, laurel: RunningLaurel) -> None:
    own = partners.places(SALES, country=OWN_COUNTRY)
    foreign = next(code for code, _name, town in partners.COMPANIES if town == "Gdańsk")
    with visiting(browser, laurel, Role.HEAD_OF_SALES) as visit:
        visit.open("/standings")
        assert [(row["Rank"], row["Code"], row["Points"]) for row in shown(visit)] == [
            (str(place.rank), place.code, f"{place.points:,}") for place in own
        ]
        visit.open("/company")
        companies = visit.table("Companies").rows()
        assert {row["Code"] for row in companies} == {place.code for place in own}

        visit.open(f"/company?company={own[0].code}")
        visit.title(own[0].name)
        visit.page.goto(f"{laurel.address}/company?company={foreign}")
        alert = visit.page.get_by_test_id("stAlert")
        expect(alert).to_contain_text(foreign, timeout=PATIENCE_MS)
        assert "Bałtyk" not in visit.page.locator("body").inner_text()

        visit.open("/")
        expect(visit.page.get_by_role("link", name="Standings", exact=True).first).to_be_visible()
        expect(visit.page.get_by_role("link", name="Users", exact=True)).to_have_count(0)
        visit.page.goto(f"{laurel.address}/users")
        expect(visit.page.get_by_test_id("stAlert")).to_contain_text(
            "Your roles don't include this page.", timeout=PATIENCE_MS
        )
        expect(visit.page).to_have_title("No access · Laurel")
        assert "Mira Jansen" not in visit.page.locator("body").inner_text()
