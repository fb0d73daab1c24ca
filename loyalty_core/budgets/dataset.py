"""Budgets as a dataset. Each row asks for a change, which a second person approves like any other."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID, uuid5

from sqlalchemy import Connection, text

from loyalty_core.access import Permission
from loyalty_core.budgets.commands import ask_within, check_is_person
from loyalty_core.budgets.policy import MOST_MINOR, REASON_LENGTHS
from loyalty_core.intake import (
    FIRST_DAY,
    LAST_DAY,
    ColumnKind,
    DatasetColumn,
    DatasetColumns,
    FileFigures,
    Records,
    RecordsDataset,
    StagedRecords,
    Staging,
    control_character,
    text_too_long,
)
from loyalty_core.kernel import N_, _, minor_digits, to_minor

BUDGET_COLUMNS = DatasetColumns(
    "budgets",
    (
        DatasetColumn(
            "programme_code",
            required=True,
            also_called=("programme", "program", "scheme"),
            notes=N_("The programme's code. The budget is in the programme's currency."),
        ),
        DatasetColumn(
            "region_code",
            required=True,
            also_called=("region", "area", "territory", "country"),
            notes=N_("The code of a region that you see."),
        ),
        DatasetColumn(
            "starts_on",
            ColumnKind.TIMESTAMP,
            required=True,
            also_called=("first day", "quarter", "quarter start", "from", "starts", "period"),
            notes=N_("A day of the calendar quarter, best its first."),
        ),
        DatasetColumn(
            "amount",
            ColumnKind.NUMBER,
            required=True,
            also_called=("budget", "budget amount", "sum", "value"),
            notes=N_("What the whole budget shall be, 0 or more; not what is added to it."),
        ),
        DatasetColumn(
            "reason",
            required=True,
            also_called=("why", "comment", "justification", "note"),
            notes=N_("Why, in 3 to 1,000 characters: whoever approves reads it."),
        ),
    ),
)

_QUARTER = "date_trunc('quarter', s.starts_on at time zone cast(:time_zone as text))::date"
_ROWS = (
    "select s.row_no, s.sheet, s.unreadable, s.programme_code, s.region_code, s.amount, s.reason,"
    " g.id as programme_id, g.currency, g.starts_on as runs_from, g.ends_on as runs_to, r.id as region_id,"
    " {quarter} as from_day, s.programme_code || ' / ' || s.region_code || ' / ' || {quarter}::text as record,"
    # What waits for its decision is there already, for whoever brings the same again.
    " coalesce(w.id, b.id) as known_id, w.id as waiting_id, trim_scale(s.amount)::text || ' ' || g.currency as title,"
    " m.places, b.id as budget_id, (b.reserved_minor + b.spent_minor) / power(10::numeric, m.places) as used,"
    " array[trim_scale(s.amount)::text] as said,"
    " array[trim_scale(coalesce(w.after_minor, b.set_minor) / power(10::numeric, m.places))::text] as stands"
    " from {staging} s"
    " left join programme g on g.code = s.programme_code"
    "   and (cast(:programmes as uuid[]) is null or g.id = any(cast(:programmes as uuid[])))"
    " left join unnest(cast(:currencies as text[]), cast(:places as int[])) as m (code, places)"
    "   on m.code = g.currency"
    " left join region r on r.code = s.region_code"
    " left join budget b on b.programme_id = g.id and b.region_id = r.id and b.starts_on = {quarter}"
    " left join budget_change w on w.programme_id = g.id and w.region_id = r.id and w.state = 'waiting'"
    "   and w.starts_on = {quarter}"
)

_BUDGETS = Records(
    fields=("amount",), rows=_ROWS.replace("{quarter}", _QUARTER), held="budget", held_by="budget_id"
)


def request_key_of_row(import_id: UUID, sheet: str, row_no: int) -> UUID:
    """Return the key under which an import's row asks for its change; '' is the sheet of a file without any."""
    return uuid5(import_id, f"{sheet}/{row_no}")


class BudgetsDataset(RecordsDataset):
    """Budgets per programme, region and quarter, asked for by a person."""

    columns = BUDGET_COLUMNS
    records = _BUDGETS
    permission = Permission.ASK_FOR_BUDGETS
    example_rows = (
        {
            "programme_code": "spring",
            "region_code": "Poland",
            "starts_on": "2026-04-01",
            "amount": "25000.00",
            "reason": "Second quarter as planned",
        },
        {
            "programme_code": "spring",
            "region_code": "Serbia",
            "starts_on": "2026-04-01",
            "amount": "12500.00",
            "reason": "Second quarter as planned",
        },
    )

    def reasons(self) -> Mapping[str, str]:
        """Return the words for the reasons that only budgets have."""
        return {
            "missing_programme": _("No programme in the row."),
            "missing_region": _("No region in the row."),
            "missing_date": _("No quarter in the row."),
            "missing_amount": _("No amount in the row."),
            "missing_reason": _("No reason of 3 to 1,000 characters in the row: whoever approves reads it."),
            "unreadable_amount": _("The amount is not a number in the mapping's format."),
            "unreadable_starts_on": _("The day is not in one of the mapping's formats, or does not exist."),
            "unknown_programme": _("The programme is not known among those you see. Check the code."),
            "unknown_region": _("The region is not known among those you see. Check the code."),
            "amount_not_usable": _(
                "The amount is below zero, too large, or has more decimals than its currency."
            ),
            "outside_programme": _("The programme does not run in this quarter."),
            "quarter_over": _("The quarter is over and had no budget. Choose this quarter or a later one."),
            "less_than_used": _("Orders have reserved and spent more than this already. Set at least that."),
            "change_waits": _(
                "Another change of this budget waits for its decision. Have it decided or withdrawn first."
            ),
        }

    def prepare(self, rows: StagedRecords) -> None:
        """Bind the time zone of dates, places of currencies, bounds, and which programmes the actor sees."""
        found = rows.connection.execute(text("select distinct currency from programme"))
        codes = sorted(found.scalars())
        ids = rows.context.scope.programme_ids
        rows.bind(
            time_zone=rows.context.mapping.time_zone,
            programmes=None if ids is None else sorted(ids),
            currencies=codes,
            places=[minor_digits(code) for code in codes],
            most=MOST_MINOR,
            least_reason=REASON_LENGTHS[0],
            most_reason=REASON_LENGTHS[1],
            today=rows.context.recorded_at.date(),
            first_day=FIRST_DAY,
            last_day=LAST_DAY,
        )

    def judge_rows(self, rows: StagedRecords) -> None:
        """Reject what is wrong with single rows. Raises OnlyPeopleError: budgets take two people."""
        check_is_person(rows.context.scope)
        rows.reject(
            (
                ("missing_programme", "n.programme_code is null"),
                ("missing_region", "n.region_code is null"),
                ("missing_date", "n.from_day is null and not coalesce(n.unreadable ? 'starts_on', false)"),
                ("missing_amount", "n.amount is null and not coalesce(n.unreadable ? 'amount', false)"),
                ("missing_reason", "coalesce(length(btrim(n.reason)), 0) < :least_reason"),
                ("unreadable_amount", "n.unreadable ? 'amount'"),
                ("unreadable_starts_on", "n.unreadable ? 'starts_on'"),
                ("unknown_programme", "n.programme_code is not null and n.programme_id is null"),
                ("unknown_region", "n.region_code is not null and n.region_id is null"),
                (
                    "amount_not_usable",
                    "n.amount < 0 or n.amount * power(10::numeric, coalesce(n.places, 0)) > :most"
                    " or scale(trim_scale(n.amount)) > n.places",
                ),
                (
                    "outside_programme",
                    "n.runs_to < n.from_day or n.runs_from > (n.from_day + interval '3 months - 1 day')::date",
                ),
                (
                    "quarter_over",
                    "n.budget_id is null and (n.from_day + interval '3 months - 1 day')::date < :today",
                ),
                ("date_out_of_range", "n.from_day not between :first_day and :last_day"),
                ("less_than_used", "n.amount < n.used"),
                text_too_long("n.programme_code", "n.region_code"),
                ("text_too_long", "length(btrim(n.reason)) > :most_reason"),
                control_character("n.reason"),
            )
        )

    def judge_known(self, rows: StagedRecords) -> None:
        """Reject other amounts than those there, where the file may not change them or a change waits."""
        rows.execute(
            "insert into {bad} (row_no, sheet, reasons) select n.row_no, n.sheet, array['change_waits']"
            " from {rows} where {good} and n.waiting_id is not null and {differs}"
        )
        rows.reject_known_otherwise()

    def write(self, rows: StagedRecords) -> None:
        """Ask for each budget that is not there or differs, under a key of its own: the same row asks once."""
        asked = rows.execute(
            "select n.row_no, n.sheet, n.programme_id, n.region_id, n.from_day, n.amount, n.currency, n.reason"
            " from {firsts} where n.known_id is null or {differs} order by n.row_no, n.sheet"
        ).all()
        for row in asked:
            ask_within(
                rows.connection,
                rows.context.scope,
                programme_id=row.programme_id,
                region_id=row.region_id,
                starts_on=row.from_day,
                amount_minor=to_minor(Decimal(row.amount), row.currency),
                reason=row.reason,
                request_key=request_key_of_row(rows.context.import_id, row.sheet or "", row.row_no),
            )

    def figures(self, connection: Connection, staging: Staging) -> FileFigures:
        """Add up the good rows' amounts by the currency of their programme."""
        found = connection.execute(
            staging.sql(
                "select g.currency, sum(s.amount) as amount from {staging} s"
                " join programme g on g.code = s.programme_code where not exists (select from {bad} b"
                " where b.row_no = s.row_no and b.sheet is not distinct from s.sheet) group by g.currency"
            )
        )
        return FileFigures({row.currency: to_minor(row.amount, row.currency) for row in found}, 0)
