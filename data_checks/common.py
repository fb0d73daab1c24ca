"""What suites of several kinds of files ask: rows that are left, rows rejected, and as many rows as usual."""

from collections.abc import Iterator
from statistics import median

from data_checks.checks import Check, Thresholds
from data_checks.results import N_, ImportFacts, Unit

# In each function here the texts are marked by `N_` where they are written.


def share(part: str, whole: str) -> str:
    """Return the figure of a part of a whole, both columns of the suite's query: none of nothing is 0."""
    return f"coalesce(sum({part}) / nullif(sum({whole}), 0), 0)"


def rows_left_check(
    thresholds: Thresholds, name: str, meaning: str, what_to_do: str, *, rows: str
) -> Iterator[Check]:
    """Yield the check that something is left; `rows` names the column of the suite's query that counts it."""
    yield Check(
        name=name,
        meaning=meaning,
        what_to_do=what_to_do,
        unit=Unit.COUNT,
        figure=f"coalesce(sum({rows}), 0)",
        limits=thresholds.limits[name],
    )


def quarantine_check(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    """Yield the check of the part that the row rules rejected, where the rows are enough to judge a share."""
    if facts.rows >= thresholds.lines_for_shares:
        yield Check(
            name="quarantine_share",
            meaning=N_("Part of the rows that was rejected"),
            what_to_do=N_(
                "Download the rejected rows, put right what their reasons name, and upload them again; if the "
                "source always sends such rows, raise its limit."
            ),
            unit=Unit.SHARE,
            figure=f"{facts.quarantined / facts.rows!r}",
            limits=thresholds.limits["quarantine_share"],
        )


def left_check(
    facts: ImportFacts,
    thresholds: Thresholds,
    name: str,
    meaning: str,
    what_to_do: str,
    *,
    figure: str,
    unit: Unit = Unit.SHARE,
) -> Iterator[Check]:
    """Yield the check of a figure over what is left, where that is enough to judge a share."""
    if facts.rows - facts.quarantined >= thresholds.lines_for_shares:
        yield Check(
            name=name,
            meaning=meaning,
            what_to_do=what_to_do,
            unit=unit,
            figure=figure,
            limits=thresholds.limits[name],
        )


def usual_rows_check(facts: ImportFacts, thresholds: Thresholds, what_to_do: str) -> Iterator[Check]:
    """Yield the check of the rows against those of the source's earlier files, where there are enough of them."""
    if len(facts.earlier) < max(thresholds.earlier_files_needed, 1):
        return
    usual_rows = median(file.rows for file in facts.earlier)
    if usual_rows > 0:
        yield Check(
            name="rows_against_earlier",
            meaning=N_("Rows, beside what this source usually sends"),
            what_to_do=what_to_do,
            unit=Unit.RATIO,
            figure=f"{facts.rows / usual_rows!r}",
            limits=thresholds.limits["rows_against_earlier"],
        )
