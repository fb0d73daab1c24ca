"""What a settlement changes: the difference between what the rules give now and what lines hold already."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import polars as pl

from loyalty_core.ledger import PostingDraft, PostingKind

AWARD_SCHEMA = {
    "sales_line_id": pl.Int64,
    "claim_number": pl.Int64,
    "company_id": pl.String,
    "owner_id": pl.String,
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
    Returns the columns of AWARD_SCHEMA, points never 0, in the order of lines and rules; the owner is the line's
    company, and there is no claim.
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
    return (
        changed.join(lines, on="sales_line_id", how="inner")
        .with_columns(pl.col("basis_minor").fill_null(pl.col("amount_minor")))
        .sort("sales_line_id", "rule_id")
        .select(
            "sales_line_id",
            pl.lit(None, pl.Int64).alias("claim_number"),
            "company_id",
            pl.col("company_id").alias("owner_id"),
            "rule_id",
            "points",
            "basis_minor",
            "revision",
            _day_of_sale(time_zone).alias("happened_on"),
        )
    )


def _day_of_sale(time_zone: str | None) -> pl.Expr:
    if time_zone is None:
        return pl.col("sold_on")
    return pl.col("sold_at").dt.convert_time_zone(time_zone).dt.date()


def new_claim_awards(
    scored: pl.DataFrame, standing: pl.DataFrame, claims: pl.DataFrame, *, time_zone: str | None
) -> pl.DataFrame:
    """Return the awards to add so that each claim holds, on the line it is laid to, what it was scored now.

    `scored`: (claim_number, rule_id, points, basis_minor). `standing`: (claim_number, rule_id, sales_line_id,
    held, happened_on, revision), the last the claim's last under the rule. `claims`: (claim_number, sales_line_id,
    null where it is rejected, company_id, owner_id, sold_on; with a time zone sold_at too), at least those of the
    other two.

    On the same line the difference is added. What stands on another line is taken back there, on the day for
    which it was given, and given anew: so each line, product and day holds what it should. What is taken back
    comes first. Returns the columns of AWARD_SCHEMA, points never 0, in the order of claims and rules.
    """
    wanted = (
        scored.with_columns(pl.col("rule_id").cast(pl.String))
        .join(claims, on="claim_number", how="inner")
        .select(
            "claim_number",
            "rule_id",
            "sales_line_id",
            "points",
            "basis_minor",
            _day_of_sale(time_zone).alias("wanted_on"),
        )
    )
    held = standing.select("claim_number", "rule_id", "sales_line_id", "held", "happened_on")
    last = standing.group_by("claim_number", "rule_id").agg(pl.col("revision").max())
    key = ["claim_number", "rule_id", "sales_line_id"]
    changed = (
        wanted.join(held, on=key, how="full", coalesce=True)
        .with_columns((pl.col("points").fill_null(0) - pl.col("held").fill_null(0)).alias("points"))
        .filter(pl.col("points") != 0)
        .join(last, on=["claim_number", "rule_id"], how="left")
        .join(claims.select("claim_number", "company_id", "owner_id"), on="claim_number", how="inner")
        .sort(*key[:2], "points", "sales_line_id")
    )
    number = pl.int_range(1, pl.len() + 1).over("claim_number", "rule_id")
    return changed.select(
        "sales_line_id",
        "claim_number",
        "company_id",
        "owner_id",
        "rule_id",
        "points",
        pl.col("basis_minor").fill_null(0),
        (pl.col("revision").fill_null(0) + number).cast(pl.Int32).alias("revision"),
        pl.coalesce("wanted_on", "happened_on").alias("happened_on"),
    )


def drafts_of(
    awards: pl.DataFrame, accounts: Mapping[UUID, UUID], *, settlement_id: UUID, happened_at: datetime
) -> list[PostingDraft]:
    """Return two postings per owner at most: what the owner's awards earn, and what they take back.

    The earned comes first, so that a return meets the points of the same settlement. `accounts` goes from
    owner id to account id; an owner is of one company.
    """
    sums = (
        awards.with_columns((pl.col("points") > 0).alias("is_earned"))
        .group_by("owner_id", "is_earned")
        .agg(pl.col("points").sum(), pl.col("company_id").first())
        .sort(["owner_id", "is_earned"], descending=[False, True])
    )
    drafts = []
    for owner, is_earned, points, company in sums.iter_rows():
        kind = PostingKind.EARN if is_earned else PostingKind.TAKE_BACK
        drafts.append(
            PostingDraft(
                key=posting_key(settlement_id, owner, is_earned=is_earned),
                account_id=accounts[UUID(owner)],
                company_id=UUID(company),
                kind=kind,
                points=points,
                happened_at=happened_at,
            )
        )
    return drafts


def posting_key(settlement_id: UUID, owner_id: str, *, is_earned: bool) -> str:
    """Return the key under which a settlement posts an owner's earned or taken-back points."""
    return f"{settlement_id}:{owner_id}:{'earn' if is_earned else 'take_back'}"
