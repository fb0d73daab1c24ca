from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty_core import audit, organisation, participants
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, NotAllowedError, NotFoundError, Scope, StateError, new_id
from loyalty_core.organisation import CompanyKind
from loyalty_core.participants import ParticipantGroup, ParticipantState, RegistrationState
from tests.access.people import COMMAND_LINE, somebody
from tests.participants.deciding import decide_as_shown, reinstate_as_shown, suspend_as_shown


def a_region(database: Database, code: str = "PL", parent_id: UUID | None = None) -> UUID:
    return organisation.add_region(
        database, COMMAND_LINE, code=code, name=f"Region {code}", parent_id=parent_id
    )


def a_company(database: Database, code: str, region_id: UUID, scope: Scope = COMMAND_LINE) -> UUID:
    """Register a company and return the registration's id."""
    return participants.register_company(
        database,
        scope,
        code=code,
        name=f"Company {code}",
        kind=CompanyKind.WHOLESALER,
        region_id=region_id,
        request_key=new_id(),
    )


def an_active_company(database: Database, code: str, region_id: UUID) -> str:
    registration_id = a_company(database, code, region_id)
    decided = decide_as_shown(
        database, COMMAND_LINE, company_ids=[registration_id], approve=True, reason=None
    )
    assert decided[0].refusal is None
    return code


def a_person(database: Database, company_code: str, code: str, scope: Scope = COMMAND_LINE) -> UUID:
    return participants.register_participant(
        database,
        scope,
        company_code=company_code,
        code=code,
        display_name=f"Person {code}",
        group=ParticipantGroup.WHOLESALER,
        phone="+48 601 234 567",
        email="person@example.com",
    )


def actions(database: Database) -> list[str]:
    with database.snapshot(COMMAND_LINE) as connection:
        found = audit.search_records(connection, words="", action="", since=None, limit=500, offset=0)
    return [one.action for one in found if one.action.startswith("participants.")]


def test_an_approved_company_is_there_and_a_rejected_one_is_not(database: Database) -> None:
    region_id = a_region(database)
    first, second = a_company(database, "C-1", region_id), a_company(database, "C-2", region_id)
    with database.snapshot(COMMAND_LINE) as connection:
        assert [one.code for one in participants.waiting_companies(connection)] == ["C-1", "C-2"]
        assert organisation.count_companies(connection) == 0
    assert decide_as_shown(database, COMMAND_LINE, company_ids=[first], approve=True, reason=None) == [
        participants.RegistrationOutcome(first, "Company C-1", None)
    ]
    decide_as_shown(
        database, COMMAND_LINE, company_ids=[second], approve=False, reason="No such firm at this address"
    )
    with database.snapshot(COMMAND_LINE) as connection:
        company = organisation.company_by_code(connection, "C-1")
        assert (company.name, company.kind, company.region_id) == (
            "Company C-1",
            CompanyKind.WHOLESALER,
            region_id,
        )
        assert participants.registration_by_id(connection, first).created_company_id == company.id
        assert [one.id for one in participants.decided_companies(connection, limit=1)] == [second]
        rejected = participants.registration_by_id(connection, second)
        assert rejected.state is RegistrationState.REJECTED
        assert rejected.decision_reason == "No such firm at this address"
        assert organisation.count_companies(connection) == 1
        assert participants.waiting_companies(connection) == []


def test_a_participant_waits_is_approved_suspended_and_reinstated(database: Database) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    person = a_person(database, company, "P-1")

    def state() -> ParticipantState:
        with database.snapshot(COMMAND_LINE) as connection:
            return participants.participant_by_id(connection, person).state

    assert state() is ParticipantState.WAITING
    with pytest.raises(StateError):
        suspend_as_shown(database, COMMAND_LINE, person, reason="Too early for that")
    decide_as_shown(database, COMMAND_LINE, participant_ids=[person], approve=True, reason=None)
    assert state() is ParticipantState.ACTIVE
    with pytest.raises(participants.ReasonMissingError):
        suspend_as_shown(database, COMMAND_LINE, person, reason="  ")
    suspend_as_shown(database, COMMAND_LINE, person, reason="Left the company")
    assert state() is ParticipantState.SUSPENDED
    again = decide_as_shown(database, COMMAND_LINE, participant_ids=[person], approve=True, reason=None)
    assert again[0].refusal is not None
    assert state() is ParticipantState.SUSPENDED
    reinstate_as_shown(database, COMMAND_LINE, person)
    assert state() is ParticipantState.ACTIVE
    with pytest.raises(StateError):
        reinstate_as_shown(database, COMMAND_LINE, person)


def test_many_are_decided_at_once_and_each_says_what_came_of_it(database: Database) -> None:
    region_id = a_region(database)
    company = an_active_company(database, "C-0", region_id)
    registered = a_company(database, "C-1", region_id)
    people = [a_person(database, company, code) for code in ("P-1", "P-2")]
    decide_as_shown(
        database, COMMAND_LINE, participant_ids=[people[0]], approve=False, reason="Unknown to the company"
    )
    unknown = new_id()
    outcomes = decide_as_shown(
        database,
        COMMAND_LINE,
        company_ids=[registered],
        participant_ids=[*people, unknown],
        approve=True,
        reason=None,
    )
    assert [(one.name, one.refusal) for one in outcomes] == [
        ("Company C-1", None),
        ("Person P-1", "Person P-1 was rejected already."),
        ("Person P-2", None),
        ("", f"There is no participant “{unknown}” among those you see."),
    ]


def test_nothing_is_rejected_without_a_reason(database: Database) -> None:
    registered = a_company(database, "C-1", a_region(database))
    for reason in (None, "", " \n", "no"):
        with pytest.raises(participants.ReasonMissingError):
            decide_as_shown(database, COMMAND_LINE, company_ids=[registered], approve=False, reason=reason)
    with database.snapshot(COMMAND_LINE) as connection:
        assert len(participants.waiting_companies(connection)) == 1


def test_nobody_approves_what_they_registered_and_the_database_says_so_too(database: Database) -> None:
    region_id = a_region(database)
    company = an_active_company(database, "C-0", region_id)
    maker = somebody(database, Role.ADMIN, name="maker").scope
    registered, person = (
        a_company(database, "C-1", region_id, maker),
        a_person(database, company, "P-1", maker),
    )
    outcomes = decide_as_shown(
        database, maker, company_ids=[registered], participant_ids=[person], approve=True, reason=None
    )
    assert [one.refusal for one in outcomes] == [
        "Company C-1 was registered by you: somebody else has to approve it.",
        "Person P-1 was registered by you: somebody else has to approve it.",
    ]
    for statement in (
        "update participant set state = 'active', decided_by = requested_by, decided_at = now()",
        "update company_registration set state = 'approved', decided_by = requested_by, decided_at = now(),"
        " created_company_id = id",
    ):
        with (
            pytest.raises(IntegrityError, match="two_people"),
            database.transaction(COMMAND_LINE) as connection,
        ):
            connection.execute(text(statement + " where requested_by is not null"))
    checker = somebody(database, Role.OPERATOR, name="checker").scope
    outcomes = decide_as_shown(
        database, checker, company_ids=[registered], participant_ids=[person], approve=True, reason=None
    )
    assert [one.refusal for one in outcomes] == [None, None]


def test_nobody_lets_themselves_in_nor_lifts_their_own_suspension(database: Database) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    person = a_person(database, company, "P-1")
    own = somebody(database, Role.OPERATOR, Role.PARTICIPANT, name="olga")
    participants.link_user(database, COMMAND_LINE, person, own.id)
    (outcome,) = decide_as_shown(database, own.scope, participant_ids=[person], approve=True, reason=None)
    assert "is yourself" in (outcome.refusal or "")
    other = somebody(database, Role.OPERATOR, name="otto").scope
    decide_as_shown(database, other, participant_ids=[person], approve=True, reason=None)
    suspend_as_shown(database, other, person, reason="Looked into")
    with pytest.raises(participants.OwnParticipationError):
        reinstate_as_shown(database, own.scope, person)
    reinstate_as_shown(database, other, person)


def test_the_same_form_sent_twice_registers_once(database: Database) -> None:
    region_id, key = a_region(database), new_id()
    body = {"code": "C-1", "name": "Firm", "kind": CompanyKind.DISTRIBUTOR, "region_id": region_id}

    def send(**changes: object) -> UUID:
        return participants.register_company(
            database,
            COMMAND_LINE,
            **{**body, **changes},  # type: ignore[arg-type]
            request_key=key,
        )

    assert send() == send()
    with pytest.raises(participants.RequestKeyReusedError):
        send(name="Another firm")
    company = an_active_company(database, "C-2", region_id)
    assert a_person(database, company, "P-1") == a_person(database, company, "P-1")
    assert actions(database).count("participants.participant_registered") == 1


def test_the_same_decision_sent_twice_is_no_refusal_and_is_written_down_once(database: Database) -> None:
    registered = a_company(database, "C-1", a_region(database))
    checker = somebody(database, Role.OPERATOR).scope
    for _time in range(2):
        outcomes = decide_as_shown(database, checker, company_ids=[registered], approve=True, reason=None)
        assert [one.refusal for one in outcomes] == [None]
    assert actions(database).count("participants.company_approved") == 1


def test_a_code_is_given_once_among_all_companies_seen_or_not(database: Database) -> None:
    poland, serbia = a_region(database), a_region(database, "RS")
    an_active_company(database, "C-1", serbia)
    a_company(database, "C-2", serbia)
    head = somebody(
        database, Role.HEAD_OF_SALES, grants=frozenset({ScopeGrant(ScopeKind.REGION, poland)})
    ).scope
    for code in ("C-1", "C-2"):
        with pytest.raises(participants.CodeTakenError):
            a_company(database, code, poland, head)
    with pytest.raises(NotFoundError):
        a_company(database, "C-3", serbia, head)
    own = an_active_company(database, "C-4", poland)
    foreign = an_active_company(database, "C-5", serbia)
    a_person(database, foreign, "P-1")
    with pytest.raises(participants.CodeTakenError):
        a_person(database, own, "P-1", head)
    with pytest.raises(organisation.UnknownCompanyError):
        a_person(database, foreign, "P-2", head)


def test_a_company_that_came_by_a_file_meanwhile_is_not_made_twice(database: Database) -> None:
    region_id = a_region(database)
    registered = a_company(database, "C-1", region_id)
    with database.transaction(COMMAND_LINE) as connection:
        organisation.insert_missing_companies(
            connection,
            [(new_id(), "C-1", "From a file", "PL")],
            import_id=new_id(),
            recorded_at=participants.registration_by_id(connection, registered).requested_at,
        )
    outcomes = decide_as_shown(database, COMMAND_LINE, company_ids=[registered], approve=True, reason=None)
    assert outcomes[0].refusal is not None
    assert "C-1" in outcomes[0].refusal
    with database.snapshot(COMMAND_LINE) as connection:
        assert participants.registration_by_id(connection, registered).state is RegistrationState.WAITING


def test_what_waits_is_counted_and_namesakes_are_named(database: Database) -> None:
    region_id = a_region(database)
    with database.snapshot(COMMAND_LINE) as connection:
        assert participants.registrations_waiting(connection) == (0, None)
    company = an_active_company(database, "C-1", region_id)
    twin = participants.register_company(
        database,
        COMMAND_LINE,
        code="C-9",
        name="COMPANY c-1",
        kind=CompanyKind.WHOLESALER,
        region_id=region_id,
        request_key=new_id(),
    )
    first = a_person(database, company, "P-1")
    decide_as_shown(database, COMMAND_LINE, participant_ids=[first], approve=True, reason=None)
    second = participants.register_participant(
        database,
        COMMAND_LINE,
        company_code=company,
        code="P-2",
        display_name="person p-1",
        group=ParticipantGroup.WHOLESALER,
    )
    with database.snapshot(COMMAND_LINE) as connection:
        count, oldest = participants.registrations_waiting(connection)
        assert count == 2
        assert oldest == participants.registration_by_id(connection, twin).requested_at
        assert participants.namesakes(connection) == {twin: "C-1", second: "P-1"}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"code": ""}, participants.CodeRefused),
        ({"code": "P 1"}, participants.CodeRefused),
        ({"code": "=1+1"}, participants.CodeRefused),
        ({"code": "P" * 41}, participants.CodeRefused),
        ({"display_name": " \t"}, participants.NameRefused),
        ({"display_name": "A" * 201}, participants.NameRefused),
        ({"phone": "call me"}, participants.ContactRefused),
        ({"email": "nobody"}, participants.ContactRefused),
    ],
)
def test_what_is_no_code_name_or_contact_is_refused(
    database: Database, changes: dict[str, str], refusal: type[Exception]
) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    wanted = {"code": "P-1", "display_name": "Ana", **changes}
    with pytest.raises(refusal):
        participants.register_participant(
            database,
            COMMAND_LINE,
            company_code=company,
            group=ParticipantGroup.SERVICE_PROVIDER,
            **wanted,  # type: ignore[arg-type]
        )
    with database.snapshot(COMMAND_LINE) as connection:
        assert participants.count_participants(connection) == 0


def test_names_keep_their_letters_and_lose_what_does_not_print(database: Database) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    participants.register_participant(
        database,
        COMMAND_LINE,
        company_code=company,
        code="ŁÓDŹ-1",
        display_name=" Zażółć\u200b  Gęślą\n",
        group=ParticipantGroup.WHOLESALER,
        phone=" ",
    )
    with database.snapshot(COMMAND_LINE) as connection:
        found = participants.participant_by_code(connection, "ŁÓDŹ-1")
    assert (found.display_name, found.phone) == ("Zażółć Gęślą", None)


@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_its_permissions_say(database: Database, role: Role) -> None:
    region_id = a_region(database)
    company = an_active_company(database, "C-1", region_id)
    person, waiting = a_person(database, company, "P-1"), a_company(database, "C-2", region_id)
    decide_as_shown(database, COMMAND_LINE, participant_ids=[person], approve=True, reason=None)
    scope = somebody(database, role, name="actor").scope
    other = somebody(database, Role.PARTICIPANT, name="other").id
    registers = (
        lambda: a_company(database, "C-3", region_id, scope),
        lambda: a_person(database, company, "P-2", scope),
    )
    decides = (
        lambda: decide_as_shown(database, scope, company_ids=[waiting], approve=True, reason=None),
        lambda: suspend_as_shown(database, scope, person, reason="Left the company"),
        lambda: reinstate_as_shown(database, scope, person),
    )
    links = (lambda: participants.link_user(database, scope, person, other),)
    assigns = (
        lambda: participants.assign_salesperson(database, scope, company_code=company, user_id=None),
        lambda: participants.salespeople_for(database, scope, company_code=company),
    )
    admin, operator, head, sales = Role.ADMIN, Role.OPERATOR, Role.HEAD_OF_SALES, Role.SALES
    for commands, allowed in (
        (registers, {admin, operator, head, sales}),
        (decides, {admin, operator}),
        (links, {admin}),
        (assigns, {admin, head}),
    ):
        for command in commands:
            if role in allowed:
                command()
            else:
                with pytest.raises(NotAllowedError):
                    command()


def test_of_two_who_decide_the_same_company_at_once_one_decides(committed_database: Database) -> None:
    database = committed_database
    registered = a_company(database, "C-1", a_region(database))
    deciders = [somebody(database, Role.OPERATOR, name=name).scope for name in ("ada", "bea")]

    def decide(pair: tuple[Scope, bool]) -> str | None:
        scope, approve = pair
        return decide_as_shown(
            database, scope, company_ids=[registered], approve=approve, reason="Seen on the spot"
        )[0].refusal

    with ThreadPoolExecutor(2) as pool:
        refusals = list(pool.map(decide, zip(deciders, (True, False), strict=True)))
    assert refusals.count(None) == 1
    with database.snapshot(COMMAND_LINE) as connection:
        created = organisation.count_companies(connection)
        state = participants.registration_by_id(connection, registered).state
    assert created == (state is RegistrationState.APPROVED)
    assert actions(database).count("participants.company_approved") == created


def test_the_audit_holds_no_name_no_number_and_no_address_of_a_person(database: Database) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    person = a_person(database, company, "P-1")
    decide_as_shown(database, COMMAND_LINE, participant_ids=[person], approve=True, reason=None)
    with database.snapshot(COMMAND_LINE) as connection:
        found = audit.search_records(
            connection, words=str(person), action="", since=None, limit=100, offset=0
        )
    assert {one.action for one in found} == {
        "participants.participant_registered",
        "participants.participant_approved",
    }
    assert not [one for one in found if "Person" in str(one.detail) or "601" in str(one.detail)]


def test_a_contact_is_shown_to_who_may_and_the_look_is_on_record(database: Database) -> None:
    company = an_active_company(database, "C-1", a_region(database))
    person = a_person(database, company, "P-1")
    sales = somebody(database, Role.SALES, name="sales").scope
    assert participants.read_contact(database, sales, person).phone == "+48 601 234 567"
    finance = somebody(database, Role.ADMIN_FINANCE, name="finance").scope
    with pytest.raises(NotAllowedError):
        participants.read_contact(database, finance, person)
    assert actions(database).count("participants.contact_read") == 1
