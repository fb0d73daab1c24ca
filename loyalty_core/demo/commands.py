"""The demo, made by the commands that people use, each step in the name of the person whose work it is.

Every step looks first whether it is done, so a demo that was interrupted is finished by the next start. From the
first step to the last the sign-ins lie in a file with the ending `.unfinished`, under the last day of sales.
"""

import contextvars
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import data_checks
from loyalty_core import access, intake, organisation, participants, programmes, settlement
from loyalty_core.demo import files
from loyalty_core.demo.market import CURRENCY, TIME_ZONE, companies, regions
from loyalty_core.demo.sign_ins import DemoPerson, DemoSignIn, new_sign_ins, read_table, table_of, write_table
from loyalty_core.intake import Dataset, ImportState
from loyalty_core.kernel import Database, NotFoundError, Refusal, Scope, Settings, _, now

PROGRAMME_CODE = "partner-points"

_SYSTEM = Scope.of_system("demo")
_SIGN_INS_FILE = "demo-sign-ins"
_ADMIN, _OPERATOR, _MANAGER = "admin", "operator", "manager"
# Hashing a password takes a core a quarter of a second.
_HASHERS = 4


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


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo that was made: who may sign in, and the file that says so too."""

    sign_ins: tuple[DemoSignIn, ...]
    sign_ins_file: Path


def demo_is_due(database: Database, settings: Settings) -> bool:
    """Whether the database is empty, or holds a demo that was interrupted."""
    if _unfinished(settings).exists():
        return True
    if access.list_users(database, _SYSTEM):
        return False
    with database.transaction(_SYSTEM) as connection:
        return not (
            organisation.all_regions(connection)
            or programmes.list_programmes(connection, _SYSTEM)
            or intake.count_imports(connection)
        )


def make_demo(database: Database, settings: Settings, *, datasets: Mapping[str, Dataset]) -> Demo:
    """Make the demo in an empty database, or finish one that was interrupted.

    A brand owner's regions, 40 companies, three months of sales that end the day before the first start, a
    programme settled, a file with mistakes, and one that waits for a decision. Raises DemoNotMadeError.
    """
    unfinished = _unfinished(settings)
    if unfinished.exists():
        first_line, sign_ins = read_table(unfinished)
        last_day = date.fromisoformat(first_line)
    else:
        sign_ins, last_day = new_sign_ins(), now().astimezone(ZoneInfo(TIME_ZONE)).date() - timedelta(days=1)
        write_table(unfinished, last_day.isoformat(), sign_ins)
    folder = settings.work_folder / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Once for the three files, not in a child of each import.
    data_checks.warm_up()
    try:
        _Making(database, settings, datasets, folder, last_day).make(sign_ins)
    finally:
        shutil.rmtree(folder)
    finished = unfinished.with_name(_SIGN_INS_FILE)
    write_table(finished, _("The demo's sign-ins, made at its first start"), sign_ins)
    unfinished.unlink()
    return Demo(sign_ins, finished)


def sign_ins_text(made: Demo) -> str:
    """Return what tells a newcomer how to sign in."""
    return _("The demo is ready. Sign in with one of these names and passwords (kept in {file}):").format(
        file=made.sign_ins_file
    ) + ("\n\n" + table_of(made.sign_ins))


def programme_document(last_day: date) -> str:
    """Return the programme's document: a year from the first day of the month in which the sales begin."""
    starts = files.first_day_of(last_day).replace(day=1)
    ends = starts.replace(year=starts.year + 1) - timedelta(days=1)
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
rules:
  - id: base
    per: line
    award: {{points: 1, per_amount: 10.00}}
"""


def _unfinished(settings: Settings) -> Path:
    return settings.secrets_folder / f"{_SIGN_INS_FILE}.unfinished"


@dataclass(frozen=True, slots=True)
class _Making:
    database: Database
    settings: Settings
    datasets: Mapping[str, Dataset]
    folder: Path
    last_day: date

    def make(self, sign_ins: tuple[DemoSignIn, ...]) -> None:
        admin, *others = sign_ins
        assert admin.person.name == _ADMIN
        people = {_ADMIN: self._user(_SYSTEM, admin, {})}
        scope = access.scope_of_user(self.database, people[_ADMIN])
        countries = self._regions(scope)
        with ThreadPoolExecutor(_HASHERS) as pool:
            making = {
                one.person.name: pool.submit(
                    contextvars.copy_context().run, self._user, scope, one, countries
                )
                for one in others
            }
        people |= {name: made.result() for name, made in making.items()}
        operator = access.scope_of_user(self.database, people[_OPERATOR])

        span = f"{files.first_day_of(self.last_day).isoformat()}_{self.last_day.isoformat()}"
        self._import(
            operator, f"sales_{span}.csv", files.three_months, ImportState.ACCEPTED, creates_missing=True
        )
        self._salespeople(scope, {one.person.country: people[one.person.name] for one in others})
        self._settle(access.scope_of_user(self.database, people[_MANAGER]))
        self._import(
            operator,
            f"late-invoices_{self.last_day.isoformat()}.csv",
            files.late_invoices,
            ImportState.ACCEPTED,
        )
        self._import(
            operator, f"returns_{self.last_day.isoformat()}.csv", files.list_of_returns, ImportState.WAITING
        )

    def _regions(self, scope: Scope) -> dict[str, UUID]:
        with self.database.transaction(scope) as connection:
            ids = {region.code: region.id for region in organisation.all_regions(connection)}
        for region in regions():
            if region.code not in ids:
                ids[region.code] = organisation.add_region(
                    self.database,
                    scope,
                    code=region.code,
                    name=region.name,
                    parent_id=ids[region.parent] if region.parent else None,
                )
        return ids

    def _user(self, scope: Scope, sign_in: DemoSignIn, region_ids: Mapping[str, UUID]) -> UUID:
        person = sign_in.person
        try:
            return access.find_user(self.database, scope, person.name).id
        except NotFoundError:
            return access.create_user(
                self.database,
                scope,
                name=person.name,
                display_name=person.display_name,
                password=sign_in.password,
                roles={person.role},
                grants={_grant(person, region_ids)},
            )

    def _import(
        self,
        scope: Scope,
        file_name: str,
        rows_until: Callable[[date], list[files.SalesRow]],
        expected: ImportState,
        *,
        creates_missing: bool = False,
    ) -> None:
        with self.database.transaction(scope) as connection:
            begun = [
                found.id
                for found in intake.find_imports(connection, words=file_name, limit=10)
                if found.state is not ImportState.REFUSED
            ]
        import_id = begun[0] if begun else self._start_import(scope, file_name, rows_until, creates_missing)
        report = intake.run_import(
            self.database, self.settings, import_id, datasets=self.datasets, scope=scope
        )
        if report.found.state is not expected:
            raise DemoNotMadeError(report.found)

    def _start_import(
        self,
        scope: Scope,
        file_name: str,
        rows_until: Callable[[date], list[files.SalesRow]],
        creates_missing: bool,
    ) -> UUID:
        path = self.folder / file_name
        files.write_sales(path, rows_until(self.last_day))
        return intake.resume_or_start_import(
            self.database,
            scope,
            file_id=intake.receive_local_file(self.database, self.settings, scope, path),
            mapping=files.MAPPING,
            datasets=self.datasets,
            creates_missing=creates_missing,
        )

    def _salespeople(self, scope: Scope, heads: Mapping[str | None, UUID]) -> None:
        for company in companies():
            with self.database.transaction(scope) as connection:
                assigned = organisation.company_by_code(connection, company.code).salesperson_id
            if assigned is None:
                participants.assign_salesperson(
                    self.database, scope, company_code=company.code, user_id=heads[company.country]
                )

    def _settle(self, scope: Scope) -> None:
        programmes.apply_programme(self.database, scope, programme_document(self.last_day))
        with self.database.transaction(scope) as connection:
            programme = programmes.programme_by_code(connection, scope, PROGRAMME_CODE)
            is_settled = bool(settlement.settlements(connection, programme.id, limit=1))
        if not is_settled:
            settlement.settle_programme(self.database, scope, PROGRAMME_CODE)


def _grant(person: DemoPerson, region_ids: Mapping[str, UUID]) -> access.ScopeGrant:
    if person.country is None:
        return access.ScopeGrant(access.ScopeKind.EVERYTHING, None)
    return access.ScopeGrant(access.ScopeKind.REGION, region_ids[person.country])
