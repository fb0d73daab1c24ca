"""Companies and their outlets as datasets: the columns of the files, the rules for rows, how they are written."""

from collections.abc import Mapping

from loyalty_core.access import Role, ScopeKind, UserState
from loyalty_core.intake import (
    DatasetColumn,
    DatasetColumns,
    Records,
    RecordsDataset,
    StagedRecords,
    control_character,
    text_too_long,
)
from loyalty_core.kernel import N_, _, set_scope
from loyalty_core.organisation import CompanyKind

_KINDS = "array['" + "', '".join(CompanyKind) + "']"

COMPANY_COLUMNS = DatasetColumns(
    "companies",
    (
        DatasetColumn(
            "code",
            required=True,
            also_called=("company code", "customer id", "customer no", "partner code", "account"),
            notes=N_("The company's own code, as sales files name it. It never changes."),
        ),
        DatasetColumn(
            "name",
            required=True,
            also_called=("company name", "customer name", "partner name", "company"),
            notes=N_("The company's name."),
        ),
        DatasetColumn(
            "region_code",
            required=True,
            also_called=("region", "area", "territory", "country"),
            notes=N_("The code of a region that you see. Needed for new companies."),
        ),
        DatasetColumn(
            "kind",
            also_called=("company kind", "company type", "type"),
            notes=N_("distributor, wholesaler or service_provider. Blank for a new company: wholesaler."),
        ),
        DatasetColumn(
            "distributor_code",
            also_called=("distributor", "supplier", "buys through"),
            notes=N_(
                "The code of the distributor that the company buys through. Blank leaves it as it is, - empties it."
            ),
        ),
        DatasetColumn(
            "salesperson",
            also_called=("sales rep", "representative", "account manager", "responsible"),
            notes=N_(
                "The name with which the responsible salesperson signs in. Blank leaves it as it is, - empties it."
            ),
        ),
    ),
)

_COMPANIES = Records(
    fields=("name", "region_code", "kind", "distributor_code", "salesperson"),
    rows=(
        "select s.row_no, s.sheet, s.unreadable, s.code as record, c.id as known_id, s.name as title,"
        " s.region_code, array[s.name, s.region_code, replace(replace(lower(s.kind), ' ', '_'), '-', '_'),"
        "   case when s.distributor_code = '-' then '' else s.distributor_code end,"
        "   case when s.salesperson = '-' then '' else lower(s.salesperson) end] as said,"
        " array[c.name, r.code, c.kind, d.code, u.name] as stands"
        " from {staging} s left join company c on c.code = s.code left join region r on r.id = c.region_id"
        " left join company d on d.id = c.distributor_id left join app_user u on u.id = c.salesperson_id"
    ),
    held="company",
)

# Which companies' regions the active sales staff see, by name: all regions above the company's own count.
_SALES_STAFF = (
    "with recursive above as (select id as region_id, id as above_id, parent_id from region"
    " union select a.region_id, p.id, p.parent_id from above a join region p on p.id = a.parent_id),"
    " staff as (select u.id, u.name from app_user u where u.state = :active"
    "   and exists (select from user_role o where o.user_id = u.id and o.role in (:sales, :head)))"
)


class CompaniesDataset(RecordsDataset):
    """Companies: added where the actor sees the region, changed where the actor sees the company."""

    columns = COMPANY_COLUMNS
    records = _COMPANIES
    example_rows = (
        {
            "code": "D-100",
            "name": "Northern Distribution",
            "region_code": "Poland",
            "kind": "distributor",
            "distributor_code": "",
            "salesperson": "",
        },
        {
            "code": "C-1001",
            "name": "Hotel Bristol",
            "region_code": "Poland",
            "kind": "wholesaler",
            "distributor_code": "D-100",
            "salesperson": "sales",
        },
    )

    def reasons(self) -> Mapping[str, str]:
        """Return the words for the reasons that only companies have."""
        return {
            "missing_code": _("No company code in the row."),
            "missing_name": _("No name in the row. A new company needs one."),
            "missing_region": _("No region in the row. A new company needs one."),
            "unknown_region": _(
                "The region is not known among those you see. Check the code, or add it first."
            ),
            "unknown_kind": _("The kind is none of distributor, wholesaler and service_provider."),
            "own_distributor": _("The company can't be its own distributor."),
            "unknown_distributor": _(
                "The distributor is known neither among the companies you see nor among the good rows of this file."
            ),
            "not_a_distributor": _("The company named as distributor is not one: its kind is another."),
            "has_buyers": _(
                "Other companies buy through this distributor, so its kind can't change. Give them another first."
            ),
            "unknown_salesperson": _(
                "No salesperson signs in with this name. Check it, or have an administrator add the user."
            ),
            "salesperson_sees_not": _(
                "The salesperson does not see the company's region. Choose another, or have the grant widened."
            ),
            "registration_waits": _(
                "A company with this code waits for approval. Have that decided first, on the page of registrations."
            ),
        }

    def prepare(self, rows: StagedRecords) -> None:
        """Bind the names of states and rights, and what the actor sees."""
        scope = rows.context.scope
        rows.bind(
            active=UserState.ACTIVE.value,
            sales=Role.SALES.value,
            head=Role.HEAD_OF_SALES.value,
            everything=ScopeKind.EVERYTHING.value,
            region=ScopeKind.REGION.value,
            company=ScopeKind.COMPANY.value,
            regions_seen=sorted(scope.region_ids),
            companies_seen=sorted(scope.company_ids),
            recorded_at=rows.context.recorded_at,
        )

    def judge_rows(self, rows: StagedRecords) -> None:
        """Reject what is wrong with single rows, and what names something unknown."""
        rows.reject(
            (
                ("missing_code", "n.record is null"),
                ("missing_name", "n.known_id is null and n.said[1] is null"),
                ("missing_region", "n.known_id is null and n.region_code is null"),
                ("unknown_region", "n.region_code is not null and g.id is null"),
                ("unknown_kind", f"n.said[3] <> all({_KINDS})"),
                ("own_distributor", "n.said[4] = n.record"),
                (
                    "has_buyers",
                    "n.stands[3] = 'distributor' and n.said[3] <> 'distributor'"
                    " and exists (select from company b where b.distributor_id = n.known_id)",
                ),
                text_too_long("n.record", "n.said[1]", "n.region_code", "n.said[4]", "n.said[5]"),
                control_character("n.record", "n.said[1]"),
            ),
            joined="left join region g on g.code = n.region_code",
        )
        self._reject_salespeople(rows)
        self._reject_distributors(rows)

    def _reject_salespeople(self, rows: StagedRecords) -> None:
        # A grant of a region above the actor's own reaches the company too.
        set_scope(rows.connection, rows.context.scope.widened())
        statement = (
            "{staff} insert into {bad} (row_no, sheet, reasons)"
            " select n.row_no, n.sheet, array[case when f.id is null then 'unknown_salesperson'"
            "   else 'salesperson_sees_not' end] from {rows} left join staff f on f.name = n.said[5]"
            " left join region g on g.code = coalesce(n.region_code, n.stands[2])"
            " where n.said[5] <> '' and n.said[5] is distinct from n.stands[5] and not exists ("
            "   select from user_scope o where o.user_id = f.id and (o.kind = :everything"
            "   or o.kind = :region and o.target_id in (select above_id from above a where a.region_id = g.id)"
            "   or o.kind = :company and o.target_id = n.known_id))"
        )
        rows.execute(statement.replace("{staff}", _SALES_STAFF))
        set_scope(rows.connection, rows.context.scope)

    def _reject_distributors(self, rows: StagedRecords) -> None:
        # A distributor of this file may itself be a bad row, and so on: until nothing more is found.
        while rows.execute(
            "insert into {bad} (row_no, sheet, reasons)"
            " select n.row_no, n.sheet, array[case when coalesce(f.kind, k.kind) is null"
            "   then 'unknown_distributor' else 'not_a_distributor' end] from {rows}"
            " left join company k on k.code = n.said[4]"
            " left join (select n.record, max(coalesce(n.said[3], n.stands[3], 'wholesaler')) as kind from {rows}"
            "   where {good} group by n.record) f on f.record = n.said[4]"
            " where {good} and n.said[4] <> '' and n.said[4] is distinct from n.stands[4]"
            " and coalesce(f.kind, k.kind) is distinct from 'distributor'"
        ).rowcount:
            pass

    def judge_known(self, rows: StagedRecords) -> None:
        """Reject what is there with other contents, and codes that the actor can't see are taken."""
        rows.reject_known_otherwise()
        set_scope(rows.connection, rows.context.scope.widened())
        if not rows.context.scope.sees_everything:
            rows.execute(
                "insert into {bad} (row_no, sheet, reasons) select n.row_no, n.sheet, array['code_taken']"
                " from {rows} join company t on t.code = n.record where {good}"
                " and not (t.region_id = any(cast(:regions_seen as uuid[]))"
                "   or t.id = any(cast(:companies_seen as uuid[])))"
            )
        rows.execute(
            "insert into {bad} (row_no, sheet, reasons) select n.row_no, n.sheet, array['registration_waits']"
            " from {rows} join company_registration q on q.code = n.record and q.state = 'waiting'"
            " where {good} and n.known_id is null"
        )
        set_scope(rows.connection, rows.context.scope)

    def lock(self, rows: StagedRecords) -> None:
        """Hold the companies that the rows name, and let their distributors stay."""
        super().lock(rows)
        rows.execute(
            "select from company d where d.code in (select n.said[4] from {rows}) order by d.id for key share"
        )

    def write(self, rows: StagedRecords) -> None:
        """Add what is not there, then fill in and change what differs: a new one's distributor may be new too."""
        rows.with_new_ids(
            "insert into company (id, code, name, region_id, kind, created_by_import, recorded_at)"
            " select i.id, n.record, n.said[1], g.id, coalesce(n.said[3], 'wholesaler'), :import_id, :recorded_at"
            " from {new} join region g on g.code = n.region_code"
        )
        rows.execute(
            "update company c set name = coalesce(n.said[1], c.name),"
            " region_id = coalesce((select g.id from region g where g.code = n.region_code), c.region_id),"
            " kind = coalesce(n.said[3], c.kind),"
            " distributor_id = case when n.said[4] is null then c.distributor_id"
            "   else (select d.id from company d where d.code = n.said[4]) end,"
            " salesperson_id = case when n.said[5] is null then c.salesperson_id"
            "   else (select u.id from app_user u where u.name = n.said[5]) end"
            " from {firsts} where c.id = n.known_id and {differs}"
        )


OUTLET_COLUMNS = DatasetColumns(
    "outlets",
    (
        DatasetColumn(
            "company_code",
            required=True,
            also_called=("customer id", "customer", "company", "partner code"),
            notes=N_("The code of the company that the outlet belongs to; it is there already."),
        ),
        DatasetColumn(
            "code",
            required=True,
            also_called=("outlet code", "outlet", "store", "shop", "branch", "site"),
            notes=N_("The outlet's code, as sales files name it; of its own within the company."),
        ),
        DatasetColumn(
            "name",
            required=True,
            also_called=("outlet name", "store name", "shop name", "branch name"),
            notes=N_("The outlet's name."),
        ),
    ),
)

_OUTLETS = Records(
    fields=("name",),
    rows=(
        "select s.row_no, s.sheet, s.unreadable, s.company_code, s.code, c.id as company_id,"
        " s.company_code || ' / ' || s.code as record, o.id as known_id, s.name as title,"
        " array[s.name] as said, array[o.name] as stands"
        " from {staging} s left join company c on c.code = s.company_code"
        " left join outlet o on o.company_id = c.id and o.code = s.code"
    ),
    held="outlet",
    leans_on=("company", "company_id"),
)


class OutletsDataset(RecordsDataset):
    """Outlets of the companies that the actor sees."""

    columns = OUTLET_COLUMNS
    records = _OUTLETS
    example_rows = (
        {"company_code": "C-1001", "code": "C-1001-1", "name": "Hotel Bristol, bar"},
        {"company_code": "C-1001", "code": "C-1001-2", "name": "Hotel Bristol, restaurant"},
    )

    def reasons(self) -> Mapping[str, str]:
        """Return the words for the reasons that only outlets have."""
        return {
            "missing_code": _("No outlet code in the row."),
            "missing_name": _("No name in the row. A new outlet needs one."),
        }

    def judge_rows(self, rows: StagedRecords) -> None:
        """Reject what is wrong with single rows, and what names an unknown company."""
        rows.reject(
            (
                ("missing_company", "n.company_code is null"),
                ("missing_code", "n.code is null"),
                ("missing_name", "n.known_id is null and n.said[1] is null"),
                ("unknown_company", "n.company_code is not null and n.company_id is null"),
                text_too_long("n.company_code", "n.code", "n.said[1]"),
                control_character("n.code", "n.said[1]"),
            )
        )

    def write(self, rows: StagedRecords) -> None:
        """Add the outlets that are not there, and rename those that differ."""
        rows.execute(
            "update outlet o set name = n.said[1] from {firsts} where o.id = n.known_id and {differs}"
        )
        rows.with_new_ids(
            "insert into outlet (id, company_id, code, name, created_by_import, recorded_at)"
            " select i.id, n.company_id, n.code, n.said[1], :import_id, :recorded_at from {new}"
        )
