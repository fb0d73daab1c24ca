"""Web and worker on a database of their own, filled through the commands that people's work goes through.

Filled with a few partners whose figures the tests reckon for themselves, or with the demo.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from playwright.sync_api import BrowserContext

from laurel.embedded import app_url
from laurel.registers import DATASETS
from loyalty_core import access, demo, intake, organisation, participants, programmes, settlement
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.intake import ColumnMapping, FileImport, ImportState
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope, Settings, new_id
from loyalty_core.settlement import RequestState
from tests.access.people import EVERYTHING, PASSWORD, sign_in
from tests.browser import partners
from tests.databases import TestServer, database_of
from tests.running_web import free_port, wait_until_ready

COMMAND_LINE = Scope.of_command_line()

MAPPING = ColumnMapping(
    name="partners",
    dataset="sales",
    columns=dict(
        zip(
            (
                "company_code",
                "company_name",
                "region",
                "invoice_no",
                "sold_at",
                "product_code",
                "product_name",
                "quantity",
                "unit_price",
            ),
            partners.HEADER,
            strict=True,
        )
    ),
    date_formats=("%Y-%m-%d",),
    currency=partners.CURRENCY,
    time_zone="Europe/Warsaw",
)

PEOPLE = {
    Role.ADMIN: "Mira Jansen",
    Role.OPERATOR: "Oskar Lind",
    Role.PROGRAMME_MANAGER: "Vera Kowal",
    Role.HEAD_OF_SALES: "Petar Ilić",
    Role.ANALYST: "Ana Rossi",
}
# The head of sales sees this country alone.
OWN_COUNTRY = "Serbia"


@dataclass
class RunningLaurel:
    """Where it answers, what is behind it, and the imports that it was filled with."""

    address: str
    database: Database
    settings: Settings
    log: Path
    imports: dict[ImportState, UUID] = field(default_factory=dict)
    received: UUID | None = None
    passwords: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    profiles: dict[tuple[str, int, bool], BrowserContext] = field(default_factory=dict)

    def session_of(self, name: str) -> str:
        """Return the token of a session of who has this sign-in name; partners' people have their role's."""
        if name not in self.sessions:
            self.sessions[name] = sign_in(self.database, name, password=self.passwords[name])
        return self.sessions[name]

    def scope_of(self, name: str) -> Scope:
        """Return what the person with this sign-in name sees and is called."""
        user = access.find_session(self.database, self.session_of(name))
        assert user is not None
        return user.scope

    def import_of(self, import_id: UUID) -> FileImport:
        """Return an import as it stands now."""
        with self.database.snapshot(COMMAND_LINE) as connection:
            return intake.import_by_id(connection, import_id)


@contextmanager
def laurel_running(server: TestServer, *, demo_scale: float | None = None) -> Iterator[RunningLaurel]:
    """Start web and worker on a filled database, and stop both in the end.

    Filled with partners, or with the demo of this size.
    """
    owner_url = server.new_database()
    home = Path(tempfile.mkdtemp(prefix="l-", dir="/tmp"))
    port = free_port()
    environment = {**os.environ, "LAUREL_APP_URL": app_url(owner_url), "LAUREL_HOME": str(home)}
    database = database_of(owner_url)
    made = RunningLaurel(
        f"http://127.0.0.1:{port}", database, Settings(home=home, database_url=None), home / "web.log"
    )
    processes: list[subprocess.Popen[bytes]] = []
    try:
        if demo_scale is not None:
            # As `laurel run` does: nobody else works on the database meanwhile.
            finished = demo.make_demo(database, made.settings, datasets=DATASETS, scale=demo_scale)
            made.passwords |= {one.person.name: one.password for one in finished.sign_ins}
        processes += [
            _started(home / "worker.log", environment, "laurel.worker"),
            _started(made.log, environment, "laurel.web", "--port", str(port)),
        ]
        if demo_scale is None:
            made.passwords |= {role.value: PASSWORD for role in PEOPLE}
            _fill(made)
        wait_until_ready(processes[1], made.address, made.log)
        yield made
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        database.close()
        server.drop_database(owner_url)
        shutil.rmtree(home)


def _started(
    log: Path, environment: dict[str, str], module: str, *arguments: str
) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT_FOLDER,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _fill(made: RunningLaurel) -> None:
    database = made.database
    countries: dict[str, UUID] = {}
    for country, towns in partners.REGIONS.items():
        countries[country] = organisation.add_region(
            database, COMMAND_LINE, code=country, name=country, parent_id=None
        )
        for town in towns:
            organisation.add_region(
                database, COMMAND_LINE, code=town, name=town, parent_id=countries[country]
            )
    people = {
        role: access.create_user(
            database,
            COMMAND_LINE,
            name=role.value,
            display_name=name,
            password=PASSWORD,
            roles=[role],
            grants=(
                frozenset({ScopeGrant(ScopeKind.REGION, countries[OWN_COUNTRY])})
                if role is Role.HEAD_OF_SALES
                else EVERYTHING
            ),
        )
        for role, name in PEOPLE.items()
    }
    operator, manager = made.scope_of(Role.OPERATOR), made.scope_of(Role.PROGRAMME_MANAGER)
    programmes.apply_programme(database, manager, partners.PROGRAMME.replace("10.00", "20.00"))
    programmes.apply_programme(database, manager, partners.PROGRAMME)
    good = partners.sales_of_the_months()
    bad = partners.spoilt_rows(good)
    files = {
        ImportState.ACCEPTED: ("partners-2026-03_2026-08.csv", partners.csv_text([*good, *bad])),
        # All that is in it was put aside, which stops a file.
        ImportState.WAITING: ("returns-without-names.csv", partners.csv_text(bad[:9])),
        ImportState.REFUSED: ("colour-chart.csv", "Name,Colour\nMoss,green\n"),
    }
    for state, (name, text) in files.items():
        made.imports[state] = intake.start_import(
            database,
            operator,
            file_id=_received(made, operator, name, text),
            mapping=MAPPING,
            datasets=DATASETS,
            creates_missing=True,
            request_key=new_id(),
        )
        _wait_for_import(made, made.imports[state], state)
    for code, _name, town in partners.COMPANIES:
        if town in partners.REGIONS[OWN_COUNTRY]:
            participants.assign_salesperson(
                database, COMMAND_LINE, company_code=code, user_id=people[Role.HEAD_OF_SALES]
            )
    _settle(made, manager)
    made.received = _received(made, operator, "partners-2026-09.csv", partners.csv_text(good[:40]))


def _received(made: RunningLaurel, scope: Scope, name: str, text: str) -> UUID:
    path = made.settings.work_folder / name
    path.write_text(text, encoding="utf-8")
    return intake.receive_local_file(made.database, made.settings, scope, path)


def _wait_for_import(made: RunningLaurel, import_id: UUID, expected: ImportState) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = made.import_of(import_id)
        if found.state not in (ImportState.QUEUED, ImportState.RUNNING):
            assert found.state is expected, (found.state, found.refusal, found.checks)
            return
        time.sleep(0.1)
    raise AssertionError(
        f"the worker did not end an import:\n{(made.log.parent / 'worker.log').read_text()[-4000:]}"
    )


def _settle(made: RunningLaurel, scope: Scope) -> None:
    with made.database.snapshot(scope) as connection:
        programme = programmes.programme_by_code(connection, scope, "colour-club")
    settlement.request_settlement(made.database, scope, programme.code, request_key=new_id())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with made.database.snapshot(scope) as connection:
            found = settlement.latest_request(connection, programme.id)
        assert found is not None
        if found.state not in (RequestState.QUEUED, RequestState.RUNNING):
            assert found.state is RequestState.DONE, found
            return
        time.sleep(0.1)
    raise AssertionError("the worker did not settle the programme")
