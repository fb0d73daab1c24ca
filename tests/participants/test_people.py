from concurrent.futures import ThreadPoolExecutor

import pytest

from loyalty_core import access, organisation, participants
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, NotAllowedError, Refusal, new_id
from tests.access.people import COMMAND_LINE, somebody
from tests.participants.deciding import decide_as_shown, suspend_as_shown
from tests.participants.test_registrations import a_company, a_person, a_region, actions, an_active_company


def test_a_user_signs_in_as_one_participant_and_a_participant_has_one_user(database: Database) -> None:
    region_id = a_region(database)
    company = an_active_company(database, "C-1", region_id)
    first, second = (a_person(database, company, code) for code in ("P-1", "P-2"))
    with database.snapshot(COMMAND_LINE) as connection:
        company_id = organisation.company_by_code(connection, company).id
    user = somebody(database, Role.PARTICIPANT, grants=frozenset({ScopeGrant(ScopeKind.COMPANY, company_id)}))
    for _time in range(2):
        participants.link_user(database, COMMAND_LINE, first, user.id)
    with database.snapshot(user.scope) as connection:
        found = participants.participant_of_user(connection, user.id)
    assert found is not None
    assert (found.id, found.company_code) == (first, "C-1")
    with pytest.raises(participants.UserTakesPartError):
        participants.link_user(database, COMMAND_LINE, second, user.id)
    other = somebody(database, Role.PARTICIPANT, name="other").id
    with pytest.raises(participants.UserTakesPartError):
        participants.link_user(database, COMMAND_LINE, first, other)
    with pytest.raises(participants.UnknownUserError):
        participants.link_user(database, COMMAND_LINE, second, new_id())
    assert actions(database).count("participants.user_linked") == 1


def test_an_administrator_links_others_but_not_themselves(database: Database) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    person = a_person(database, company, "P-1")
    admin = somebody(database, Role.ADMIN, name="ada")
    with pytest.raises(participants.OwnLinkError):
        participants.link_user(database, admin.scope, person, admin.id)
    participants.link_user(database, admin.scope, person, somebody(database, Role.PARTICIPANT).id)


def test_who_registers_a_person_does_not_choose_who_signs_in_as_them(database: Database) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    sales = somebody(database, Role.SALES, name="sales")
    user = somebody(database, Role.PARTICIPANT)
    wanted = {
        "company_code": company,
        "code": "P-1",
        "display_name": "Ana",
        "group": participants.ParticipantGroup.WHOLESALER,
    }
    for user_id in (user.id, sales.id):
        with pytest.raises(NotAllowedError):
            participants.register_participant(database, sales.scope, **wanted, user_id=user_id)  # type: ignore[arg-type]
    admin = somebody(database, Role.ADMIN, name="ada")
    person = participants.register_participant(database, admin.scope, **wanted, user_id=user.id)  # type: ignore[arg-type]
    with database.snapshot(COMMAND_LINE) as connection:
        found = participants.participant_of_user(connection, user.id)
    assert found is not None
    assert found.id == person
    with pytest.raises(participants.UserTakesPartError):
        participants.register_participant(
            database,
            admin.scope,
            **{**wanted, "code": "P-2"},  # type: ignore[arg-type]
            user_id=user.id,
        )


def test_of_two_participants_linked_to_one_user_at_once_one_is(committed_database: Database) -> None:
    database = committed_database
    company = an_active_company(database, "C-1", a_region(database))
    people = [a_person(database, company, code) for code in ("P-1", "P-2")]
    user_id = somebody(database, Role.PARTICIPANT).id

    def link(index: int) -> bool:
        try:
            participants.link_user(database, COMMAND_LINE, people[index], user_id)
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(link, range(2))) == 1


def test_people_are_found_by_code_name_and_company(database: Database) -> None:
    region_id = a_region(database)
    for company in ("C-1", "C-2"):
        an_active_company(database, company, region_id)
        for number in range(3):
            a_person(database, company, f"{company}-{number}")
    with database.snapshot(COMMAND_LINE) as connection:
        assert participants.count_participants(connection) == 6
        assert participants.count_participants(connection, "company c-2") == 3
        page = participants.find_participants(connection, "C-1", limit=2, offset=1)
        assert [one.code for one in page] == ["C-1-1", "C-1-2"]
        with pytest.raises(participants.UnknownParticipantError):
            participants.participant_by_code(connection, "nobody")


def test_who_sees_a_region_reads_nobody_of_another(database: Database) -> None:
    poland, serbia = a_region(database), a_region(database, "RS")
    own, foreign = an_active_company(database, "C-1", poland), an_active_company(database, "C-2", serbia)
    seen, unseen = a_person(database, own, "P-1"), a_person(database, foreign, "P-2")
    a_company(database, "C-3", poland)
    hidden = a_company(database, "C-4", serbia)
    scope = somebody(
        database,
        Role.OPERATOR,
        Role.HEAD_OF_SALES,
        grants=frozenset({ScopeGrant(ScopeKind.REGION, poland)}),
    ).scope
    with database.snapshot(COMMAND_LINE) as connection:
        foreign_id = organisation.company_by_code(connection, foreign).id
    with database.snapshot(scope) as connection:
        assert [one.code for one in participants.waiting_companies(connection)] == ["C-3"]
        assert [one.id for one in participants.waiting_participants(connection)] == [seen]
        assert participants.registrations_waiting(connection).registrations == 2
        assert [one.id for one in participants.find_participants(connection, "", limit=9)] == [seen]
        assert participants.count_participants(connection) == 1
        assert participants.participants_of_company(connection, foreign_id) == []
        assert participants.namesakes(connection) == {}
        assert [one.code for one in participants.decided_companies(connection, limit=9)] == ["C-1"]
        assert participants.decided_participants(connection, limit=9) == []
        with pytest.raises(participants.UnknownParticipantError):
            participants.participant_by_id(connection, unseen)
        with pytest.raises(participants.UnknownParticipantError):
            participants.participant_by_code(connection, "P-2")
        with pytest.raises(participants.UnknownRegistrationError):
            participants.registration_by_id(connection, hidden)
    outcomes = decide_as_shown(
        database, scope, company_ids=[hidden], participant_ids=[unseen], approve=True, reason=None
    )
    assert all(one.refusal for one in outcomes)
    for command in (
        lambda: suspend_as_shown(database, scope, unseen, reason="Not mine to suspend"),
        lambda: participants.read_contact(database, scope, unseen),
        lambda: participants.assign_salesperson(database, scope, company_code=foreign, user_id=None),
        lambda: participants.salespeople_for(database, scope, company_code=foreign),
    ):
        with pytest.raises(Refusal, match="among those you see"):
            command()


def test_only_sales_staff_who_see_the_company_become_responsible_for_it(database: Database) -> None:
    country = a_region(database)
    area, elsewhere = a_region(database, "PL-N", country), a_region(database, "RS")
    company = an_active_company(database, "C-1", area)

    def person(name: str, role: Role, kind: ScopeKind, target: object) -> access.SignedInUser:
        grant = ScopeGrant(kind, target)  # type: ignore[arg-type]
        return somebody(database, role, name=name, grants=frozenset({grant}))

    with database.snapshot(COMMAND_LINE) as connection:
        company_id = organisation.company_by_code(connection, company).id
    head = person("head", Role.HEAD_OF_SALES, ScopeKind.REGION, area)
    fit = [
        head,
        person("above", Role.SALES, ScopeKind.REGION, country),
        person("beside", Role.SALES, ScopeKind.COMPANY, company_id),
        person("over", Role.SALES, ScopeKind.EVERYTHING, None),
    ]
    gone = person("gone", Role.SALES, ScopeKind.REGION, area)
    access.disable_user(database, COMMAND_LINE, gone.id)
    unfit = [
        gone.id,
        person("away", Role.SALES, ScopeKind.REGION, elsewhere).id,
        person("clerk", Role.OPERATOR, ScopeKind.REGION, area).id,
        new_id(),
    ]
    listed = participants.salespeople_for(database, head.scope, company_code=company)
    assert {one.id for one in listed} == {one.id for one in fit}
    for user_id in unfit:
        with pytest.raises(participants.NotASalespersonError):
            participants.assign_salesperson(database, head.scope, company_code=company, user_id=user_id)
    for wanted in (fit[1].id, fit[1].id, None):
        participants.assign_salesperson(database, head.scope, company_code=company, user_id=wanted)
        with database.snapshot(head.scope) as connection:
            assert organisation.company_by_code(connection, company).salesperson_id == wanted
    assert actions(database).count("participants.salesperson_assigned") == 2


def test_a_company_buys_through_a_distributor_and_through_nobody_else(database: Database) -> None:
    region = a_region(database)
    company, other = an_active_company(database, "C-1", region), an_active_company(database, "C-2", region)
    registration_id = participants.register_company(
        database,
        COMMAND_LINE,
        code="D-1",
        name="Distributor",
        kind=organisation.CompanyKind.DISTRIBUTOR,
        region_id=region,
        request_key=new_id(),
    )
    decide_as_shown(database, COMMAND_LINE, company_ids=[registration_id], approve=True, reason=None)
    clerk = somebody(database, Role.OPERATOR, name="clerk").scope
    with pytest.raises(NotAllowedError):
        participants.assign_distributor(database, clerk, company_code=company, distributor_code="D-1")
    with pytest.raises(participants.NotADistributorError):
        participants.assign_distributor(database, COMMAND_LINE, company_code=company, distributor_code=other)
    for wanted in ("D-1", "D-1", None):
        participants.assign_distributor(database, COMMAND_LINE, company_code=company, distributor_code=wanted)
        with database.snapshot(COMMAND_LINE) as connection:
            expected = organisation.company_by_code(connection, wanted).id if wanted else None
            assert organisation.company_by_code(connection, company).distributor_id == expected
    assert actions(database).count("participants.distributor_assigned") == 2
