"""Records that are known by a code, and the files that add and change them: companies, products, prices.

A dataset of records says how its staged rows read as records beside those that are there; what follows from that
is the same for all of them: which rows contradict each other, which differ from what is there, what they would
add and change, and how many they are.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Connection, CursorResult

from loyalty_core import audit
from loyalty_core.access import Permission, check_permission
from loyalty_core.intake.dataset import Acceptance, FileFigures, ImportContext, Staging
from loyalty_core.intake.mapping import DatasetColumns
from loyalty_core.intake.states import ImportMode
from loyalty_core.kernel import Refusal, _, new_id

_ROWS_AT_ONCE = 50_000
# A day outside these is a slip of the pen.
FIRST_DAY = date(1990, 1, 1)
LAST_DAY = date(2100, 12, 31)
_LONGEST_TEXT = 300


class UnseenChangesError(Refusal):
    """The file would change what nobody was shown: what is there has changed since."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "What this file would change is not what was shown before: somebody else has changed the same"
                " things meanwhile. Nothing was changed. Import the file again, and look at its changes anew."
            )
        )


@dataclass(frozen=True, slots=True)
class Records:
    """How the staged rows of a dataset read as records.

    `rows` is a query over `{staging} s` that gives each staged row once: row_no, sheet, `record` (what people know
    it by, text), `known_id` (null: not there yet), `title` (what is shown of a new one, text or null), and the
    arrays `said` and `stands`, texts in the order of `fields`. Of `said`, null leaves a field as it is and ''
    empties it; of `stands`, null and '' are an empty field. Further columns are the dataset's own. What accepting
    holds until it ends are the rows of the table `held` whose ids are in the column `held_by`; of `leans_on`, another
    table and the column with its ids, none goes away meanwhile. `shown` is what
    import_change is told of a value: SQL over {field} and {value}. `more_changes` is " union all" and a query for
    changes to other records than the row's own: sheet, row_no, record, field, before, after.
    """

    fields: tuple[str, ...]
    rows: str
    held: str
    held_by: str = "known_id"
    leans_on: tuple[str, str] | None = None
    shown: str = "{value}"
    more_changes: str = ""


class StagedRecords:
    """The staged rows of one import, read as records, inside the caller's transaction."""

    def __init__(
        self, connection: Connection, staging: Staging, records: Records, context: ImportContext
    ) -> None:
        self.connection = connection
        self.context = context
        self._staging = staging
        self._records = records
        self._values: dict[str, Any] = {"fields": list(records.fields), "import_id": context.import_id}

    def bind(self, **values: Any) -> None:
        """Let the dataset's queries name these values from now on."""
        self._values |= values

    def execute(self, statement: str, **values: Any) -> CursorResult[Any]:
        """Run a statement in which `{rows}` stands for the staged rows as `n`, `{firsts}` for the good ones as `n`,
        each record's first, and `{good}` and `{differs}` for what they say of `n`."""
        for name, fragment in (
            ("{changes}", _CHANGES + self._records.more_changes),
            ("{firsts}", _FIRSTS),
            ("{rows}", f"({self._records.rows}) n"),
            ("{good}", _GOOD),
            ("{differs}", _DIFFERS),
            ("{shown_before}", self._shown("coalesce(f.stands, '')")),
            ("{shown_after}", self._shown("f.said")),
        ):
            statement = statement.replace(name, fragment)
        clause = self._staging.sql(statement)
        # Of all values those that this statement names: the others would be too many.
        known = {**self._values, **values}
        return self.connection.execute(clause, {name: known[name] for name in clause.compile().params})

    def _shown(self, value: str) -> str:
        return self._records.shown.replace("{field}", "f.field").replace("{value}", value)

    def reject(self, reasons: Sequence[tuple[str, str]], *, joined: str = "") -> None:
        """Put every row for which one of the conditions holds into the table of reasons, with all of its reasons.

        `reasons` are (reason, SQL condition over `n` and `joined`); neither comes from outside the code. A row with
        more cells than the file has columns is rejected in any case.
        """
        reasons = (*reasons, ("beyond_last_column", "n.unreadable ? 'beyond_last_column'"))
        cases = ", ".join(f"case when {condition} then '{reason}' end" for reason, condition in reasons)
        statement = (
            "insert into {bad} (row_no, sheet, reasons) select row_no, sheet, reasons from ("
            " select n.row_no, n.sheet, array_remove(array[{cases}]::text[], null) as reasons"
            " from {rows} {joined}) judged where cardinality(reasons) > 0"
        )
        self.execute(statement.replace("{cases}", cases).replace("{joined}", joined))

    def hold(self) -> None:
        """Hold what the rows change until the transaction ends, always in the same order."""
        self.execute(
            f"select from {self._records.held} h where h.id in (select n.{self._records.held_by} from {{rows}})"  # noqa: S608 constants
            " order by h.id for no key update"
        )
        if self._records.leans_on is not None:
            table, column = self._records.leans_on
            self.execute(
                f"select from {table} h where h.id in (select n.{column} from {{rows}}) order by h.id for key share"  # noqa: S608 constants
            )

    def reject_repeats(self) -> None:
        """Reject the rows of a record that the file names more than once with different contents: all of them."""
        self.execute(
            "insert into {bad} (row_no, sheet, reasons) select row_no, sheet, array['repeated_otherwise'] from ("
            " select n.row_no, n.sheet, min(n.said::text) over same <> max(n.said::text) over same as is_other"
            " from {rows} where {good} window same as (partition by n.record)) r where is_other"
        )

    def reject_known_otherwise(self) -> None:
        """Reject what is there with other contents, unless the import may change it."""
        if self.context.mode is ImportMode.ADD:
            self.execute(
                "insert into {bad} (row_no, sheet, reasons) select n.row_no, n.sheet, array['differs_from_known']"
                " from {rows} where {good} and n.known_id is not null and {differs}"
            )

    def list_changes_made(self) -> None:
        """List what is about to be written, in place of what was thought when the rows were judged.

        By it the import can be undone. Corrected rows add to what the import's other rows did.
        """
        if not self.context.is_repair:
            self.execute("delete from import_change where import_id = :import_id")
        self.list_changes()

    def list_changes(self) -> None:
        """Put every addition and every change into `import_change`."""
        self.execute(
            "insert into import_change (import_id, sheet, row_no, record, field, before, after)"
            " select :import_id, coalesce(c.sheet, ''), c.row_no, c.record, c.field, c.before, c.after"
            " from ({changes}) c order by c.row_no, c.sheet"
        )

    def check_changes(self) -> None:
        """Refuse to change what was not shown; the caller holds what it will change. Raises UnseenChangesError."""
        if self.context.mode is not ImportMode.UPDATE:
            return
        unseen = self.execute(
            "select exists (select coalesce(c.sheet, ''), c.row_no, c.record, c.field, c.before, c.after"
            " from ({changes}) c where c.field is not null"
            " except select sheet, row_no, record, field, before, after from import_change"
            " where import_id = :import_id)"
        ).scalar_one()
        if unseen:
            raise UnseenChangesError

    def count(self) -> Acceptance:
        """Count what accepting the good rows comes to; before it is done."""
        row = self.execute(
            "select (select count(*) from {rows} where {good}) as good,"
            " count(*) filter (where n.known_id is null) as added,"
            " count(*) filter (where n.known_id is not null and {differs}) as changed from {firsts}"
        ).one()
        accepted = row.added + row.changed
        return Acceptance(accepted, row.good - accepted, {}, row.changed)

    def with_new_ids(self, statement: str, **values: Any) -> None:
        """Run a statement for the records that are not there yet, each with an id of its own.

        In the statement `{new}` stands for those rows as `n`, whose ids are `i.id`.
        """
        rows = self.execute(
            "select n.row_no, n.sheet from {firsts} where n.known_id is null order by n.row_no, n.sheet"
        ).all()
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            ids: list[UUID] = [new_id() for _row in some]
            self.execute(
                statement.replace("{new}", _NEW),
                ids=ids,
                row_nos=[row.row_no for row in some],
                sheets=[row.sheet for row in some],
                **values,
            )


_GOOD = "not exists (select from {bad} b where b.row_no = n.row_no and b.sheet is not distinct from n.sheet)"
_DIFFERS = (
    "exists (select from unnest(n.said, n.stands) as f (said, stands) where f.said <> coalesce(f.stands, ''))"
)
_FIRSTS = (
    "(select n.* from (select n.*, row_number() over (partition by n.record order by n.row_no, n.sheet) as place"
    " from {rows} where {good}) n where n.place = 1) n"
)
_NEW = (
    "{firsts} join unnest(cast(:ids as uuid[]), cast(:row_nos as bigint[]), cast(:sheets as text[]))"
    " as i (id, row_no, sheet) on i.row_no = n.row_no and i.sheet is not distinct from n.sheet"
)
_CHANGES = (
    "select n.sheet, n.row_no, n.record, null::text as field, null::text as before, n.title as after"
    " from {firsts} where n.known_id is null"
    " union all select n.sheet, n.row_no, n.record, f.field, {shown_before}, {shown_after} from {firsts}"
    " cross join lateral unnest(cast(:fields as text[]), n.said, n.stands) as f (field, said, stands)"
    " where n.known_id is not null and f.said <> coalesce(f.stands, '')"
)


class RecordsDataset(ABC):
    """A dataset of records: what its rows say, what is wrong with them, and how they are written.

    A dataset fills in the class's values and the abstract methods; the rest follows.
    """

    columns: ClassVar[DatasetColumns]
    example_rows: ClassVar[Sequence[Mapping[str, str]]]
    modes: ClassVar[frozenset[ImportMode]] = frozenset(ImportMode)
    permission: ClassVar[Permission] = Permission.IMPORT_MASTER_DATA
    records: ClassVar[Records]

    @abstractmethod
    def reasons(self) -> Mapping[str, str]:
        """Return the words for the reasons that only this dataset has."""

    @abstractmethod
    def judge_rows(self, rows: StagedRecords) -> None:
        """Reject what is wrong with single rows, and what names something unknown."""

    @abstractmethod
    def write(self, rows: StagedRecords) -> None:
        """Add what is not there and change what differs; what is there is locked already."""

    def lock(self, rows: StagedRecords) -> None:
        """Hold what the rows change until the transaction ends."""
        rows.hold()

    def prepare(self, rows: StagedRecords) -> None:
        """Bind the values that the dataset's queries name."""
        rows.bind(recorded_at=rows.context.recorded_at)

    def judge_known(self, rows: StagedRecords) -> None:
        """Reject what goes against what is there by now."""
        rows.reject_known_otherwise()

    def figures(self, _connection: Connection, _staging: Staging) -> FileFigures:
        """Return no amounts: records carry none."""
        return FileFigures({}, 0)

    def reason_text(self, reason: str) -> str:
        """Say in words what a reason means and what to do about it; an unknown reason is said as it is."""
        return self.reasons().get(reason) or common_reason_text(reason) or reason

    def judge(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """Put every bad row with all its reasons into the table of reasons. Raises NotAllowedError."""
        check_permission(connection, context.scope, self.permission)
        rows = self._staged(connection, staging, context)
        # Rows are judged anew where what is there has changed since.
        rows.execute("delete from {bad}")
        self._judge(rows)

    def _judge(self, rows: StagedRecords) -> None:
        self.judge_rows(rows)
        rows.reject_repeats()
        self.judge_known(rows)

    def list_changes(self, connection: Connection, staging: Staging, context: ImportContext) -> None:
        """Put every addition and every change of the good rows into `import_change`."""
        self._staged(connection, staging, context).list_changes()

    def accept(self, connection: Connection, staging: Staging, context: ImportContext) -> Acceptance:
        """Add the good rows' records and, where the import may, change those that are there.

        The same contents again are there already. Raises NotAllowedError, and UnseenChangesError where a change
        was not listed before.
        """
        check_permission(connection, context.scope, self.permission)
        rows = self._staged(connection, staging, context)
        self.lock(rows)
        # Again: another import may have come in since the rows were judged, and one may have been undone.
        self._judge(rows)
        rows.check_changes()
        counted = rows.count()
        rows.list_changes_made()
        self.write(rows)
        audit.record(
            connection,
            context.scope,
            f"intake.{self.columns.name}_imported",
            "import",
            context.import_id,
            {"added": counted.accepted - counted.changed, "changed": counted.changed},
        )
        return counted

    def _staged(self, connection: Connection, staging: Staging, context: ImportContext) -> StagedRecords:
        rows = StagedRecords(connection, staging, self.records, context)
        self.prepare(rows)
        return rows


def text_too_long(*columns: str) -> tuple[str, str]:
    """Return the reason and the condition that one of the texts is longer than any code or name."""
    lengths = ", ".join(f"length({column})" for column in columns)
    return "text_too_long", f"greatest({lengths}) > {_LONGEST_TEXT}"


def control_character(*columns: str) -> tuple[str, str]:
    """Return the reason and the condition that one of the texts holds what no keyboard writes."""
    return "control_character", f"concat({', '.join(columns)}) ~ '[[:cntrl:]]'"


def common_reason_text(reason: str) -> str | None:
    """Return the words for a reason that every dataset of records has; None for another one."""
    return {
        "beyond_last_column": _("The row has more cells than the file has columns."),
        "text_too_long": _("A text is longer than it may be: 300 characters, 1,000 for a reason."),
        "control_character": _("A text holds a control character that no keyboard writes."),
        "missing_company": _("No company in the row."),
        "unknown_company": _(
            "The company is not known among those you see. Check the code, or import it first."
        ),
        "date_out_of_range": _("The day lies before 1990 or after 2100."),
        "code_taken": _(
            "The code is taken by one that you don't see. Choose another, or ask an administrator."
        ),
        "repeated_otherwise": _(
            "The file names this more than once, with different contents, so none of these rows was taken. Keep"
            " the right one."
        ),
        "differs_from_known": _(
            "This is there already, with other contents. To change it, bring the file again with the choice “Add, and "
            "change what is there”."
        ),
    }.get(reason)
