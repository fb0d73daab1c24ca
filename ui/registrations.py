"""What the page of registrations shows: who waits, in one list, the forms that register, the dialog that decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core import participants
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Refusal, Sort, _, current_database, folded, ngettext
from loyalty_core.kernel import in_order as kernel_order
from loyalty_core.organisation import CompanyKind, Region, all_regions, find_companies
from loyalty_core.participants import (
    CompanyRegistration,
    Participant,
    ParticipantGroup,
    ParticipantState,
    RegistrationOutcome,
    RegistrationState,
)
from ui import elements, list_export, wording
from ui.keys import page_key
from ui.standings import region_labels

COMPANIES_OFFERED = 500
DECIDED_SHOWN = 50


def kind_title(kind: CompanyKind) -> str:
    """Return what a company is to the brand owner."""
    return {
        CompanyKind.DISTRIBUTOR: _("Distributor"),
        CompanyKind.WHOLESALER: _("Wholesaler"),
        CompanyKind.SERVICE_PROVIDER: _("Service provider"),
    }[kind]


def group_title(group: ParticipantGroup) -> str:
    """Return what a participant does for the brand owner."""
    return {
        ParticipantGroup.DISTRIBUTOR: _("Distributor"),
        ParticipantGroup.WHOLESALER: _("Wholesaler"),
        ParticipantGroup.SERVICE_PROVIDER: _("Service provider"),
    }[group]


def participant_state_badge(state: ParticipantState) -> tuple[str, elements.Colour, str]:
    """Return a participant's state in plain words, with its colour and icon."""
    colours: dict[ParticipantState, tuple[str, elements.Colour, str]] = {
        ParticipantState.WAITING: (_("waits for approval"), "orange", "hourglass_top"),
        ParticipantState.ACTIVE: (_("takes part"), "green", "check"),
        ParticipantState.SUSPENDED: (_("suspended"), "red", "pause"),
        ParticipantState.REJECTED: (_("rejected"), "red", "block"),
    }
    return colours[state]


@dataclass(frozen=True, slots=True)
class Entry:
    """One registration in the list of both kinds: exactly one of the two is set."""

    company: CompanyRegistration | None
    participant: Participant | None
    namesake: str | None = None

    @property
    def id(self) -> UUID:
        """The registration's id, or the participant's."""
        return self._either.id

    @property
    def _either(self) -> CompanyRegistration | Participant:
        found = self.company or self.participant
        assert found is not None
        return found

    @property
    def code(self) -> str:
        """The code that it has or will have."""
        return self._either.code

    @property
    def name(self) -> str:
        """What the company or the person is called."""
        return (
            self.company.name if self.company else self.participant.display_name if self.participant else ""
        )

    @property
    def what(self) -> str:
        """What it is, in words."""
        if self.company:
            return _("Company · {kind}").format(kind=kind_title(self.company.kind))
        assert self.participant is not None
        return _("Person · {group}").format(group=group_title(self.participant.group))

    @property
    def place(self) -> str:
        """The region of a company, the company of a person."""
        if self.company:
            return self.company.region_name
        assert self.participant is not None
        return f"{self.participant.company_name} ({self.participant.company_code})"

    @property
    def requested_at(self) -> datetime:
        """Since when it waits."""
        return self._either.requested_at

    @property
    def requested_by(self) -> UUID | None:
        """Who registered it; None for the command line."""
        return self._either.requested_by

    @property
    def requested_by_name(self) -> str:
        """What who registered it is called."""
        return self._either.requested_by_name

    @property
    def decided_at(self) -> datetime | None:
        """When it was decided."""
        return self._either.decided_at

    @property
    def decided_by_name(self) -> str:
        """What who decided it is called."""
        return self._either.decided_by_name or ""

    @property
    def reason(self) -> str:
        """What was written to the decision."""
        return self._either.decision_reason or ""

    def result(self) -> str:
        """Return what became of it, in words."""
        if self.company:
            return _("approved") if self.company.state is RegistrationState.APPROVED else _("rejected")
        assert self.participant is not None
        return participant_state_badge(self.participant.state)[0]

    def check(self, user_id: UUID) -> str:
        """Return what to look at before deciding: a namesake, or that it is the reader's own."""
        parts = []
        if self.requested_by == user_id:
            parts.append(_("yours: somebody else decides"))
        if self.namesake:
            parts.append(_("same name as {code}").format(code=self.namesake))
        return ", ".join(parts)


def joined(
    companies: Sequence[CompanyRegistration],
    people: Sequence[Participant],
    namesakes: Mapping[UUID, str],
) -> list[Entry]:
    """Return companies and people in one list, those that wait longest first."""
    entries = [
        *(Entry(one, None, namesakes.get(one.id)) for one in companies),
        *(Entry(None, one, namesakes.get(one.id)) for one in people),
    ]
    return sorted(entries, key=lambda entry: (entry.requested_at, entry.code))


def sort_titles() -> dict[str, str]:
    """Return the columns that the list can be sorted by."""
    return {
        "since": _("Waiting"),
        "name": _("Name"),
        "code": _("Code"),
        "what": _("What"),
        "place": _("Region or company"),
        "who": _("Registered by"),
    }


def in_order(entries: Sequence[Entry], sort: Sort | None) -> list[Entry]:
    """Return the entries sorted by one of `sort_titles`; None leaves them as they are. Raises UnknownSortError."""
    return kernel_order(
        entries,
        sort,
        {
            "since": lambda entry: entry.requested_at,
            "name": lambda entry: folded(entry.name),
            "code": lambda entry: entry.code,
            "what": lambda entry: entry.what,
            "place": lambda entry: folded(entry.place),
            "who": lambda entry: folded(entry.requested_by_name),
        },
    )


def exported(user_id: UUID) -> list_export.Columns[Entry]:
    """Return the columns of the exported list."""
    return [
        (_("Registered"), lambda entry: entry.requested_at),
        (_("Name"), lambda entry: entry.name),
        (_("Code"), lambda entry: entry.code),
        (_("What"), lambda entry: entry.what),
        (_("Region or company"), lambda entry: entry.place),
        (_("Registered by"), lambda entry: entry.requested_by_name),
        (_("Check"), lambda entry: entry.check(user_id)),
        (_("Id"), lambda entry: str(entry.id)),
    ]


def matching(entries: Sequence[Entry], *, words: str, kind: str) -> list[Entry]:
    """Return the entries of a kind ("companies", "people", "" for both) whose texts hold the words."""
    sought = folded(words.strip())
    return [
        entry
        for entry in entries
        if (not kind or (kind == "companies") == (entry.company is not None))
        and sought in folded(f"{entry.code} {entry.name} {entry.place} {entry.requested_by_name}")
    ]


def waiting_table(entries: Sequence[Entry], user_id: UUID) -> dict[str, list[Any]]:
    """Return what waits as columns."""
    return {
        _("Waiting"): [wording.age(entry.requested_at) for entry in entries],
        _("Name"): [entry.name for entry in entries],
        _("Code"): [entry.code for entry in entries],
        _("What"): [entry.what for entry in entries],
        _("Region or company"): [entry.place for entry in entries],
        _("Registered by"): [entry.requested_by_name for entry in entries],
        _("Check"): [entry.check(user_id) for entry in entries],
    }


def show_decided(entries: Sequence[Entry]) -> None:
    """Draw what was decided, a card each: it reads on a phone, where sales staff look."""
    for entry in sorted(entries, key=lambda one: one.decided_at or one.requested_at, reverse=True):
        with elements.card():
            refused = entry.result() not in (_("approved"), _("takes part"))
            st.markdown(
                "**{name}** :{colour}-badge[{result}]".format(
                    name=wording.plain(entry.name),
                    colour="red" if refused else "green",
                    result=wording.plain(entry.result()),
                )
            )
            st.caption(
                wording.plain(f"{entry.code} · {entry.what} · {entry.place}")
                + "  \n"
                + wording.plain(
                    _("{moment} by {name}; registered by {maker}").format(
                        moment=wording.moment(entry.decided_at or entry.requested_at),
                        name=entry.decided_by_name,
                        maker=entry.requested_by_name,
                    )
                )
            )
            if entry.reason:
                st.markdown(wording.plain(entry.reason))


def selected_in_words(entries: Sequence[Entry], user_id: UUID) -> str:
    """Return the sentence of the bar: how many of what, and which of them the reader can't approve."""
    companies = sum(entry.company is not None for entry in entries)
    people = len(entries) - companies
    parts = []
    if companies:
        parts.append(
            ngettext("**{count} company**", "**{count} companies**", companies).format(
                count=wording.number(companies)
            )
        )
    if people:
        parts.append(
            ngettext("**{count} person**", "**{count} people**", people).format(count=wording.number(people))
        )
    own = sum(entry.requested_by == user_id for entry in entries)
    if own:
        parts.append(
            ngettext(
                "{count} registered by you: somebody else approves it",
                "{count} registered by you: somebody else approves them",
                own,
            ).format(count=wording.number(own))
        )
    return " · ".join(parts)


def show_entry(user: SignedInUser, entry: Entry) -> None:
    """Draw one registration whole; telephone and e-mail only when asked for, since that is on record."""
    pairs = [
        (_("Code"), wording.plain(entry.code)),
        (_("What"), wording.plain(entry.what)),
        (_("Region") if entry.company else _("Company"), wording.plain(entry.place)),
        (_("Registered by"), wording.plain(entry.requested_by_name)),
        (_("Registered"), wording.plain(wording.moment(entry.requested_at))),
    ]
    if entry.participant is not None:
        pairs.append((_("Owner of the company"), _("yes") if entry.participant.is_owner else _("no")))
    if entry.namesake:
        pairs.append((_("Same name"), wording.plain(entry.namesake)))
    with elements.card(wording.plain(entry.name)):
        elements.facts(pairs)
        if entry.participant is not None:
            contact_control(user, entry.participant)


def contact_control(user: SignedInUser, person: Participant) -> None:
    """Draw the button that shows telephone and e-mail, for those who may; that they looked is on record."""
    if not user.may(Permission.SEE_PARTICIPANTS) or not (person.phone or person.email):
        return
    if st.button(
        _("Show contact"),
        key=page_key(f"contact_{person.id}"),
        icon=":material/call:",
        help=_("That you looked is written down."),
    ):
        with elements.refusals_shown():
            found = participants.read_contact(current_database(), user.scope, person.id)
            st.markdown(wording.plain(" · ".join(filter(None, (found.phone, found.email)))))


@st.dialog(_("Decide registrations"))
def decide_dialog(user: SignedInUser, entries: Sequence[Entry], *, approve: bool) -> None:
    """Say what the decision does, ask a reason for a rejection, decide, and keep what came of each."""
    st.markdown(selected_in_words(entries, user.id))
    st.markdown(
        _("Companies are created, and people can claim and order from now on.")
        if approve
        else _("Nothing is created. Who registered them reads your reason.")
    )
    with st.form("decide_registrations", border=False):
        reason = st.text_area(
            _("Note (may stay empty)") if approve else _("Reason"),
            max_chars=participants.MAX_REASON_LENGTH,
            height=100,
        )
        label = _("Approve {count}") if approve else _("Reject {count}")
        sent = st.form_submit_button(
            label.format(count=wording.number(len(entries))),
            type="primary",
            icon=":material/check:" if approve else ":material/block:",
        )
    if not sent:
        return
    try:
        outcomes = participants.decide_registrations(
            current_database(),
            user.scope,
            companies={entry.id: entry.company.payload_hash for entry in entries if entry.company},
            participants={entry.id: entry.participant.payload_hash for entry in entries if entry.participant},
            approve=approve,
            reason=reason,
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    st.session_state["decided_registrations"] = (outcomes, approve)
    st.session_state["registrations_drawn"] = st.session_state.get("registrations_drawn", 0) + 1
    st.rerun()


def outcomes_shown(outcomes: Sequence[RegistrationOutcome], *, approved: bool) -> None:
    """Draw what came of each registration of one decision."""
    done = [one.name for one in outcomes if one.refusal is None]
    if done:
        st.success(
            (_("Approved: {names}.") if approved else _("Rejected: {names}.")).format(
                names=wording.plain(", ".join(done))
            ),
            icon=":material/check_circle:",
        )
    for one in outcomes:
        if one.refusal is not None:
            st.warning(wording.plain(one.refusal), icon=":material/block:")


@st.dialog(_("Register a company"))
def company_dialog(user: SignedInUser) -> None:
    """Ask for a company's code, name, kind and region, and register it."""
    with current_database().snapshot(user.scope) as connection:
        regions: dict[str, Region] = {one.code: one for one in all_regions(connection)}
    labels = region_labels(regions.values())
    with st.form("register_company", border=False):
        code = st.text_input(
            _("Code"), max_chars=participants.MAX_CODE_LENGTH, placeholder="C-1204", autocomplete="off"
        )
        name = st.text_input(_("Name"), max_chars=participants.MAX_NAME_LENGTH, autocomplete="off")
        kind = st.selectbox(_("What it is"), [*CompanyKind], index=1, format_func=kind_title)
        region = st.selectbox(
            _("Region"), list(labels), index=None, format_func=labels.__getitem__, placeholder=_("Choose one")
        )
        sent = st.form_submit_button(_("Register"), type="primary", icon=":material/add_business:")
    if not sent:
        return
    if region is None:
        st.error(_("Choose the region that the company sits in."), icon=":material/block:")
        return
    try:
        participants.register_company(
            current_database(),
            user.scope,
            code=code or "",
            name=name or "",
            kind=kind,
            region_id=regions[region].id,
            request_key=elements.form_key("register_company"),
        )
    except Refusal as refusal:
        elements.form_done("register_company")
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    elements.form_done("register_company")
    _say_registered(name or "")


@st.dialog(_("Register a person"))
def person_dialog(user: SignedInUser) -> None:
    """Ask for a person's company, code, name and contact, and register them."""
    with current_database().snapshot(user.scope) as connection:
        companies = {one.code: one.name for one in find_companies(connection, "", limit=COMPANIES_OFFERED)}
    with st.form("register_person", border=False):
        company = st.selectbox(
            _("Company"),
            list(companies),
            index=None,
            format_func=lambda one: f"{companies[one]} ({one})" if one in companies else one,
            accept_new_options=True,
            placeholder=_("Choose one or type its code"),
        )
        name = st.text_input(_("Full name"), max_chars=participants.MAX_NAME_LENGTH, autocomplete="off")
        code = st.text_input(
            _("Code"),
            max_chars=participants.MAX_CODE_LENGTH,
            placeholder="C-1204-1",
            autocomplete="off",
            help=_("What the person is called in files and on paper forms."),
        )
        group = st.selectbox(_("Takes part as"), [*ParticipantGroup], index=1, format_func=group_title)
        is_owner = st.checkbox(
            _("Owns the company"), help=_("The owner says who may spend the company's points.")
        )
        phone = st.text_input(
            _("Telephone (may stay empty)"), autocomplete="off", placeholder="+48 601 234 567"
        )
        email = st.text_input(_("E-mail (may stay empty)"), autocomplete="off")
        sent = st.form_submit_button(_("Register"), type="primary", icon=":material/person_add:")
    if not sent:
        return
    if not company:
        st.error(_("Choose the company that the person belongs to."), icon=":material/block:")
        return
    try:
        participants.register_participant(
            current_database(),
            user.scope,
            company_code=company,
            code=code or "",
            display_name=name or "",
            group=group,
            is_owner=is_owner,
            phone=phone,
            email=email,
        )
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")
        return
    _say_registered(name or "")


def _say_registered(name: str) -> None:
    elements.say_after_rerun(
        _("{name} is registered and waits for somebody else's approval.").format(name=wording.plain(name))
    )
    st.rerun()
