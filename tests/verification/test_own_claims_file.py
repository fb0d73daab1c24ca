"""A participant's own file of claims: whose its rows are, what is not taken and why, and who may do what with it."""

import contextlib
import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

import data_checks
from laurel.registers import DATASETS
from laurel.tasks import run_import
from loyalty_core import access, intake, verification
from loyalty_core.access import Permission, Role, ScopeGrant, ScopeKind, SignedInUser
from loyalty_core.intake import ColumnMapping, FileImport, ImportState, MappingIncompleteError
from loyalty_core.kernel import Database, NotAllowedError, Scope, Settings, new_id
from loyalty_core.organisation import company_by_code
from loyalty_core.programmes import apply_programme
from loyalty_core.settlement import check_books
from loyalty_core.verification import ClaimSource, ClaimState, OwnFile
from tests.access.people import COMMAND_LINE, somebody
from tests.corrections.undoing import undo
from tests.databases import database_of
from tests.intake.field import settings_in
from tests.participants.deciding import reinstate_as_shown, suspend_as_shown
from tests.sales.files import bring, row
from tests.verification.claims import CLUB, claim, club, person
from tests.verification.deciding import approve_as_shown, reject_as_shown

HEADER = ("invoice_no", "product_code", "quantity", "sold_on")
MAPPING = ColumnMapping(
    name="whatever",
    dataset="claims",
    columns={name: name for name in HEADER},
    date_formats=("%Y-%m-%d",),
    time_zone="Europe/Warsaw",
)


@dataclass
class Field:
    """Two people of C1 and one of C2 who sign in, and what was sold to their companies."""

    database: Database
    settings: Settings
    ana: SignedInUser
    ana_id: UUID
    bea: SignedInUser
    carl: SignedInUser
    operator: SignedInUser


@pytest.fixture(scope="module")
def field(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    data_checks.warm_up()
    owner_url = server.new_database()
    database = database_of(owner_url)
    everything = Scope.of_system("test")
    club(database)
    bring(
        database,
        everything,
        [
            *(row(invoice_no=f"I{number}", quantity="4") for number in range(1, 10)),
            row(company_code="C2", invoice_no="J1"),
        ],
    )
    with database.transaction(everything) as connection:
        companies = {code: company_by_code(connection, code).id for code in ("C1", "C2")}

    def partner(name: str, company: str) -> tuple[SignedInUser, UUID]:
        user = somebody(
            database,
            Role.PARTICIPANT,
            name=name,
            grants=frozenset({ScopeGrant(ScopeKind.COMPANY, companies[company])}),
        )
        return user, person(database, company, name, user_id=user.id, name=name.title())

    ana, ana_id = partner("ana", "C1")
    yield Field(
        database,
        settings_in(tmp_path_factory.mktemp("home")),
        ana,
        ana_id,
        partner("bea", "C1")[0],
        partner("carl", "C2")[0],
        somebody(database, Role.OPERATOR, name="olga"),
    )
    database.close()
    server.drop_database(owner_url)


def sold(**values: str) -> dict[str, str]:
    return {"invoice_no": "I1", "product_code": "P1", "quantity": "1", "sold_on": "2026-03-10", **values}


def written(rows: Sequence[Mapping[str, str]]) -> bytes:
    names = list(dict.fromkeys(name for one in rows for name in one)) or list(HEADER)
    made = io.StringIO()
    writer = csv.DictWriter(made, names)
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue().encode()


def kept(field: Field, user: SignedInUser, rows: Sequence[Mapping[str, str]], name: str = "own.csv") -> UUID:
    return verification.receive_own_claims_file(
        field.database, field.settings, user.scope, file_name=name, data=written(rows)
    )


def started(
    field: Field,
    user: SignedInUser,
    rows: Sequence[Mapping[str, str]],
    *,
    programme: str | None = None,
    key: UUID | None = None,
    file_id: UUID | None = None,
) -> UUID:
    names = {name: name for one in rows for name in one}
    return verification.start_own_claims_file(
        field.database,
        user.scope,
        file_id=file_id or kept(field, user, rows),
        mapping=MAPPING.model_copy(update={"columns": names}),
        programme_code=programme,
        request_key=key or new_id(),
        defers=False,
    )


def done(field: Field, user: SignedInUser, import_id: UUID) -> OwnFile:
    """Let the worker take the file in and return what its bringer may know of it."""
    run_import(field.database, field.settings, import_id)
    with field.database.snapshot(user.scope) as connection:
        return verification.own_claims_file(connection, user.scope, import_id)


def brought(field: Field, user: SignedInUser, rows: Sequence[Mapping[str, str]], **choice: Any) -> OwnFile:
    return done(field, user, started(field, user, rows, **choice))


def counts(found: OwnFile) -> tuple[str, int | None, int | None, int | None]:
    assert found.refusal is None, found.refusal
    return found.state.value, found.claims, found.repeated, found.not_taken


def reasons(field: Field, found: OwnFile) -> dict[int, list[str]]:
    with field.database.snapshot(COMMAND_LINE) as connection:
        rows = intake.quarantined_rows(connection, found.import_id, limit=100)
    return {one.row_no: sorted(one.reasons) for one in rows}


def whole(field: Field, import_id: UUID) -> FileImport:
    with field.database.snapshot(COMMAND_LINE) as connection:
        return intake.import_by_id(connection, import_id)


def claims_of(field: Field, import_id: UUID) -> list[verification.Claim]:
    with field.database.snapshot(COMMAND_LINE) as connection:
        numbers = connection.execute(
            text("select number from claim where import_id = :id order by row_no"), {"id": import_id}
        ).scalars()
        found = verification.claims_by_number(connection, list(numbers))
    return [found[number] for number in sorted(found)]


def test_rows_become_claims_of_who_brought_them_and_are_judged_like_any_other(field: Field) -> None:
    found = brought(field, field.ana, [sold(quantity="4"), sold(invoice_no="A-NONE")])
    assert counts(found) == ("accepted", 2, 0, 0)
    agreeing, unknown = claims_of(field, found.import_id)
    assert {(one.participant_code, one.company_code, one.source) for one in (agreeing, unknown)} == {
        ("ana", "C1", ClaimSource.FILE)
    }
    assert {one.programme_name for one in (agreeing, unknown)} == {"Club"}
    assert (agreeing.state, unknown.state) == (ClaimState.APPROVED, ClaimState.WAITING)
    assert agreeing.claim_no.startswith("L-")
    # In the file's order: of two claims of the same sale the lower number stands.
    assert int(agreeing.claim_no.removeprefix("L-")) < int(unknown.claim_no.removeprefix("L-"))
    with field.database.snapshot(field.ana.scope) as connection:
        listed = verification.claims_of_participant(connection, field.ana_id, limit=2)
        states = verification.claims_of_own_file(connection, field.ana.scope, found.import_id)
    assert {one.number for one in listed} == {agreeing.number, unknown.number}
    assert states == {ClaimState.APPROVED: 1, ClaimState.WAITING: 1}
    assert all(check.ok for check in check_books(field.database))


def test_the_same_again_in_a_file_by_form_or_twice_in_one_file_makes_no_second_claim(field: Field) -> None:
    rows = [sold(invoice_no="I2"), sold(invoice_no="I3"), sold(invoice_no="I3")]
    first = brought(field, field.ana, rows)
    assert counts(first) == ("accepted", 2, 1, 0)
    assert counts(brought(field, field.ana, rows)) == ("accepted", 0, 3, 0)
    entered = claim(
        field.database,
        field.ana.scope,
        field.ana_id,
        invoice_no="I4",
        source=ClaimSource.PHONE,
    )
    more = brought(
        field, field.ana, [sold(invoice_no="I4", sold_on="2026-03-20"), sold(invoice_no="I4", quantity="2")]
    )
    assert counts(more) == ("accepted", 1, 1, 0)
    assert claims_of(field, more.import_id)[0].claim_no != entered.claim_no
    # What a colleague claims is the colleague's: it is judged, and said to be claimed before.
    other = brought(field, field.bea, [sold(invoice_no="I2")])
    assert counts(other) == ("accepted", 1, 0, 0)


def test_what_an_undone_file_brought_may_be_brought_again(field: Field) -> None:
    rows = [sold(invoice_no="UNDO")]
    first = brought(field, field.ana, rows)
    undo(field.database, COMMAND_LINE, first.import_id, settles=False)
    assert counts(brought(field, field.ana, rows)) == ("accepted", 1, 0, 0)


def test_a_row_that_names_somebody_else_is_not_taken_and_does_not_tell_whether_they_exist(
    field: Field,
) -> None:
    found = brought(
        field,
        field.ana,
        [
            sold(invoice_no="I5", company_code=" c1 ", participant_code="Ana"),
            sold(invoice_no="I6", company_code="", participant_code=""),
            sold(invoice_no="J1", company_code="C2", participant_code=""),
            sold(invoice_no="J1", company_code="NO-SUCH", participant_code=""),
            sold(invoice_no="I7", company_code="C1", participant_code="bea"),
            sold(invoice_no="I7", company_code="", participant_code="nobody"),
        ],
    )
    assert counts(found) == ("accepted", 2, 0, 4)
    assert reasons(field, found) == {
        4: ["names_other_company"],
        5: ["names_other_company"],
        6: ["names_other_participant"],
        7: ["names_other_participant"],
    }
    assert {one.participant_code for one in claims_of(field, found.import_id)} == {"ana"}
    with field.database.snapshot(COMMAND_LINE) as connection:
        rows = intake.quarantined_rows(connection, found.import_id, limit=9)
    # Whoever looks at the row sees what it named, not what the server filled in.
    assert [(one.body.get("company_code"), one.body.get("participant_code")) for one in rows] == [
        ("C2", "ana"),
        ("NO-SUCH", "ana"),
        ("C1", "bea"),
        ("C1", "nobody"),
    ]
    with field.database.snapshot(field.ana.scope) as connection:
        told = verification.rows_not_taken(connection, field.ana.scope, found.import_id, limit=9)
    assert [(one.row_no, one.invoice_no) for one in told] == [(4, "J1"), (5, "J1"), (6, "I7"), (7, "I7")]
    assert told[0].why == told[1].why == "The row names another company. You can claim for your own only."


def test_every_reason_is_told_in_words_and_the_rows_come_back_in_a_file(field: Field, tmp_path: Path) -> None:
    found = brought(
        field,
        field.ana,
        [
            sold(invoice_no="", product_code="", quantity="", sold_on="", programme_code="club"),
            sold(quantity="many", sold_on="31.02.2026"),
            sold(invoice_no="EXAMPLE-1"),
            sold(sold_on="2025-12-31"),
            sold(quantity="-1"),
            sold(invoice_no="I8", programme_code="Club"),
            sold(invoice_no="I8", programme_code="Clubs"),
        ],
    )
    assert counts(found) == ("accepted", 1, 0, 6)
    assert reasons(field, found) == {
        2: ["missing_date", "missing_invoice", "missing_product", "missing_quantity"],
        3: ["unreadable_quantity", "unreadable_sold_on"],
        4: ["example_row"],
        5: ["no_programme_that_day"],
        6: ["nothing_claimed"],
        8: ["unknown_programme"],
    }
    for reason in {one for told in reasons(field, found).values() for one in told}:
        assert verification.own_reason_text(reason) not in ("", reason)
        assert DATASETS["claims"].reason_text(reason) not in ("", reason)
    path = tmp_path / "out.csv"
    assert (
        verification.write_rows_not_taken(
            field.database, field.settings, field.ana.scope, found.import_id, path
        )
        == 6
    )
    with path.open(encoding="utf-8-sig", newline="") as file:
        back = list(csv.DictReader(file))
    assert [one["Row in the file"] for one in back] == ["2", "3", "4", "5", "6", "8"]
    assert "can't be read" in back[1]["What is wrong"]


def test_a_file_of_nothing_but_bad_rows_waits_for_nobody(field: Field) -> None:
    found = brought(field, field.ana, [sold(quantity="x", invoice_no=str(number)) for number in range(30)])
    assert counts(found) == ("accepted", 0, 0, 30)
    checks = (whole(field, found.import_id).checks or {})["checks"]
    # Kept for who looks at the import.
    assert any(not one["passed"] and one["level"] == "stop" for one in checks)


def test_more_rows_than_a_person_may_bring_are_refused_as_a_whole(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loyalty_core.verification.own_rows.MOST_OWN_ROWS", 3)
    found = brought(field, field.ana, [sold(invoice_no=f"M{number}") for number in range(4)])
    assert (found.state, found.claims) == (ImportState.REFUSED, None)
    assert "The file has 4 rows, and one file may bring 3" in (found.refusal or "")
    assert not claims_of(field, found.import_id)


def test_empty_large_and_oddly_named_files_are_not_kept(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(name: str, data: bytes) -> UUID:
        return verification.receive_own_claims_file(
            field.database, field.settings, field.ana.scope, file_name=name, data=data
        )

    with pytest.raises(verification.OwnFileEmptyError):
        keep("a.csv", b"")
    for name in ("", "..", "a\x00.csv", "x" * 256):
        with pytest.raises(verification.OwnFileNameRefused):
            keep(name, b"a")
    monkeypatch.setattr("loyalty_core.verification.own_files.LARGEST_OWN_FILE_BYTES", 10)
    with pytest.raises(verification.OwnFileTooLargeError):
        keep("a.csv", b"a" * 11)
    file_id = keep("C:\\folder\\a.csv", b"a")
    with field.database.snapshot(field.ana.scope) as connection:
        assert verification.own_received_file(connection, field.ana.scope, file_id).file_name == "a.csv"


def test_the_same_form_twice_starts_one_import_and_a_second_file_waits_its_turn(field: Field) -> None:
    key, rows = new_id(), [sold(invoice_no="D1")]
    file_id = kept(field, field.ana, rows)
    import_id = started(field, field.ana, rows, key=key, file_id=file_id)
    assert started(field, field.ana, rows, key=key, file_id=file_id) == import_id
    with pytest.raises(verification.OwnFileUnderWayError, match=r"own\.csv"):
        started(field, field.ana, [sold(invoice_no="D2")])
    with pytest.raises(intake.RequestKeyReusedError):
        started(field, field.ana, rows, key=key, file_id=file_id, programme="club")
    # Somebody else's file is no reason to wait.
    other = started(field, field.carl, [sold(invoice_no="J1")])
    assert counts(done(field, field.ana, import_id)) == ("accepted", 1, 0, 0)
    assert counts(done(field, field.carl, other)) == ("accepted", 1, 0, 0)
    with field.database.transaction(COMMAND_LINE) as connection:
        assert (
            connection.execute(
                text("select count(*) from file_import where request_key = :key"), {"key": key}
            ).scalar_one()
            == 1
        )


def at_once(field: Field, monkeypatch: pytest.MonkeyPatch, invoice: str) -> list[UUID | None]:
    """Start two files of one person at the same time and return the imports; None where one was refused."""
    both, queue = threading.Barrier(2), intake.queue_import

    def queue_late(*given: Any, **named: Any) -> UUID:
        # Where something holds the other back, it never comes here.
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=2)
        return queue(*given, **named)

    monkeypatch.setattr("loyalty_core.intake.queue_import", queue_late)
    rows = [sold(invoice_no=invoice)]
    files = [kept(field, field.carl, rows) for _time in range(2)]

    def start(file_id: UUID) -> UUID | None:
        try:
            return started(field, field.carl, rows, file_id=file_id)
        except verification.OwnFileUnderWayError:
            return None

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(start, files))


def test_two_files_at_the_same_moment_are_not_taken_in_beside_each_other(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unguarded:
        unguarded.setattr("loyalty_core.verification.own_files._one_at_a_time", lambda *_given: None)
        raced = at_once(field, unguarded, "RACE-1")
    assert None not in raced
    for import_id in raced:
        assert import_id is not None
        done(field, field.carl, import_id)
    with monkeypatch.context() as guarded:
        results = at_once(field, guarded, "RACE-2")
    assert results.count(None) == 1
    for import_id in results:
        if import_id is not None:
            assert counts(done(field, field.carl, import_id)) == ("accepted", 1, 0, 0)


def test_who_brought_a_file_may_cancel_it_and_nobody_elses(field: Field) -> None:
    import_id = started(field, field.ana, [sold(invoice_no="X1")])
    with pytest.raises(intake.UnknownImportError):
        intake.cancel_import(field.database, field.bea.scope, import_id)
    assert intake.cancel_import(field.database, field.ana.scope, import_id) is ImportState.CANCELLED
    assert not claims_of(field, import_id)


def test_who_is_suspended_after_bringing_a_file_gets_no_claims_of_it(field: Field) -> None:
    import_id = started(field, field.ana, [sold(invoice_no="S1")])
    suspend_as_shown(field.database, COMMAND_LINE, field.ana_id, reason="On leave")
    try:
        found = done(field, field.ana, import_id)
        assert found.state is ImportState.REFUSED
        assert "does not take part at the moment" in (found.refusal or "")
        with pytest.raises(verification.ClaimantNotActiveError):
            kept(field, field.ana, [sold()])
    finally:
        reinstate_as_shown(field.database, COMMAND_LINE, field.ana_id)
    assert not claims_of(field, import_id)


def test_who_loses_the_role_or_the_sight_of_the_company_gets_no_claims(field: Field) -> None:
    grants = frozenset({ScopeGrant(ScopeKind.COMPANY, next(iter(field.carl.scope.company_ids)))})
    import_id = started(field, field.carl, [sold(invoice_no="L1")])
    access.set_grants(field.database, COMMAND_LINE, field.carl.id, [])
    try:
        found = whole(field, import_id)
        run_import(field.database, field.settings, import_id)
        found = whole(field, import_id)
        assert (found.state, found.accepted) == (ImportState.REFUSED, None)
        with pytest.raises(verification.NotTakingPartError):
            kept(field, access_of(field, field.carl), [sold()])
    finally:
        access.set_grants(field.database, COMMAND_LINE, field.carl.id, grants)
    import_id = started(field, field.carl, [sold(invoice_no="L1")])
    access.set_roles(field.database, COMMAND_LINE, field.carl.id, [Role.ANALYST])
    try:
        run_import(field.database, field.settings, import_id)
        assert whole(field, import_id).state is ImportState.REFUSED
        with pytest.raises(NotAllowedError):
            kept(field, field.carl, [sold()])
    finally:
        access.set_roles(field.database, COMMAND_LINE, field.carl.id, [Role.PARTICIPANT])


def access_of(field: Field, user: SignedInUser) -> SignedInUser:
    """Return the user with the sight that they have now."""
    found = access.find_session_by_id(field.database, user.session_id)
    assert found is not None
    return found


def test_the_right_to_bring_own_claims_opens_no_other_way_in(field: Field) -> None:
    file_id = kept(field, field.ana, [sold()])
    assert Permission.UPLOAD_FILES not in field.ana.permissions
    plain = MAPPING.model_copy(update={"columns": {**MAPPING.columns, "claim_no": "invoice_no"}})
    for options in (None, {"owner": {"participant": str(field.ana_id), "programme": None}}):
        with pytest.raises((NotAllowedError, intake.ImportOptionsError)):
            intake.start_import(
                field.database,
                field.ana.scope,
                file_id=file_id,
                mapping=plain,
                datasets=DATASETS,
                creates_missing=False,
                request_key=new_id(),
                options=options,
            )
    with pytest.raises(intake.ImportOptionsError):
        intake.start_import(
            field.database,
            field.operator.scope,
            file_id=kept_by(field, field.operator),
            mapping=plain,
            datasets=DATASETS,
            creates_missing=False,
            request_key=new_id(),
            options={"owner": {"participant": str(field.ana_id), "programme": None}},
        )
    # Nor may a file of somebody else be brought, whoever sees it, or be brought by who takes part in nothing.
    with pytest.raises(intake.UnknownFileError):
        started(field, field.bea, [sold()], file_id=file_id)
    with pytest.raises(NotAllowedError):
        kept(field, field.operator, [sold()])
    with pytest.raises(MappingIncompleteError):
        verification.start_own_claims_file(
            field.database,
            field.ana.scope,
            file_id=file_id,
            mapping=MAPPING.model_copy(update={"columns": {"invoice_no": "invoice_no"}}),
            programme_code=None,
            request_key=new_id(),
        )
    with field.database.snapshot(field.ana.scope) as connection:
        number = connection.execute(
            text("select number from file_import order by number desc limit 1")
        ).scalar_one()
        found = intake.find_imports(connection, words=str(number), limit=1)[0]
    with pytest.raises(NotAllowedError):
        intake.start_repair(
            field.database,
            field.ana.scope,
            import_id=found.id,
            cells=None,
            file_id=file_id,
            request_key=new_id(),
        )


def kept_by(field: Field, user: SignedInUser) -> UUID:
    path = field.settings.work_folder / "operators.csv"
    path.write_bytes(written([sold()]))
    return intake.receive_local_file(field.database, field.settings, user.scope, path)


def test_who_brought_a_claim_never_decides_it_whoever_they_take_part_as_since(field: Field) -> None:
    found = brought(field, field.bea, [sold(invoice_no="W1")])
    (waiting,) = claims_of(field, found.import_id)
    access.set_roles(field.database, COMMAND_LINE, field.bea.id, [Role.PARTICIPANT, Role.OPERATOR])
    try:
        (outcome,) = approve_as_shown(field.database, field.bea.scope, [waiting.number])
        assert "is your own, or your company's" in (outcome.refusal or "")
        with field.database.transaction(COMMAND_LINE) as connection:
            connection.execute(
                text("update participant set user_id = null where user_id = :user"), {"user": field.bea.id}
            )
        (outcome,) = reject_as_shown(
            field.database, field.bea.scope, [waiting.number], reason="Not mine any more"
        )
        assert "yourself" in (outcome.refusal or "")
    finally:
        with field.database.transaction(COMMAND_LINE) as connection:
            connection.execute(
                text("update participant set user_id = :user where code = 'bea'"), {"user": field.bea.id}
            )
        access.set_roles(field.database, COMMAND_LINE, field.bea.id, [Role.PARTICIPANT])


def test_operators_see_who_brought_it_and_what_they_put_right_stays_the_claimants(field: Field) -> None:
    found = brought(
        field, field.ana, [sold(invoice_no="P1", quantity="x"), sold(invoice_no="P2", company_code="C2")]
    )
    with field.database.snapshot(field.operator.scope) as connection:
        listed = next(
            one for one in intake.find_imports(connection, who="ana", limit=50) if one.id == found.import_id
        )
    assert (listed.requested_by, listed.dataset) == (field.ana.id, "claims")
    repair_id = intake.start_repair(
        field.database,
        field.operator.scope,
        import_id=found.import_id,
        cells={("", 2): {"quantity": "1"}, ("", 3): {}},
        request_key=new_id(),
        defers=False,
    )
    repair = intake.run_repair(
        field.database, field.settings, repair_id, datasets=DATASETS, scope=field.operator.scope
    )
    assert (repair.accepted, repair.still_bad, repair.refusal) == (1, 1, None)
    (put_right,) = claims_of(field, found.import_id)
    assert (put_right.participant_code, put_right.quantity) == ("ana", Decimal(1))
    (outcome,) = approve_as_shown(field.database, field.operator.scope, [put_right.number])
    assert "yourself" in (outcome.refusal or "")
    assert all(check.ok for check in check_books(field.database))


def test_audit_names_the_participant(field: Field) -> None:
    import_id = started(field, field.ana, [sold(invoice_no="A1")])
    done(field, field.ana, import_id)
    with field.database.transaction(COMMAND_LINE) as connection:
        rows = connection.execute(
            text("select action, actor_name, detail from audit_record where subject_id = :id"),
            {"id": str(import_id)},
        ).all()
    told = {row.action: row for row in rows}
    begun = told["intake.import_started"]
    assert begun.actor_name == told["intake.import_accepted"].actor_name == "ana"
    assert begun.detail["owner"]["participant"] == str(field.ana_id)


# Last: from here on two programmes give points for claims.
def test_the_programme_is_asked_for_where_two_give_points_that_day(field: Field) -> None:
    with field.database.snapshot(field.ana.scope) as connection:
        assert not verification.programmes_to_choose_from(connection, field.ana.scope)
    apply_programme(
        field.database,
        COMMAND_LINE,
        CLUB.replace("code: club", "code: rival").replace("name: Club", "name: Rival"),
    )
    with field.database.snapshot(field.ana.scope) as connection:
        offered = verification.programmes_to_choose_from(connection, field.ana.scope)
    assert [one.code for one in offered] == ["club", "rival"]
    unclear = brought(field, field.ana, [sold(invoice_no="R1"), sold(invoice_no="R2", programme_code="club")])
    assert counts(unclear) == ("accepted", 1, 0, 1)
    assert reasons(field, unclear) == {2: ["several_programmes"]}
    clear = brought(
        field,
        field.ana,
        [sold(invoice_no="R1"), sold(invoice_no="R3", programme_code="club")],
        programme="rival",
    )
    assert [one.programme_name for one in claims_of(field, clear.import_id)] == ["Rival", "Club"]
    with pytest.raises(verification.ProgrammeNotOfferedError):
        started(field, field.ana, [sold(invoice_no="R4")], programme="spring")


def test_rows_of_an_own_file_are_claims_whatever_the_mapping_calls_them(field: Field) -> None:
    import_id = verification.start_own_claims_file(
        field.database,
        field.ana.scope,
        file_id=kept(field, field.ana, [sold()]),
        mapping=MAPPING.model_copy(update={"dataset": "sales"}),
        programme_code=None,
        request_key=new_id(),
        defers=False,
    )
    with field.database.snapshot(field.ana.scope) as connection:
        found = intake.import_by_id(connection, import_id)
    assert (found.dataset, found.source, found.mapping["dataset"]) == (
        "claims",
        f"claims:{verification.OWN_FILES_SOURCE}",
        "claims",
    )
    intake.cancel_import(field.database, field.ana.scope, import_id)
