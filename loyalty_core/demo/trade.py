"""The programmes, and the sales that the operator brings in and the programme manager settles, period by period."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from loyalty_core import intake, programmes, settlement
from loyalty_core.demo import files
from loyalty_core.demo.market import CURRENCY, TIME_ZONE, first_day_of
from loyalty_core.demo.stage import Stage, moment_of
from loyalty_core.intake import ColumnMapping, ImportState
from loyalty_core.kernel import Refusal, Scope, _

PROGRAMME_CODE = "partner-points"
CLAIMS_PROGRAMME_CODE = "service-stars"

_CLAIMS_MONTHS = 4


class DemoNotMadeError(Refusal):
    """A file of the demo did not end as it should."""

    def __init__(self, found: intake.FileImport) -> None:
        super().__init__(
            _(
                "The demo could not be made: the import of “{file}” is {state}. {refusal} Start without the "
                "demo: laurel run --empty"
            ).format(file=found.file_name, state=found.state.value, refusal=found.refusal or "")
        )
        self.found = found


def programme_document(last_day: date, goal: int) -> str:
    """Return the older programme's document: two years from the month in which the sales begin.

    `goal` is in whole euro.
    """
    starts = sales_begin(last_day)
    ends = starts.replace(year=starts.year + 2) - timedelta(days=1)
    return f"""\
# What partners earn for what they buy.
code: {PROGRAMME_CODE}
name: Partner points
starts: {starts.isoformat()}
ends: {ends.isoformat()}
time_zone: {TIME_ZONE}
currency: {CURRENCY}
collects: company
earns_from: sales
goals: {{sales: {goal}.00}}
point_value: 0.05
inactive_after_days: 45
rules:
  - id: base
    per: line
    award: {{points: 1, per_amount: 10.00}}
"""


def claims_document(last_day: date, goal: int, *, second_above: int | None = None) -> str:
    """Return the younger programme's document: nine months from the first of a month some four months ago.

    `second_above` is the value in cents above which two people decide a claim; with it come reasons to reject.
    """
    starts = claims_begin(last_day)
    months = starts.month - 1 + 9
    ends = starts.replace(year=starts.year + months // 12, month=months % 12 + 1) - timedelta(days=1)
    return f"""\
# What people of service providers earn for what they say they bought, once it is verified.
code: {CLAIMS_PROGRAMME_CODE}
name: Service stars
starts: {starts.isoformat()}
ends: {ends.isoformat()}
time_zone: {TIME_ZONE}
currency: {CURRENCY}
collects: participant
earns_from: claims
goals: {{sales: {goal}.00}}
point_value: 0.005
inactive_after_days: 45
rules:
  - id: star
    per: line
    award: {{points: 20, per_amount: 10.00}}
""" + (
        ""
        if second_above is None
        else f"""\
verification:
  second_person_above: {second_above / 100:.2f}
  reject_reasons:
    - {{code: no-invoice, text: No such invoice was written.}}
    - {{code: claimed, text: A colleague claimed this sale before.}}
    - {{code: returned, text: The goods went back.}}
    - {{code: unreadable, text: The photo of the invoice can't be read.}}
"""
    )


def sales_begin(last_day: date) -> date:
    """Return the first day of the programme that earns from sales: of the month in which the sales begin."""
    return first_day_of(last_day).replace(day=1)


def claims_begin(last_day: date) -> date:
    """Return the first day of the programme that earns from claims."""
    year, month = divmod(last_day.year * 12 + last_day.month - 1 - _CLAIMS_MONTHS, 12)
    return date(year, month + 1, 1)


def applied_at(programme_code: str, last_day: date) -> datetime:
    """Return when the manager applies a programme's first document: nine days before its first day."""
    starts = claims_begin(last_day) if programme_code == CLAIMS_PROGRAMME_CODE else sales_begin(last_day)
    return moment_of(starts - timedelta(days=9), 16)


def apply_programmes(stage: Stage) -> None:
    """Apply both documents; their goals lie a little above what is sold."""
    manager = stage.scope_of("manager")
    a_day = _sold_a_day(stage)
    with stage.when(applied_at(PROGRAMME_CODE, stage.last_day)):
        programmes.apply_programme(
            stage.database, manager, programme_document(stage.last_day, _round(a_day * 731 * 1.06))
        )
    with stage.database.transaction(manager) as connection:
        known = {one.code for one in programmes.list_programmes(connection, manager)}
    if CLAIMS_PROGRAMME_CODE in known:
        # It may have its second version already.
        return
    with stage.when(applied_at(CLAIMS_PROGRAMME_CODE, stage.last_day)):
        programmes.apply_programme(
            stage.database, manager, claims_document(stage.last_day, _claims_goal(a_day))
        )


def ask_for_two_people(stage: Stage, above: int) -> None:
    """Let two people decide the claims that are worth more than so many cents, from the last day on."""
    with stage.at(stage.last_day, 7):
        programmes.apply_programme(
            stage.database,
            stage.scope_of("manager"),
            claims_document(stage.last_day, _claims_goal(_sold_a_day(stage)), second_above=above),
        )


def _sold_a_day(stage: Stage) -> float:
    """Return what is sold a day, in whole currency."""
    days = (stage.last_day - first_day_of(stage.last_day)).days + 1
    return int(stage.lines["cents"].sum()) / 100 / days


def _claims_goal(a_day: float) -> int:
    return _round(a_day * 365 * 1.12)


def _round(euro: float) -> int:
    return max(1, round(euro / 10_000)) * 10_000


def import_sales(stage: Stage) -> None:
    """Bring in each period's sales the morning after it ends, and settle them."""
    operator, manager = stage.scope_of("operator"), stage.scope_of("manager")
    keep_mappings(stage)
    for place, period in enumerate(files.periods(stage.last_day)):
        after = period.last_day + timedelta(days=1)
        with stage.at(after, 6.5):
            import_file(
                stage,
                operator,
                period.file_name,
                files.REPORTS,
                ImportState.ACCEPTED,
                partial(files.write_period, lines=stage.lines, period=period),
                creates_missing=True,
            )
        with stage.at(after, 7.5):
            _settle(stage, manager, runs=place + 1)


def keep_mappings(stage: Stage) -> None:
    """Keep how each source's files are read, as the operator does with its first file."""
    with stage.at(files.periods(stage.last_day)[0].last_day + timedelta(days=1), 6):
        for mapping in (files.REPORTS, files.LISTS, files.CLAIMS):
            intake.save_mapping(
                stage.database, stage.scope_of("operator"), mapping, list(mapping.columns.values())
            )


def import_lists(stage: Stage) -> None:
    """Bring in what came after the settlement: a list with mistakes, one that is half wrong, one held."""
    operator = stage.scope_of("operator")
    day = stage.last_day.isoformat()
    for name, state, rows in (
        ("late-invoices", ImportState.ACCEPTED, lambda: files.late_invoices(stage.lines, stage.last_day)),
        ("wholesale-list", ImportState.ACCEPTED, lambda: files.half_wrong(stage.last_day)),
        ("returns", ImportState.WAITING, lambda: files.list_of_returns(stage.lines, stage.last_day)),
    ):
        import_file(
            stage,
            operator,
            f"{name}_{day}.csv",
            files.LISTS,
            state,
            partial(_write_rows, rows=rows),
        )


def _write_rows(path: Path, rows: Callable[[], list[files.Row]]) -> None:
    files.write_rows(path, rows())


def _settle(stage: Stage, scope: Scope, *, runs: int) -> None:
    with stage.database.transaction(scope) as connection:
        programme = programmes.programme_by_code(connection, scope, PROGRAMME_CODE)
        done = len(settlement.settlements(connection, programme.id, limit=runs))
    if done < runs:
        settlement.settle_programme(stage.database, scope, PROGRAMME_CODE)


def import_file(
    stage: Stage,
    scope: Scope,
    file_name: str,
    mapping: ColumnMapping,
    expected: ImportState,
    write: Callable[[Path], None],
    *,
    creates_missing: bool = False,
) -> UUID:
    """Write a file, bring it in, and return the import's id. Raises DemoNotMadeError for another end."""
    with stage.database.transaction(scope) as connection:
        begun = [
            found.id
            for found in intake.find_imports(connection, words=file_name, limit=10)
            if found.state is not ImportState.REFUSED
        ]
    if begun:
        import_id = begun[0]
    else:
        path = stage.folder / file_name
        write(path)
        import_id = intake.resume_or_start_import(
            stage.database,
            scope,
            file_id=intake.receive_local_file(stage.database, stage.settings, scope, path),
            mapping=mapping,
            datasets=stage.datasets,
            creates_missing=creates_missing,
        )
        path.unlink()
    report = intake.run_import(
        stage.database, stage.settings, import_id, datasets=stage.datasets, scope=scope
    )
    if report.found.state is not expected:
        raise DemoNotMadeError(report.found)
    return import_id
