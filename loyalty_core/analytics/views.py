"""What lies in the replica: raw tables that no query names, and the views of each kind of scope over them.

A schema of views per kind of scope: whoever sees everything reads tables without a filter, which at a hundred
million rows is what makes a chart quick; whoever does not reads through the scope's variables, which a cursor
sets before it asks. The default schema is empty: a cursor that was given no scope finds no table at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loyalty_core.analytics.facts import FactTable
from loyalty_core.kernel import Scope

# No file of `queries/` may name it.
RAW = "raw"


@dataclass(frozen=True, slots=True)
class RollUp:
    """A table kept by increments, and the columns that decide who sees a row, as in `FactTable`."""

    name: str
    ddl: str
    company: str | None = "company_id"
    programme: str | None = None
    region: str | None = None
    seen_when: str | None = None


ROLL_UPS = (
    # Net figures; returned_minor is above zero and is in amount_minor already.
    RollUp(
        "sales_day",
        "sold_on DATE, company_id UUID, product_id UUID, currency VARCHAR, lines BIGINT, return_lines BIGINT,"
        " quantity DECIMAL(38, 9), amount_minor BIGINT, returned_minor BIGINT",
    ),
    # Both above zero; what stands is earned less taken.
    RollUp(
        "award_day",
        "happened_on DATE, company_id UUID, product_id UUID, programme_id UUID, points_earned BIGINT,"
        " points_taken BIGINT",
        programme="programme_id",
    ),
    # The same of all products together: few rows where a company sells much of what there is on most days.
    RollUp(
        "sales_company_day",
        "sold_on DATE, company_id UUID, currency VARCHAR, lines BIGINT, return_lines BIGINT, amount_minor BIGINT,"
        " returned_minor BIGINT",
    ),
    RollUp(
        "award_company_day",
        "happened_on DATE, company_id UUID, programme_id UUID, points_earned BIGINT, points_taken BIGINT",
        programme="programme_id",
    ),
    # Each invoice of a company once, on its first day, in the currency of its first line.
    RollUp("receipt_day", "sold_on DATE, company_id UUID, currency VARCHAR, receipts BIGINT"),
)

# Not for queries either: the first line of each invoice, from which receipt_day is kept.
_RECEIPT = "company_id UUID, invoice_no VARCHAR, first_on DATE, first_id BIGINT, currency VARCHAR"
KEPT_TABLES = ("receipt", *(roll_up.name for roll_up in ROLL_UPS))
_MARK = (
    "low BIGINT, system_identifier BIGINT, timeline BIGINT, database_oid BIGINT, generation BIGINT,"
    " shape VARCHAR"
)

# What PostgreSQL's function of the same name does (migration 0008): letters without case and marks, for searching.
FOLDED = (
    "folded(words) as replace(replace(replace(replace(translate(lower(strip_accents(nfc_normalize(words))),"
    " 'łđøħŧıð', 'ldohtid'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')"
)


def schema_of(scope: Scope) -> str:
    """Return the schema of views that a scope reads."""
    return _schema(scope.sees_everything, scope.programme_ids is None)


def _schema(every_company: bool, every_programme: bool) -> str:
    return f"seen_{'all' if every_company else 'some'}_{'all' if every_programme else 'some'}"


def statements(tables: Sequence[FactTable]) -> list[str]:
    """Return the DDL of the whole replica, for an empty one."""
    made = [f"create schema {RAW}", f"create table {RAW}.mark ({_MARK})"]
    made += [f"create table {RAW}.receipt ({_RECEIPT})"]
    made += [f"create table {RAW}.{roll_up.name} ({roll_up.ddl})" for roll_up in ROLL_UPS]
    for table in tables:
        columns = ", ".join(f"{name} {kind}" for name, kind in table.columns.items())
        made.append(f"create table {RAW}.{table.name} ({columns})")
    for every_company in (True, False):
        for every_programme in (True, False):
            schema = _schema(every_company, every_programme)
            made.append(f"create schema {schema}")
            made.append(f"create macro {schema}.{FOLDED}")
            # What a view's condition names comes first; conditions name views of their own schema.
            everything: list[FactTable | RollUp] = [*tables, *ROLL_UPS]
            for viewed in sorted(everything, key=lambda one: one.seen_when is not None):
                conditions = []
                if not every_company:
                    conditions += _of_company_or_region(viewed, schema)
                if not every_programme and viewed.programme is not None:
                    conditions.append(
                        f"({viewed.programme} is null"
                        f" or {viewed.programme} in (select unnest(getvariable('programmes'))))"
                    )
                where = f" where {' and '.join(conditions)}" if conditions else ""
                made.append(f"create view {schema}.{viewed.name} as select * from {RAW}.{viewed.name}{where}")  # noqa: S608 names of ours
    return made


def _of_company_or_region(viewed: FactTable | RollUp, schema: str) -> list[str]:
    if viewed.name == "company":
        return [
            "(region_id in (select unnest(getvariable('regions')))"
            " or id in (select unnest(getvariable('companies'))))"
        ]
    if viewed.name == "region":
        return ["id in (select unnest(getvariable('regions')))"]
    if viewed.company is not None:
        return [f"{viewed.company} in (select id from {schema}.company)"]  # noqa: S608 names of ours
    if viewed.region is not None:
        return [f"{viewed.region} in (select unnest(getvariable('regions')))"]
    if viewed.seen_when is not None:
        return [f"({viewed.seen_when.replace('from ', f'from {schema}.')})"]
    return []
