"""A statement explains each award by the version that gave it, and a correction as the difference it is."""

from decimal import Decimal

from loyalty_core import ledger, programmes, settlement, verification
from loyalty_core.kernel import Database, Scope
from loyalty_core.ledger import PostingKind
from loyalty_core.organisation import company_by_code
from loyalty_core.programmes import programme_by_code
from loyalty_core.settlement import settle_programme
from tests.sales.files import bring, row
from tests.settlement.programmes import BONUS, SPRING, TWO_POINTS, spring
from tests.verification.claims import PARTNERS, claim, club
from tests.verification.deciding import approve_as_shown, correct_as_shown
from ui.companies import award_cause, posting_title, why_award


def told(database: Database, scope: Scope, code: str = "spring") -> list[tuple[str, int, str, str]]:
    """Return (title of the posting, points, cause, sentence) of every award of C1, in the order of its giving."""
    with database.transaction(scope) as connection:
        programme = programme_by_code(connection, scope, code)
        company = company_by_code(connection, "C1")
        (balance,) = ledger.company_balances(connection, company.id)
        found = [
            (award, posting.kind)
            for posting in ledger.statement(connection, balance.account_id, limit=100)
            for award in settlement.awards_of_posting(connection, posting.posting_id, limit=100)
        ]
        return [
            (
                posting_title(kind),
                award.points,
                award_cause(award),
                why_award(award, programmes.document_of(connection, scope, programme.id, award.version)),
            )
            for award, kind in sorted(found, key=lambda one: one[0].award_id)
        ]


def test_an_award_is_explained_by_its_own_version_and_a_later_one_as_a_difference(
    database: Database, everything: Scope
) -> None:
    spring(database, everything, TWO_POINTS)
    bring(database, everything, [row(unit_price="50.00")])
    settle_programme(database, everything, "spring")
    spring(database, everything, SPRING)
    settle_programme(database, everything, "spring")
    first, correction = told(database, everything)
    assert first[:3] == ("Earned", 10, "sale")
    assert "version 1, gives 2 points" in first[3]
    assert correction[:3] == ("Taken back", -5, "change of rules")
    assert correction[3].startswith(
        "A correction: version 2 of the rules gives 5 points where 10 were held before."
    )
    assert "version 2, gives 1 point" in correction[3]


def test_points_of_a_rule_that_is_no_more_are_told_as_its(database: Database, everything: Scope) -> None:
    spring(database, everything, BONUS)
    bring(database, everything, [row(unit_price="100.00")])
    settle_programme(database, everything, "spring")
    spring(database, everything, SPRING)
    settle_programme(database, everything, "spring")
    assert told(database, everything)[-1] == (
        posting_title(PostingKind.TAKE_BACK),
        -5,
        "change of rules",
        "A correction: version 2 has no rule “bonus”, under which 5 points were held.",
    )


def test_points_that_a_return_takes_back_are_told_as_a_return(database: Database, everything: Scope) -> None:
    spring(database, everything)
    bring(database, everything, [row(unit_price="50.00", quantity="-1")])
    settle_programme(database, everything, "spring")
    ((title, points, cause, sentence),) = told(database, everything)
    assert (title, points, cause) == ("Taken back", -5, "return")
    assert "5 points are taken back" in sentence


def test_an_award_for_a_claim_names_it_and_counts_what_was_claimed_of_the_line(
    database: Database, everything: Scope
) -> None:
    club(database, PARTNERS)
    bring(database, everything, [row(quantity="4", unit_price="25.00")])
    made = claim(database, everything, company_code="C1", quantity=Decimal(4), claim_no="K-7")
    approve_as_shown(database, everything, [made.number])
    settle_programme(database, everything, "partners")
    with database.transaction(everything) as connection:
        line = verification.claim_by_number(connection, made.number).sales_line_id
    for sales_line_id, quantity in ((line, 3), (None, 0)):
        correct_as_shown(
            database,
            everything,
            made.number,
            sales_line_id=sales_line_id,
            quantity=Decimal(quantity),
            reason="Some came back.",
        )
        settle_programme(database, everything, "partners")
    first, fewer, none = told(database, everything, "partners")
    assert first[:3] == ("Earned", 10, "claim")
    assert first[3].startswith("Given for claim K-7. Rule “base”, version 1, gives 1 point")
    assert "The claim's €100.00 hold 10 of them: 10 points." in first[3]
    assert fewer[:3] == ("Taken back", -3, "correction")
    assert "The claim's €75.00 hold 7 of them: 7 points." in fewer[3]
    assert none[:3] == ("Taken back", -7, "correction")
    assert none[3].endswith("makes: -7 points.")
