"""Files of participants: whoever they add waits for somebody else, and nobody's name leaves the one table."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import ImportMode
from loyalty_core.kernel import Database, NotAllowedError, Scope
from loyalty_core.organisation import add_region
from loyalty_core.participants import (
    CompaniesDataset,
    ParticipantsDataset,
    ParticipantState,
    participant_by_code,
)
from tests.access.people import somebody
from tests.participants.deciding import decide_as_shown
from tests.records.staged import bring, one

PEOPLE = ParticipantsDataset()


@pytest.fixture(autouse=True)
def _companies(database: Database, everything: Scope) -> None:
    for name in ("North", "South"):
        add_region(database, everything, code=name, name=name, parent_id=None)
    rows = [{"code": f"C-{name}", "name": name, "region_code": name} for name in ("North", "South")]
    bring(database, everything, CompaniesDataset(), [*rows, {**rows[0], "code": "C2"}])


def person(code: str = "P1", **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "company_code": "C-North",
        "display_name": "Anna Nowak",
        "group": "wholesaler",
        "phone": "+48 601 234 567",
        "email": "anna@example.com",
        **more,
    }


def approve(database: Database, scope: Scope, code: str, *, approve: bool = True) -> str | None:
    with database.transaction(scope) as connection:
        found = participant_by_code(connection, code)
    return decide_as_shown(database, scope, participant_ids=[found.id], approve=approve, reason="as agreed")[
        0
    ].refusal


def test_whoever_a_file_adds_waits_for_somebody_else(database: Database) -> None:
    maker = somebody(database, Role.OPERATOR, name="maker").scope
    checker = somebody(database, Role.OPERATOR, name="checker").scope
    done = bring(database, maker, PEOPLE, [person(is_owner="Tak"), person("P2", phone="-", email="")])
    assert done.counts == (2, 0, 0, 0)
    with database.transaction(maker) as connection:
        anna, second = participant_by_code(connection, "P1"), participant_by_code(connection, "P2")
    assert (anna.state, anna.is_owner, anna.phone, anna.email, anna.requested_by) == (
        ParticipantState.WAITING,
        True,
        "+48 601 234 567",
        "anna@example.com",
        maker.user_id,
    )
    assert (second.is_owner, second.phone, second.email) == (False, None, None)
    assert "registered by you" in (approve(database, maker, "P1") or "")
    assert approve(database, checker, "P1") is None


def test_every_reason_of_every_bad_row_is_told_at_once(database: Database, everything: Scope) -> None:
    done = bring(
        database,
        everything,
        PEOPLE,
        [
            {},
            person("a b", company_code="C9", group="friend", is_owner="maybe"),
            person("P3", phone="call me", email="anna at home"),
            person("P4", display_name="x" * 201),
            person("P5"),
            person("P5", display_name="Jan Nowak"),
        ],
    )
    assert done.reasons == {
        2: {"missing_code", "missing_company", "missing_name", "missing_group"},
        3: {"code_not_usable", "unknown_company", "unknown_group", "unreadable_owner"},
        4: {"not_a_phone", "not_an_email"},
        5: {"name_too_long"},
        6: {"repeated_otherwise"},
        7: {"repeated_otherwise"},
    }


def test_an_update_shows_changes_masked_and_keeps_what_is_blank(
    database: Database, everything: Scope
) -> None:
    maker = somebody(database, Role.OPERATOR, name="maker").scope
    checker = somebody(database, Role.OPERATOR, name="checker").scope
    bring(database, maker, PEOPLE, [person(), person("P2")])
    approve(database, checker, "P1")
    rows = [
        person(display_name="Anna  Kowalska", phone="+48 777 888 999", email="-", group=""),
        person("P2", display_name="Jan Nowak"),
    ]
    assert bring(database, maker, PEOPLE, rows).reasons == {
        2: {"differs_from_known"},
        3: {"differs_from_known"},
    }
    done = bring(database, maker, PEOPLE, rows, mode=ImportMode.UPDATE)
    assert done.changes == [
        (2, "P1", "display_name", "A… N…", "A… K…"),
        (2, "P1", "phone", "…567", "…999"),
        (2, "P1", "email", "a…@e…", ""),
        (3, "P2", "display_name", "A… N…", "J… N…"),
    ]
    assert done.counts == (0, 2, 0, 0)
    with database.transaction(maker) as connection:
        anna = participant_by_code(connection, "P1")
        told = json.dumps(
            [
                [str(value) for value in row]
                for table in ("audit_record", "import_change")
                for row in connection.execute(text(f"select * from {table}"))
            ]
        )
    assert (anna.display_name, anna.phone, anna.email, anna.group.value, anna.state.value) == (
        "Anna Kowalska",
        "+48 777 888 999",
        None,
        "wholesaler",
        "active",
    )
    for word in ("Anna", "Kowalska", "Nowak", "601 234", "777 888", "anna@"):
        assert word not in told


def test_what_a_second_person_approved_or_will_approve_is_not_changed_by_a_file(database: Database) -> None:
    maker = somebody(database, Role.OPERATOR, name="maker").scope
    checker = somebody(database, Role.OPERATOR, name="checker").scope
    bring(database, maker, PEOPLE, [person(), person("P2"), person("P3")])
    approve(database, checker, "P1")
    approve(database, checker, "P3", approve=False)
    done = bring(
        database,
        checker,
        PEOPLE,
        [
            person(is_owner="yes"),
            person("P2", phone="+48 777 888 999"),
            person("P3"),
            person("P1", company_code="C2"),
        ],
        mode=ImportMode.UPDATE,
    )
    assert done.reasons == {
        2: {"owner_differs"},
        3: {"waits_for_approval"},
        4: {"participant_rejected"},
        5: {"company_differs"},
    }
    own = bring(database, maker, PEOPLE, [person("P2", is_owner="yes")], mode=ImportMode.UPDATE)
    assert own.counts == (0, 1, 0, 0), "what waits may be put right by who asked for it"


def test_people_of_companies_that_the_actor_does_not_see_count_as_unknown(
    database: Database, everything: Scope
) -> None:
    bring(database, everything, PEOPLE, [person("PS", company_code="C-South")])
    region = one(database, everything, "select id from region where code = 'North'")[0]
    olga = somebody(
        database, Role.OPERATOR, name="olga", grants=frozenset({ScopeGrant(ScopeKind.REGION, region)})
    ).scope
    done = bring(
        database,
        olga,
        PEOPLE,
        [person("PS"), person("PT", company_code="C-South"), person()],
        mode=ImportMode.UPDATE,
    )
    assert done.reasons == {2: {"code_taken"}, 3: {"unknown_company"}}
    assert done.counts == (1, 0, 0, 2)


def test_only_who_may_import_master_data_does(database: Database) -> None:
    scope = somebody(database, Role.SALES).scope
    with pytest.raises(NotAllowedError):
        bring(database, scope, PEOPLE, [person()])
