"""Every query of the organisation."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from loyalty_core.kernel import NotFoundError, Sort, Sorts, _
from loyalty_core.organisation.policy import CompanyKind


@dataclass(frozen=True, slots=True)
class Region:
    """A node of the sales organisation's tree."""

    id: UUID
    code: str
    name: str
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class Company:
    """A legal partner, with its region's name and its responsible salesperson where it has one."""

    id: UUID
    code: str
    name: str
    region_id: UUID
    region_name: str
    salesperson_id: UUID | None
    kind: CompanyKind
    distributor_id: UUID | None


class UnknownCompanyError(NotFoundError):
    """No company with this code lies in the asker's scope."""

    def __init__(self, code: str) -> None:
        super().__init__(
            _("There is no company with the code “{code}” among those you see.").format(code=code)
        )
        self.code = code


def all_regions(connection: Connection) -> list[Region]:
    """Return the regions of the scope, by name."""
    rows = connection.execute(text("select id, code, name, parent_id from region order by name, code"))
    return [Region(*row) for row in rows]


class UnknownRegionError(NotFoundError):
    """No region with this code lies in the asker's scope."""

    def __init__(self, code: str) -> None:
        super().__init__(
            _("There is no region with the code “{code}” among those you see.").format(code=code)
        )
        self.code = code


def region_by_code(connection: Connection, code: str) -> Region:
    """Return the region of the scope with this code. Raises UnknownRegionError."""
    row = connection.execute(
        text("select id, code, name, parent_id from region where code = :code"), {"code": code}
    ).first()
    if row is None:
        raise UnknownRegionError(code)
    return Region(*row)


def region_ids_below(connection: Connection, region_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the given regions and every region below them.

    Needs a scope that sees the whole tree: it is what a narrower scope is made from.
    """
    rows = connection.execute(
        text(
            "with recursive below as (select id from region where id = any(:roots)"
            " union select r.id from region r join below b on r.parent_id = b.id) select id from below"
        ),
        {"roots": list(region_ids)},
    )
    return frozenset(rows.scalars())


def insert_region(
    connection: Connection, *, id: UUID, code: str, name: str, parent_id: UUID | None, recorded_at: datetime
) -> None:
    """Add a region below its parent; None makes a root."""
    connection.execute(
        text(
            "insert into region (id, code, name, parent_id, recorded_at)"
            " values (:id, :code, :name, :parent_id, :recorded_at)"
        ),
        {"id": id, "code": code, "name": name, "parent_id": parent_id, "recorded_at": recorded_at},
    )


_COMPANY = (
    "select c.id, c.code, c.name, c.region_id, coalesce(r.name, '') as region_name, c.salesperson_id,"
    " c.kind, c.distributor_id"
    " from company c left join region r on r.id = c.region_id"
)


def _company(row: Row[Any]) -> Company:
    values = row._asdict()
    return Company(**{**values, "kind": CompanyKind(values["kind"])})


def company_by_code(connection: Connection, code: str) -> Company:
    """Return the company of the scope with this code. Raises UnknownCompanyError."""
    row = connection.execute(text(_COMPANY + " where c.code = :code"), {"code": code}).first()
    if row is None:
        raise UnknownCompanyError(code)
    return _company(row)


def hold_company(connection: Connection, code: str) -> Company:
    """Return the company of the scope with this code, which nobody removes until the transaction ends.

    Raises UnknownCompanyError.
    """
    connection.execute(text("select from company where code = :code for key share"), {"code": code})
    return company_by_code(connection, code)


def companies_by_id(connection: Connection, company_ids: Collection[UUID]) -> list[Company]:
    """Return those of the companies that lie in the scope, by name."""
    rows = connection.execute(
        text(_COMPANY + " where c.id in (select unnest(cast(:ids as uuid[]))) order by c.name, c.code"),
        {"ids": list(company_ids)},
    )
    return [_company(row) for row in rows]


_COMPANY_SORTS = Sorts(
    {"name": "folded(c.name)", "code": "c.code", "region": "folded(coalesce(r.name, ''))"},
    default="c.name, c.code",
)


def find_companies(
    connection: Connection, words: str, *, sort: Sort | None = None, limit: int, offset: int = 0
) -> list[Company]:
    """Return companies of the scope whose code or name holds the words, by name; '' finds all.

    `sort` is by name, code or region.
    """
    order_by = _COMPANY_SORTS.order_by(sort)
    rows = connection.execute(
        text(
            _COMPANY + " where :words = '' or position(folded(:words) in folded(c.code || ' ' || c.name)) > 0"
            f"{order_by} limit :limit offset :offset"
        ),
        {"words": words, "limit": limit, "offset": offset},
    )
    return [_company(row) for row in rows]


def count_companies(connection: Connection, words: str = "") -> int:
    """Return how many companies `find_companies` would find in all."""
    return int(
        connection.execute(
            text(
                "select count(*) from company c"
                " where :words = '' or position(folded(:words) in folded(c.code || ' ' || c.name)) > 0"
            ),
            {"words": words},
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class Outlet:
    """A store of a company; its code is of its own within the company."""

    id: UUID
    code: str
    name: str


def count_companies_of_salesperson(connection: Connection, user_id: UUID) -> int:
    """Return how many companies of the scope the user is responsible for."""
    return int(
        connection.execute(
            text("select count(*) from company where salesperson_id = :user_id"), {"user_id": user_id}
        ).scalar_one()
    )


def outlets_of_company(
    connection: Connection, company_id: UUID, *, limit: int, offset: int = 0
) -> list[Outlet]:
    """Return the company's outlets, by name; none where the company does not lie in the scope."""
    rows = connection.execute(
        text(
            "select id, code, name from outlet where company_id = :company_id"
            " order by name, code limit :limit offset :offset"
        ),
        {"company_id": company_id, "limit": limit, "offset": offset},
    )
    return [Outlet(*row) for row in rows]


def count_outlets(connection: Connection, company_id: UUID) -> int:
    """Return how many outlets the company has in all."""
    found = connection.execute(
        text("select count(*) from outlet where company_id = :company_id"), {"company_id": company_id}
    )
    return int(found.scalar_one())


def insert_company(
    connection: Connection,
    *,
    id: UUID,
    code: str,
    name: str,
    kind: CompanyKind,
    region_id: UUID,
    distributor_id: UUID | None,
    recorded_at: datetime,
) -> bool:
    """Add a company; return False, with nothing added, when the code is taken."""
    added = connection.execute(
        text(
            "insert into company (id, code, name, kind, region_id, distributor_id, recorded_at)"
            " values (:id, :code, :name, :kind, :region_id, :distributor_id, :recorded_at)"
            " on conflict (code) do nothing"
        ),
        {
            "id": id,
            "code": code,
            "name": name,
            "kind": kind.value,
            "region_id": region_id,
            "distributor_id": distributor_id,
            "recorded_at": recorded_at,
        },
    )
    return bool(added.rowcount)


def set_salesperson(connection: Connection, company_id: UUID, user_id: UUID | None) -> None:
    """Make the user responsible for the company; None leaves it without one."""
    connection.execute(
        text("update company set salesperson_id = :user_id where id = :company_id"),
        {"user_id": user_id, "company_id": company_id},
    )


def set_distributor(connection: Connection, company_id: UUID, distributor_id: UUID | None) -> None:
    """Let the company buy through a distributor; None: straight from the brand owner."""
    connection.execute(
        text("update company set distributor_id = :distributor_id where id = :company_id"),
        {"distributor_id": distributor_id, "company_id": company_id},
    )


def insert_missing_regions(
    connection: Connection, rows: Sequence[tuple[UUID, str]], recorded_at: datetime
) -> None:
    """Add root regions (id, code), named by their code, where the code is not there yet."""
    connection.execute(
        text(
            "insert into region (id, code, name, recorded_at)"
            " select n.id, n.code, n.code, :recorded_at"
            " from unnest(cast(:ids as uuid[]), cast(:codes as text[])) as n (id, code)"
            " on conflict (code) do nothing"
        ),
        {"ids": [row[0] for row in rows], "codes": [row[1] for row in rows], "recorded_at": recorded_at},
    )


def insert_missing_companies(
    connection: Connection,
    rows: Sequence[tuple[UUID, str, str, str]],
    *,
    import_id: UUID,
    recorded_at: datetime,
) -> None:
    """Add companies (id, code, name, region code) where the code is not there yet."""
    connection.execute(
        text(
            "insert into company (id, code, name, region_id, created_by_import, recorded_at)"
            " select n.id, n.code, n.name, r.id, :import_id, :recorded_at"
            " from unnest(cast(:ids as uuid[]), cast(:codes as text[]), cast(:names as text[]),"
            " cast(:regions as text[])) as n (id, code, name, region_code)"
            " join region r on r.code = n.region_code on conflict (code) do nothing"
        ),
        {
            "ids": [row[0] for row in rows],
            "codes": [row[1] for row in rows],
            "names": [row[2] for row in rows],
            "regions": [row[3] for row in rows],
            "import_id": import_id,
            "recorded_at": recorded_at,
        },
    )


def insert_missing_outlets(
    connection: Connection,
    rows: Sequence[tuple[UUID, str, str]],
    *,
    import_id: UUID,
    recorded_at: datetime,
) -> None:
    """Add outlets (id, company code, code), named by their code, where they are not there yet."""
    connection.execute(
        text(
            "insert into outlet (id, company_id, code, name, created_by_import, recorded_at)"
            " select n.id, c.id, n.code, n.code, :import_id, :recorded_at"
            " from unnest(cast(:ids as uuid[]), cast(:companies as text[]), cast(:codes as text[]))"
            " as n (id, company_code, code) join company c on c.code = n.company_code"
            " on conflict (company_id, code) do nothing"
        ),
        {
            "ids": [row[0] for row in rows],
            "companies": [row[1] for row in rows],
            "codes": [row[2] for row in rows],
            "import_id": import_id,
            "recorded_at": recorded_at,
        },
    )


def known_company_codes(connection: Connection, codes: Collection[str]) -> set[str]:
    """Return those of the codes that are those of companies in the scope."""
    rows = connection.execute(
        text("select code from company where code = any(cast(:codes as text[]))"), {"codes": list(codes)}
    )
    return set(rows.scalars())
