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
from uuid import UUID
from zoneinfo import ZoneInfo

import data_checks
from loyalty_core import access, intake, organisation, programmes
from loyalty_core.demo import claiming, partners, redeeming, trade
from loyalty_core.demo.catalogue import rewards_of
from loyalty_core.demo.market import TIME_ZONE, first_day_of
from loyalty_core.demo.sign_ins import DemoSignIn, new_sign_ins, read_table, table_of, write_table
from loyalty_core.demo.stage import Stage
from loyalty_core.intake import Dataset
from loyalty_core.kernel import Database, Scope, Settings, _, get_logger, now

_SYSTEM = Scope.of_system("demo")
_SIGN_INS_FILE = "demo-sign-ins"
# Waiting for the database takes no core; hashing a password takes one a quarter of a second.
_THREADS, _HASHERS = 4, 2

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo that was made: who may sign in, and the file that says so too."""

    sign_ins: tuple[DemoSignIn, ...]
    sign_ins_file: Path


def demo_is_due(database: Database, settings: Settings) -> bool:
    """Whether the database is empty, or holds a demo that was interrupted."""
    if is_unfinished(settings):
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
    unfinished = unfinished_file(settings)
    if is_unfinished(settings):
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


def is_unfinished(settings: Settings) -> bool:
    """Whether the making of a demo was begun and did not end."""
    return unfinished_file(settings).exists()


def unfinished_file(settings: Settings) -> Path:
    """Return where the sign-ins lie while the demo is being made."""
    return settings.secrets_folder / f"{_SIGN_INS_FILE}.unfinished"


def _make(stage: Stage, sign_ins: tuple[DemoSignIn, ...]) -> None:
    # Passwords are hashed, and the checks are loaded once for all files, beside the rest of the work.
    with ThreadPoolExecutor(1) as loading, ThreadPoolExecutor(_HASHERS) as hashing:
        checks = stage.begin(data_checks.warm_up, pool=loading)
        region_ids = _make_partners(stage, sign_ins, hashing)
        checks.result()
        # Files take the database's time, and people's small steps ours.
        sold = stage.begin(trade.import_sales, stage, pool=loading)
        partners.make_participants(stage)
        partners.link_users(stage)
        partners.make_newcomers(stage, region_ids)
        planned = claiming.plan(stage, [one.points for one in rewards_of(trade.CLAIMS_PROGRAMME_CODE)])
        orders = redeeming.plan(stage, planned)
        reward_ids = redeeming.make_rewards(stage, orders)
        redeeming.make_budgets(stage, orders, region_ids)
        sold.result()
        listed = stage.begin(trade.import_lists, stage, pool=loading)
        claiming.make_claims(stage, planned)
        redeeming.make_orders(stage, orders, reward_ids)
        listed.result()


def _make_partners(
    stage: Stage, sign_ins: tuple[DemoSignIn, ...], hashing: ThreadPoolExecutor
) -> dict[str, UUID]:
    """Make regions, users, companies and the programmes; return the regions' ids by code."""
    with stage.at(first_day_of(stage.last_day) - timedelta(days=45), 8):
        first, *others = sign_ins
        partners.make_user(stage, _SYSTEM, first, {})
        admin = stage.scope_of(first.person.name)
        region_ids = partners.make_regions(stage, admin)
        users = {
            one.person.name: stage.begin(partners.make_user, stage, admin, one, region_ids, pool=hashing)
            for one in others
            if one.person.company is None
        }
        for name in partners.REGISTER:
            users[name].result()
        partners.make_companies(stage, region_ids)
        users |= {
            one.person.name: stage.begin(partners.make_user, stage, admin, one, region_ids, pool=hashing)
            for one in others
            if one.person.company is not None
        }
    for made in users.values():
        made.result()
    partners.assign_partners(stage)
    trade.apply_programmes(stage)
    return region_ids
