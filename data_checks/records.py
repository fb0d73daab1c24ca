"""What the suites for files of records share: companies, outlets, participants, products, prices, budgets.

Their figures stand in one row, over the records that the row rules left.
"""

from collections.abc import Callable, Iterator, Mapping

from data_checks.checks import Check, Limits, Thresholds
from data_checks.common import left_check, quarantine_check, rows_left_check, share, usual_rows_check
from data_checks.results import N_, ImportFacts, Limit, Unit

_NOT_BAD = (
    "not exists (select 1 from {table}_bad as bad"
    " where bad.row_no = record.row_no and bad.sheet is not distinct from record.sheet)"
)

COMMON: Mapping[str, Limits] = {
    "records_left": Limits(stop=Limit(at_least=1)),
    "quarantine_share": Limits(warn=Limit(at_most=0.10), stop=Limit(at_most=0.50)),
    "unknown_share": Limits(warn=Limit(at_most=0.05), stop=Limit(at_most=0.50)),
    "changed_share": Limits(warn=Limit(at_most=0.50)),
    "rows_against_earlier": Limits(warn=Limit(at_least=0.5, at_most=3)),
}


def source_of(staging_table: str, figures: Mapping[str, str], *, unknown: tuple[str, ...] = ()) -> str:
    """Return the FROM clause of one row: `records`, how many are left, `unknown_rows`, and the figures by name.

    A figure is an aggregate over the records that are left, or a scalar subquery over `{left}`, which stands for
    them. `unknown` are the row rules' reasons that tell of something unknown.
    """
    left = f"(select * from {staging_table} as record where {_NOT_BAD}) as record"  # noqa: S608 (checked by the runner)
    reasons = ", ".join(f"'{reason}'" for reason in unknown)
    unknown_rows = (
        f"(select count(*) from (select distinct row_no, sheet from {staging_table}_bad"  # noqa: S608 (as above)
        f" where reasons && array[{reasons}]::text[]) as unknown)"
    )
    columns = ", ".join(
        f"{figure} as {name}"
        for name, figure in {"records": "count(*)", "unknown_rows": unknown_rows, **figures}.items()
    )
    return f"(select {columns} from {{left}}) as file".replace("{left}", left).replace(  # noqa: S608 (as above)
        "{table}", staging_table
    )


def fixed_source(
    figures: Mapping[str, str], *, unknown: tuple[str, ...] = ()
) -> Callable[[str, ImportFacts, Thresholds], str]:
    """Return a suite's `source` whose figures are the same for every file and limits, as `source_of` takes them."""

    def source(staging_table: str, _facts: ImportFacts, _thresholds: Thresholds) -> str:
        return source_of(staging_table, figures, unknown=unknown)

    return source


def common_checks(facts: ImportFacts, thresholds: Thresholds) -> Iterator[Check]:
    """Return the checks that every file of records has: not every one applies to a small or a first one."""
    yield from rows_left_check(
        thresholds,
        "records_left",
        N_("Rows that passed the row rules"),
        N_(
            "Nothing in this file can be used. Look at the reasons in the rejected rows: usually the mapping is "
            "another file's, or what the rows name is not there yet."
        ),
        rows="records",
    )
    yield from quarantine_check(facts, thresholds)
    if facts.rows >= thresholds.lines_for_shares:
        if "unknown_share" in thresholds.limits:
            yield Check(
                name="unknown_share",
                meaning=N_("Part of the rows that name something unknown"),
                what_to_do=N_(
                    "Import what the rows name first (regions, companies, products), or ask the sender whether its "
                    "codes have changed."
                ),
                unit=Unit.SHARE,
                figure=f"coalesce(sum(unknown_rows), 0) / {float(facts.rows)!r}",
                limits=thresholds.limits["unknown_share"],
            )
        yield Check(
            name="changed_share",
            meaning=N_("Part of the rows that would change what is there"),
            what_to_do=N_(
                "Look at the changes: when one column changes almost everywhere, it is probably mapped wrongly or "
                "written in another way than before."
            ),
            unit=Unit.SHARE,
            figure=f"{facts.changing / facts.rows!r}",
            limits=thresholds.limits["changed_share"],
        )
    yield from usual_rows_check(
        facts,
        thresholds,
        N_("Ask the sender whether the file is complete, and holds everything only once."),
    )


def share_check(
    facts: ImportFacts,
    thresholds: Thresholds,
    name: str,
    meaning: str,
    what_to_do: str,
    *,
    part: str,
    needs: str | None = None,
) -> Iterator[Check]:
    """Return the check of a part of the records that are left, where they are enough to judge a share.

    `part` names the figure; `needs` a canonical column without which the share says nothing. The texts are marked
    by `N_` where they are written.
    """
    is_mapped = needs is None or facts.mapped is None or needs in facts.mapped
    if is_mapped:
        yield from left_check(facts, thresholds, name, meaning, what_to_do, figure=share(part, "records"))


def count_check(
    thresholds: Thresholds, name: str, meaning: str, what_to_do: str, *, figure: str
) -> Iterator[Check]:
    """Return the check of a count; `figure` names it. The texts are marked by `N_` where they are written."""
    yield Check(
        name=name,
        meaning=meaning,
        what_to_do=what_to_do,
        unit=Unit.COUNT,
        figure=f"coalesce(max({figure}), 0)",
        limits=thresholds.limits[name],
    )
