"""From a line or a claim to the row of its file: whole for those who see the import, the own row alone for others."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from laurel.registers import DATASETS
from loyalty_core import intake, settlement
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import ColumnMapping, FileImport
from loyalty_core.kernel import Database, Scope, Settings, new_id
from loyalty_core.settlement import NoSourceRowError, NotFromAFileError
from tests.access.people import somebody
from tests.intake.deciding import accept_as_shown

FILE = """\
Customer,Region,Invoice,Product,Sold,Units,Price,Margin
A,North,N-1,P1,2026-03-02,1,10.00,37%
B,South,S-1,P1,2026-03-02,2,11.00,41%
A,North,N-2,P1,2026-03-03,two,12.00,12%
B,South,S-2,P1,2026-03-03,3,13.00,44%
"""


@dataclass(frozen=True)
class Brought:
    """A file of two companies, brought by somebody who sees everything."""

    database: Database
    settings: Settings
    found: FileImport
    lines: dict[int, int]
    regions: dict[str, UUID]


@pytest.fixture
def brought(committed_database: Database, everything: Scope, tmp_path: Path) -> Brought:
    database, settings = committed_database, Settings(home=tmp_path / "home", database_url=None)
    path = tmp_path / "march.csv"
    path.write_text(FILE)
    columns = ("company_code", "region", "invoice_no", "product_code", "sold_at", "quantity", "unit_price")
    import_id = intake.start_import(
        database,
        everything,
        file_id=intake.receive_local_file(database, settings, everything, path),
        mapping=ColumnMapping(
            name="march",
            dataset="sales",
            columns=dict(zip(columns, FILE.splitlines()[0].split(","), strict=False)),
            date_formats=("%Y-%m-%d",),
            currency="EUR",
            time_zone="Europe/Warsaw",
        ),
        datasets=DATASETS,
        creates_missing=True,
        request_key=new_id(),
        defers=False,
    )
    found = intake.run_import(database, settings, import_id, datasets=DATASETS, scope=everything).found
    if found.state is intake.ImportState.WAITING:
        accept_as_shown(database, everything, import_id=import_id, reason="small", defers=False)
        found = intake.run_import(database, settings, import_id, datasets=DATASETS, scope=everything).found
    assert (found.accepted, found.quarantined) == (3, 1)
    with database.transaction(everything) as connection:
        lines = {row_no: id for id, row_no in connection.execute(text("select id, row_no from sales_line"))}
        regions = {code: id for id, code in connection.execute(text("select id, code from region"))}
    return Brought(database, settings, found, lines, regions)


def test_whoever_sees_the_import_reads_the_row_whole_and_its_neighbours(
    brought: Brought, everything: Scope
) -> None:
    row = settlement.row_behind_line(brought.database, brought.settings, everything, brought.lines[3])
    assert (row.file_name, row.import_number, row.row_no) == ("march.csv", brought.found.number, 3)
    assert (row.cells["Customer"], row.cells["Invoice"], row.cells["Margin"]) == ("B", "S-1", "41%")
    assert {number: cells["Invoice"] for number, cells in row.around.items()} == {
        2: "N-1",
        4: "N-2",
        5: "S-2",
    }
    with brought.database.transaction(everything) as connection:
        body = connection.execute(
            text("select detail from audit_record where action = 'intake.original_row_read'")
        ).scalar_one()
    assert (body["row"], body["sales_line"], body["with_neighbours"]) == (3, brought.lines[3], True)


@pytest.mark.parametrize("role", [Role.HEAD_OF_SALES, Role.OPERATOR, Role.PARTICIPANT])
def test_who_sees_one_region_reads_the_own_row_alone_and_nothing_of_another_company(
    brought: Brought, role: Role
) -> None:
    north = somebody(
        brought.database,
        role,
        name="nora",
        grants=frozenset({ScopeGrant(ScopeKind.REGION, brought.regions["North"])}),
    )
    row = settlement.row_behind_line(brought.database, brought.settings, north.scope, brought.lines[2])
    assert row.cells == {
        "Customer": "A",
        "Region": "North",
        "Invoice": "N-1",
        "Product": "P1",
        "Sold": "2026-03-02",
        "Units": "1",
        "Price": "10.00",
    }, "what was never taken in stays in the file"
    assert (row.around, row.file_name, row.import_number) == ({}, None, None)
    for foreign in (3, 5):
        with pytest.raises(NoSourceRowError):
            settlement.row_behind_line(
                brought.database, brought.settings, north.scope, brought.lines[foreign]
            )


def test_a_row_that_was_corrected_tells_so_and_names_who_did_only_to_those_who_see_the_import(
    brought: Brought, everything: Scope
) -> None:
    repair_id = intake.start_repair(
        brought.database,
        everything,
        import_id=brought.found.id,
        cells={("", 4): {"Units": "2", "Margin": "13%"}},
        request_key=new_id(),
        defers=False,
    )
    intake.run_repair(brought.database, brought.settings, repair_id, datasets=DATASETS, scope=everything)
    with brought.database.transaction(everything) as connection:
        line = connection.execute(text("select id from sales_line where row_no = 4")).scalar_one()
    whole = settlement.row_behind_line(brought.database, brought.settings, everything, line)
    assert [(one.before["Units"], one.after["Units"]) for one in whole.corrections] == [("two", "2")]
    assert whole.corrections[0].corrected_by_name == "test"
    north = somebody(
        brought.database,
        Role.HEAD_OF_SALES,
        name="nora",
        grants=frozenset({ScopeGrant(ScopeKind.REGION, brought.regions["North"])}),
    )
    [own] = settlement.row_behind_line(brought.database, brought.settings, north.scope, line).corrections
    assert (own.before, own.after, own.corrected_by_name) == ({"Units": "two"}, {"Units": "2"}, "")


def test_a_claim_leads_to_its_row_and_one_keyed_in_has_none(brought: Brought, everything: Scope) -> None:
    with brought.database.transaction(everything) as connection:
        company = connection.execute(text("select id from company where code = 'B'")).scalar_one()
        insert = text(
            "insert into claim (claim_no, company_id, source, import_id, row_no, invoice_no, product_code, quantity,"
            " sold_on, state, entered_by_name, recorded_at) values (:no, :company, :source, :import_id, :row_no,"
            " 'S-1', 'P1', 1, '2026-03-02', 'waiting', 'test', now()) returning number"
        )
        from_file = connection.execute(
            insert,
            {"no": "1", "company": company, "source": "file", "import_id": brought.found.id, "row_no": 5},
        ).scalar_one()
        by_hand = connection.execute(
            insert, {"no": "2", "company": company, "source": "phone", "import_id": None, "row_no": None}
        ).scalar_one()
    row = settlement.row_behind_claim(brought.database, brought.settings, everything, from_file)
    assert row.cells["Invoice"] == "S-2"
    with pytest.raises(NotFromAFileError):
        settlement.row_behind_claim(brought.database, brought.settings, everything, by_hand)
    # Of another participant's claim, nothing.
    with pytest.raises(NoSourceRowError):
        settlement.row_behind_claim(
            brought.database, brought.settings, everything, from_file, participant_id=new_id()
        )
