"""The README's tour through the demo, by the people whose work it is: file, claim, settle, order, approve."""

import re
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from laurel.books import books_of
from loyalty_core import audit, budgets, intake, participants, rewards, settlement, verification
from loyalty_core.budgets import Budget
from loyalty_core.demo import CLAIMS_PROGRAMME_CODE, PROGRAMME_CODE
from loyalty_core.kernel import Scope, now
from loyalty_core.rewards import Offer, OrderState, Reward, Wallet
from loyalty_core.verification import Claim, ClaimState
from tests.browser.pictures import take_picture
from tests.browser.running_laurel import COMMAND_LINE, RunningLaurel
from tests.browser.visits import PATIENCE_MS, Table, Visit, signing_in, visiting

pytestmark = pytest.mark.xdist_group("browser")

PHONE = 390
BESIDE = "Documents, points and history"
# The worker looks for decided claims every five seconds.
SETTLED_WITHIN_MS = 45_000


@dataclass(frozen=True)
class Sold:
    """A line of the claimant's company that nobody has claimed."""

    id: int
    invoice_no: str
    product: str
    quantity: Decimal
    sold_on: date
    amount_minor: int

    @property
    def points(self) -> int:
        """What the demo's only rule for claims gives: 20 points for each whole 10.00 of the line."""
        return 20 * (self.amount_minor // 1000)


UNCLAIMED = """
select s.id, s.invoice_no, p.name || ' (' || p.code || ')', s.quantity, s.sold_on, s.amount_minor
from sales_line s
join company c on c.id = s.company_id
join product p on p.id = s.product_id
join programme g on g.code = :programme and s.sold_on between g.starts_on and g.ends_on
where c.code = 'PL3001' and s.quantity > 0 and s.amount_minor >= 1000
  and not exists (select from claim a where a.company_id = c.id and a.invoice_no = s.invoice_no
                  and a.product_code = p.code)
  and (select count(*) from sales_line o where o.company_id = c.id and o.invoice_no = s.invoice_no
       and o.product_id = s.product_id) = 1
order by s.amount_minor desc, s.id limit 1
"""


@dataclass(frozen=True)
class Standing:
    """What the participant has and may order, and the money behind it."""

    wallet: Wallet
    offers: dict[str, Offer]
    budget: Budget


def unclaimed_line(laurel: RunningLaurel) -> Sold:
    with laurel.database.snapshot(COMMAND_LINE) as connection:
        return Sold(*connection.execute(text(UNCLAIMED), {"programme": CLAIMS_PROGRAMME_CODE}).one())


def standing(laurel: RunningLaurel, scope: Scope) -> Standing:
    """Read what the provider's wallet of the claims programme, its rewards and its budget are now."""
    assert scope.user_id is not None
    today = now().date()
    with laurel.database.snapshot(scope) as connection:
        person = participants.participant_of_user(connection, scope.user_id)
        assert person is not None
        (wallet,) = [
            one
            for one in rewards.wallets(connection, scope, person)
            if one.programme.code == CLAIMS_PROGRAMME_CODE
        ]
        offers = rewards.offers(connection, scope, person, wallet, today)
    with laurel.database.snapshot(COMMAND_LINE) as connection:
        region_id = connection.execute(
            text("select region_id from company where id = :id"), {"id": person.company_id}
        ).scalar_one()
        budget = budgets.budget_for(
            connection, programme_id=wallet.programme.id, region_id=region_id, on=today
        )
    assert budget is not None
    return Standing(wallet, {one.reward.name: one for one in offers}, budget)


def ledger_points(laurel: RunningLaurel, programme_code: str) -> int:
    """Return what the programme's awards come to."""
    with laurel.database.snapshot(COMMAND_LINE) as connection:
        return int(
            connection.execute(
                text(
                    "select coalesce(sum(a.points), 0) from award a join programme p on p.id = a.programme_id"
                    " where p.code = :code"
                ),
                {"code": programme_code},
            ).scalar_one()
        )


def go(visit: Visit, page: str, *, title: str | None = None) -> None:
    """Choose a page from the menu, which a phone keeps folded."""
    if visit.page.viewport_size == {"width": PHONE, "height": 900}:
        visit.open("/" + page.lower().replace(" ", "-"))
    else:
        visit.page.get_by_test_id("stSidebarNav").get_by_role("link", name=page, exact=True).click()
    visit.title(title or page)
    assert not visit.scrolls_sideways()


def bring_a_file_with_mistakes(visit: Visit, laurel: RunningLaurel, folder: Path) -> None:
    """Take the sample of sales from the page, bring it in again, and put one of its rows right."""
    go(visit, "Uploads")
    visit.page.get_by_role("button", name="Sales with mistakes").click()
    download = visit.download("Download")
    path = folder / download.suggested_filename
    download.save_as(path)
    rows = len(path.read_text(encoding="utf-8-sig").splitlines()) - 1
    visit.page.get_by_label("Choose a file").set_input_files(path)
    visit.title(path.name)
    visit.page.get_by_label("Name of the source", exact=True).fill("Daily sales")
    visit.page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Start").click()
    expect(visit.page).to_have_url(re.compile(r"/uploads\?import="), timeout=PATIENCE_MS)
    expect(visit.page.locator(".stMarkdownBadge").filter(has_text="accepted").first).to_be_visible(
        timeout=SETTLED_WITHIN_MS
    )
    visit.settled()
    assert visit.figures() == {
        "Rows": str(rows),
        "Accepted": str(rows - 6),
        "Duplicates": "0",
        "Quarantined": "6",
    }
    for reason in ("No company in the row", "The quantity is not a number"):
        expect(visit.page.get_by_test_id("stPlotlyChart")).to_contain_text(reason)
    quarantined = visit.table("Quarantined rows with their reasons").rows()
    assert [row["Row"] for row in quarantined] == [str(rows - 4 + place) for place in range(6)]
    take_picture(visit, "import")
    with laurel.database.snapshot(COMMAND_LINE) as connection:
        (found,) = intake.find_imports(connection, words=path.name, limit=2)
    assert (found.accepted, found.quarantined) == (rows - 6, 6)
    put_a_row_right(visit, rows)
    assert laurel.import_of(found.id).quarantined == 5


def put_a_row_right(visit: Visit, rows: int) -> None:
    """Correct the company of the second row that was put aside, and send it back into its import."""
    visit.page.get_by_role("link", name="Fix rows").click()
    expect(visit.page).to_have_url(re.compile(r"/quarantine\?import="), timeout=PATIENCE_MS)
    visit.settled()
    editor = Table(visit, visit.page.get_by_test_id("stDataFrame").last)
    wrong = editor.rows()[1]
    assert wrong["What is wrong"] == "The company is not known (company_code)"
    # Columns with something wrong in them come first, and are marked.
    company = list(wrong)[list(wrong).index("What is wrong") + 1]
    assert company == "⚠ company_code"
    editor.region.scroll_into_view_if_needed()
    visit.page.wait_for_timeout(500)
    box = editor.region.locator('canvas[data-testid="data-grid-canvas"]').bounding_box()
    assert box is not None
    # Six rows and a header; after the box to tick come the row's number, what is wrong, and the file's own columns.
    visit.page.mouse.click(box["x"] + 95, box["y"] + box["height"] / 7 * 2.5)
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        visit.page.wait_for_timeout(200)
        visit.page.keyboard.press(key)
    cell = visit.page.locator("#portal textarea")
    expect(cell).to_have_value(wrong[company])
    cell.fill(wrong[company].removesuffix("-X"))
    cell.press("Enter")
    visit.says("row goes back.")
    take_picture(visit, "quarantine")
    visit.page.get_by_role("button", name="Send back").click()
    visit.says(re.compile("1 row accepted"))
    visit.settled()
    figures = visit.figures()
    assert (figures["Rows to fix"], figures["Accepted"]) == ("5", str(rows - 5))


def claim(visit: Visit, sold: Sold) -> str:
    """Enter a claim that agrees with its sale on the phone, and return its number."""
    visit.page.get_by_role("button", name="Claim a sale").click()
    visit.title("My claims")
    assert not visit.scrolls_sideways()
    visit.page.get_by_test_id("stRadio").get_by_text("Without a photo").click()
    # The form moves up to where the photo was; until it has, it stands there twice.
    expect(visit.page.get_by_text("Take the photo here")).to_have_count(0, timeout=PATIENCE_MS)
    expect(visit.page.get_by_role("combobox", name="Product")).to_have_count(1, timeout=PATIENCE_MS)
    visit.page.get_by_label("Invoice number").fill(sold.invoice_no)
    visit.choose("Product", sold.product)
    visit.page.get_by_label("Quantity").fill(f"{sold.quantity:g}")
    # A date is typed part by part, in whichever order the reader's language has them.
    for part, digits in (("year", "%Y"), ("month", "%m"), ("day", "%d")):
        visit.page.get_by_role("spinbutton", name=f"{part}, Sold on").click()
        visit.page.keyboard.type(f"{sold.sold_on:{digits}}")
    visit.page.keyboard.press("Tab")
    visit.page.get_by_role("button", name="Send the claim").click()
    said = visit.page.get_by_test_id("stAlert").filter(has_text=re.compile(r"Claim .* is sent\."))
    expect(said).to_be_visible(timeout=PATIENCE_MS)
    visit.settled()
    take_picture(visit, "my-claims-phone", most_high=844)
    number = re.search(r"Claim (.*) is sent\.", said.inner_text())
    assert number is not None
    return number[1]


def approve_claim(visit: Visit, agrees: str, waiting: dict[str, Claim]) -> str:
    """Lay a claim that waits beside its sale, approve it, and return its number.

    What agreed with its sale has not come before the operator at all.
    """
    go(visit, "Claims")
    # How many there are of each verdict is told of the whole queue only.
    every_verdict = visit.page.get_by_text(re.compile(r"wrong date \d+"))
    expect(every_verdict).to_be_visible(timeout=PATIENCE_MS)
    visit.choose("Verdict", "more than sold")
    expect(every_verdict).to_have_count(0, timeout=PATIENCE_MS)
    visit.settled()
    queue = visit.table("Claims")
    assert {row["Verdict"] for row in queue.rows()} == {"≠ more than sold"}
    queue.choose(0)
    visit.says(BESIDE)
    take_picture(visit, "claims")
    visit.open("/claims")
    expect(every_verdict).to_be_visible(timeout=PATIENCE_MS)
    search = visit.page.get_by_placeholder("claim, invoice, person, company")
    search.fill("Młynarz")
    search.press("Enter")
    expect(every_verdict).to_have_count(0, timeout=PATIENCE_MS)
    visit.settled()
    rows = queue.rows()
    assert {row["Claim"] for row in rows} == set(waiting)
    assert agrees not in waiting
    assert (rows[0]["Verdict"], rows[0]["Differs in"]) == ("≠ wrong date", "date")
    claim_no = rows[0]["Claim"]
    queue.choose(0)
    visit.says(BESIDE)
    visit.page.get_by_role("button", name="Approve…").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Approve 1").click()
    visit.says(f"1 claim approved: {claim_no}. Its points follow within seconds.")
    return claim_no


def settle(visit: Visit) -> None:
    """Settle what the operator brought in."""
    go(visit, "Programmes", title="Partner points")
    visit.says(re.compile("lines came in since"))
    visit.page.get_by_role("button", name="Settle now").click()
    visit.says(re.compile(r"^Settled .* by manager\. .* lines gave \+.* points in .* awards\."))
    expect(visit.page.get_by_text("lines came in since")).to_have_count(0, timeout=SETTLED_WITHIN_MS)


def order(visit: Visit, reward: Reward, balance: int) -> str:
    """Order the reward on the phone and return the order's number."""
    go(visit, "Rewards")
    visit.says(f"{balance:,} points")
    take_picture(visit, "rewards-phone", most_high=844)
    card = visit.page.get_by_test_id("stVerticalBlock").filter(
        has=visit.page.get_by_role("heading", name=reward.name, exact=True)
    )
    card.last.get_by_role("button", name="Order…").click()
    dialog = visit.page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{balance - reward.points:,} are left after it")
    dialog.get_by_role("button", name=f"Order for {reward.points:,} points").click()
    said = visit.page.get_by_test_id("stAlert").filter(has_text="is placed")
    expect(said).to_contain_text(reward.name, timeout=PATIENCE_MS)
    number = re.search(r"Order (R-\d+) is placed", said.inner_text())
    assert number is not None
    return number[1]


def approve_order(visit: Visit, number: str, sold: Sold) -> None:
    """See the order, the sales behind its points and the budget before and after, and approve it."""
    go(visit, "Reward approvals")
    visit.page.get_by_role("region").first.wait_for(timeout=PATIENCE_MS)
    queue = visit.table("Orders that wait for finance")
    queue.choose(0)
    visit.says("Where the points came from")
    take_picture(visit, "approvals")
    search = visit.page.get_by_placeholder("company, person, number")
    search.fill(number)
    search.press("Enter")
    expect(visit.page.get_by_text("Where the points came from")).to_have_count(0)
    visit.settled()
    (row,) = queue.rows()
    assert row["Order"] == number
    queue.choose(0)
    visit.says("Where the points came from")
    assert "Budget after" in visit.figures()
    lines = visit.table("Awards behind the points of the order, the largest first").rows()
    assert lines
    visit.page.get_by_role("button", name="Approve 1…").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Approve 1", exact=True).click()
    visit.says(re.compile(f"approved.*{number}"))


def show_figures(browser: Browser, laurel: RunningLaurel) -> None:
    """Look at what managers and heads of sales look at."""
    for dark in (False, True):
        with visiting(browser, laurel, "manager", dark=dark) as visit:
            visit.open("/")
            visit.says("Open liability")
            take_picture(visit, f"home-{'dark' if dark else 'light'}")
    with visiting(browser, laurel, "manager") as visit:
        visit.open("/performance")
        visit.title("Performance")
        expect(visit.page.get_by_test_id("stPlotlyChart").first).to_be_visible(timeout=PATIENCE_MS)
        take_picture(visit, "performance")


@pytest.mark.slow
def test_a_file_becomes_points_a_claim_becomes_a_reward_and_the_books_hold(
    browser: Browser, demo_laurel: RunningLaurel, tmp_path: Path
) -> None:
    laurel = demo_laurel
    sold = unclaimed_line(laurel)
    provider = laurel.scope_of("provider")
    before = standing(laurel, provider)
    with ExitStack() as windows:
        operator = windows.enter_context(signing_in(browser, laurel, "operator"))
        bring_a_file_with_mistakes(operator, laurel, tmp_path)

        phone = windows.enter_context(signing_in(browser, laurel, "provider", width=PHONE))
        visit_says_balance(phone, before.wallet.balance)
        assert not phone.scrolls_sideways()
        take_picture(phone, "home-phone", most_high=844)
        waiting = waiting_claims(laurel, provider)
        claim_no = claim(phone, sold)
        decided = waiting[approve_claim(operator, claim_no, waiting)]
        gained = sold.points + expected_points(laurel, decided)

        points_before = ledger_points(laurel, PROGRAMME_CODE)
        settle(windows.enter_context(signing_in(browser, laurel, "manager")))
        assert ledger_points(laurel, PROGRAMME_CODE) > points_before

        earned = wait_for_points(laurel, phone, sold, before.wallet.balance + gained)
        reward = max(
            (
                one.reward
                for one in earned.offers.values()
                if one.is_affordable and one.why_not is None and one.reward.stock is not None
            ),
            key=lambda one: one.points,
        )
        number = order(phone, reward, earned.wallet.balance)
        held = standing(laurel, provider)
        assert held.wallet.balance == earned.wallet.balance - reward.points
        assert held.wallet.on_hold == earned.wallet.on_hold + reward.points
        assert held.budget.reserved_minor == earned.budget.reserved_minor + reward.cost_minor

        approve_order(windows.enter_context(signing_in(browser, laurel, "finance")), number, sold)

        go(phone, "My orders")
        phone.says(re.compile(f"^Approved on .* {reward.points:,} points are spent, and the reward is yours"))

        head = windows.enter_context(signing_in(browser, laurel, "poland"))
        head.settled()
        take_picture(head, "head-of-sales")
    show_figures(browser, laurel)

    after = standing(laurel, provider)
    assert after.wallet.balance == before.wallet.balance + gained - reward.points
    assert after.wallet.on_hold == before.wallet.on_hold
    assert after.offers[reward.name].reward.stock == (reward.stock or 0) - 1
    assert after.budget.spent_minor == before.budget.spent_minor + reward.cost_minor
    assert after.budget.reserved_minor == before.budget.reserved_minor
    with laurel.database.snapshot(provider) as connection:
        assert provider.user_id is not None
        person = participants.participant_of_user(connection, provider.user_id)
        assert person is not None
        (newest, *_) = verification.claims_of_participant(connection, person.id, limit=1)
        approved = verification.claims_by_number(connection, [decided.number])[decided.number]
        (placed, *_) = rewards.orders_of_participant(connection, person.id, limit=1)
    assert (newest.claim_no, newest.state, newest.sales_line_id) == (claim_no, ClaimState.APPROVED, sold.id)
    assert (approved.state, approved.sales_line_id) == (ClaimState.APPROVED, decided.best_line_id)
    assert (f"R-{placed.number}", placed.state) == (number, OrderState.APPROVED)
    checks = settlement.check_books(laurel.database, *books_of(laurel.settings))
    assert [check.name for check in checks if not check.ok] == []
    assert audit.verify(laurel.database, laurel.settings).ok


def visit_says_balance(visit: Visit, balance: int) -> None:
    visit.title(f"{balance:,} points")


def waiting_claims(laurel: RunningLaurel, scope: Scope) -> dict[str, Claim]:
    """Return the person's claims that wait for somebody, by their numbers."""
    assert scope.user_id is not None
    with laurel.database.snapshot(scope) as connection:
        person = participants.participant_of_user(connection, scope.user_id)
        assert person is not None
        claims = verification.claims_of_participant(connection, person.id, limit=100)
    return {one.claim_no: one for one in claims if one.state is ClaimState.WAITING}


def expected_points(laurel: RunningLaurel, decided: Claim) -> int:
    """Return what a claim gave, or gives once it is settled."""
    with laurel.database.snapshot(COMMAND_LINE) as connection:
        points = settlement.claim_points(connection, [decided.number])[decided.number].expected
    assert points is not None
    return points


def wait_for_points(laurel: RunningLaurel, visit: Visit, sold: Sold, balance: int) -> Standing:
    """Look at the claims again until the worker has settled those that were approved; return what is there then."""
    provider = laurel.scope_of("provider")
    for _look in range(20):
        found = standing(laurel, provider)
        if found.wallet.balance == balance:
            break
        visit.page.wait_for_timeout(1500)
    assert found.wallet.balance == balance
    go(visit, "My claims")
    visit.says(f"{sold.points:,} points are in your account.")
    return found
