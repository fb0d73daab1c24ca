"""Every query on undoing imports of master data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, text

from loyalty_core.access import Role, ScopeKind, UserState
from loyalty_core.corrections.records_policy import KnownRecord, ListedChange, RecordUndo

_MINE = "(select record from import_change where import_id = :import_id)"


@dataclass(frozen=True, slots=True)
class _Undoing:
    """How one dataset's records are read, held, put back and removed.

    `known` gives record, id, brought_by, fields (jsonb), leaning (text[]), is_decided, is_touched of all records that
    the import names. `held` locks what nobody may change until the undo ends, in the order in which imports do.
    `put_back` sets a field, as SQL over the column and `v.value`. `removed_from` are the tables whose rows go, first
    to last, with the column that holds the record's id.
    """

    known: str
    held: str
    table: str
    put_back: dict[str, str]
    removed_from: tuple[tuple[str, str], ...]


def _leaning(**conditions: str) -> str:
    """Return SQL for the names of those conditions that hold of a record `k` that the import brought."""
    cases = ", ".join(f"case when {condition} then '{name}' end" for name, condition in conditions.items())
    return (
        "case when k.created_by_import = :import_id then"
        f" array_remove(array[{cases}]::text[], null) else array[]::text[] end"
    )


_UNDOING = {
    "companies": _Undoing(
        known=(
            "select k.code as record, k.id, k.created_by_import as brought_by, jsonb_build_object('name', k.name,"  # noqa: S608 constants
            " 'region_code', r.code, 'kind', k.kind, 'distributor_code', coalesce(d.code, ''),"
            " 'salesperson', coalesce(u.name, '')) as fields, "
            + _leaning(
                sales="exists (select from sales_line l where l.company_id = k.id)",
                claims="exists (select from claim c where c.company_id = k.id)",
                outlets="exists (select from outlet o where o.company_id = k.id)",
                participants="exists (select from participant p where p.company_id = k.id)",
                # Two questions: asked as one, they would cost a pass over all accounts for each company.
                points="exists (select from account a where a.company_id = k.id)"
                " or k.id in (select owner_id from account where owner_id is not null)",
                # A photo is kept before the claim that it belongs to.
                documents="k.id in (select company_id from claim_document)",
                grants="k.id in (select target_id from user_scope where kind = 'company')",
            )
            + " as leaning, false as is_decided,"
            # A person assigned it to somebody, on a page.
            " exists (select from audit_record a where a.subject_kind = 'company' and a.subject_id = k.id::text)"
            "   as is_touched"
            " from company k join region r on r.id = k.region_id left join company d on d.id = k.distributor_id"
            " left join app_user u on u.id = k.salesperson_id where k.code in " + _MINE
        ),
        held=f"select from company k where k.code in {_MINE} order by k.id for update",
        table="company",
        put_back={
            "name": "name = v.value",
            "region_code": "region_id = (select r.id from region r where r.code = v.value)",
            "kind": "kind = v.value",
            "distributor_code": "distributor_id = (select d.id from company d where d.code = v.value)",
            "salesperson": "salesperson_id = (select u.id from app_user u where u.name = v.value)",
        },
        removed_from=(("company", "id"),),
    ),
    "outlets": _Undoing(
        known=(
            "select c.code || ' / ' || k.code as record, k.id, k.created_by_import as brought_by,"  # noqa: S608 constants
            " jsonb_build_object('name', k.name) as fields, "
            + _leaning(
                sales="k.id in (select distinct l.outlet_id from sales_line l where l.outlet_id is not null)"
            )
            + " as leaning, false as is_decided, false as is_touched"
            f" from outlet k join company c on c.id = k.company_id where c.code || ' / ' || k.code in {_MINE}"
        ),
        held=(
            "select from outlet k join company c on c.id = k.company_id"
            f" where c.code || ' / ' || k.code in {_MINE} order by k.id for update of k"
        ),
        table="outlet",
        put_back={"name": "name = v.value"},
        removed_from=(("outlet", "id"),),
    ),
    "products": _Undoing(
        known=(
            "select k.code as record, k.id, k.created_by_import as brought_by, jsonb_build_object('name', k.name,"  # noqa: S608 constants
            " 'brand', coalesce(k.brand, ''), 'product_group', coalesce(k.product_group, '')) as fields, "
            + _leaning(
                sales="k.id in (select distinct l.product_id from sales_line l)",
                prices="exists (select from product_price q where q.product_id = k.id)",
            )
            + f" as leaning, false as is_decided, false as is_touched from product k where k.code in {_MINE}"
        ),
        held=f"select from product k where k.code in {_MINE} order by k.id for update",
        table="product",
        put_back={
            "name": "name = v.value",
            "brand": "brand = nullif(v.value, '')",
            "product_group": "product_group = nullif(v.value, '')",
        },
        removed_from=(("product", "id"),),
    ),
    "prices": _Undoing(
        known=(
            "select k.price_list || ' / ' || p.code || ' / ' || k.valid_from::text as record, k.id,"  # noqa: S608 constants
            " k.created_by_import as brought_by, jsonb_build_object('currency', k.currency::text, 'unit_price',"
            " trim_scale(k.unit_price)::text, 'valid_to', coalesce(k.valid_to::text, '')) as fields,"
            " array[]::text[] as leaning, false as is_decided, false as is_touched"
            " from product_price k join product p on p.id = k.product_id"
            f" where k.price_list || ' / ' || p.code || ' / ' || k.valid_from::text in {_MINE}"
        ),
        # As imports of prices do: all prices of the products, those that come and go included.
        held=(
            "select from product p where p.id in (select k.product_id from product_price k"  # noqa: S608 constants
            " join product q on q.id = k.product_id"
            f" where k.price_list || ' / ' || q.code || ' / ' || k.valid_from::text in {_MINE})"
            " order by p.id for no key update"
        ),
        table="product_price",
        put_back={
            "currency": "currency = v.value",
            "unit_price": "unit_price = v.value::numeric",
            "valid_to": "valid_to = nullif(v.value, '')::date",
        },
        removed_from=(("product_price", "id"),),
    ),
    "participants": _Undoing(
        known=(
            "select k.code as record, k.id, k.created_by_import as brought_by, jsonb_build_object('group',"  # noqa: S608 constants
            " k.participant_group, 'is_owner', case when k.is_owner then 'yes' else 'no' end) as fields, "
            + _leaning(claims="exists (select from claim c where c.participant_id = k.id)")
            + " as leaning, k.state <> 'waiting' or k.user_id is not null as is_decided, false as is_touched"
            f" from participant k where k.code in {_MINE}"
        ),
        held=f"select from participant k where k.code in {_MINE} order by k.id for update",
        table="participant",
        put_back={"group": "participant_group = v.value", "is_owner": "is_owner = v.value = 'yes'"},
        removed_from=(("participant_person", "participant_id"), ("participant", "id")),
    ),
}
DATASETS_OF_RECORDS = frozenset(_UNDOING)


def lock_records(connection: Connection, dataset: str, import_id: UUID) -> None:
    """Hold every record that the import names until the transaction ends; no import changes one meanwhile."""
    connection.execute(text(_UNDOING[dataset].held), {"import_id": import_id})


def listed_changes(connection: Connection, dataset: str, import_id: UUID) -> list[ListedChange]:
    """Return what the import added and changed, in the file's order, each with the import that changed it later."""
    rows = connection.execute(
        text(
            "with mine as materialized (select * from import_change where import_id = :import_id),"
            " later as (select m.id, max(array[l.id, i.number]) as last from mine m join import_change l"
            "   on l.record = m.record and l.id > m.id and l.import_id <> m.import_id"
            "   and (m.field is null or l.field is null or l.field = m.field"
            # An amount means nothing without its currency.
            "   or :dataset = 'prices' and m.field in ('currency', 'unit_price')"
            "     and l.field in ('currency', 'unit_price'))"
            "   join file_import i on i.id = l.import_id and i.state = 'accepted' and i.dataset = :dataset"
            "   group by m.id)"
            " select m.sheet, m.row_no, m.record, m.field, coalesce(m.before, ''), coalesce(m.after, ''), l.last[2]"
            " from mine m left join later l on l.id = m.id order by m.sheet, m.row_no, m.record, m.field"
        ),
        {"import_id": import_id, "dataset": dataset},
    )
    return [ListedChange(*row) for row in rows]


def known_records(connection: Connection, dataset: str, import_id: UUID) -> dict[str, list[KnownRecord]]:
    """Return the records that the import names, by the words that people know them by."""
    found: dict[str, list[KnownRecord]] = {}
    for row in connection.execute(text(_UNDOING[dataset].known), {"import_id": import_id}):
        found.setdefault(row.record, []).append(
            KnownRecord(row.id, row.brought_by, row.fields, row.leaning, row.is_decided, row.is_touched)
        )
    return found


def buyers(connection: Connection, distributor_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return who buys through the distributors: (company, distributor)."""
    rows = connection.execute(
        text("select id, distributor_id from company where distributor_id = any(cast(:ids as uuid[]))"),
        {"ids": list(distributor_ids)},
    )
    return [(row.id, row.distributor_id) for row in rows]


def unfit_distributors(connection: Connection, wanted: Sequence[tuple[UUID, str]]) -> frozenset[UUID]:
    """Return those of the companies, each with a distributor's code, whose distributor is none or is gone."""
    rows = connection.execute(
        text(
            "select v.id from unnest(cast(:ids as uuid[]), cast(:codes as text[])) as v (id, code)"
            " where not exists (select from company d where d.code = v.code and d.kind = 'distributor')"
        ),
        {"ids": [one[0] for one in wanted], "codes": [one[1] for one in wanted]},
    )
    return frozenset(rows.scalars())


def unfit_salespeople(
    connection: Connection, wanted: Sequence[tuple[UUID, str, str | None]]
) -> frozenset[UUID]:
    """Return those of the companies, each with a user's name, who can't be responsible for them.

    Who can is active sales staff that see the company, as where it is assigned. The third is the code of the region
    that the company will be in, None where it stays in its own.
    """
    rows = connection.execute(
        text(
            "with recursive above as (select id as region_id, id as above_id, parent_id from region"
            " union select a.region_id, p.id, p.parent_id from above a join region p on p.id = a.parent_id),"
            " staff as (select u.id, u.name from app_user u where u.state = :active"
            "   and exists (select from user_role o where o.user_id = u.id and o.role in (:sales, :head)))"
            " select v.id from unnest(cast(:ids as uuid[]), cast(:names as text[]), cast(:regions as text[]))"
            "   as v (id, name, region) join company k on k.id = v.id"
            " left join region g on g.code = v.region where not exists (select from staff f"
            "   join user_scope o on o.user_id = f.id where f.name = v.name and (o.kind = :everything"
            "   or o.kind = :region and (coalesce(g.id, k.region_id), o.target_id)"
            "     in (select a.region_id, a.above_id from above a)"
            "   or o.kind = :company and o.target_id = k.id))"
        ),
        {
            "ids": [one[0] for one in wanted],
            "names": [one[1] for one in wanted],
            "regions": [one[2] for one in wanted],
            "active": UserState.ACTIVE.value,
            "sales": Role.SALES.value,
            "head": Role.HEAD_OF_SALES.value,
            "everything": ScopeKind.EVERYTHING.value,
            "region": ScopeKind.REGION.value,
            "company": ScopeKind.COMPANY.value,
        },
    )
    return frozenset(rows.scalars())


def overlapping_prices(
    connection: Connection, ends: Sequence[tuple[UUID, str]], going: Collection[UUID]
) -> frozenset[UUID]:
    """Return those prices that with the given last days ('': none) would hold beside a later one that stays."""
    rows = connection.execute(
        text(
            "select distinct e.id from unnest(cast(:ids as uuid[]), cast(:ends as text[])) as v (id, ends)"
            " join product_price e on e.id = v.id join product_price n on n.price_list = e.price_list"
            " and n.product_id = e.product_id and n.valid_from > e.valid_from"
            " and (v.ends = '' or n.valid_from <= v.ends::date) and n.id <> all(cast(:going as uuid[]))"
        ),
        {"ids": [one[0] for one in ends], "ends": [one[1] for one in ends], "going": list(going)},
    )
    return frozenset(rows.scalars())


def put_back(connection: Connection, dataset: str, field: str, changes: Sequence[RecordUndo]) -> None:
    """Let a field of these records hold what it held before; the caller holds them."""
    table, assignment = _UNDOING[dataset].table, _UNDOING[dataset].put_back[field]
    connection.execute(
        text(
            f"update {table} k set {assignment}"  # noqa: S608 constants
            " from unnest(cast(:ids as uuid[]), cast(:values as text[])) as v (id, value) where k.id = v.id"
        ),
        {"ids": [one.record_id for one in changes], "values": [one.before for one in changes]},
    )


def remove(
    connection: Connection, dataset: str, import_id: UUID, ids: Sequence[UUID], *, recorded_at: datetime
) -> None:
    """Remove records that the import, undone by now, had added; the caller holds them."""
    undoing = _UNDOING[dataset]
    for table, column in undoing.removed_from:
        connection.execute(
            text(f"delete from {table} where {column} = any(cast(:ids as uuid[]))"),  # noqa: S608 constants
            {"ids": list(ids)},
        )
    connection.execute(
        text(
            "insert into removed_record (record_id, table_name, import_id, recorded_at)"
            " select id, :table, :import_id, :recorded_at from unnest(cast(:ids as uuid[])) as r (id)"
        ),
        {"ids": list(ids), "table": undoing.table, "import_id": import_id, "recorded_at": recorded_at},
    )


def lock_budget_changes(connection: Connection, request_keys: Collection[UUID]) -> None:
    """Hold the changes of budgets that were asked for with these keys, then their budgets."""
    values = {"keys": list(request_keys)}
    connection.execute(
        text(
            "select from budget_change where request_key = any(cast(:keys as uuid[])) order by id for update"
        ),
        values,
    )
    connection.execute(
        text(
            "select from budget b where (b.programme_id, b.region_id, b.starts_on) in (select c.programme_id,"
            " c.region_id, c.starts_on from budget_change c where c.request_key = any(cast(:keys as uuid[])))"
            " order by b.id for no key update"
        ),
        values,
    )


@dataclass(frozen=True, slots=True)
class AskedBudget:
    """A change of a budget that an import asked for, and its budget as it is; amounts in minor units.

    `set_minor` and `used_minor` are None where there is no budget, `waits_other` says that another change waits.
    """

    id: UUID
    state: str
    programme_id: UUID
    region_id: UUID
    starts_on: date
    before_minor: int | None
    after_minor: int
    set_minor: int | None
    used_minor: int | None
    waits_other: bool


def asked_budgets(connection: Connection, request_keys: Collection[UUID]) -> dict[UUID, AskedBudget]:
    """Return the changes that were asked for with these keys, by key."""
    rows = connection.execute(
        text(
            "select c.request_key, c.id, c.state, c.programme_id, c.region_id, c.starts_on, c.before_minor,"
            " c.after_minor, b.set_minor, b.reserved_minor + b.spent_minor as used_minor,"
            " exists (select from budget_change w where w.programme_id = c.programme_id"
            "   and w.region_id = c.region_id and w.starts_on = c.starts_on and w.state = 'waiting' and w.id <> c.id)"
            " from budget_change c left join budget b on b.programme_id = c.programme_id"
            " and b.region_id = c.region_id and b.starts_on = c.starts_on"
            " where c.request_key = any(cast(:keys as uuid[]))"
        ),
        {"keys": list(request_keys)},
    )
    return {row[0]: AskedBudget(*row[1:]) for row in rows}
