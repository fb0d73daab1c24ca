"""What a settlement changes: the difference between what the rules give now and what lines hold already."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import polars as pl

from loyalty_core.ledger import PostingDraft, PostingKind

AWARD_SCHEMA = {
    "sales_line_id": pl.Int64,
    "company_id": pl.String,
    "rule_id": pl.String,
    "points": pl.Int64,
    "basis_minor": pl.Int64,
    "revision": pl.Int32,
    "happened_on": pl.Date,
}


def new_awards(
    scored: pl.DataFrame, standing: pl.DataFrame, lines: pl.DataFrame, *, time_zone: str | None
) -> pl.DataFrame:
    """Return the awards to add so that each line holds what it was scored now.

    `scored`: (sales_line_id, rule_id, points, basis_minor). `standing`: (sales_line_id, rule_id, held,
    revision). `lines`: (sales_line_id, company_id, amount_minor, sold_on; with a time zone sold_at too), at
    least those of the other two. An award happened on its line's day as the rules judge it: in the programme's
    `time_zone` if it has one, else the line's own local day.
    Returns (sales_line_id, company_id, rule_id, points, basis_minor, revision, happened_on), points never 0,
    in the order of lines and rules.
    """
    scored = scored.with_columns(pl.col("rule_id").cast(pl.String))
    if standing.height:
        both = scored.join(standing, on=["sales_line_id", "rule_id"], how="full", coalesce=True)
        added = pl.col("points").fill_null(0) - pl.col("held").fill_null(0)
        changed = both.with_columns(
            added.alias("points"), (pl.col("revision").fill_null(0) + 1).cast(pl.Int32).alias("revision")
        ).filter(pl.col("points") != 0)
    else:
        changed = scored.with_columns(pl.lit(1, pl.Int32).alias("revision"))
    happened_on = (
        pl.col("sold_on")
        if time_zone is None
        else pl.col("sold_at").dt.convert_time_zone(time_zone).dt.date()
    )
    return (
        changed.join(lines, on="sales_line_id", how="inner")
        .with_columns(pl.col("basis_minor").fill_null(pl.col("amount_minor")))
        .sort("sales_line_id", "rule_id")
        .select(
            "sales_line_id",
            "company_id",
            "rule_id",
            "points",
            "basis_minor",
            "revision",
            happened_on.alias("happened_on"),
        )
    )


def drafts_of(
    awards: pl.DataFrame, accounts: Mapping[UUID, UUID], *, settlement_id: UUID, happened_at: datetime
) -> list[PostingDraft]:
    """Return two postings per company at most: what its awards earn, and what they take back.

    The earned comes first, so that a return meets the points of the same settlement. `accounts` goes from
    company id to account id.
    """
    sums = (
        awards.with_columns((pl.col("points") > 0).alias("is_earned"))
        .group_by("company_id", "is_earned")
        .agg(pl.col("points").sum())
        .sort(["company_id", "is_earned"], descending=[False, True])
    )
    drafts = []
    for company, is_earned, points in sums.iter_rows():
        company_id = UUID(company)
        kind = PostingKind.EARN if is_earned else PostingKind.TAKE_BACK
        drafts.append(
            PostingDraft(
                key=posting_key(settlement_id, company, is_earned=is_earned),
                account_id=accounts[company_id],
                company_id=company_id,
                kind=kind,
                points=points,
                happened_at=happened_at,
            )
        )
    return drafts


def posting_key(settlement_id: UUID, company_id: str, *, is_earned: bool) -> str:
    """Return the key under which a settlement posts a company's earned or taken-back points."""
    return f"{settlement_id}:{company_id}:{'earn' if is_earned else 'take_back'}"
