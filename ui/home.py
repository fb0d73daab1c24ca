"""What waits for somebody, for the home of each role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import streamlit as st
from sqlalchemy import Connection

from loyalty_core import access, budgets, intake, participants, rewards, settlement, verification
from loyalty_core.access import Permission, SignedInUser, UserState, role_title
from loyalty_core.intake import ImportState
from loyalty_core.kernel import Money, Scope, _, current_database, ngettext, now
from loyalty_core.programmes import EarnsFrom, Programme
from ui import registry, wording
from ui.imports import state_title

PROGRAMME_ENDS_SOON = timedelta(days=30)
MOST_CHANGES = 1000
# So many things to do stand side by side.
BESIDE = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """One kind of thing that waits: how much of it, since when, and the page where it is cleared."""

    count: str
    title: str
    detail: str
    page: str
    query: dict[str, str] = field(default_factory=dict)
    # What one does there; the page's title where that is not one thing.
    action: str = ""


def greeting() -> str:
    """Return the greeting of this time of the reader's day."""
    hour = now().astimezone(wording.reader_time_zone()).hour
    if hour < 12:
        return _("Good morning, {name}")
    return _("Good afternoon, {name}") if hour < 18 else _("Good evening, {name}")


def roles_line(user: SignedInUser) -> str:
    """Return the reader's roles and the day."""
    today = now().astimezone(wording.reader_time_zone()).date()
    roles = ", ".join(sorted(role_title(role) for role in user.roles))
    return f"{wording.plain(roles)} · {wording.day(today)}"


def what_waits(user: SignedInUser, programmes: Sequence[Programme]) -> list[Waiting]:
    """Return what waits for the reader, the most pressing first."""
    with current_database().snapshot(user.scope) as connection:
        found = [
            *(_imports_that_wait(connection) if user.may(Permission.DECIDE_IMPORTS) else ()),
            *(_imports_under_way(connection) if user.may(Permission.UPLOAD_FILES) else ()),
            *(_claims_overdue(connection) if user.may(Permission.SEE_WORKLOAD) else ()),
            *(_claims_that_wait(connection) if user.may(Permission.SEE_CLAIMS) else ()),
            *(_orders_that_wait(connection, user.scope) if user.may(Permission.SEE_ORDERS) else ()),
            *(
                _registrations_that_wait(connection)
                if user.may(Permission.DECIDE_REGISTRATIONS) or user.may(Permission.ASSIGN_SALESPEOPLE)
                else ()
            ),
            *(_budgets_that_wait(connection, user.scope) if user.may(Permission.DECIDE_BUDGETS) else ()),
            *(_lines_to_settle(connection, programmes) if user.may(Permission.SETTLE_PROGRAMMES) else ()),
        ]
    if user.may(Permission.SEE_PROGRAMMES):
        found += _programmes_that_end(programmes)
    if user.may(Permission.MANAGE_USERS):
        found += _people_without_rights(user.scope)
    return found


def _imports_that_wait(connection: Connection) -> list[Waiting]:
    states = intake.imports_by_state(connection)
    if ImportState.WAITING not in states:
        return []
    waiting = states[ImportState.WAITING]
    return [
        Waiting(
            wording.number(waiting.count),
            ngettext("File waits for a decision", "Files wait for a decision", waiting.count),
            _("the oldest for {age}").format(age=wording.age(waiting.oldest_requested_at)),
            "imports",
            {"state": state_title(ImportState.WAITING)},
            _("Decide imports"),
        )
    ]


def _imports_under_way(connection: Connection) -> list[Waiting]:
    states = intake.imports_by_state(connection)
    under_way = [states[one] for one in (ImportState.QUEUED, ImportState.RUNNING) if one in states]
    if not under_way:
        return []
    count = sum(one.count for one in under_way)
    return [
        Waiting(
            wording.number(count),
            ngettext("File is being taken in", "Files are being taken in", count),
            _("the first for {age}").format(
                age=wording.age(min(one.oldest_requested_at for one in under_way))
            ),
            "imports",
        )
    ]


def in_each_currency(amounts: Mapping[str, int]) -> str:
    """Return amounts in minor units by currency, as text."""
    return " + ".join(wording.short_money(Money(minor, code)) for code, minor in sorted(amounts.items()))


def _claims_that_wait(connection: Connection) -> list[Waiting]:
    summary = verification.queue_summary(connection)
    if summary.oldest_at is None:
        return []
    return [
        Waiting(
            wording.number(summary.count),
            ngettext("Claim waits for a decision", "Claims wait for a decision", summary.count),
            _value_and_age(summary.at_stake, summary.oldest_at),
            "claims",
            action=_("Review claims"),
        )
    ]


def _claims_overdue(connection: Connection) -> list[Waiting]:
    summary = verification.queue_summary(connection)
    found = []
    if summary.overdue:
        found.append(
            Waiting(
                wording.number(summary.overdue),
                ngettext("Claim waits too long", "Claims wait too long", summary.overdue),
                _("longer than the programme allows"),
                "claims",
                {"state": _("overdue")},
                _("Review claims"),
            )
        )
    if summary.needs_second:
        found.append(
            Waiting(
                wording.number(summary.needs_second),
                ngettext("Claim needs a second person", "Claims need a second person", summary.needs_second),
                _("worth so much that two decide"),
                "claims",
                {"state": _("needs a second person")},
                _("Review claims"),
            )
        )
    return found


def _orders_that_wait(connection: Connection, scope: Scope) -> list[Waiting]:
    summary = rewards.orders_summary(connection, scope)
    if summary.oldest_at is None:
        return []
    return [
        Waiting(
            wording.number(summary.count),
            ngettext("Reward order waits for finance", "Reward orders wait for finance", summary.count),
            _value_and_age(summary.cost_minor, summary.oldest_at),
            "orders",
            action=_("Review orders"),
        )
    ]


def _value_and_age(amounts: Mapping[str, int], oldest_at: datetime) -> str:
    age = _("the oldest for {age}").format(age=wording.age(oldest_at))
    return " · ".join(filter(None, [wording.plain(in_each_currency(amounts)), age]))


def _registrations_that_wait(connection: Connection) -> list[Waiting]:
    waiting = participants.registrations_waiting(connection)
    if waiting.oldest_at is None:
        return []
    return [
        Waiting(
            wording.number(waiting.registrations),
            ngettext(
                "Registration waits for approval", "Registrations wait for approval", waiting.registrations
            ),
            _("the oldest for {age}").format(age=wording.age(waiting.oldest_at)),
            "registrations",
            action=_("Review registrations"),
        )
    ]


def _budgets_that_wait(connection: Connection, scope: Scope) -> list[Waiting]:
    found = budgets.changes(connection, scope, waiting_only=True, limit=MOST_CHANGES)
    if not found:
        return []
    return [
        Waiting(
            wording.number(len(found)),
            ngettext("Budget waits for a second person", "Budgets wait for a second person", len(found)),
            _("the oldest for {age}").format(age=wording.age(min(one.asked_at for one in found))),
            "budgets",
            action=_("Decide budgets"),
        )
    ]


def _lines_to_settle(connection: Connection, programmes: Sequence[Programme]) -> list[Waiting]:
    found = []
    for programme in programmes:
        if programme.earns_from is EarnsFrom.CLAIMS:
            continue  # the worker settles decided claims by itself
        runs = settlement.settlements(connection, programme.id, limit=1)
        lines = intake.accepted_since(connection, runs[0].started_at if runs else None)
        if lines is not None:
            found.append(
                Waiting(
                    wording.short_number(lines.lines),
                    _("Sales lines to settle"),
                    _("{programme} · the first for {age}").format(
                        programme=wording.plain(programme.name), age=wording.age(lines.first_finished_at)
                    ),
                    "programmes",
                    action=_("Settle"),
                )
            )
        elif runs and runs[0].version != programme.current_version:
            found.append(
                Waiting(
                    "1",
                    _("New version to settle"),
                    wording.plain(programme.name),
                    "programmes",
                    action=_("Settle"),
                )
            )
    return found


def _programmes_that_end(programmes: Sequence[Programme]) -> list[Waiting]:
    today = now().date()
    return [
        Waiting(
            wording.number((one.ends_on - today).days),
            _("Days until a programme ends"),
            wording.plain(one.name),
            "programmes",
        )
        for one in programmes
        if timedelta(0) <= one.ends_on - today <= PROGRAMME_ENDS_SOON
    ]


def _people_without_rights(scope: Scope) -> list[Waiting]:
    idle = [
        one
        for one in access.list_users(current_database(), scope)
        if one.state is UserState.ACTIVE and not (one.roles and one.grants)
    ]
    if not idle:
        return []
    return [
        Waiting(
            wording.number(len(idle)),
            ngettext("Person without a role or sight", "People without a role or sight", len(idle)),
            _("the oldest for {age}").format(age=wording.age(min(one.created_at for one in idle))),
            "users",
        )
    ]


def show_waiting(user: SignedInUser, waiting: Sequence[Waiting]) -> None:
    """Draw what waits, each with its number, its age and the way there."""
    if not waiting:
        st.markdown(f":green[:material/check_circle:] {_('Nothing waits for you.')}")
        return
    for place in range(0, len(waiting), BESIDE):
        for column, one in zip(st.columns(BESIDE), waiting[place : place + BESIDE], strict=False):
            with column:
                st.markdown(
                    f"**{wording.plain(one.count)}** · {wording.plain(one.title)}  \n:small[{one.detail}]"
                )
                page = wording.plain(registry.entry(one.page).title.lower())
                registry.link(
                    user,
                    one.page,
                    one.action or _("Open {page}").format(page=page),
                    icon="arrow_forward",
                    **one.query,
                )
