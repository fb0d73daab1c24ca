"""Two regions with two companies each: whoever sees one region gets zero rows of the other from any query."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from loyalty_core import (
    access,
    audit,
    corrections,
    intake,
    ledger,
    organisation,
    products,
    programmes,
    sales,
    scoring,
    settlement,
    standings,
)
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import Database, NotFoundError, Scope, set_scope
from loyalty_core.organisation import region_by_code
from loyalty_core.settlement import settle_programme
from tests.access.people import somebody
from tests.sales.files import bring, row
from tests.scope.reading import functions_over_a_connection
from tests.settlement.programmes import spring

SPRING = ("2026-03-01", "2026-05-31")


@dataclass(frozen=True)
class Field:
    """The two regions' world: who looks, and what there is of each region."""

    database: Database
    north: Scope
    own: dict[str, list[Any]]
    foreign: dict[str, list[Any]]
    programme_id: UUID

    @property
    def foreign_words(self) -> set[str]:
        """What would give a foreign row away: ids, codes, invoice numbers."""
        return {
            str(value) for values in self.foreign.values() for value in values if not isinstance(value, int)
        }


_THINGS = {
    "region": "select id from region where code = :region",
    "region code": "select code from region where code = :region",
    "company": "select c.id from company c join region r on r.id = c.region_id where r.code = :region",
    "company code": "select c.code from company c join region r on r.id = c.region_id where r.code = :region",
    "account": "select a.id from account a join company c on c.id = a.company_id"
    " join region r on r.id = c.region_id where r.code = :region",
    "invoice": "select distinct l.invoice_no from sales_line l join company c on c.id = l.company_id"
    " join region r on r.id = c.region_id where r.code = :region",
}
_NUMBERED = {
    "posting": "select p.id from posting p join company c on c.id = p.company_id"
    " join region r on r.id = c.region_id where r.code = :region",
    "debit": "select p.id from posting p join company c on c.id = p.company_id"
    " join region r on r.id = c.region_id where r.code = :region and p.points < 0",
    "line": "select l.id from sales_line l join company c on c.id = l.company_id"
    " join region r on r.id = c.region_id where r.code = :region",
}


@pytest.fixture
def field(database: Database, everything: Scope) -> Field:
    """Sales, awards, postings, debts, lots and imports in both regions, and a head of sales of the North."""
    spring(database, everything)
    sold = [
        row(company_code=f"{region}{number}", region=region, invoice_no=f"{region}-{number}-{part}", **values)
        for region in ("North", "South")
        for number in (1, 2)
        for part, values in enumerate(({"unit_price": "70.00"}, {"unit_price": "30.00", "outlet_code": "O"}))
    ]
    bring(database, everything, [*sold, row(company_code="South1", region="South", quantity="0")])
    settle_programme(database, everything, "spring")
    returned = [{**one, "quantity": "-1", "invoice_no": f"{one['invoice_no']}-r"} for one in sold[::2]]
    bring(database, everything, returned)
    settle_programme(database, everything, "spring")
    with database.transaction(everything) as connection:
        north_id = region_by_code(connection, "North").id
        programme_id = programmes.programme_by_code(connection, everything, "spring").id

        def things(queries: dict[str, str], region: str) -> dict[str, list[Any]]:
            return {
                name: list(connection.execute(text(query), {"region": region}).scalars())
                for name, query in queries.items()
            }

        own = things(_THINGS | _NUMBERED, "North")
        foreign = things(_THINGS | _NUMBERED, "South")
    assert all(own.values())
    assert all(foreign.values())
    north = somebody(
        database,
        *(Role.HEAD_OF_SALES, Role.OPERATOR, Role.PROGRAMME_MANAGER),
        grants=frozenset({ScopeGrant(ScopeKind.REGION, north_id)}),
    ).scope
    return Field(database, north, own, foreign, programme_id)


def _spring_dates() -> dict[str, Any]:
    from datetime import date

    return {"since": date(2026, 3, 1), "until": date(2026, 5, 31), "currency": "EUR", "time_zone": None}


@dataclass(frozen=True)
class Asked:
    """What a question is about: the things of one region."""

    connection: Connection
    programme_id: UUID
    side: dict[str, list[Any]]


Question = Callable[[Asked], Any]

# Each read function of the domain that shows rows of companies, asked for things of the given side.
QUESTIONS: dict[str, Question] = {
    "organisation.all_regions": lambda q: organisation.all_regions(q.connection),
    "organisation.region_by_code": lambda q: organisation.region_by_code(
        q.connection, q.side["region code"][0]
    ),
    "organisation.region_ids_below": lambda q: organisation.region_ids_below(q.connection, q.side["region"]),
    "organisation.company_by_code": lambda q: organisation.company_by_code(
        q.connection, q.side["company code"][0]
    ),
    "organisation.companies_by_id": lambda q: organisation.companies_by_id(q.connection, q.side["company"]),
    "organisation.known_company_codes": lambda q: organisation.known_company_codes(
        q.connection, q.side["company code"]
    ),
    "organisation.outlets_of_company": lambda q: organisation.outlets_of_company(
        q.connection, q.side["company"][0], limit=99
    ),
    "organisation.count_outlets": lambda q: organisation.count_outlets(q.connection, q.side["company"][0]),
    "organisation.find_companies": lambda q: organisation.find_companies(
        q.connection, q.side["company code"][0], limit=99
    ),
    "organisation.count_companies": lambda q: organisation.count_companies(
        q.connection, q.side["company code"][0]
    ),
    "ledger.account_of": lambda q: ledger.account_of(
        q.connection, q.programme_id, ledger.AccountKind.COMPANY, q.side["company"][0]
    ),
    "ledger.uses_of_posting": lambda q: ledger.uses_of_posting(q.connection, q.side["debit"][0]),
    "ledger.company_balances": lambda q: ledger.company_balances(q.connection, q.side["company"][0]),
    "ledger.statement": lambda q: ledger.statement(q.connection, q.side["account"][0], limit=99),
    "ledger.count_statement": lambda q: ledger.count_statement(q.connection, q.side["account"][0]),
    "settlement.awards_of_posting": lambda q: settlement.awards_of_posting(
        q.connection, q.side["posting"][0], limit=99
    ),
    "settlement.count_awards_of_posting": lambda q: settlement.count_awards_of_posting(
        q.connection, q.side["posting"][0]
    ),
    "settlement.lines_of_company": lambda q: settlement.lines_of_company(
        q.connection, q.side["company"][0], q.programme_id, limit=99
    ),
    "settlement.count_lines_of_company": lambda q: settlement.count_lines_of_company(
        q.connection, q.side["company"][0]
    ),
    "standings.standings by company": lambda q: standings.standings(
        q.connection, programme_id=q.programme_id, region_ids=q.side["region"], limit=99, **_spring_dates()
    ),
    "standings.standings by region": lambda q: standings.standings(
        q.connection,
        programme_id=q.programme_id,
        by=standings.StandingsBy.REGION,
        words=q.side["region code"][0],
        limit=99,
        **_spring_dates(),
    ),
    "standings.monthly_totals": lambda q: standings.monthly_totals(
        q.connection, programme_id=q.programme_id, company_id=q.side["company"][0], **_spring_dates()
    ),
}


def test_a_question_about_ones_own_region_is_answered_and_one_about_another_is_not(field: Field) -> None:
    def answer(ask: Question, side: dict[str, list[Any]]) -> Any:
        with field.database.transaction(field.north) as connection:
            try:
                return ask(Asked(connection, field.programme_id, side))
            except NotFoundError:
                return None

    for question, ask in QUESTIONS.items():
        own, foreign = answer(ask, field.own), answer(ask, field.foreign)
        assert own, question
        assert not any(word in str(own) for word in field.foreign_words), question
        if question == "organisation.all_regions":
            assert [region.code for region in foreign] == ["North"]
        else:
            assert not foreign, question


def test_a_file_of_two_regions_shows_each_of_them_its_own_lines(field: Field, everything: Scope) -> None:
    def seen(scope: Scope) -> list[tuple[str, str, int]]:
        with field.database.transaction(scope) as connection:
            [import_id] = connection.execute(
                text("select import_id from sales_line where id = :id"), {"id": field.own["line"][0]}
            ).scalars()
            lines = settlement.lines_of_import(connection, import_id, field.programme_id, limit=99)
            assert settlement.count_lines_of_import(connection, import_id) == len(lines)
            assert settlement.lines_of_import(
                connection, import_id, field.programme_id, words=lines[1].invoice_no, limit=1
            ) == [lines[1]]
            assert settlement.lines_of_import(connection, import_id, None, limit=1, offset=1)[0].points == 0
        return [(one.company_code, one.invoice_no, one.points) for one in lines]

    everybody = seen(everything)
    assert {company for company, _invoice, _points in everybody} == {"North1", "North2", "South1", "South2"}
    assert any(points for _company, _invoice, points in everybody)
    assert seen(field.north) == [one for one in everybody if one[0].startswith("North")]


class _Undo(Exception):
    """Takes back what a test wrote into the field that tests share."""


def test_companies_of_a_salesperson_are_counted_within_the_own_region(field: Field) -> None:
    everything = Scope.of_system("test")
    seller = field.north.user_id
    assert seller is not None
    with suppress(_Undo), field.database.transaction(everything) as connection:
        companies = organisation.find_companies(connection, "", limit=99)
        for company in companies:
            organisation.set_salesperson(connection, company.id, seller)
        assert organisation.count_companies_of_salesperson(connection, seller) == len(companies) > 2
        set_scope(connection, field.north)
        assert organisation.count_companies_of_salesperson(connection, seller) == 2
        raise _Undo


def test_unnarrowed_lists_hold_the_own_region_only(field: Field) -> None:
    with field.database.transaction(field.north) as connection:
        assert [one.code for one in organisation.find_companies(connection, "", limit=99)] == [
            "North1",
            "North2",
        ]
        assert organisation.count_companies(connection) == 2
        found = standings.standings(connection, programme_id=field.programme_id, limit=99, **_spring_dates())
        assert [(one.rank, one.code, one.points) for one in found] == [(1, "North1", 3), (1, "North2", 3)]
        months = standings.monthly_totals(connection, programme_id=field.programme_id, **_spring_dates())
        assert [(one.points, one.lines) for one in months] == [(6, 6)]


def test_imports_files_and_rejected_rows_of_others_are_not_there(field: Field, everything: Scope) -> None:
    with field.database.transaction(everything) as connection:
        found = intake.find_imports(connection, limit=99)
        assert len(found) == 2
        for one in found:
            connection.execute(
                text("insert into import_change (import_id, row_no, record) values (:id, 2, 'South1')"),
                {"id": one.id},
            )
            assert intake.count_changes(connection, one.id) == 1
        sources = [one.name for one in intake.sources(connection)]
        assert sources
        assert any(intake.quality_over_time(connection, source, limit=99) for source in sources)
        assert intake.import_choices(connection).sources
        assert sales.lines_to_reverse(connection, found[0].id).lines
    with field.database.transaction(field.north) as connection:
        assert intake.find_imports(connection, limit=99) == []
        assert intake.count_imports(connection) == 0
        assert intake.imports_by_state(connection) == {}
        assert intake.accepted_since(connection, None) is None
        assert intake.unfinished_imports(connection) == []
        assert intake.imports_with_rows_put_aside(connection, limit=99) == []
        assert intake.count_imports_with_rows_put_aside(connection) == 0
        assert intake.sources(connection) == []
        assert intake.import_choices(connection) == intake.ImportChoices([], [], [])
        assert intake.usual_seconds_a_row(connection, "sales", 9) is None
        for source in sources:
            assert intake.quality_over_time(connection, source, limit=99) == []
        for one in found:
            assert intake.find_changes(connection, one.id, limit=99) == []
            assert intake.count_changes(connection, one.id) == 0
            assert intake.sum_up_changes(connection, one.id).additions == 0
            assert corrections.import_id_of_number(connection, one.number) is None
            assert corrections.undone_import(connection, one.id) is None
            with pytest.raises(intake.UnknownImportError):
                corrections.preview_undo(connection, field.north, one.id)
            assert intake.quarantined_rows(connection, one.id, limit=99) == []
            assert intake.rows_put_aside(connection, one.id, limit=99) == []
            assert intake.repairs_of_import(connection, one.id, limit=99) == []
            assert intake.count_repairs_of_import(connection, one.id) == 0
            assert intake.corrections_of_row(connection, one.id, "", 2) == []
            assert intake.import_id_of_number(connection, one.number) is None
            with pytest.raises(intake.UnknownImportError):
                intake.import_by_id(connection, one.id)
            with pytest.raises(intake.UnknownFileError):
                intake.file_by_id(connection, one.file_id)


def test_lines_that_would_be_taken_back_and_codes_of_others_are_not_told(
    field: Field, everything: Scope
) -> None:
    with field.database.transaction(everything) as connection:
        found = intake.find_imports(connection, limit=99)
        whole = sum(sales.lines_to_reverse(connection, one.id).companies for one in found)
        known = intake.known_codes(connection, [["North1", "South1"]])
    with field.database.transaction(field.north) as connection:
        own = sum(sales.lines_to_reverse(connection, one.id).companies for one in found)
        known_here = intake.known_codes(connection, [["North1", "South1"]])
        held = sales.hold_lines(connection, [*field.own["line"], *field.foreign["line"]])
    assert (whole, own) == (8, 4)
    assert {code for codes in known.values() for code in codes} == {"North1", "South1"}
    assert {code for codes in known_here.values() for code in codes} == {"North1"}
    assert held == set(field.own["line"])


def test_of_an_imports_lines_only_those_of_the_own_companies_are_listed(
    field: Field, everything: Scope
) -> None:
    with field.database.transaction(everything) as connection:
        found = [one.id for one in intake.find_imports(connection, limit=99)]
        whole = sum(settlement.count_lines_of_import(connection, one) for one in found)
    with field.database.transaction(field.north) as connection:
        listed = [
            line.sales_line_id
            for one in found
            for line in settlement.lines_of_import(connection, one, None, limit=99)
        ]
        counted = sum(settlement.count_lines_of_import(connection, one) for one in found)
    assert whole == len(field.own["line"]) + len(field.foreign["line"])
    assert sorted(listed) == sorted(field.own["line"])
    assert counted == len(listed)


def test_an_award_leads_to_the_row_of_its_file_but_does_not_name_a_file_that_one_may_not_see(
    field: Field,
) -> None:
    with field.database.transaction(field.north) as connection:
        (award, *_more) = settlement.awards_of_posting(connection, field.own["posting"][0], limit=9)
    assert award.row_no >= 2
    assert (award.file_name, award.import_number) == (None, None)


def test_a_company_given_by_itself_is_seen_with_all_that_belongs_to_it_and_nothing_else(
    field: Field,
) -> None:
    company = field.foreign["company"][0]
    scope = somebody(
        field.database,
        Role.HEAD_OF_SALES,
        name="carla",
        grants=frozenset({ScopeGrant(ScopeKind.COMPANY, company)}),
    ).scope
    with field.database.transaction(scope) as connection:
        assert [one.id for one in organisation.find_companies(connection, "", limit=99)] == [company]
        assert settlement.count_lines_of_company(connection, company) == 3
        assert ledger.company_balances(connection, company)[0].balance == 3
        for other in (*field.own["company"], *field.foreign["company"][1:]):
            assert settlement.count_lines_of_company(connection, other) == 0
            assert ledger.company_balances(connection, other) == []


# Read functions that need no question above: of the own user, of no company, of programmes, or for jobs that
# see everything. A function that is in neither list fails the test, so that nobody forgets to ask.
ASKED_ELSEWHERE = {
    *("intake.find_imports", "intake.count_imports", "intake.imports_by_state", "intake.accepted_since"),
    *("intake.unfinished_imports", "intake.quarantined_rows", "intake.rows_put_aside"),
    *("intake.repairs_of_import", "intake.count_repairs_of_import", "intake.corrections_of_row"),
    *("intake.imports_with_rows_put_aside", "intake.count_imports_with_rows_put_aside"),
    # Over real repairs in tests/intake/test_repairs.py.
    *("intake.import_id_of_number", "intake.repair_by_id", "intake.corrections_of_repair"),
    "intake.count_corrections",
    *("intake.import_by_id", "intake.file_by_id", "standings.standings"),
    *("intake.find_changes", "intake.count_changes", "intake.sum_up_changes", "intake.import_choices"),
    *("intake.sources", "intake.quality_over_time", "intake.usual_seconds_a_row", "intake.known_codes"),
    *("corrections.import_id_of_number", "corrections.undone_import", "corrections.preview_undo"),
    *("sales.lines_to_reverse", "sales.hold_lines"),
    *("settlement.lines_of_import", "settlement.count_lines_of_import"),
    "organisation.count_companies_of_salesperson",
}
NOT_OF_COMPANIES = {
    # How a source's files are read and checked: nothing in it is a company's, and pages ask for a permission.
    *("intake.saved_mappings", "intake.mapping_versions", "programmes.verification_of"),
    *("intake.limits_of", "intake.limits_by_version", "intake.thresholds_of"),
    # Everybody sees every product, and its prices.
    *("products.find_products", "products.list_products", "products.count_listed_products"),
    *("products.known_product_codes", "products.listed_prices"),
    *("access.check_permission", "access.check_decides_by_now", "access.display_name_of"),
    "access.display_names",
    *("audit.count_records", "audit.known_actions", "audit.record", "audit.search_records"),
    *("programmes.document_of", "programmes.list_programmes", "programmes.programme_by_code"),
    *("programmes.programme_by_id", "programmes.versions"),
    *(
        "settlement.latest_request",
        "settlement.mark_of",
        "settlement.request_by_id",
        "settlement.settlements",
    ),
}
COUNTS_FOR_JOBS = {"settlement.count_lines_since", "standings.facts_version", "standings.sold_days"}
WRITES = {
    *(
        "intake.move_import",
        "intake.queue_import",
        "intake.update_import",
        "products.insert_missing_products",
    ),
    *("sales.lock_for_reversal", "sales.reverse_lines"),
    *("ledger.open_accounts", "ledger.post", "organisation.insert_company", "organisation.set_distributor"),
    *("organisation.insert_missing_companies", "organisation.set_salesperson", "organisation.hold_company"),
    *("organisation.insert_missing_outlets", "organisation.insert_missing_regions"),
    "organisation.set_salesperson",
}
CHECKS_OF_ALL = {
    *("access.broken_rights", "corrections.broken_undos", "intake.broken_originals", "ledger.broken_books"),
    *("ledger.postings_of_others", "sales.broken_lines", "sales.lines_recorded"),
}
# In tests/scope/test_daily_work_scope.py, over claims, orders and the postings behind them.
ASKED_WITH_THE_DAILY_WORK = {
    *("ledger.account_of", "ledger.uses_of_posting"),
    *("settlement.awards_of_claim", "settlement.claim_points", "settlement.explain_claim"),
}

_MODULES: tuple[ModuleType, ...] = (
    *(access, audit, corrections, intake, ledger, organisation, products, programmes, sales, scoring),
    *(settlement, standings),
)


def test_no_query_of_the_domain_was_forgotten_here() -> None:
    reading = functions_over_a_connection(*_MODULES)
    asked = {question.partition(" ")[0] for question in QUESTIONS}
    named = asked | ASKED_ELSEWHERE | NOT_OF_COMPANIES | COUNTS_FOR_JOBS | WRITES | CHECKS_OF_ALL
    named |= ASKED_WITH_THE_DAILY_WORK
    assert reading - named == set()
    assert named - reading == set()
