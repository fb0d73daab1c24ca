"""What the page of a company shows: its statement down to the cell of the file a figure came from."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core.access import Permission, SignedInUser
from loyalty_core.kernel import Cell, Money, _, current_database
from loyalty_core.ledger import PostingKind, StatementLine
from loyalty_core.programmes import Programme, ProgrammeDocument, document_of
from loyalty_core.scoring import LineToExplain, RuleExplanation, ScoringEngine, compile_rules, explain_line
from loyalty_core.settlement import AwardOfPosting, LineOfCompany
from loyalty_core.standings import MonthTotal
from ui import charts, list_export, registry, source_row, wording
from ui.elements import card, chart, facts, mode, separators
from ui.keys import page_key


def posting_title(kind: PostingKind) -> str:
    """Return how points moved; why a settlement took some back, its awards tell."""
    return {
        PostingKind.EARN: _("Earned"),
        PostingKind.TAKE_BACK: _("Taken back"),
        PostingKind.SPEND: _("Spent"),
        PostingKind.GIVE_BACK: _("Given back"),
        PostingKind.EXPIRE: _("Expired"),
        PostingKind.ADJUST: _("Adjusted"),
    }[kind]


def statement_table(lines: Sequence[StatementLine]) -> dict[str, list[Any]]:
    """Return a statement as columns."""
    return {
        _("Recorded"): [wording.moment(line.recorded_at) for line in lines],
        _("What"): [posting_title(line.kind) for line in lines],
        _("Points"): [wording.signed(line.points) for line in lines],
        _("Balance"): [wording.number(line.balance_after) for line in lines],
        _("No."): [str(line.posting_id) for line in lines],
    }


def exported_statement() -> list_export.Columns[StatementLine]:
    """Return the columns of an exported statement."""
    return [
        (_("No."), lambda line: line.posting_id),
        (_("Recorded"), lambda line: line.recorded_at),
        (_("Happened"), lambda line: line.happened_at),
        (_("What"), lambda line: posting_title(line.kind)),
        (_("Points"), lambda line: line.points),
        (_("Balance"), lambda line: line.balance_after),
    ]


def show_movement(user: SignedInUser, posting: StatementLine, order_id: UUID | None) -> None:
    """Draw a posting that no sale stands behind, and lead to the order whose points it moved."""
    told = {
        PostingKind.SPEND: _("These points paid an order. Its page says which sales they came from."),
        PostingKind.GIVE_BACK: _("An order that was rejected or cancelled gave these points back."),
        PostingKind.EXPIRE: _("These points were not spent in time."),
        PostingKind.ADJUST: _("These points were given or taken by hand."),
    }.get(posting.kind, _("No sale stands behind these points."))
    with card(f"{posting_title(posting.kind)} · {wording.plain(wording.signed(posting.points))}"):
        st.markdown(told)
        if order_id is not None and registry.allows(user, "orders"):
            registry.link(user, "orders", _("To the order"), icon="shopping_bag", order=str(order_id))


def place_in_file(line: AwardOfPosting | LineOfCompany) -> str:
    """Return file, sheet and row in one line: “july.xlsx › Sheet1 › row 812”."""
    parts = [line.file_name or _("a file that you don't see")]
    if line.sheet:
        parts.append(line.sheet)
    parts.append(_("row {row}").format(row=line.row_no))
    return " › ".join(parts)


def award_cause(award: AwardOfPosting) -> str:
    """Return what an award was given for, in a word or two."""
    if award.is_undone:
        return _("undone file")
    if award.claim_no is not None:
        return _("correction") if award.revision > 1 else _("claim")
    if award.revision > 1:
        return _("change of rules")
    return _("return") if award.points < 0 else _("sale")


def why_award(award: AwardOfPosting, document: ProgrammeDocument) -> str:
    """Return how an award came about, in a sentence; `document` is that of the award's own version.

    A correction is told as the difference that it is: its line holds just what that version gives.
    """
    if award.is_undone:
        return _(
            "The file that reported this sale was undone: what it held, {points} points, is taken back."
        ).format(points=wording.number(-award.points))
    if award.claim_no is not None:
        return _why_claims_award(award, document)
    explained = [one for one in explanations(award, document, award.version) if one.rule_id == award.rule_id]
    if award.revision == 1:
        return " ".join(one.sentence for one in explained)
    gives = sum(one.points or 0 for one in explained)
    told = (
        _("A correction: version {version} of the rules gives {now} points where {before} were held before.")
        if explained
        else _("A correction: version {version} has no rule “{rule}”, under which {before} points were held.")
    )
    sentence = told.format(
        version=award.version,
        rule=award.rule_id,
        now=wording.number(gives),
        before=wording.number(gives - award.points),
    )
    return " ".join([sentence, *(one.sentence for one in explained)])


def _why_claims_award(award: AwardOfPosting, document: ProgrammeDocument) -> str:
    """Return how an award for a claim came about; what the claim has of the line now is its basis."""
    if award.revision == 1:
        told = _("Given for claim {claim}.")
    else:
        told = _(
            "The difference that a correction of claim {claim}, or a change of rules, makes: {points} points."
        )
    sentence = told.format(claim=award.claim_no, points=wording.signed(award.points))
    if award.basis_minor == 0:
        return sentence
    explained = [one for one in explanations(award, document, award.version) if one.rule_id == award.rule_id]
    return " ".join([sentence, *(one.sentence for one in explained)])


def why_void(line: LineOfCompany) -> str:
    """Return why a line that was taken back, or that takes one back, earns nothing under any rule."""
    if line.takes_back:
        return _("It takes back a line of an import that was undone: neither of the two earns anything.")
    return _("Its import was undone, and a line against it takes it back: neither of the two earns anything.")


def explanations(
    line: AwardOfPosting | LineOfCompany, document: ProgrammeDocument, version: int
) -> list[RuleExplanation]:
    """Return what each rule of a version makes of a line."""
    with ScoringEngine() as engine:
        return explain_line(
            engine,
            compile_rules(document),
            version,
            LineToExplain(
                sales_line_id=line.sales_line_id,
                amount_minor=_counted(line),
                currency=line.currency,
                sold_on=line.sold_on,
                sold_at=line.sold_at,
                is_claim=isinstance(line, AwardOfPosting) and line.claim_no is not None,
            ),
        )


def _counted(line: AwardOfPosting | LineOfCompany) -> int:
    """Return the amount that counts, in minor units: of an award for a claim what was claimed of the line."""
    if isinstance(line, AwardOfPosting) and line.claim_no is not None:
        return line.basis_minor
    return line.amount_minor


def awards_table(awards: Sequence[AwardOfPosting]) -> dict[str, list[Any]]:
    """Return the awards behind a posting as columns."""
    return {
        _("Points"): [wording.signed(award.points) for award in awards],
        _("Why"): [award_cause(award) for award in awards],
        _("Rule"): [f"{award.rule_id} · {award.version}" for award in awards],
        _("Sold"): [wording.day(award.sold_on) for award in awards],
        _("Invoice"): [invoice_of(award) for award in awards],
        _("Product"): [award.product_name for award in awards],
        _("Amount"): [wording.money(Money(_counted(award), award.currency)) for award in awards],
        _("File"): [place_in_file(award) for award in awards],
    }


def exported_awards() -> list_export.Columns[AwardOfPosting]:
    """Return the columns of exported awards."""
    return [
        (_("Points"), lambda award: award.points),
        (_("Why"), award_cause),
        (_("Rule"), lambda award: award.rule_id),
        (_("Version"), lambda award: award.version),
        *_line_columns(),
    ]


def exported_lines() -> list_export.Columns[LineOfCompany]:
    """Return the columns of exported sales lines."""
    return [*_line_columns(), (_("Points"), lambda line: line.points)]


def _line_columns() -> list[tuple[str, Callable[[AwardOfPosting | LineOfCompany], Cell]]]:
    return [
        (_("Sold"), lambda line: line.sold_on),
        (_("Invoice"), lambda line: line.invoice_no),
        (_("Line"), lambda line: line.line_no),
        (_("Product code"), lambda line: line.product_code),
        (_("Product"), lambda line: line.product_name),
        (_("Quantity"), lambda line: line.quantity),
        (_("Amount"), lambda line: Money(_counted(line), line.currency).decimal),
        (_("Currency"), lambda line: line.currency),
        (_("File"), lambda line: line.file_name),
        (_("Sheet"), lambda line: line.sheet),
        (_("Row"), lambda line: line.row_no),
        (_("Line id"), lambda line: line.sales_line_id),
    ]


def lines_table(lines: Sequence[LineOfCompany]) -> dict[str, list[Any]]:
    """Return sales lines with their points as columns."""
    return {
        _("Sold"): [wording.day(line.sold_on) for line in lines],
        _("Invoice"): [invoice_of(line) for line in lines],
        _("Product"): [line.product_name for line in lines],
        _("Quantity"): [wording.decimal(line.quantity) for line in lines],
        _("Amount"): [wording.money(Money(line.amount_minor, line.currency)) for line in lines],
        _("Points"): [wording.signed(line.points) or "0" for line in lines],
        _("File"): [place_in_file(line) for line in lines],
    }


def invoice_of(line: AwardOfPosting | LineOfCompany) -> str:
    """Return the invoice's number, with the line's where the file has one."""
    return f"{line.invoice_no} · {line.line_no}" if line.line_no else line.invoice_no


def show_line(
    user: SignedInUser, line: AwardOfPosting | LineOfCompany, *, leads_to_import: bool = True
) -> None:
    """Draw one sales line, with the row of the file it came from and the way there."""
    pairs = [
        (_("Sold"), wording.plain(wording.day(line.sold_on))),
        (_("Invoice"), wording.plain(invoice_of(line))),
        (_("Product"), wording.plain(f"{line.product_code} · {line.product_name}")),
        (_("Quantity"), wording.plain(wording.decimal(line.quantity))),
    ]
    if isinstance(line, AwardOfPosting) and line.claim_no is not None:
        pairs.insert(0, (_("Claim"), wording.plain(line.claim_no)))
    if line.unit_price is not None:
        pairs.append((_("Unit price"), wording.plain(f"{wording.exact(line.unit_price)} {line.currency}")))
    pairs += [
        (_("Amount"), wording.plain(wording.money(Money(line.amount_minor, line.currency)))),
        (_("Points"), wording.plain(wording.signed(line.points) or "0")),
        (_("File"), wording.plain(line.file_name or _("a file that you don't see"))),
    ]
    if line.sheet:
        pairs.append((_("Sheet"), wording.plain(line.sheet)))
    pairs.append((_("Row"), wording.plain(str(line.row_no))))
    facts(pairs)
    if (
        isinstance(line, AwardOfPosting)
        and line.claim_no is not None
        and Permission.SEE_CLAIMS in user.permissions
    ):
        registry.link(
            user,
            "claim",
            _("Claim {number}").format(number=wording.plain(line.claim_no)),
            icon="fact_check",
            claim=str(line.claim_number),
        )
    if leads_to_import and line.import_number is not None and Permission.SEE_IMPORTS in user.permissions:
        registry.link(
            user,
            "imports",
            _("Import {number}").format(number=line.import_number),
            icon="inventory_2",
            **{"import": str(line.import_id)},
        )
    source_row.line_button(user, line.sales_line_id, key=page_key(f"line_{line.sales_line_id}"))


def show_reason(sentence: str, points: int | None) -> None:
    """Draw one sentence on how points came about, or why there are none."""
    st.info(
        wording.plain(sentence),
        icon=":material/functions:" if points else ":material/remove_circle_outline:",
    )


def explain_line_of(user: SignedInUser, programme: Programme, line: LineOfCompany) -> None:
    """Say what each rule of the programme's current version makes of the line."""
    if line.is_void:
        show_reason(why_void(line), None)
        explained = []
    else:
        with current_database().snapshot(user.scope) as connection:
            document = document_of(connection, user.scope, programme.id, programme.current_version)
        explained = explanations(line, document, programme.current_version)
    for one in explained:
        show_reason(one.sentence, one.points)
    if sum(one.points or 0 for one in explained) != line.points:
        st.caption(
            _("The line holds {points} points now; the next settlement brings the difference.").format(
                points=wording.plain(wording.signed(line.points) or "0")
            )
        )


def show_months(months: Sequence[MonthTotal], *, key: str) -> None:
    """Draw net sales month by month, with the year before as a dotted line where there is one."""
    if not months:
        st.caption(_("No sales yet."))
        return
    by_month = {one.month: one for one in months}
    first, last = months[0].month, months[-1].month
    shown = _months_between(first, last)[-24:]
    before = [_major(by_month.get(date(month.year - 1, month.month, 1))) for month in shown]
    currency = months[0].net.currency
    chart(
        charts.bars(
            [wording.month(month) for month in shown],
            [_major(by_month.get(month)) or 0.0 for month in shown],
            before=before if any(value is not None for value in before) else None,
            name=_("Net sales"),
            before_name=_("A year before"),
            mode=mode(),
            separators=separators(),
            unit=f"{currency} ",
        ),
        key=key,
        alt=_("Net sales by month: {months}").format(
            months=", ".join(f"{wording.month(one.month)} {wording.money(one.net)}" for one in months)
        ),
    )


def _major(total: MonthTotal | None) -> float | None:
    return float(total.net.decimal) if total is not None else None


def _months_between(first: date, last: date) -> list[date]:
    begin, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [date(months // 12, months % 12 + 1, 1) for months in range(begin, end + 1)]


def net_of(months: Sequence[MonthTotal], currency: str) -> Money:
    """Return the months' net sales in all."""
    return Money(sum(one.net.minor for one in months), currency)
