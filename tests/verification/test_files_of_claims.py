"""Claims from a file: what becomes of each row, the same file again, and rows out of sight."""

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from sqlalchemy import text

from laurel.registers import DATASETS
from loyalty_core import intake, verification
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import FileImport, ImportState, load_shipped_mapping, quarantined_rows
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.organisation import company_by_code
from loyalty_core.programmes import programme_by_code
from loyalty_core.settlement import check_books
from loyalty_core.verification import ClaimSource, ClaimState, Verdict
from tests.access.people import somebody
from tests.intake.field import finish, settings_in
from tests.participants.deciding import suspend_as_shown
from tests.sales.files import bring, row
from tests.verification.claims import PARTNERS, club, person

HEADER = ("claim_no", "company_code", "participant_code", "invoice_no", "product_code", "quantity", "sold_on")


def written(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return path


def one(**values: str) -> dict[str, str]:
    return {
        "claim_no": "K-1",
        "company_code": "C1",
        "participant_code": "",
        "invoice_no": "I1",
        "product_code": "P1",
        "quantity": "1",
        "sold_on": "2026-03-10",
        **values,
    }


def imported(
    database: Database,
    scope: Scope,
    folder: Path,
    rows: Sequence[Mapping[str, str]],
    name: str = "claims.csv",
) -> FileImport:
    """Import a file of claims as the command line does."""
    settings = settings_in(folder / "home")
    import_id = intake.start_import(
        database,
        scope,
        file_id=intake.receive_local_file(database, settings, scope, written(folder / name, rows)),
        mapping=load_shipped_mapping("claims"),
        datasets=DATASETS,
        creates_missing=False,
        request_key=new_id(),
        defers=False,
    )
    found = finish(database, settings, scope, import_id).found
    assert found.state is ImportState.ACCEPTED, (found.refusal, found.checks)
    return found


def reasons(database: Database, scope: Scope, found: FileImport) -> dict[int, list[str]]:
    with database.snapshot(scope) as connection:
        return {bad.row_no: sorted(bad.reasons) for bad in quarantined_rows(connection, found.id, limit=100)}


def test_a_row_becomes_a_claim_that_knows_its_row_and_a_bad_one_is_told_every_reason(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    club(database)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    person(database, code="ana")
    suspended = person(database, code="sue")
    suspend_as_shown(database, everything, suspended, reason="On leave.")
    found = imported(
        database,
        everything,
        tmp_path,
        [
            one(participant_code="ana", quantity="2"),
            one(claim_no="K-2", company_code="", participant_code="ana", sold_on="11.03.2026"),
            # Neither invoice nor product was ever reported, and nobody in person claims.
            one(claim_no="K-3", company_code="C2", invoice_no="?", product_code="?"),
            # The same once more.
            one(participant_code="ana", quantity="2.0"),
            one(participant_code="ana", quantity="3"),
            one(claim_no="K-8", company_code="", invoice_no="", product_code="", quantity="", sold_on=""),
            one(
                claim_no="K-4",
                company_code="C9",
                participant_code="bo",
                quantity="none",
                sold_on="31.02.2026",
            ),
            one(
                claim_no="K-5", company_code="C2", participant_code="ana", quantity="-1", sold_on="1989-12-31"
            ),
            one(claim_no="K-6", participant_code="sue", quantity="0.1234567", sold_on="2199-01-01"),
            one(claim_no=""),
        ],
    )
    assert (found.rows, found.accepted, found.duplicates, found.quarantined) == (10, 3, 1, 6)
    assert (found.net_minor, (found.reading or {})["companies"]) == ({}, 2)
    assert reasons(database, everything, found) == {
        6: ["conflicts_with_earlier"],
        7: [
            *("missing_claimant", "missing_date", "missing_invoice"),
            *("missing_product", "missing_quantity"),
        ],
        8: ["unknown_company", "unknown_participant", "unreadable_quantity", "unreadable_sold_on"],
        9: ["date_too_early", "nothing_claimed", "participant_of_other_company"],
        10: ["date_in_the_future", "participant_not_active", "quantity_not_sold"],
        11: ["missing_claim_no"],
    }
    dataset = DATASETS["claims"]
    assert all(dataset.reason_text(reason) != reason for reason in found.reasons or {})
    with database.snapshot(everything) as connection:
        programme = programme_by_code(connection, everything, "club")
        numbers = connection.execute(text("select number from claim order by row_no")).scalars().all()
        found_by_number = verification.claims_by_number(connection, numbers)
        claims = [found_by_number[number] for number in numbers]
    assert [
        (claim.claim_no, claim.company_code, claim.participant_code, claim.quantity, claim.row_no)
        for claim in claims
    ] == [
        ("K-1", "C1", "ana", Decimal(2), 2),
        ("K-2", "C1", "ana", Decimal(1), 3),
        ("K-3", "C2", None, Decimal(1), 4),
    ]
    assert {(claim.source, claim.file_name) for claim in claims} == {(ClaimSource.FILE, "claims.csv")}
    # One piece was sold: two are too many, one on the day after is near enough to be approved by rule.
    assert [(claim.verdict, claim.state) for claim in claims] == [
        (Verdict.INFLATED_QUANTITY, ClaimState.WAITING),
        (Verdict.MATCH, ClaimState.APPROVED),
        (Verdict.UNKNOWN_INVOICE, ClaimState.WAITING),
    ]
    # The club gives its points to participants: who names none is verified all the same.
    assert [claim.programme_id for claim in claims] == [programme.id, programme.id, None]
    assert claims[1].sold_on.isoformat() == "2026-03-11"
    assert all(check.ok for check in check_books(database))
    # The same file again, and one that overlaps it.
    again = imported(database, everything, tmp_path, [one(participant_code="ana", quantity="2")], "again.csv")
    assert (again.accepted, again.duplicates, again.quarantined) == (0, 1, 0)
    more = imported(
        database,
        everything,
        tmp_path,
        [one(participant_code="ana", quantity="2"), one(participant_code="ana"), one(claim_no="K-7")],
        "more.csv",
    )
    assert (more.accepted, more.duplicates, more.quarantined) == (1, 1, 1)
    assert reasons(database, everything, more) == {3: ["conflicts_with_earlier"]}
    assert all(check.ok for check in check_books(database))


def test_claims_of_a_company_out_of_sight_are_refused(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    database = committed_database
    club(database, PARTNERS)
    bring(database, everything, [row(), row(company_code="C2", invoice_no="J1")])
    person(database, "C2", "bo")
    with database.transaction(everything) as connection:
        own = company_by_code(connection, "C1").id
    operator = somebody(database, Role.OPERATOR, grants=frozenset({ScopeGrant(ScopeKind.COMPANY, own)}))
    found = imported(
        database,
        operator.scope,
        tmp_path,
        [
            one(),
            one(claim_no="K-2", company_code="C2"),
            one(claim_no="K-3", company_code="", participant_code="bo"),
            one(claim_no="K-4", company_code="C1", participant_code="bo"),
        ],
    )
    assert found.accepted == 1
    assert reasons(database, operator.scope, found) == {
        3: ["unknown_company"],
        4: ["unknown_participant"],
        5: ["unknown_participant"],
    }
