"""Participants: who is active, who has just stopped, who never began; and the record of each."""

from uuid import UUID

import streamlit as st

from loyalty_core import ledger, participants, programmes, verification
from loyalty_core.access import Permission
from loyalty_core.kernel import Money, Refusal, _, current_database, write_xlsx
from loyalty_core.ledger import AccountKind
from loyalty_core.organisation import all_regions
from loyalty_core.participants import ParticipantGroup
from loyalty_core.programmes import Collects
from ui import companies as company_blocks
from ui import downloads, drill, elements, explored, list_export, performance, registry, wording
from ui import people as blocks
from ui import programmes as programme_blocks
from ui import standings as region_blocks
from ui.identity import require
from ui.keys import page_key
from ui.people import Activity

user = require(Permission.SEE_PARTICIPANTS)
database = current_database()
ALL = ""
LATEST = 50

with database.snapshot(user.scope) as connection:
    known = programmes.list_programmes(connection, user.scope)
    regions = all_regions(connection)
header = st.container()
intro = _("Who is active, who has just stopped, and who never began.")
if not known or not explored.is_ready():
    with header:
        elements.page_header(_("Participants"), intro)
    if known:
        explored.stop_until_ready()
    elements.empty_state(
        "groups",
        _("No programme yet"),
        _("People show up once there is a programme and they are registered."),
        lambda: registry.link(user, "programmes", _("To the programmes"), icon="workspace_premium"),
    )
    st.stop()

today = wording.today()


def asked_programme() -> programmes.Programme:
    """Let the reader choose a programme where there are several."""
    if len(known) == 1:
        return known[0]
    return elements.choose_travelling(
        _("Programme"),
        known,
        format_func=lambda one: programme_blocks.programme_label(one, known),
        name="programme",
    )


def show_people() -> None:
    """Draw the people who match, and open the chosen one."""
    programme = asked_programme()
    with database.snapshot(user.scope) as connection:
        document = programmes.document_of(connection, user.scope, programme.id, programme.current_version)
    region_at, group_at, days_at, words_at = st.columns(4, vertical_alignment="bottom")
    by_code = {region.code: region for region in regions}
    labels = region_blocks.region_labels(regions)
    region = elements.choose_travelling(
        _("Region"),
        [ALL, *by_code],
        format_func=lambda code: labels.get(code, _("All regions")),
        name="region",
        at=region_at,
    )
    group = group_at.selectbox(
        _("Group"),
        [ALL, *ParticipantGroup],
        format_func=lambda one: performance.group_title(one) if one else _("All groups"),
        key=page_key("group"),
        bind="query-params",
    )
    days = days_at.number_input(
        _("Inactive after days"),
        min_value=1,
        max_value=730,
        value=document.inactive_after_days or blocks.INACTIVE_AFTER_DAYS,
        key=page_key("days"),
        bind="query-params",
        help=_("So many days without a sale or points; the programme's document says how many at first."),
    )
    words = (
        words_at.text_input(
            _("Find"),
            key=page_key("words"),
            bind="query-params",
            placeholder=_("name or code"),
            type="search",
        )
        or ""
    )
    asked = blocks.AskedPeople(
        programme,
        today,
        int(days),
        region_ids=region_blocks.region_ids_below(regions, by_code[region].id) if region else None,
        group=group or None,
        words=words,
    )
    counts = blocks.by_activity(user.scope, asked)
    with header:
        elements.page_header(_("Participants"), f"{wording.plain(programme.name)} · {intro}")
    titles = blocks.activity_titles()
    helps = {
        Activity.ACTIVE: _("A sale or points within the last {days} days."),
        Activity.NEWLY_INACTIVE: _(
            "Nothing within the last {days} days, but something in the {days} before."
        ),
        Activity.INACTIVE: _("The last sale or points came longer ago than twice {days} days."),
        Activity.NEVER: _("Registered, without a sale or points so far."),
    }
    elements.figure_row(
        [
            elements.Figure(
                titles[one], wording.short_number(count), help=helps[one].format(days=wording.number(days))
            )
            for one, count in counts.items()
        ]
    )
    shown = elements.choose_view({ALL: _("Everybody"), **titles}, key=page_key("activity"))
    activity = Activity(shown) if shown else None
    total = counts[activity] if activity else sum(counts.values())
    if not total:
        if sum(counts.values()) or words or region or group:
            elements.empty_state("search_off", _("Nobody matches"), _("Take a filter away to see more."))
        else:
            elements.empty_state(
                "groups",
                _("Nobody takes part yet"),
                _("Register a company and its people, and approve them: they appear here."),
            )
        return
    sort = elements.choose_sort(blocks.sort_titles(programme), default=_("Most purchases first"))
    rows_at, offset = elements.paged(total, key=page_key("page"))
    rows = blocks.people(user.scope, asked, activity, sort=sort, limit=elements.ROWS_A_PAGE, offset=offset)
    titles_of = blocks.figure_titles(programme)
    with rows_at:
        chosen = elements.choose_row(
            blocks.people_table(rows, programme),
            key=elements.key_of_rows("people", [row["participant_id"] for row in rows]),
            alt=_("People who take part"),
            numbers=[titles_of.bought, titles_of.points, titles_of.balance, _("Rewards")],
        )
        st.caption(_("Choose a person to see their claims, orders and points."))
    if chosen is not None and chosen < len(rows):
        query = {"participant": rows[chosen]["participant_id"]}
        if len(known) > 1:
            query["programme"] = programme_blocks.programme_label(programme, known)
        registry.open_page("participants", **query)
    everybody = list_export.from_replica(user, "participants", blocks.people_values(asked, activity), sort)
    list_export.offer(
        user,
        f"participants-{programme.code}",
        total,
        list_export.cells_of(blocks.workbook_header(programme)),
        lambda: blocks.workbook_rows(everybody(), programme.currency),
    )
    if user.may(Permission.EXPORT_PERFORMANCE):
        offer_workbook(asked, activity, total)


def offer_workbook(asked: blocks.AskedPeople, activity: Activity | None, total: int) -> None:
    """Let the reader take the people along as a workbook."""
    with elements.queue_bar(_("**{count}** people as a workbook").format(count=wording.number(total))):
        if not st.button(_("Make the workbook"), icon=":material/table_view:"):
            return
        every = blocks.people(user.scope, asked, activity, limit=blocks.MOST_EXPORTED_PEOPLE)
        downloads.offer(
            user,
            Permission.EXPORT_PERFORMANCE,
            f"participants-{asked.programme.code}-{today}.xlsx",
            lambda path: write_xlsx(
                path,
                blocks.workbook_header(asked.programme),
                blocks.workbook_rows(every, asked.programme.currency),
                sheet=_("Participants"),
            ),
        )


def show_record(participant_id: UUID) -> None:
    """Draw one person: where they stand, and their claims, orders and points."""
    registry.link(user, "participants", _("All participants"), icon="arrow_back")
    try:
        with database.snapshot(user.scope) as connection:
            person = participants.participant_by_id(connection, participant_id)
    except Refusal as refusal:
        with header:
            elements.page_header(_("Participants"), intro)
        st.warning(wording.plain_lines(refusal.sentence), icon=":material/search_off:")
        return
    with header:
        elements.page_header(
            wording.plain(person.display_name),
            " · ".join(
                [
                    _("Code {code}").format(code=wording.plain(person.code)),
                    wording.plain(person.company_name),
                    performance.group_title(person.group),
                    *([_("owner")] if person.is_owner else []),
                ]
            ),
        )
    programme = asked_programme()
    with database.snapshot(user.scope) as connection:
        document = programmes.document_of(connection, user.scope, programme.id, programme.current_version)
    asked = blocks.AskedPeople(programme, today, document.inactive_after_days or blocks.INACTIVE_AFTER_DAYS)
    found = blocks.people(user.scope, asked, None, participant_id=participant_id, limit=1)
    if found:
        show_figures(found[0], programme)
    with st.container(horizontal=True, vertical_alignment="center"):
        if found:
            activity = Activity(found[0]["activity"])
            elements.badge(blocks.activity_titles()[activity], blocks.activity_colour(activity))
        registry.link(
            user,
            "company",
            wording.plain(person.company_name),
            icon="storefront",
            company=person.company_code,
        )
    views = {"claims": _("Claims"), "orders": _("Orders"), "points": _("Points"), "contact": _("Contact")}
    view = elements.choose_view(views, key=page_key("view"))
    if view == "claims":
        show_claims(participant_id)
    elif view == "orders":
        drill.show_orders(
            user,
            performance.Asked(programme),
            (programme.starts_on, programme.ends_on),
            participant_id=participant_id,
        )
    elif view == "points":
        show_points(person, programme)
    else:
        show_contact(participant_id)


def show_figures(row: dict[str, object], programme: programmes.Programme) -> None:
    """Draw what the person bought, earned, holds and chose."""
    titles = blocks.figure_titles(programme)
    bought, last_on = Money(int(str(row["bought_minor"])), programme.currency), row["last_on"]
    elements.figure_row(
        [
            elements.Figure(titles.bought, wording.short_money(bought), help=wording.money(bought)),
            elements.Figure(titles.points, wording.short_number(int(str(row["points"])))),
            elements.Figure(titles.balance, wording.short_number(int(str(row["balance"])))),
            elements.Figure(
                _("Rewards"),
                wording.short_number(int(str(row["orders"]))),
                wording.plain(str(row["last_reward"])) or None,
                delta_color="off",
            ),
        ]
    )
    st.caption(
        _("Last sale or points: {day}").format(day=blocks.last_in_words(last_on))  # type: ignore[arg-type]
    )


def show_claims(participant_id: UUID) -> None:
    """Draw the person's claims."""
    with database.snapshot(user.scope) as connection:
        total = verification.count_claims_of_participant(connection, participant_id)
    if not total:
        st.caption(_("No claim so far."))
        return
    rows_at, offset = elements.paged(total, key=page_key("claims_page"), size=LATEST)
    with database.snapshot(user.scope) as connection:
        claims = verification.claims_of_participant(connection, participant_id, limit=LATEST, offset=offset)
    with rows_at:
        elements.table(
            blocks.claims_table(claims),
            alt=_("Claims, those entered last first"),
            numbers=[_("Quantity")],
        )
    list_export.offer(
        user,
        "claims-of-participant",
        total,
        blocks.exported_claims(),
        list_export.from_database(
            user,
            lambda connection, limit, offset: verification.claims_of_participant(
                connection, participant_id, limit=limit, offset=offset
            ),
        ),
    )


def show_points(person: participants.Participant, programme: programmes.Programme) -> None:
    """Draw the statement of the account that the person's points lie in."""
    if programme.collects is Collects.PARTICIPANT:
        kind, owner_id = AccountKind.PARTICIPANT, person.id
    else:
        kind, owner_id = AccountKind.COMPANY, person.company_id
        st.caption(_("In this programme the company collects: these are its points."))
    with database.snapshot(user.scope) as connection:
        account = ledger.account_of(connection, programme.id, kind, owner_id)
        total = ledger.count_statement(connection, account.id) if account else 0
    if account is None:
        st.caption(_("No points so far."))
        return
    rows_at, offset = elements.paged(total, key=page_key("points_page"), size=LATEST)
    with database.snapshot(user.scope) as connection:
        lines = ledger.statement(connection, account.id, limit=LATEST, offset=offset)
    with rows_at:
        elements.table(
            company_blocks.statement_table(lines),
            alt=_("Points statement, the newest first"),
            numbers=[_("Points"), _("Balance")],
        )
    account_id = account.id
    list_export.offer(
        user,
        f"statement-{person.code}",
        total,
        company_blocks.exported_statement(),
        list_export.from_database(
            user,
            lambda connection, limit, offset: ledger.statement(
                connection, account_id, limit=limit, offset=offset
            ),
        ),
    )


def show_contact(participant_id: UUID) -> None:
    """Draw how to reach the person, once asked for: that somebody looked is put on record."""
    st.caption(_("Who looks at a person's contact details is put on record."))
    if st.button(_("Show the contact details"), icon=":material/contact_phone:"):
        with elements.refusals_shown():
            person = participants.read_contact(database, user.scope, participant_id)
            elements.facts(
                [
                    (_("Telephone"), wording.plain(person.phone or _("none"))),
                    (_("E-mail"), wording.plain(person.email or _("none"))),
                ]
            )


chosen_id = elements.query_id("participant")
if chosen_id is None:
    show_people()
else:
    show_record(chosen_id)
