"""A sales file on its way through the browser: chosen, looked at, started, watched, judged, taken back."""

import csv
import io
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from loyalty_core.access import Role
from tests.browser import partners
from tests.browser.partners import SPOILT, Sale
from tests.browser.running_laurel import RunningLaurel
from tests.browser.visits import PATIENCE_MS, WIDTHS, Visit, visiting

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

IMPORT_ADDRESS = re.compile(r"/uploads\?import=[0-9a-f-]{36}")


def sales_before_the_programme(width: int) -> list[Sale]:
    """Sixty lines of a February, each width its own: no other test's standings know them."""
    month = date(2026, 2, 1) if width == 1280 else date(2026, 1, 1)
    return [
        replace(row, invoice=f"W{width}-{place}", day=month.replace(day=1 + place % 27).isoformat())
        for place, row in enumerate(partners.sales_of_the_months()[:60])
    ]


def choose_file(visit: Visit, path: Path) -> None:
    visit.page.get_by_label("Choose a file").set_input_files(path)


def start(visit: Visit) -> None:
    visit.page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Start").click()
    expect(visit.page).to_have_url(IMPORT_ADDRESS, timeout=PATIENCE_MS)


def watch_until(visit: Visit, state: str) -> None:
    expect(visit.page.locator(".stMarkdownBadge").filter(has_text=state).first).to_be_visible(timeout=45_000)
    visit.settled()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_goes_in_and_its_rejected_rows_come_back(
    browser: Browser, laurel: RunningLaurel, tmp_path: Path, width: int
) -> None:
    good = sales_before_the_programme(width)
    kinds = SPOILT[:3]
    bad = [spoil(replace(row, invoice="BAD")) for row, (_, _, spoil) in zip(good, kinds, strict=False)]
    path = tmp_path / f"february-{width}.csv"
    path.write_text(partners.csv_text([*good, *bad]), encoding="utf-8")
    with visiting(browser, laurel, Role.OPERATOR, width=width) as visit:
        visit.open("/uploads")
        choose_file(visit, path)
        visit.title(path.name)
        visit.says("The columns are those of the source “partners”.")
        header_row, _read_as, first, *_more = visit.table("First rows of the file").rows()
        assert list(header_row.values()) == ["header", *partners.HEADER]
        assert tuple(first.values()) == ("2", *good[0].cells)
        assert not visit.scrolls_sideways()
        visit.reload()
        visit.title(path.name)
        start(visit)

        visit.reload()
        address = visit.page.url
        visit.page.goto("about:blank")
        visit.open(address.removeprefix(laurel.address))
        watch_until(visit, "accepted")
        assert visit.figures() == {
            "Rows": "63",
            "Accepted": "60",
            "Duplicates": "0",
            "Quarantined": "3",
        }
        visit.says(re.compile(r"^Net amount of the accepted rows: €"))
        chart = visit.page.get_by_test_id("stPlotlyChart")
        expect(chart).to_be_visible()
        for reason in ("No company in the row", "The quantity is not a number", "The date is not in one of"):
            expect(chart).to_contain_text(reason)
        assert [row["Row"] for row in visit.table("Quarantined rows with their reasons").rows()] == [
            "62",
            "63",
            "64",
        ]
        assert not visit.scrolls_sideways()

        visit.page.get_by_role("button", name="Rejected rows").click()
        download = visit.download("Download")
        header, *returned = csv.reader(io.StringIO(download.path().read_text(encoding="utf-8-sig")))
        assert header[: len(partners.HEADER)] == list(partners.HEADER)
        assert [tuple(row[: len(partners.HEADER)]) for row in returned] == [row.cells for row in bad]
        assert [row[-2] for row in returned] == ["62", "63", "64"]
        assert "No company in the row" in returned[0][-1]

        visit.page.get_by_role("link", name="Upload another file").click()
        visit.title("Uploads")
        expect(visit.page).to_have_url(re.compile(r"/uploads$"))
        choose_file(visit, path)
        visit.title(path.name)
        start(visit)
        watch_until(visit, "accepted")
        assert visit.figures() == {
            "Rows": "63",
            "Accepted": "0",
            "Duplicates": "60",
            "Quarantined": "3",
        }


def test_a_new_layout_is_explained_once_and_known_the_next_time(
    browser: Browser, laurel: RunningLaurel, tmp_path: Path
) -> None:
    header = "Kunde;Ort;Beleg;Datum;Artikel;Menge;Preis\n"
    text = header + "".join(
        f"K-20{place};Niš;B-{place};0{place}.02.2026;P-10;{place};24,90\n" for place in range(1, 7)
    )
    path, next_path = tmp_path / "haendler.csv", tmp_path / "haendler-2.csv"
    path.write_text(text, encoding="utf-8")
    next_path.write_text(text.replace("B-", "C-"), encoding="utf-8")
    with visiting(browser, laurel, Role.OPERATOR) as visit:
        visit.open("/uploads")
        choose_file(visit, path)
        visit.title(path.name)
        visit.says("This layout is new.")
        # German is none of the languages that headers are known in; who brings the file says what it is.
        visit.page.get_by_test_id("stRadio").get_by_text("sales", exact=True).click()
        visit.settled()
        meanings = {
            "Kunde": "Company code",
            "Ort": "Region",
            "Beleg": "Invoice number",
            "Datum": "Date of sale",
            "Artikel": "Product code",
            "Menge": "Quantity",
            "Preis": "Unit price",
        }
        for column, meaning in meanings.items():
            visit.choose(f"What {column} holds", meaning)
        visit.choose("Currency", "EUR")
        visit.says("6 cells of the first rows can't be read like this")
        visit.choose("Decimal sign", "comma")
        expect(visit.page.get_by_text("can't be read like this")).to_have_count(0)
        visit.page.get_by_label("Name of the source", exact=True).fill("Händler")
        start(visit)
        watch_until(visit, "accepted")
        assert visit.figures()["Accepted"] == "6"

        visit.open("/uploads")
        choose_file(visit, next_path)
        visit.title(next_path.name)
        visit.says("The columns are those of the source “Händler”.")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_file_that_a_check_stops_waits_for_a_decision_and_its_reason(
    browser: Browser, laurel: RunningLaurel, tmp_path: Path, width: int
) -> None:
    good = [replace(row, invoice=f"S{width}") for row in sales_before_the_programme(width)[:40]]
    path = tmp_path / f"half-empty-{width}.csv"
    rows = [*good[:15], *(replace(row, customer="") for row in good[15:])]
    path.write_text(partners.csv_text(rows), encoding="utf-8")
    with visiting(browser, laurel, Role.OPERATOR, width=width) as visit:
        visit.open("/uploads")
        choose_file(visit, path)
        visit.title(path.name)
        start(visit)
        watch_until(visit, "waits for a decision")
        visit.says("Part of the rows that was rejected")
        visit.says("62.5% in this file; expected is at most 50%.")
        assert not visit.scrolls_sideways()
        button = "Accept anyway" if width == 1280 else "Decline the file"
        visit.page.get_by_role("button", name=button).click()
        expect(visit.page.get_by_test_id("stAlert")).to_be_visible(timeout=PATIENCE_MS)
        visit.page.get_by_label("Why", exact=True).fill("Confirmed by the sender")
        visit.page.get_by_role("button", name=button).click()
        if width == 1280:
            watch_until(visit, "accepted")
            assert visit.figures()["Accepted"] == "15"
            visit.says(re.compile(rf"{Role.OPERATOR} let this file through on .*: Confirmed by the sender"))
        else:
            watch_until(visit, "declined")
            visit.says(re.compile(rf"{Role.OPERATOR} declined this file on .*: Confirmed by the sender"))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_text_named_as_a_workbook_is_refused_in_a_sentence(
    browser: Browser, laurel: RunningLaurel, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "sales.xlsx"
    path.write_text("this is no workbook\n", encoding="utf-8")
    with visiting(browser, laurel, Role.OPERATOR, width=width) as visit:
        visit.open("/uploads")
        choose_file(visit, path)
        alert = visit.page.get_by_test_id("stAlert")
        expect(alert).to_contain_text("sales.xlsx", timeout=PATIENCE_MS)
        expect(alert).to_contain_text("workbook")
        expect(visit.page.get_by_role("button", name="Start")).to_have_count(0)
        assert not visit.scrolls_sideways()


def test_an_empty_file_is_refused_beside_the_control_that_sent_it(
    browser: Browser, laurel: RunningLaurel, tmp_path: Path
) -> None:
    path = tmp_path / "nothing.csv"
    path.write_bytes(b"")
    with visiting(browser, laurel, Role.OPERATOR, allowed=("422 /files", "400 /files")) as visit:
        visit.open("/uploads")
        choose_file(visit, path)
        visit.says(re.compile("nothing.csv.*empty", re.IGNORECASE))
