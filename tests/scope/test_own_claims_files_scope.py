"""Files that participants bring for themselves: nobody else who takes part sees anything of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from loyalty_core import intake, verification
from loyalty_core.access import Role, ScopeGrant, ScopeKind, SignedInUser
from loyalty_core.kernel import Database, NotFoundError, Scope, Settings, new_id
from loyalty_core.organisation import company_by_code
from tests.access.people import COMMAND_LINE, EVERYTHING, somebody
from tests.sales.files import bring, row
from tests.scope.test_daily_work_scope import OF_THE_ASKER
from tests.verification.claims import club, person
from tests.verification.test_own_claims_file import MAPPING


@dataclass
class Brought:
    """What one participant brought, who that is, and who else there is."""

    database: Database
    settings: Settings
    ana: SignedInUser
    others: dict[str, SignedInUser]
    file_id: UUID
    import_id: UUID


@pytest.fixture
def brought(database: Database, everything: Scope, tmp_path: Path) -> Brought:
    club(database)
    bring(database, everything, [row(), row(company_code="C2", region="South", invoice_no="J1")])
    with database.transaction(everything) as connection:
        companies = {code: company_by_code(connection, code).id for code in ("C1", "C2")}

    def partner(name: str, company: str) -> SignedInUser:
        grants = frozenset({ScopeGrant(ScopeKind.COMPANY, companies[company])})
        user = somebody(database, Role.PARTICIPANT, name=name, grants=grants)
        person(database, company, name, user_id=user.id)
        return user

    settings = Settings(home=tmp_path, database_url=None)
    ana = partner("ana", "C1")
    others = {
        "a colleague": partner("bea", "C1"),
        "another company": partner("carl", "C2"),
        "who sees everything": somebody(database, Role.PARTICIPANT, name="eve", grants=EVERYTHING),
    }
    file_id = verification.receive_own_claims_file(
        database, settings, ana.scope, file_name="hers.csv", data=b"invoice_no\n"
    )
    import_id = verification.start_own_claims_file(
        database,
        ana.scope,
        file_id=file_id,
        mapping=MAPPING,
        programme_code=None,
        request_key=new_id(),
        defers=False,
    )
    with database.transaction(COMMAND_LINE) as connection:
        connection.execute(
            text(
                "insert into quarantined_row (import_id, row_no, reasons, body) values (:id, 2, '{x}', '{}')"
            ),
            {"id": import_id},
        )
        connection.execute(
            text(
                "insert into claim (claim_no, company_id, participant_id, source, import_id, row_no, invoice_no,"
                " product_code, quantity, sold_on, state, entered_by_name, recorded_at)"
                " select 'K', p.company_id, p.id, 'file', :id, 3, 'I', 'P', 1, '2026-03-10', 'waiting', 'test', now()"
                " from participant p where p.code = 'ana'"
            ),
            {"id": import_id},
        )
    return Brought(database, settings, ana, others, file_id, import_id)


def answers(brought: Brought, user: SignedInUser) -> dict[str, Any]:
    """Return what each read function tells the user of the file; None where it is not there for them."""
    scope = user.scope
    asked: dict[str, Callable[[Connection], Any]] = {
        "verification.own_claims_file": lambda c: verification.own_claims_file(c, scope, brought.import_id),
        "verification.own_claims_files": lambda c: verification.own_claims_files(c, scope, limit=9),
        "verification.own_received_file": lambda c: verification.own_received_file(c, scope, brought.file_id),
        "verification.claims_of_own_file": lambda c: verification.claims_of_own_file(
            c, scope, brought.import_id
        ),
        "verification.rows_not_taken": lambda c: verification.rows_not_taken(
            c, scope, brought.import_id, limit=9
        ),
    }
    # Which programmes there are is told to all who see them.
    assert OF_THE_ASKER - asked.keys() == {
        "verification.own_programmes",
        "verification.programmes_to_choose_from",
    }
    told = {}
    for name, ask in asked.items():
        with brought.database.transaction(scope) as connection:
            try:
                told[name] = ask(connection)
            except NotFoundError:
                told[name] = None
    return told


def test_who_brought_a_file_is_told_of_it_and_nobody_else_whatever_they_see(brought: Brought) -> None:
    assert all(answers(brought, brought.ana).values())
    for who, user in brought.others.items():
        assert not any(answers(brought, user).values()), who


def test_row_security_hides_the_file_its_import_and_its_rows_from_others_who_take_part(
    brought: Brought,
) -> None:
    def rows(user: SignedInUser) -> list[int]:
        with brought.database.transaction(user.scope) as connection:
            return [
                int(connection.execute(text(f"select count(*) from {table}")).scalar_one())
                for table in ("received_file", "file_import", "quarantined_row")
            ]

    assert rows(brought.ana) == [1, 1, 1]
    assert rows(brought.others["a colleague"]) == [0, 0, 0]
    assert rows(brought.others["another company"]) == [0, 0, 0]


def test_commands_on_somebody_elses_file_are_refused(brought: Brought, tmp_path: Path) -> None:
    for user in brought.others.values():
        with pytest.raises(NotFoundError):
            verification.write_rows_not_taken(
                brought.database, brought.settings, user.scope, brought.import_id, tmp_path / "out.csv"
            )
    for who in ("a colleague", "another company"):
        user = brought.others[who]
        with pytest.raises(NotFoundError):
            verification.start_own_claims_file(
                brought.database,
                user.scope,
                file_id=brought.file_id,
                mapping=MAPPING,
                programme_code=None,
                request_key=new_id(),
            )
        with pytest.raises(NotFoundError):
            intake.cancel_import(brought.database, user.scope, brought.import_id)
    assert not (tmp_path / "out.csv").exists()
