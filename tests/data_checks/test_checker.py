import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import psutil
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from sqlalchemy.engine import make_url

from data_checks import (
    Checker,
    CheckResult,
    EarlierFile,
    ImportFacts,
    Level,
    Limit,
    SuiteError,
    SuiteResult,
    Unit,
    default_thresholds,
    meanings,
    run_suite,
)
from laurel.embedded import app_url
from tests.data_checks.staging import NOW, changed, staging_table, usual_lines
from tests.databases import TestServer

FACTS = ImportFacts(rows=100, quarantined=0, duplicates=0, now=NOW)


@pytest.fixture(scope="module")
def url(server: TestServer) -> Iterator[str]:
    owner_url = server.new_database()
    yield app_url(owner_url)
    server.drop_database(owner_url)


def test_a_child_answers_as_the_process_itself_does(url: str) -> None:
    thresholds = default_thresholds("sales").with_changes({"returns_share": {"stop": {"at_most": 0.1}}})
    facts = ImportFacts(
        rows=100,
        quarantined=0,
        duplicates=10,
        now=NOW,
        earlier=[EarlierFile(90, Decimal("1800.05"), 0.01, 8)] * 3,
        mapped=frozenset({"quantity"}),
    )
    with staging_table(url, changed(usual_lines(100), 20, quantity=-1)) as table:
        with Checker() as checker:
            there = checker.run_suite(
                "sales", database_url=url, staging_table=table, facts=facts, thresholds=thresholds
            )
        here = run_suite("sales", database_url=url, staging_table=table, facts=facts, thresholds=thresholds)
    assert there.checks == here.checks
    assert [check.name for check in here.stops] == ["returns_share"]


def test_a_suite_that_can_not_be_run_is_an_error_and_no_answer(url: str) -> None:
    missing = f"staging.import_{'0' * 32}"
    with pytest.raises(SuiteError, match="does not exist"):
        run_suite("sales", database_url=url, staging_table=missing, facts=FACTS)
    with Checker() as checker, pytest.raises(SuiteError, match="does not exist"):
        checker.run_suite("sales", database_url=url, staging_table=missing, facts=FACTS)


def test_a_dataset_without_a_suite_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match="no suite for weather"):
        run_suite("weather", database_url=url, staging_table="", facts=FACTS)


def test_a_password_with_a_dollar_sign_is_taken_as_it_is(url: str, server: TestServer) -> None:
    password = "p$HOME${x}%\\$"
    odd = make_url(url).set(username="odd", password=password).render_as_string(hide_password=False)
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as owner:
        owner.execute(
            sql.SQL("create role odd login in role laurel_app password {}").format(sql.Literal(password))
        )
        try:
            with staging_table(url, usual_lines(100)) as table:
                result = run_suite("sales", database_url=odd, staging_table=table, facts=FACTS)
        finally:
            owner.execute("drop role odd")
    assert result.stops == ()


def test_a_closed_checker_leaves_no_process() -> None:
    with Checker():
        child = max(psutil.Process().children(), key=lambda process: process.create_time())
    assert not child.is_running()


def test_the_child_ends_by_itself_when_its_parent_was_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time\nfrom data_checks import Checker\nchecker = Checker()\nprint('ready', flush=True)\n"
            "time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        parent.stdout.readline()
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 60
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.2)


_WATCHED = """
import json, sys

calls = []

def watch(event, arguments):
    if event == "socket.getaddrinfo" or (event == "socket.connect" and isinstance(arguments[1], tuple)):
        calls.append(f"{event} {arguments}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        calls.append(f"{event} {arguments}")

sys.addaudithook(watch)
from data_checks import ImportFacts, run_suite
request = json.load(sys.stdin)
run_suite("sales", database_url=request["url"], staging_table=request["table"],
          facts=ImportFacts.from_json(request["facts"]))
calls.extend(name for name in ("altair.vegalite", "scipy.stats.distributions") if name in sys.modules)
print(json.dumps(calls))
"""


def test_judging_asks_nobody_on_the_network_writes_no_file_prints_nothing_and_loads_no_charts(
    url: str,
) -> None:
    with staging_table(url, usual_lines(100)) as table:
        done = subprocess.run(
            [sys.executable, "-B", "-W", "error", "-c", _WATCHED],
            input=json.dumps({"url": url, "table": table, "facts": FACTS.to_json()}),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "GX_ANALYTICS_ENABLED": "true"},
        )
    assert json.loads(done.stdout) == []
    assert done.stderr == ""


_texts = st.text('aé„"\\\n', max_size=8)
_shares = st.floats(min_value=0, max_value=1)
_limits = st.builds(lambda low, above: Limit(at_least=low, at_most=low + above), _shares, _shares)


@given(
    st.builds(
        SuiteResult,
        dataset=st.just("sales"),
        checks=st.lists(
            st.builds(
                CheckResult,
                name=_texts,
                meaning=_texts,
                what_to_do=_texts,
                unit=st.sampled_from(Unit),
                level=st.sampled_from(Level),
                passed=st.booleans(),
                observed=_shares,
                threshold=_limits,
            ),
            max_size=5,
        ).map(tuple),
        seconds=_shares,
    )
)
def test_a_result_is_stored_and_read_without_a_loss(result: SuiteResult) -> None:
    assert SuiteResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert {*result.stops, *result.warnings} == {check for check in result.checks if not check.passed}


def test_thresholds_are_stored_and_read_without_a_loss() -> None:
    defaults = default_thresholds("sales")
    own = defaults.with_changes({"free_share": None, "oldest_years": 2})
    assert defaults.with_changes(json.loads(json.dumps(own.to_json()))) == own
    assert own != defaults


@pytest.mark.parametrize(("rows", "quarantined", "duplicates"), [(1, 2, 0), (3, 2, 2), (3, -1, 0)])
def test_facts_that_do_not_add_up_are_refused(rows: int, quarantined: int, duplicates: int) -> None:
    with pytest.raises(ValueError, match="fit"):
        ImportFacts(rows=rows, quarantined=quarantined, duplicates=duplicates, now=datetime.now(UTC))


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ImportFacts(rows=1, quarantined=0, duplicates=0, now=datetime(2024, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("dataset", ["claims", "sales", "companies", "prices"])
def test_every_check_says_what_it_means_before_any_file_was_held_against_it(dataset: str) -> None:
    assert set(meanings(dataset)) == set(default_thresholds(dataset).limits)
