"""Who takes part: active, newly inactive or never active, and what each bought, earned and chose."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from loyalty_core.kernel import Cell, Money, Scope, Sort, _
from loyalty_core.programmes import Collects, Programme
from loyalty_core.verification import Claim, ClaimState
from ui import explored, list_export, wording
from ui.elements import Colour
from ui.performance import group_title

# Where a programme's document does not say after how many days a person counts as inactive.
INACTIVE_AFTER_DAYS = 60
MOST_EXPORTED_PEOPLE = 1_000_000


class Activity(StrEnum):
    """How active a person is; the values are what the queries call them."""

    ACTIVE = "active"
    NEWLY_INACTIVE = "newly_inactive"
    INACTIVE = "inactive"
    NEVER = "never"


def activity_titles() -> dict[str, str]:
    """Return the activities in words."""
    return {
        Activity.ACTIVE: _("Active"),
        Activity.NEWLY_INACTIVE: _("Newly inactive"),
        Activity.INACTIVE: _("Inactive for longer"),
        Activity.NEVER: _("Never active"),
    }


def activity_colour(activity: Activity) -> Colour:
    """Return the colour of an activity: green as planned, orange needs a look."""
    colours: dict[Activity, Colour] = {
        Activity.ACTIVE: "green",
        Activity.NEWLY_INACTIVE: "orange",
        Activity.INACTIVE: "red",
        Activity.NEVER: "gray",
    }
    return colours[activity]


@dataclass(frozen=True, slots=True)
class AskedPeople:
    """Which people are looked at, and by which day and how many days without anything they are told apart."""

    programme: Programme
    today: date
    days: int
    region_ids: tuple[UUID, ...] | None = None
    group: str | None = None
    words: str = ""

    @property
    def values(self) -> dict[str, object]:
        """The values that the queries on people share."""
        return {
            "programme_id": self.programme.id,
            "collects": self.programme.collects.value,
            "currency": self.programme.currency,
            "today": self.today,
            "days": self.days,
            "region_ids": self.region_ids,
            "participant_group": self.group,
            "words": self.words,
        }


def by_activity(scope: Scope, asked: AskedPeople) -> dict[Activity, int]:
    """Return how many people are active, newly inactive and so on; 0 for those that nobody is."""
    rows = explored.ask(scope, "participants_by_activity", asked.values)
    found = {row["activity"]: int(row["participants"]) for row in rows}
    return {one: found.get(one.value, 0) for one in Activity}


def people(
    scope: Scope,
    asked: AskedPeople,
    activity: Activity | None,
    *,
    participant_id: UUID | None = None,
    sort: Sort | None = None,
    limit: int,
    offset: int = 0,
) -> explored.Rows:
    """Return people with what they bought, earned and chose in the programme's days so far."""
    values = people_values(asked, activity, participant_id=participant_id)
    return explored.ask(scope, "participants", {**values, "limit": limit, "offset": offset}, sort=sort)


def people_values(
    asked: AskedPeople, activity: Activity | None, *, participant_id: UUID | None = None
) -> dict[str, object]:
    """Return the values that find people, but for which page of them."""
    return {
        **asked.values,
        "activity": activity.value if activity else None,
        "participant_id": participant_id,
        "since": asked.programme.starts_on,
        "time_zone": asked.programme.time_zone or "UTC",
    }


def sort_titles(programme: Programme) -> dict[str, str]:
    """Return the columns that people can be sorted by."""
    titles = figure_titles(programme)
    return {
        "name": _("Name"),
        "active": _("Last active"),
        "bought": titles.bought,
        "points": titles.points,
        "balance": titles.balance,
        "orders": _("Rewards"),
        "company": _("Company"),
        "region": _("Region"),
    }


def last_in_words(last_on: date | None) -> str:
    """Return the day of the last sale or points, or that there was none."""
    return wording.day(last_on) if last_on else _("never")


@dataclass(frozen=True, slots=True)
class Titles:
    """What the figures beside a person are called: the company's are not told as the person's own."""

    bought: str
    points: str
    balance: str


def figure_titles(programme: Programme) -> Titles:
    """Return the titles of what was bought, earned and is held in a programme."""
    if programme.collects is Collects.COMPANY:
        return Titles(_("Company purchases"), _("Company points"), _("Company balance"))
    return Titles(_("Purchases"), _("Points"), _("Balance"))


def people_table(rows: explored.Rows, programme: Programme) -> dict[str, list[Any]]:
    """Return people as columns."""
    activities, titles, currency = activity_titles(), figure_titles(programme), programme.currency
    return {
        _("Name"): [row["display_name"] for row in rows],
        _("Activity"): [activities[row["activity"]] for row in rows],
        _("Last active"): [last_in_words(row["last_on"]) for row in rows],
        titles.bought: [wording.money(Money(row["bought_minor"], currency)) for row in rows],
        titles.points: [wording.number(row["points"]) for row in rows],
        titles.balance: [wording.number(row["balance"]) for row in rows],
        _("Rewards"): [wording.number(row["orders"]) for row in rows],
        _("Last reward"): [row["last_reward"] for row in rows],
        _("Company"): [row["company_name"] for row in rows],
        _("Group"): [group_title(row["participant_group"]) for row in rows],
        _("Region"): [row["region_name"] for row in rows],
    }


def workbook_header(programme: Programme) -> list[str]:
    """Return the columns of the workbook of people."""
    titles = figure_titles(programme)
    return [
        _("Code"),
        _("Name"),
        _("Group"),
        _("Company code"),
        _("Company"),
        _("Region"),
        _("Activity"),
        _("Last active"),
        titles.bought,
        _("Currency"),
        titles.points,
        titles.balance,
        _("Rewards"),
        _("Cost of rewards"),
        _("Last reward"),
    ]


def workbook_rows(rows: Iterable[dict[str, Any]], currency: str) -> Generator[list[Cell], None, None]:
    """Yield the rows of the workbook of people."""
    titles = activity_titles()
    for row in rows:
        yield [
            row["code"],
            row["display_name"],
            group_title(row["participant_group"]),
            row["company_code"],
            row["company_name"],
            row["region_name"],
            titles[row["activity"]],
            row["last_on"],
            Money(row["bought_minor"], currency).decimal,
            currency,
            row["points"],
            row["balance"],
            row["orders"],
            Money(row["reward_cost_minor"], currency).decimal,
            row["last_reward"],
        ]


def claim_state_title(state: ClaimState) -> str:
    """Return where a claim stands, in words."""
    return {
        ClaimState.WAITING: _("waits for a decision"),
        ClaimState.APPROVED: _("approved"),
        ClaimState.REJECTED: _("rejected"),
    }[state]


def exported_claims() -> list_export.Columns[Claim]:
    """Return the columns of a person's exported claims."""
    return [
        (_("Claim"), lambda one: one.claim_no),
        (_("Entered"), lambda one: one.recorded_at),
        (_("Sold"), lambda one: one.sold_on),
        (_("Invoice"), lambda one: one.invoice_no),
        (_("Product code"), lambda one: one.product_code),
        (_("Product"), lambda one: one.product_name),
        (_("Quantity"), lambda one: one.quantity),
        (_("State"), lambda one: claim_state_title(one.state)),
    ]


def claims_table(claims: Sequence[Claim]) -> dict[str, list[Any]]:
    """Return claims as columns."""
    return {
        _("Claim"): [one.claim_no for one in claims],
        _("Sold"): [wording.day(one.sold_on) for one in claims],
        _("Invoice"): [one.invoice_no for one in claims],
        _("Product"): [one.product_code for one in claims],
        _("Quantity"): [wording.decimal(one.quantity) for one in claims],
        _("State"): [claim_state_title(one.state) for one in claims],
    }
