"""The demo, made by the commands that people use, each step in the name of the person whose work it is.

Every step looks first whether it is done, so a demo that was interrupted is finished by the next start. From the
first step to the last the sign-ins lie in a file with the ending `.unfinished`, under the last day of sales and
the scale.
"""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import data_checks
from loyalty_core import access, intake, organisation, programmes
from loyalty_core.demo import partners, trade
from loyalty_core.demo.market import TIME_ZONE, first_day_of
from loyalty_core.demo.sign_ins import DemoSignIn, new_sign_ins, read_table, table_of, write_table
from loyalty_core.demo.stage import Stage
from loyalty_core.intake import Dataset
from loyalty_core.kernel import Database, Scope, Settings, _, get_logger, now

_SYSTEM = Scope.of_system("demo")
_SIGN_INS_FILE = "demo-sign-ins"
# Hashing a password takes a core a quarter of a second; waiting for the database takes none.
_THREADS = 4

_log = get_logger(__name__)


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


def make_demo(
    database: Database, settings: Settings, *, datasets: Mapping[str, Dataset], scale: float = 1.0
) -> Demo:
    """Make the demo in an empty database, or finish one that was interrupted, at the scale that it was begun with.

    At scale 1: a brand owner's four countries, 150 companies, 400 people, 150,000 lines in eighteen months that
    end the day before the first start, two programmes, claims, budgets, rewards and orders, and something that
    waits for everyone. Raises DemoNotMadeError.
    """
    unfinished = _unfinished(settings)
    if unfinished.exists():
        first_line, sign_ins = read_table(unfinished)
        day, begun_scale = first_line.split()
        last_day, scale = date.fromisoformat(day), float(begun_scale)
    else:
        sign_ins, last_day = new_sign_ins(), now().astimezone(ZoneInfo(TIME_ZONE)).date() - timedelta(days=1)
        write_table(unfinished, f"{last_day.isoformat()} {scale!r}", sign_ins)
    folder = settings.work_folder / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            _make(Stage(database, settings, datasets, folder, last_day, scale, pool), sign_ins)
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


def _unfinished(settings: Settings) -> Path:
    return settings.secrets_folder / f"{_SIGN_INS_FILE}.unfinished"


def _make(stage: Stage, sign_ins: tuple[DemoSignIn, ...]) -> None:
    by_name = {one.person.name: one for one in sign_ins}
    # Once for all files, not in a child of each import; and while passwords are hashed on another core.
    checks = stage.begin(data_checks.warm_up)
    with stage.at(first_day_of(stage.last_day) - timedelta(days=45), 8):
        partners.make_user(stage, _SYSTEM, by_name["admin"], {})
        admin = stage.scope_of("admin")
        region_ids = partners.make_regions(stage, admin)
        staff = {
            one.person.name: stage.begin(partners.make_user, stage, admin, one, region_ids)
            for one in sign_ins
            if one.person.company is None
        }
        for name in ("operator", "poland", "serbia", "britain", "indonesia"):
            staff[name].result()
        partners.make_companies(stage, region_ids)
        stage.together(
            lambda one=one: partners.make_user(stage, admin, one, region_ids)
            for one in sign_ins
            if one.person.company is not None
        )
        for made in staff.values():
            made.result()
    partners.assign_partners(stage)
    trade.apply_programmes(stage)
    partners.make_participants(stage)
    partners.link_users(stage)
    partners.make_newcomers(stage, region_ids)
    checks.result()
    trade.import_sales(stage)
    trade.import_lists(stage)
