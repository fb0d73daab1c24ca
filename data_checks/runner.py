"""Runs a suite: great-expectations over one row of figures that PostgreSQL computes in one pass.

An expectation per column straight over the staging table would read it once for each of them. So the suite's
figures are the columns of one aggregate query; great-expectations puts its single row into a temporary table
and holds that row against the bounds. See docs/decisions/data-checks.md.
"""

import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from data_checks import budgets, claims, companies, outlets, participants, prices, products, sales
from data_checks.checks import Check, Thresholds
from data_checks.results import CheckResult, EarlierFile, ImportFacts, Level, SuiteResult, Unit

_STAGING_TABLE = re.compile(r"staging\.import_[0-9a-f]{32}")

# What only its charts and statistical tests need, and what is more than a third of its import's time.
_NOT_NEEDED = frozenset({"altair", "scipy.stats"})
_SEVERITIES = {Level.STOP: "critical", Level.WARN: "warning"}
_LEVELS = {severity: level for level, severity in _SEVERITIES.items()}


class SuiteError(RuntimeError):
    """A suite could not be run; nothing is known about the data."""


@dataclass(frozen=True, slots=True)
class _Suite:
    defaults: Thresholds
    checks: Callable[[ImportFacts, Thresholds], Sequence[Check]]
    source: Callable[[str, ImportFacts, Thresholds], str]


_SUITES: Mapping[str, _Suite] = {
    "budgets": _Suite(defaults=budgets.DEFAULTS, checks=budgets.checks, source=budgets.source),
    "claims": _Suite(defaults=claims.DEFAULTS, checks=claims.checks, source=claims.source),
    "companies": _Suite(defaults=companies.DEFAULTS, checks=companies.checks, source=companies.source),
    "outlets": _Suite(defaults=outlets.DEFAULTS, checks=outlets.checks, source=outlets.source),
    "participants": _Suite(
        defaults=participants.DEFAULTS, checks=participants.checks, source=participants.source
    ),
    "prices": _Suite(defaults=prices.DEFAULTS, checks=prices.checks, source=prices.source),
    "products": _Suite(defaults=products.DEFAULTS, checks=products.checks, source=products.source),
    "sales": _Suite(defaults=sales.DEFAULTS, checks=sales.checks, source=sales.source),
}


def default_thresholds(dataset: str) -> Thresholds:
    """Return the limits that the dataset's suite ships with. Raises ValueError for a dataset without one."""
    return _suite_of(dataset).defaults


def meanings(dataset: str) -> dict[str, str]:
    """Return what each check of the dataset's suite means, by its name, in the suite's order.

    English, marked for translation. Raises ValueError for a dataset without a suite.
    """
    return {check.name: check.meaning for check in _every_check(dataset)}


def units(dataset: str) -> dict[str, Unit]:
    """Return how the figure of each check of the dataset's suite reads, by the check's name.

    Raises ValueError for a dataset without a suite.
    """
    return {check.name: check.unit for check in _every_check(dataset)}


def _every_check(dataset: str) -> Sequence[Check]:
    suite = _suite_of(dataset)
    # Facts of a file that is held against everything.
    told = ImportFacts(
        rows=1_000_000,
        quarantined=0,
        duplicates=0,
        now=datetime.now(UTC),
        earlier=[EarlierFile(1_000_000, Decimal(1_000_000), 0.0, 1_000)] * 10,
        control_total=Decimal(1_000_000),
        period_from=date(2000, 1, 1),
        period_to=date(2000, 12, 31),
    )
    return suite.checks(told, suite.defaults)


def has_suite(dataset: str) -> bool:
    """Whether there is a suite for files of the dataset."""
    return dataset in _SUITES


def warm_up() -> None:
    """Import great-expectations and the driver, which takes seconds: once per process, before it is needed.

    Not in a thread beside other work: it changes the process's warning filters while it imports, and it
    computes rather than waits, so it would only slow the other thread down. A command that has no time to
    warm up beforehand lets a `Checker` do it.
    """
    _great_expectations()
    import psycopg  # noqa: F401 (SQLAlchemy would import it within the first suite's time)


def is_warm() -> bool:
    """Whether this process has imported great-expectations already, so that a suite starts at once here."""
    module = sys.modules.get("great_expectations")
    return module is not None and not getattr(module.__spec__, "_initializing", False)


def run_suite(
    dataset: str,
    *,
    database_url: str,
    staging_table: str,
    facts: ImportFacts,
    thresholds: Thresholds | None = None,
) -> SuiteResult:
    """Judge what the row rules left of an import, as a whole.

    `staging_table` is `staging.import_<32 hex>`, with its `_bad` beside it; both must be committed, since the
    suite reads them on a connection of its own. `database_url` is the application's. `thresholds` are the
    source's, None for the shipped ones. The first call in a process takes seconds longer; see `warm_up`.
    Raises ValueError for an unknown dataset or another table, SuiteError when the suite could not be run,
    sqlalchemy's OperationalError when the database went away.
    """
    suite = _suite_of(dataset)
    if not _STAGING_TABLE.fullmatch(staging_table):
        raise ValueError(f"{staging_table!r} is not an import's staging table")
    thresholds = thresholds or suite.defaults
    checks = [check for check in suite.checks(facts, thresholds) if check.limits.by_severity()]
    gx = _great_expectations()
    started = time.perf_counter()
    figures = _figures(checks, suite.source(staging_table, facts, thresholds))
    try:
        answers = _validate(gx, database_url, figures, checks)
    except OperationalError:
        # The database went away: that is no fault of the suite, and whoever called has a sentence for it.
        raise
    except (SQLAlchemyError, gx.exceptions.GreatExpectationsError, ConnectionError) as error:
        raise SuiteError(f"the checks of {staging_table} could not be run: {error}") from error
    return SuiteResult(dataset=dataset, checks=answers, seconds=time.perf_counter() - started)


def _suite_of(dataset: str) -> _Suite:
    try:
        return _SUITES[dataset]
    except KeyError:
        raise ValueError(f"there is no suite for {dataset}; there are {', '.join(_SUITES)}") from None


def _great_expectations() -> Any:
    with warnings.catch_warnings(), _left_for_later(_NOT_NEEDED):
        # Its own imports still use names that Python and its libraries have deprecated.
        warnings.simplefilter("ignore")
        import great_expectations

    return great_expectations


@contextmanager
def _left_for_later(names: frozenset[str]) -> Iterator[None]:
    """Let these modules, where they are imported inside the block, load when something of them is first used."""

    class Finder:
        @staticmethod
        def find_spec(
            name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
        ) -> ModuleSpec | None:
            spec = PathFinder.find_spec(name, path, target) if name in names else None
            if spec is not None and spec.loader is not None:
                spec.loader = LazyLoader(spec.loader)
            return spec

    sys.meta_path.insert(0, Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(Finder)


def _figures(checks: Sequence[Check], source: str) -> str:
    columns = ",\n        ".join(
        f"cast({check.figure} as double precision) as {check.name}" for check in checks
    )
    return f"SELECT\n        {columns}\n    from {source}"


def _validate(gx: Any, database_url: str, figures: str, checks: Sequence[Check]) -> tuple[CheckResult, ...]:
    if not checks:
        return ()
    settings = gx.data_context.types.base
    context = gx.get_context(
        mode="ephemeral",
        project_config=settings.DataContextConfig(
            store_backend_defaults=settings.InMemoryStoreBackendDefaults(),
            progress_bars={"globally": False},
        ),
    )
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    with warnings.catch_warnings():
        # The special class for PostgreSQL, which it recommends, takes no Unix socket.
        warnings.filterwarnings("ignore", message="You are using a generic SQLDatasource")
        source = context.data_sources.add_sql(
            "staging",
            # A dollar sign would be read as the name of a variable.
            connection_string=url.render_as_string(hide_password=False).replace("$", r"\$"),
            create_temp_table=True,
            # The temporary table lives as long as its connection.
            kwargs={"pool_size": 1, "max_overflow": 0},
        )
    try:
        figures_once = source.add_query_asset("figures", figures).add_batch_definition_whole_table("figures")
        suite = gx.ExpectationSuite(
            name="suite",
            expectations=[
                gx.expectations.ExpectColumnMaxToBeBetween(
                    column=check.name,
                    min_value=limit.at_least,
                    max_value=limit.at_most,
                    severity=_SEVERITIES[level],
                )
                for check in checks
                for level, limit in check.limits.by_severity()
            ],
        )
        validation = context.validation_definitions.add(
            gx.ValidationDefinition(name="validation", data=figures_once, suite=context.suites.add(suite))
        )
        outcome = validation.run(result_format="SUMMARY")
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()
    return tuple(_answer(check, outcome.results) for check in checks)


def _answer(check: Check, expectations: Sequence[Any]) -> CheckResult:
    """Return the check's one answer from what its expectations, one per limit, came to."""
    passed: dict[Level, bool] = {}
    observed: float | None = None
    for expectation in expectations:
        if expectation.expectation_config.kwargs["column"] != check.name:
            continue
        observed = expectation.result.get("observed_value")
        if observed is None:
            raise SuiteError(f"{check.name} could not be computed: {expectation.exception_info}")
        passed[_LEVELS[expectation.expectation_config.severity.value]] = expectation.success
    if observed is None:
        raise SuiteError(f"{check.name} was not computed")
    limits = dict(check.limits.by_severity())
    level = next((level for level in limits if not passed[level]), list(limits)[-1])
    return CheckResult(
        name=check.name,
        meaning=check.meaning,
        what_to_do=check.what_to_do,
        unit=check.unit,
        level=level,
        passed=passed[level],
        observed=float(observed),
        threshold=limits[level],
    )
