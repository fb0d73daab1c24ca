"""What a source's checks allow: set by a person, kept version by version, used from the next file on."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from loyalty_core import intake
from loyalty_core.intake import ImportState
from loyalty_core.kernel import ActorKind, Database, NotAllowedError, Scope, new_id
from tests.intake.field import imported, lines, settings_in, write

SOURCE = "sales:tills"
MORE_REJECTED = {"quarantine_share": {"warn": None, "stop": {"at_least": None, "at_most": 0.9}}}


def set_limits(database: Database, scope: Scope, changes: Mapping[str, object], *, seen: int = 0) -> int:
    return intake.set_limits(
        database,
        scope,
        dataset="sales",
        source=SOURCE,
        changes=changes,
        reason="It always is",
        seen_version=seen,
    ).version


def state_of_a_file_with_most_rows_rejected(
    database: Database, scope: Scope, folder: Path, name: str, source: str = "tills"
) -> ImportState:
    rows = [*lines(10, invoice=name), *lines(15, invoice=f"{name}bad", quantity="0")]
    path = write(folder / f"{name}.csv", rows)
    return imported(database, settings_in(folder), scope, path, source=source).state


def test_a_source_that_always_sends_bad_rows_can_be_let_through(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    assert (
        state_of_a_file_with_most_rows_rejected(committed_database, everything, tmp_path, "A")
        is ImportState.WAITING
    )
    set_limits(committed_database, everything, MORE_REJECTED)
    assert (
        state_of_a_file_with_most_rows_rejected(committed_database, everything, tmp_path, "B")
        is ImportState.ACCEPTED
    )
    other = state_of_a_file_with_most_rows_rejected(
        committed_database, everything, tmp_path, "C", source="others"
    )
    assert other is ImportState.WAITING


def test_each_change_is_a_version_with_its_reason_and_nobody_overwrites_what_they_did_not_see(
    database: Database, everything: Scope
) -> None:
    assert set_limits(database, everything, MORE_REJECTED) == 1
    assert set_limits(database, everything, MORE_REJECTED) == 1
    with pytest.raises(intake.LimitsChangedMeanwhileError, match="meanwhile"):
        set_limits(database, everything, {})
    assert set_limits(database, everything, {}, seen=1) == 2
    with database.transaction(everything) as connection:
        versions = intake.limits_by_version(connection, SOURCE)
        assert [(one.version, one.changes, one.reason) for one in versions] == [
            (2, {}, "It always is"),
            (1, MORE_REJECTED, "It always is"),
        ]
        recorded = connection.execute(
            text("select count(*) from audit_record where action = 'intake.limits_set'")
        ).scalar_one()
        assert recorded == 2


@pytest.mark.parametrize(
    "changes",
    [{"no_such_check": None}, {"quarantine_share": {"stop": {"at_most": "half"}}}, {"quarantine_share": 1}],
)
def test_limits_that_no_check_can_keep_are_refused(
    database: Database, everything: Scope, changes: Mapping[str, object]
) -> None:
    with pytest.raises(intake.LimitsNotUsableError, match="can't be used"):
        set_limits(database, everything, changes)


def test_limits_need_a_reason_and_the_right_to_manage_sources(database: Database, everything: Scope) -> None:
    with pytest.raises(intake.LimitsNeedReasonError):
        intake.set_limits(
            database, everything, dataset="sales", source=SOURCE, changes={}, reason=" ", seen_version=0
        )
    stranger = Scope(ActorKind.USER, "stranger", new_id(), sees_everything=True)
    with pytest.raises(NotAllowedError):
        set_limits(database, stranger, MORE_REJECTED)


def test_how_a_sources_files_were_is_told_in_the_order_they_came(
    committed_database: Database, everything: Scope, tmp_path: Path
) -> None:
    for name in ("A", "B"):
        state_of_a_file_with_most_rows_rejected(committed_database, everything, tmp_path, name)
    good = imported(
        committed_database,
        settings_in(tmp_path),
        everything,
        write(tmp_path / "good.csv", lines(30, invoice="G")),
    )
    with committed_database.transaction(everything) as connection:
        files = intake.quality_over_time(connection, SOURCE, limit=2)
        (source,) = [one for one in intake.sources(connection) if one.name == SOURCE]
    assert [(one.file_name, one.state, one.rows, one.quarantined) for one in files] == [
        ("B.csv", ImportState.WAITING, 25, 15),
        ("good.csv", ImportState.ACCEPTED, 30, 0),
    ]
    assert files[-1].import_id == good.id
    assert files[0].reasons == {"zero_quantity": 15}
    assert (source.dataset, source.files, source.accepted, source.rows, source.quarantined) == (
        "sales",
        3,
        1,
        80,
        30,
    )
