"""What the page of users shows: what a person sees in words, and the fields that change it."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

import streamlit as st
from sqlalchemy import Connection

from loyalty_core.access import Role, ScopeGrant, ScopeKind, User, UserState, role_title
from loyalty_core.kernel import Scope, _, ngettext, now
from loyalty_core.organisation import Region, all_regions, companies_by_id, company_by_code
from loyalty_core.programmes import Programme, list_programmes
from ui import wording
from ui.programmes import programme_label
from ui.standings import region_labels


@dataclass(frozen=True, slots=True)
class Grantable:
    """What may be granted, by id: every region and programme, and the companies that are granted already."""

    regions: Mapping[UUID, Region]
    programmes: Mapping[UUID, Programme]
    company_codes: Mapping[UUID, str]


def read_grantable(connection: Connection, scope: Scope, users: Collection[User]) -> Grantable:
    """Read what grants can point at."""
    granted = {
        grant.target_id
        for user in users
        for grant in user.grants
        if grant.kind is ScopeKind.COMPANY and grant.target_id is not None
    }
    return Grantable(
        regions={region.id: region for region in all_regions(connection)},
        programmes={one.id: one for one in list_programmes(connection, scope)},
        company_codes={company.id: company.code for company in companies_by_id(connection, granted)},
    )


def new_temporary_password() -> str:
    """Return a password to be told once and replaced at the first sign-in: 96 random bits."""
    return secrets.token_urlsafe(12)


def _targets(grants: Collection[ScopeGrant], kind: ScopeKind) -> list[UUID]:
    return sorted(grant.target_id for grant in grants if grant.kind is kind and grant.target_id is not None)


def state_in_words(state: UserState) -> str:
    """Return whether the person may sign in."""
    return _("active") if state is UserState.ACTIVE else _("disabled")


def state_of(person: User) -> str:
    """Return whether the person may sign in, and from when on what they decide counts where that is later."""
    if (
        person.state is UserState.ACTIVE
        and person.decisions_from is not None
        and person.decisions_from > now()
    ):
        return _("active, decides from {moment}").format(moment=wording.moment(person.decisions_from))
    return state_in_words(person.state)


def roles_in_words(roles: Collection[Role]) -> str:
    """Return the roles' titles, in the order in which roles are listed everywhere."""
    return ", ".join(role_title(role) for role in Role if role in roles) or _("no role")


def sight_in_words(grants: Collection[ScopeGrant], grantable: Grantable) -> str:
    """Return what a person sees, in one line."""
    if any(grant.kind is ScopeKind.EVERYTHING for grant in grants):
        parts = [_("everything")]
    else:
        parts = [
            grantable.regions[target].name
            for target in _targets(grants, ScopeKind.REGION)
            if target in grantable.regions
        ]
        companies = len(_targets(grants, ScopeKind.COMPANY))
        if companies:
            parts.append(
                ngettext("{count} company", "{count} companies", companies).format(
                    count=wording.number(companies)
                )
            )
    programmes = [
        grantable.programmes[target].name
        for target in _targets(grants, ScopeKind.PROGRAMME)
        if target in grantable.programmes
    ]
    if programmes:
        parts.append(_("only in {programmes}").format(programmes=", ".join(programmes)))
    return ", ".join(parts) or _("nothing yet")


def role_field(roles: Collection[Role], *, key: str) -> frozenset[Role]:
    """Draw the choice of roles and return it."""
    chosen = st.multiselect(
        _("Roles"),
        list(Role),
        default=[role for role in Role if role in roles],
        format_func=role_title,
        key=f"{key}_roles",
        placeholder=_("Choose one or more"),
    )
    return frozenset(chosen)


@dataclass(frozen=True, slots=True)
class ChosenSight:
    """What the fields say; company codes are looked up when the form is sent.

    `hidden` are the grants that the fields can't show, since the editor does not see what they point at.
    """

    everything: bool
    region_ids: tuple[UUID, ...]
    company_codes: tuple[str, ...]
    programme_ids: tuple[UUID, ...]
    hidden: frozenset[ScopeGrant] = frozenset()

    def grants(self, connection: Connection) -> frozenset[ScopeGrant]:
        """Return the grants, those kept that the fields can't show. Raises UnknownCompanyError."""
        programmes = {ScopeGrant(ScopeKind.PROGRAMME, target) for target in self.programme_ids}
        if self.everything:
            return frozenset({ScopeGrant(ScopeKind.EVERYTHING)} | programmes | self.hidden)
        regions = {ScopeGrant(ScopeKind.REGION, target) for target in self.region_ids}
        companies = {
            ScopeGrant(ScopeKind.COMPANY, company_by_code(connection, code).id) for code in self.company_codes
        }
        return frozenset(regions | companies | programmes | self.hidden)


def hidden_grants(grants: Collection[ScopeGrant], grantable: Grantable) -> frozenset[ScopeGrant]:
    """Return the grants of what the editor does not see: saving must keep them, for dropping the last programme
    that a person is kept to would show every other one.
    """
    shown = grantable.regions.keys() | grantable.programmes.keys() | grantable.company_codes.keys()
    return frozenset(
        grant for grant in grants if grant.target_id is not None and grant.target_id not in shown
    )


def sight_fields(grants: Collection[ScopeGrant], grantable: Grantable, *, key: str) -> ChosenSight:
    """Draw the fields for what a person sees and return what they say."""
    held = {kind: _targets(grants, kind) for kind in ScopeKind}
    labels = region_labels(grantable.regions.values())
    everything = st.toggle(
        _("Sees every region and company"),
        value=any(grant.kind is ScopeKind.EVERYTHING for grant in grants),
        key=f"{key}_all",
    )
    regions = st.multiselect(
        _("Regions"),
        list(grantable.regions),
        default=[target for target in held[ScopeKind.REGION] if target in grantable.regions],
        format_func=lambda target: labels[grantable.regions[target].code],
        key=f"{key}_regions",
        help=_("Everything below a region is seen with it. Not used when every region is seen."),
        placeholder=_("None"),
    )
    codes = st.text_input(
        _("Single companies"),
        value=", ".join(
            sorted(
                grantable.company_codes[target]
                for target in held[ScopeKind.COMPANY]
                if target in grantable.company_codes
            )
        ),
        key=f"{key}_companies",
        help=_("Company codes with commas between them, for companies outside the regions above."),
    )
    programmes = st.multiselect(
        _("Only these programmes"),
        list(grantable.programmes),
        default=[target for target in held[ScopeKind.PROGRAMME] if target in grantable.programmes],
        format_func=lambda target: programme_label(
            grantable.programmes[target], grantable.programmes.values()
        ),
        key=f"{key}_programmes",
        placeholder=_("Every programme"),
    )
    hidden = hidden_grants(grants, grantable)
    if hidden:
        st.caption(
            ngettext(
                "{count} more grant points at what you don't see yourself; it stays as it is.",
                "{count} more grants point at what you don't see yourself; they stay as they are.",
                len(hidden),
            ).format(count=wording.number(len(hidden)))
        )
    return ChosenSight(
        everything=everything,
        region_ids=tuple(regions),
        company_codes=tuple(code.strip() for code in (codes or "").split(",") if code.strip()),
        programme_ids=tuple(programmes),
        hidden=hidden,
    )
