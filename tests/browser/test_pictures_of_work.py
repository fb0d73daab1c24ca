"""Pictures of how files come in and claims are judged, for docs/intake-and-verification.md, each page at its work."""

import csv
import io
import re
import time
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from laurel.registers import DATASETS
from loyalty_core import intake, products, verification
from loyalty_core.kernel import new_id, now
from loyalty_core.verification import Assigned, QueueFilter, QueueOrder
from tests.browser.pictures import take_picture
from tests.browser.running_laurel import COMMAND_LINE, RunningLaurel
from tests.browser.visits import PATIENCE_MS, Visit, visiting

pytestmark = pytest.mark.xdist_group("browser")

PHONE = 390
TAKEN_IN_WITHIN_MS = 45_000
LONG_FILE_ROWS = 1_200_000
SOURCE = "Hurtownia Jaskółka"
QUESTION = "Your invoice is of another day. Which one stands on the paper?"
HEADERS = {
    "company_code": "Kontrahent",
    "invoice_no": "Nr faktury",
    "line_no": "Poz.",
    "product_code": "Indeks",
    "product_name": "Nazwa towaru",
    "sold_at": "Data sprzedaży",
    "quantity": "Ilość",
    "unit_price": "Cena netto",
    "currency": "Waluta",
}


def as_a_distributor_sends_it(sample: str) -> str:
    """Return the sample of sales with a title above, a total below, and all of it written as in Poland."""
    rows = list(csv.DictReader(io.StringIO(sample.removeprefix("\ufeff"))))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerow([f"Sprzedaż {SOURCE}", *[""] * (len(HEADERS) - 1)])
    writer.writerow(HEADERS.values())
    total = Decimal(0)
    for row in rows:
        # One of the mistakes that the sample makes on purpose is no number.
        with suppress(InvalidOperation):
            total += Decimal(row["quantity"]) * Decimal(row["unit_price"])
        day, _, _hour = row["sold_at"].partition(" ")
        year, month, of_month = day.split("-")
        row["invoice_no"] = row["invoice_no"].replace("SAMPLE-", "FV/")
        row["sold_at"] = f"{of_month}.{month}.{year}"
        row["unit_price"] = row["unit_price"].replace(".", ",")
        writer.writerow(row[name] for name in HEADERS)
    writer.writerow(["Razem", *[""] * 6, f"{total:.2f}".replace(".", ","), ""])
    return written.getvalue()


def bring_a_foreign_file(visit: Visit, folder: Path) -> str:
    """Bring a file that Laurel never saw: its columns are understood, and kept for the next one. Returns its name."""
    visit.open("/uploads")
    take_picture(visit, "uploads")
    visit.page.get_by_role("button", name="Sales with mistakes").click()
    sample = visit.download("Download").path().read_text(encoding="utf-8")
    path = folder / f"jaskolka_{now():%Y-%m}.csv"
    path.write_text(as_a_distributor_sends_it(sample), encoding="windows-1250")
    visit.page.get_by_label("Choose a file").set_input_files(path)
    visit.title(path.name)
    visit.says("This layout is new.")
    visit.says(re.compile("Left out"))
    take_picture(visit, "upload-preview", most_high=1500)
    visit.page.get_by_label("Name of the source", exact=True).fill(SOURCE)
    visit.page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Start").click()
    expect(visit.page).to_have_url(re.compile(r"/uploads\?import="), timeout=PATIENCE_MS)
    expect(visit.page.locator(".stMarkdownBadge").filter(has_text="accepted").first).to_be_visible(
        timeout=TAKEN_IN_WITHIN_MS
    )
    visit.settled()
    return path.name


def bring(visit: Visit, path: Path, *, mode: str = "") -> None:
    """Bring a file whose columns are understood, and start its import."""
    visit.open("/uploads")
    visit.page.get_by_label("Choose a file").set_input_files(path)
    visit.title(path.name)
    expect(visit.page.get_by_text("The first rows, and what they were understood as")).to_be_visible(
        timeout=PATIENCE_MS
    )
    visit.settled()
    if mode:
        visit.page.get_by_test_id("stForm").get_by_text(mode, exact=False).click()
    visit.page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Start").click()
    expect(visit.page).to_have_url(re.compile(r"/uploads\?import="), timeout=PATIENCE_MS)


def look_at_changes_before_they_are_made(visit: Visit, laurel: RunningLaurel, folder: Path) -> None:
    """Bring new groups and names of products as an update, and leave it waiting with its changes."""
    with laurel.database.snapshot(COMMAND_LINE) as connection:
        known = products.list_products(connection, "", limit=6)
    path = folder / "catalogue_winter.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Code", "Name", "Brand", "Product group"])
        for place, one in enumerate(known):
            name = one.name if place % 2 else f"{one.name}, new recipe"
            writer.writerow([one.code, name, one.brand, "Household" if place < 4 else one.product_group])
        writer.writerow(["BR-190", "Brisk Window foam 500 ml", known[0].brand, "Household"])
    bring(visit, path, mode="Add, and change what is there")
    visit.says("What it would change")
    expect(
        visit.page.locator(".stMarkdownBadge").filter(has_text="waits for a decision").first
    ).to_be_visible(timeout=TAKEN_IN_WITHIN_MS)
    visit.settled()
    take_picture(visit, "import-changes")


def look_at_an_import_as_it_runs(visit: Visit, laurel: RunningLaurel, folder: Path) -> None:
    """Bring a long file, look at it while it is read, and cancel it."""
    path = folder / f"kasztan_{now():%Y-%m}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(
            (
                *(f"PL-{row % 900}", f"K/{row // 8}", row % 8 + 1, f"P-{row % 70}", "Soap 300 ml"),
                *(f"{now():%Y-%m}-{row % 20 + 1:02}", row % 9 + 1, "12.50", "EUR"),
            )
            for row in range(LONG_FILE_ROWS)
        )
    operator = laurel.scope_of("operator")
    file_id = intake.receive_local_file(laurel.database, laurel.settings, operator, path)
    columns = DATASETS["sales"].columns
    guessed = intake.guess_file(laurel.database, laurel.settings, operator, file_id=file_id, columns=columns)
    import_id = intake.start_import(
        laurel.database,
        operator,
        file_id=file_id,
        mapping=guessed.mapping,
        datasets=DATASETS,
        creates_missing=False,
        request_key=new_id(),
    )
    until = time.monotonic() + TAKEN_IN_WITHIN_MS / 1000
    while time.monotonic() < until:
        # Who holds the import's row holds the worker where it tells how far it is.
        with laurel.database.transaction(COMMAND_LINE) as connection:
            found = intake.import_by_id(connection, import_id, lock=True)
            assert found.state in (intake.ImportState.QUEUED, intake.ImportState.RUNNING), found.state
            if found.phase is intake.Phase.PARSE and found.phase_rows:
                visit.open(f"/imports?import={import_id}")
                visit.says(re.compile(r"rows a second"))
                # It is drawn anew each second, which a busy machine shows as faded.
                visit.page.add_style_tag(content='[data-stale="true"] { opacity: 1 !important; }')
                take_picture(visit, "import-running", most_high=900)
                break
        time.sleep(0.05)
    assert found.phase_rows, "it was never seen while it was read"
    visit.page.get_by_role("button", name="Cancel the import").click()
    expect(visit.page.locator(".stMarkdownBadge").filter(has_text="cancelled").first).to_be_visible(
        timeout=TAKEN_IN_WITHIN_MS
    )


def look_at_what_an_undo_touches(browser: Browser, laurel: RunningLaurel) -> None:
    """Ask for an undo of a whole month's sales as a manager, read what it touches, and leave it be."""
    with laurel.database.snapshot(COMMAND_LINE) as connection:
        months = intake.find_imports(connection, words="sales_20", dataset="sales", limit=20)
    with visiting(browser, laurel, "manager") as visit:
        visit.open(f"/imports?import={months[0].id}")
        visit.page.get_by_role("button", name="Undo this import").click()
        dialog = visit.page.get_by_role("dialog")
        expect(dialog.get_by_role("textbox", name="Why is it undone?")).to_be_visible(timeout=PATIENCE_MS)
        take_picture(visit, "import-undo", most_high=1000)
    assert laurel.import_of(months[0].id).state is intake.ImportState.ACCEPTED


def share_the_queue(laurel: RunningLaurel) -> None:
    """Give every second claim that waits to one of the two operators, as they do on the page."""
    operator = laurel.scope_of("operator")
    with laurel.database.snapshot(operator) as connection:
        waiting = verification.claims_queue(
            connection, QueueFilter(assigned_to=Assigned.NOBODY), QueueOrder.AGE, limit=40
        )
    people = [laurel.scope_of(name).user_id for name in ("operator", "office")]
    for place, user_id in enumerate(people):
        numbers = [one.claim.number for one in waiting][place::3]
        verification.assign_claims(laurel.database, operator, numbers, user_id=user_id)


def ask_back(visit: Visit) -> str:
    """Ask who claimed about the newest claim of the provider that waits, and return its number."""
    visit.open("/claims?words=M%C5%82ynarz")
    queue = visit.table("Claims")
    claim_no = queue.rows()[0]["Claim"]
    queue.choose(0)
    visit.page.get_by_role("link", name="Documents, points and history").click()
    visit.title(f"Claim {claim_no}")
    visit.page.get_by_role("button", name="Ask…").click()
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_label("Question").fill(QUESTION)
    dialog.get_by_role("button", name="Ask", exact=False).last.click()
    visit.says(f"Claim {claim_no} waits for an answer.")
    return claim_no


@pytest.mark.slow
def test_each_page_of_files_and_claims_has_something_to_show(
    browser: Browser, demo_laurel: RunningLaurel, tmp_path: Path
) -> None:
    laurel = demo_laurel
    with visiting(browser, laurel, "operator") as visit:
        name = bring_a_foreign_file(visit, tmp_path)
        with laurel.database.snapshot(COMMAND_LINE) as connection:
            (found,) = intake.find_imports(connection, words=name, limit=2)
        # The title and the total are no rows; the six mistakes of the sample are all that is put aside.
        assert (found.mapping["name"], found.quarantined) == (SOURCE, 6)
        take_picture(visit, "import-detail")

        visit.open("/mappings")
        table = visit.table("Mappings, by name")
        table.choose([row["Source"] for row in table.rows()].index(SOURCE))
        expect(visit.page.get_by_role("heading", name="How it came to be")).to_be_visible(timeout=PATIENCE_MS)
        take_picture(visit, "mappings")

        visit.open("/quality")
        visit.choose("Source", "typed-list (sales)")
        visit.says("What the checks allow")
        take_picture(visit, "quality")

        share_the_queue(laurel)
        claim_no = ask_back(visit)
        take_picture(visit, "claim", most_high=2000)
        visit.open("/precision")
        visit.title("Check accuracy")
        expect(visit.page.get_by_test_id("stMetric").first).to_be_visible(timeout=PATIENCE_MS)
        take_picture(visit, "precision", most_high=1100)
        visit.open("/workload")
        visit.says("Overdue")
        take_picture(visit, "workload", most_high=900)
        look_at_changes_before_they_are_made(visit, laurel, tmp_path)
        look_at_an_import_as_it_runs(visit, laurel, tmp_path)
    look_at_what_an_undo_touches(browser, laurel)
    with visiting(browser, laurel, "provider", width=PHONE) as phone:
        phone.open("/my-claims")
        phone.says(QUESTION)
        assert not phone.scrolls_sideways()
        take_picture(phone, "my-claims-question-phone", most_high=844)
        # The demo's own question stands on another card: the innermost block with both is this claim's.
        card = phone.page.get_by_test_id("stVerticalBlock").filter(has_text=QUESTION)
        card = card.filter(has=phone.page.get_by_label("Your answer")).last
        card.get_by_label("Your answer").fill("The order was of that day; the invoice came later.")
        card.get_by_role("button", name="Send the answer").click()
        expect(phone.page.get_by_text(QUESTION)).to_have_count(0, timeout=PATIENCE_MS)
        phone.open("/my-claims?new=yes")
        phone.says("Photo or scan of the invoice")
        take_picture(phone, "my-claims-new-phone", most_high=844)
    with laurel.database.snapshot(laurel.scope_of("operator")) as connection:
        (answered,) = verification.claims_queue(
            connection, QueueFilter(words=claim_no), QueueOrder.AGE, limit=2
        )
        story = verification.claim_story(connection, answered.claim.number)
    assert any(QUESTION in (entry.words or "") for entry in story)
