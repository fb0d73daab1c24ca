"""The engine against a plain Python scorer, and its limits."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty_core.programmes import Award, Collects, ProgrammeDocument, Rule
from loyalty_core.scoring import (
    LARGEST_AWARD,
    LinesShapeError,
    LineToExplain,
    PointsOverflowError,
    ScoringEngine,
    Unscored,
    compile_rules,
    day_begins,
    explain_line,
)


def programme(
    *rules: tuple[int, str], currency: str = "GBP", time_zone: str | None = None, days: int = 31
) -> ProgrammeDocument:
    """A programme of March 2026 whose rules give points per amount."""
    return ProgrammeDocument(
        code="march",
        name="March",
        starts=date(2026, 3, 1),
        ends=date(2026, 3, 1) + timedelta(days=days - 1),
        currency=currency,
        time_zone=time_zone,
        collects=Collects.COMPANY,
        rules=tuple(
            Rule(id=f"rule-{number}", per="line", award=Award(points=points, per_amount=Decimal(per_amount)))
            for number, (points, per_amount) in enumerate(rules)
        ),
    )


def line(
    number: int, amount_minor: int, *, currency: str = "GBP", sold_at: datetime | None = None
) -> LineToExplain:
    moment = sold_at or datetime(2026, 3, 15, 12, tzinfo=UTC)
    return LineToExplain(number, amount_minor, currency, moment.date(), moment)


def table(lines: list[LineToExplain]) -> pa.Table:
    return pa.table(
        {
            "sales_line_id": pa.array([one.sales_line_id for one in lines], pa.int64()),
            "amount_minor": pa.array([one.amount_minor for one in lines], pa.int64()),
            "currency": pa.array([one.currency for one in lines], pa.string()),
            "sold_on": pa.array([one.sold_on for one in lines], pa.date32()),
            "sold_at": pa.array([one.sold_at for one in lines], pa.timestamp("us", "UTC")),
        }
    )


def plain_outcome(document: ProgrammeDocument, rule: Rule, one: LineToExplain) -> int | Unscored:
    """What the rule gives the line, by the words of the document."""
    zone = document.time_zone
    day = one.sold_on if zone is None else one.sold_at.astimezone(ZoneInfo(zone)).date()
    if one.currency != document.currency:
        return Unscored.OTHER_CURRENCY
    if day < document.starts:
        return Unscored.BEFORE_START
    if day > document.ends:
        return Unscored.AFTER_END
    if one.amount_minor == 0:
        return Unscored.ZERO_AMOUNT
    digits = {"GBP": 2, "JPY": 0, "TND": 3}[document.currency]
    steps = abs(one.amount_minor) // int(rule.award.per_amount * 10**digits)
    if steps == 0:
        return Unscored.LESS_THAN_ONE_STEP
    return rule.award.points * steps * (1 if one.amount_minor > 0 else -1)


@pytest.fixture(scope="module")
def engine() -> Iterator[ScoringEngine]:
    with ScoringEngine(threads=1, memory_limit="500MB") as engine:
        yield engine


def points(engine: ScoringEngine, document: ProgrammeDocument, *amounts: int) -> list[int]:
    lines = table([line(number, amount) for number, amount in enumerate(amounts)])
    return [int(award["points"]) for award in engine.score(compile_rules(document), lines).to_pylist()]


def test_whole_tens_are_counted_toward_zero_and_returns_take_back_alike(engine: ScoringEngine) -> None:
    assert points(engine, programme((1, "10.00")), 999, 1000, 1999, 2000, -999, -1000, -1999, -2000) == [
        *(1, 1, 2),
        *(-1, -1, -2),
    ]


def test_an_award_names_line_rule_points_and_the_amount_that_made_it(engine: ScoringEngine) -> None:
    awards = engine.score(compile_rules(programme((1, "10.00"), (5, "100.00"))), table([line(7, -25_000)]))
    assert awards.schema.names == ["sales_line_id", "rule_id", "points", "basis_minor"]
    assert awards.to_pylist() == [
        {"sales_line_id": 7, "rule_id": "rule-0", "points": -25, "basis_minor": -25_000},
        {"sales_line_id": 7, "rule_id": "rule-1", "points": -10, "basis_minor": -25_000},
    ]


moments = st.integers(0, 37 * 86_400).map(
    lambda seconds: datetime(2026, 2, 26, tzinfo=UTC) + timedelta(seconds=seconds)
)
amounts = st.one_of(
    st.integers(-5_000, 5_000),
    st.sampled_from([0, 1, -1, 999, 1000, 1001, -999, -1000, -1001]),
    st.integers(-(10**15), 10**15),
)
drawn_lines = st.lists(st.tuples(amounts, st.sampled_from(["GBP", "JPY", "TND"]), moments), max_size=30).map(
    lambda rows: [
        line(number, amount, currency=currency, sold_at=moment)
        for number, (amount, currency, moment) in enumerate(rows)
    ]
)
programmes = st.builds(
    lambda rules, currency, zone, days: programme(*rules, currency=currency, time_zone=zone, days=days),
    st.lists(
        st.tuples(st.integers(1, 50) | st.just(1_000_000), st.integers(1, 10_000).map(str)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["GBP", "JPY", "TND"]),
    st.sampled_from([None, "Europe/London", "Asia/Jakarta", "America/Sao_Paulo", "Pacific/Kiritimati"]),
    st.integers(1, 31),
)


@settings(max_examples=300, deadline=None)
@given(programmes, drawn_lines)
def test_the_engine_agrees_with_a_plain_reading_of_the_document(
    engine: ScoringEngine, document: ProgrammeDocument, lines: list[LineToExplain]
) -> None:
    rules = compile_rules(document)
    expected = [
        (one.sales_line_id, rule.id, plain_outcome(document, rule, one))
        for one in lines
        for rule in document.rules
    ]
    awarded = {(number, rule): got for number, rule, got in expected if not isinstance(got, Unscored)}
    if any(abs(got) > LARGEST_AWARD for got in awarded.values()):
        with pytest.raises(PointsOverflowError) as caught:
            engine.score(rules, table(lines))
        assert all(abs(awarded[award]) > LARGEST_AWARD for award in caught.value.awards)
        return
    awards = engine.score(rules, table(lines)).to_pylist()
    assert {(award["sales_line_id"], award["rule_id"]): award["points"] for award in awards} == awarded
    assert len(awards) == len(awarded)
    amounts_by_line = {one.sales_line_id: one.amount_minor for one in lines}
    assert all(award["basis_minor"] == amounts_by_line[award["sales_line_id"]] for award in awards)

    unscored = {
        row["sales_line_id"]: row["reason"] for row in engine.unscored(rules, table(lines)).to_pylist()
    }
    assert unscored.keys() == amounts_by_line.keys() - {number for number, _rule in awarded}
    assert all(
        (number, reason) in {(n, got) for n, _r, got in expected} for number, reason in unscored.items()
    )

    outcomes = engine.outcomes(rules, table(lines)).to_pylist()
    assert [
        (row["sales_line_id"], row["rule_id"], row["points"] if row["reason"] is None else row["reason"])
        for row in outcomes
    ] == expected


def test_a_frame_gives_the_same_awards_in_one_piece_in_several_and_from_polars(engine: ScoringEngine) -> None:
    lines = table([line(number, number * 37 - 50_000) for number in range(3_000)])
    rules = compile_rules(programme((1, "10.00"), (2, "25.00")))
    frame = pl.from_arrow(lines)
    assert isinstance(frame, pl.DataFrame)

    def awards_of(*frames: "pa.Table | pl.DataFrame") -> list[tuple[object, ...]]:
        return sorted(tuple(row.values()) for one in frames for row in engine.score(rules, one).to_pylist())

    whole = awards_of(lines)
    assert len(whole) > 5_000
    assert awards_of(*(lines.slice(start, 700) for start in range(0, 3_000, 700))) == whole
    assert awards_of(*(lines.slice(start, 8) for start in range(0, 3_000, 8))) == whole
    assert awards_of(frame) == whole


def test_awards_of_a_receipt_and_of_a_batch_have_the_same_types(engine: ScoringEngine) -> None:
    lines = table([line(number, number * 40) for number in range(2_000)])
    rules = compile_rules(programme((1, "10.00")))
    receipt = lines.slice(0, 8)
    assert engine.score(rules, receipt).schema == engine.score(rules, lines).schema
    assert engine.unscored(rules, receipt).schema == engine.unscored(rules, lines).schema
    assert engine.outcomes(rules, receipt).schema == engine.outcomes(rules, lines).schema


def test_no_lines_give_no_awards(engine: ScoringEngine) -> None:
    rules = compile_rules(programme((1, "10.00")))
    assert engine.score(rules, table([])).num_rows == 0
    assert engine.unscored(rules, table([])).num_rows == 0


@pytest.mark.parametrize("amount", [10**15, -(10**15), 2**63 - 1, -(2**63)])
def test_points_that_no_account_can_hold_are_refused_and_never_wrap(
    engine: ScoringEngine, amount: int
) -> None:
    rules = compile_rules(programme((1, "1000.00"), (1_000_000, "0.01")))
    with pytest.raises(PointsOverflowError, match=r"sales line 41 .* “rule-1”") as caught:
        engine.score(rules, table([line(40, 1000), line(41, amount)]))
    assert caught.value.awards == [(41, "rule-1")]


def test_a_line_that_does_not_count_cannot_overflow(engine: ScoringEngine) -> None:
    rules = compile_rules(programme((1_000_000, "0.01")))
    foreign = line(1, 2**63 - 1, currency="JPY")
    assert engine.score(rules, table([foreign])).num_rows == 0


def test_the_largest_award_is_given(engine: ScoringEngine) -> None:
    assert points(engine, programme((1, "0.01")), LARGEST_AWARD, -LARGEST_AWARD) == [
        LARGEST_AWARD,
        -LARGEST_AWARD,
    ]
    with pytest.raises(PointsOverflowError):
        points(engine, programme((1, "0.01")), LARGEST_AWARD + 1)


def test_without_a_zone_of_its_own_a_programme_counts_each_line_by_its_own_day(engine: ScoringEngine) -> None:
    evening_in_brazil = LineToExplain(1, 1000, "GBP", date(2026, 3, 31), datetime(2026, 4, 1, 2, tzinfo=UTC))
    rules = compile_rules(programme((1, "10.00")))
    assert engine.score(rules, table([evening_in_brazil])).num_rows == 1


def test_with_a_zone_of_its_own_a_programme_counts_by_the_day_there(engine: ScoringEngine) -> None:
    rules = compile_rules(programme((1, "10.00"), time_zone="Europe/London"))
    # British summer time began on 29 March: the programme ends at 23:00 UTC, and began at 00:00 UTC.
    first, last = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 22, 59, 59, 999_999, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    lines = [line(n, 1000, sold_at=at) for n, at in enumerate([first - moment, first, last, last + moment])]
    assert engine.score(rules, table(lines))["sales_line_id"].to_pylist() == [1, 2]
    reasons = [explain_line(engine, rules, 1, one)[0].reason for one in lines]
    assert reasons == [Unscored.BEFORE_START, None, None, Unscored.AFTER_END]


@pytest.mark.parametrize(
    ("day", "zone", "begins"),
    [
        (date(2026, 3, 1), "Asia/Jakarta", datetime(2026, 2, 28, 17, tzinfo=UTC)),
        # Midnight did not happen: clocks went from 23:59 to 01:00.
        (date(2013, 10, 20), "America/Sao_Paulo", datetime(2013, 10, 20, 3, tzinfo=UTC)),
        # Clocks showed the first hour twice.
        (date(2021, 10, 31), "Atlantic/Azores", datetime(2021, 10, 31, 0, tzinfo=UTC)),
    ],
)
def test_a_day_begins_when_clocks_first_show_it(day: date, zone: str, begins: datetime) -> None:
    assert day_begins(day, zone) == begins


def test_what_a_document_says_reaches_the_query_as_a_value_only() -> None:
    one, other = (
        programme((1, "10.00"), (2, "3.00")),
        programme((7, "0.05"), (9, "99.00"), currency="TND", days=2),
    )
    assert compile_rules(one).awards == compile_rules(other).awards
    assert compile_rules(one).parameters != compile_rules(other).parameters


def test_the_engine_sees_no_files_and_no_frames_around_it(engine: ScoringEngine) -> None:
    secret = table([line(1, 1)])
    assert secret.num_rows == 1
    connection = engine._connection
    with pytest.raises(duckdb.CatalogException):
        connection.execute("select * from secret")
    with pytest.raises(duckdb.PermissionException):
        connection.execute("select * from read_csv('/etc/hostname')")
    with pytest.raises(duckdb.InvalidInputException):
        connection.execute("set enable_external_access = true")


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("amount_minor", pa.array([10.5]), "amount_minor of lines can't be double"),
        ("sold_on", pa.array(["2026-03-01"]), "sold_on of lines can't be string"),
        ("currency", pa.array([None], pa.string()), "currency of lines holds nulls"),
    ],
)
def test_lines_of_another_shape_are_turned_away(
    engine: ScoringEngine, column: str, values: pa.Array, told: str
) -> None:
    lines = table([line(1, 1000)])
    wrong = lines.set_column(lines.column_names.index(column), column, values)
    with pytest.raises(LinesShapeError, match=told):
        engine.score(compile_rules(programme((1, "10.00"))), wrong)
    with pytest.raises(LinesShapeError, match="lack the column"):
        engine.score(compile_rules(programme((1, "10.00"))), lines.drop_columns([column]))


def test_naive_moments_are_turned_away(engine: ScoringEngine) -> None:
    lines = table([line(1, 1000)])
    at = lines.column_names.index("sold_at")
    naive = lines.set_column(at, "sold_at", pa.array([datetime(2026, 3, 5)], pa.timestamp("us")))  # noqa: DTZ001
    with pytest.raises(LinesShapeError, match="sold_at"):
        engine.score(compile_rules(programme((1, "10.00"), time_zone="Europe/London")), naive)


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (
            line(1, 2_550),
            "Rule “rule-0”, version 3, gives 1 point for each whole £10.00."
            " The line's £25.50 hold 2 of them: 2 points.",
        ),
        (
            line(1, -1_000),
            "Rule “rule-0”, version 3, gives 1 point for each whole £10.00."
            " The return's £10.00 hold 1 of them: 1 point is taken back.",
        ),
        (line(1, 999), "The line's £9.99 are less than the £10.00 that rule “rule-0” asks for."),
        (line(1, 0), "The line's amount is zero."),
        (line(1, 5_000, currency="EUR"), "The line is in EUR; the programme counts GBP only."),
        (
            line(1, 5_000, sold_at=datetime(2026, 2, 28, 23, tzinfo=UTC)),
            "The line was sold on Feb 28, 2026, before the programme's first day, Mar 1, 2026.",
        ),
        (
            line(1, 5_000, sold_at=datetime(2026, 4, 1, tzinfo=UTC)),
            "The line was sold on Apr 1, 2026, after the programme's last day, Mar 31, 2026.",
        ),
    ],
)
def test_a_line_is_explained_in_words(engine: ScoringEngine, one: LineToExplain, sentence: str) -> None:
    (explanation,) = explain_line(engine, compile_rules(programme((1, "10.00"))), 3, one)
    assert explanation.sentence == sentence
    assert explanation.version == 3
