"""Regions, people who sign in, companies and participants: registered by sales, approved by the operator."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from uuid import UUID

from loyalty_core import access, organisation, participants
from loyalty_core.demo import people
from loyalty_core.demo.market import DemoCompany, areas_of, companies, first_day_of, regions
from loyalty_core.demo.sign_ins import PEOPLE, DemoPerson, DemoSignIn, salespeople
from loyalty_core.demo.stage import Stage, key_of
from loyalty_core.kernel import NotFoundError, Refusal, Scope
from loyalty_core.participants import ParticipantState, RegistrationOutcome

_HEADS = {
    one.region: one.name for one in PEOPLE if one.role is access.Role.HEAD_OF_SALES and one.region is not None
}


# Who must be there before companies and people can be registered and approved.
REGISTER = ("operator", *_HEADS.values())


def make_regions(stage: Stage, scope: Scope) -> dict[str, UUID]:
    """Add the regions that are missing; return all ids by code."""
    with stage.database.transaction(scope) as connection:
        ids = {region.code: region.id for region in organisation.all_regions(connection)}
    for region in regions():
        if region.code not in ids:
            ids[region.code] = organisation.add_region(
                stage.database,
                scope,
                code=region.code,
                name=region.name,
                parent_id=ids[region.parent] if region.parent else None,
            )
    return ids


def make_user(stage: Stage, scope: Scope, sign_in: DemoSignIn, region_ids: dict[str, UUID]) -> None:
    """Add the user if there is none; a participant's company must be there."""
    person = sign_in.person
    try:
        access.find_user(stage.database, scope, person.name)
    except NotFoundError:
        access.create_user(
            stage.database,
            scope,
            name=person.name,
            display_name=person.display_name,
            password=sign_in.password,
            roles=person.roles,
            grants={_grant(stage, scope, person, region_ids)},
        )


def _grant(stage: Stage, scope: Scope, person: DemoPerson, region_ids: dict[str, UUID]) -> access.ScopeGrant:
    if person.region is not None:
        return access.ScopeGrant(access.ScopeKind.REGION, region_ids[person.region])
    if person.company is not None:
        with stage.database.transaction(scope) as connection:
            company = organisation.company_by_code(connection, person.company)
        return access.ScopeGrant(access.ScopeKind.COMPANY, company.id)
    return access.ScopeGrant(access.ScopeKind.EVERYTHING, None)


def make_companies(stage: Stage, region_ids: dict[str, UUID]) -> None:
    """Let the heads of sales register their partners, a month before the first sale, and the operator approve."""
    operator = stage.scope_of("operator")
    begin = first_day_of(stage.last_day) - timedelta(days=30)
    there = _company_codes(stage)

    def join(country: str) -> None:
        head = stage.scope_of(_HEADS[country])
        with stage.at(begin, 9):
            asked = [
                participants.register_company(
                    stage.database,
                    head,
                    code=company.code,
                    name=company.name,
                    kind=company.kind,
                    region_id=region_ids[company.area],
                    request_key=key_of("company", company.code),
                )
                for company in companies(stage.scale)
                if company.country == country and company.code not in there
            ]
        with stage.at(begin + timedelta(days=2), 11):
            _all_approved(
                participants.decide_registrations(
                    stage.database,
                    operator,
                    companies=_companies_shown(stage, operator, asked),
                    approve=True,
                    reason=None,
                )
            )

    stage.together(partial(join, country) for country in _HEADS)


def _companies_shown(stage: Stage, scope: Scope, asked: Sequence[UUID]) -> dict[UUID, str]:
    """Return the hash of each registration as whoever decides sees it."""
    with stage.database.transaction(scope) as connection:
        return {one: participants.registration_by_id(connection, one).payload_hash for one in asked}


def _people_shown(stage: Stage, scope: Scope, asked: Sequence[UUID]) -> dict[UUID, str]:
    """Return the hash of each person as whoever decides sees them."""
    with stage.database.transaction(scope) as connection:
        return {one: participants.participant_by_id(connection, one).payload_hash for one in asked}


def _company_codes(stage: Stage) -> frozenset[str]:
    with stage.database.transaction(stage.scope_of("operator")) as connection:
        return frozenset(one.code for one in organisation.find_companies(connection, "", limit=10**6))


def assign_partners(stage: Stage) -> None:
    """Say who is responsible for each company and through which distributor it buys."""
    begin = first_day_of(stage.last_day) - timedelta(days=27)

    def assign(country: str) -> None:
        head = stage.scope_of(_HEADS[country])
        staff = {area: [stage.scope_of(one.name) for one in salespeople(area)] for area in areas_of(country)}
        with stage.at(begin, 14):
            for place, company in enumerate(_of(country, stage.scale)):
                here = staff[company.area]
                participants.assign_salesperson(
                    stage.database,
                    head,
                    company_code=company.code,
                    user_id=here[(place // len(staff) + 1) % len(here)].user_id,
                )
                participants.assign_distributor(
                    stage.database, head, company_code=company.code, distributor_code=company.distributor
                )

    stage.together(partial(assign, country) for country in _HEADS)


def _of(country: str, scale: float) -> list[DemoCompany]:
    return [company for company in companies(scale) if company.country == country]


def make_participants(stage: Stage) -> None:
    """Let the heads of sales register everybody on the day they joined, and the operator approve in the week."""
    found = _participants_there(stage)

    def join(country: str) -> None:
        head, operator = stage.scope_of(_HEADS[country]), stage.scope_of("operator")
        own = [
            one for one in people.participants(stage.last_day, stage.scale) if one.company.country == country
        ]
        begin = first_day_of(stage.last_day)
        for week, joined in groupby(own, key=lambda one: (one.asked_on - begin).days // 7):
            waiting = []
            for one in joined:
                there = found.get(one.code)
                if there is None:
                    waiting.append(_register(stage, head, one))
                elif there.state is ParticipantState.WAITING:
                    waiting.append(there.id)
            if waiting:
                with stage.at(begin + timedelta(days=7 * week + 8), 10):
                    _all_approved(
                        participants.decide_registrations(
                            stage.database,
                            operator,
                            participants=_people_shown(stage, operator, waiting),
                            approve=True,
                            reason=None,
                        )
                    )

    stage.together(partial(join, country) for country in _HEADS)


def link_users(stage: Stage) -> None:
    """Let the users that take part sign in as their participants."""
    admin = stage.scope_of("admin")
    for person in PEOPLE:
        if person.participant is not None:
            with stage.database.transaction(admin) as connection:
                found = participants.participant_by_code(connection, person.participant)
            user_id = stage.scope_of(person.name).user_id
            assert user_id is not None
            participants.link_user(stage.database, admin, found.id, user_id)


def make_newcomers(stage: Stage, region_ids: dict[str, UUID]) -> None:
    """Register those who wait for the operator: three companies and six people."""
    there = _participants_there(stage)
    for one in people.newcomers(stage.last_day, stage.scale):
        if one.code not in there:
            _register(stage, stage.scope_of(_HEADS[one.company.country]), one)
    for applicant in people.APPLICANTS:
        with stage.at(stage.last_day - timedelta(days=applicant.days_ago), 15):
            participants.register_company(
                stage.database,
                stage.scope_of(_HEADS[applicant.area[:2]]),
                code=applicant.code,
                name=applicant.name,
                kind=applicant.kind,
                region_id=region_ids[applicant.area],
                request_key=key_of("company", applicant.code),
            )


def _register(stage: Stage, scope: Scope, one: people.DemoParticipant) -> UUID:
    with stage.at(one.asked_on, 12):
        return participants.register_participant(
            stage.database,
            scope,
            company_code=one.company.code,
            code=one.code,
            display_name=one.display_name,
            group=one.group,
            is_owner=one.is_owner,
            email=one.email,
        )


def _participants_there(stage: Stage) -> dict[str, participants.Participant]:
    with stage.database.transaction(stage.scope_of("operator")) as connection:
        found = participants.find_participants(connection, "", limit=10**6)
    return {one.code: one for one in found}


def _all_approved(outcomes: Sequence[RegistrationOutcome]) -> None:
    refused = next((one.refusal for one in outcomes if one.refusal is not None), None)
    if refused is not None:
        raise Refusal(refused)
