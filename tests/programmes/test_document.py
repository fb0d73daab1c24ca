"""Programme documents: what is taken, and how a person is told what is not."""

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.programmes import (
    Award,
    Collects,
    EarnsFrom,
    Fault,
    ProgrammeDocument,
    ProgrammeDocumentError,
    Rule,
    body_hash,
    canonical_body,
    document_text,
    parse_document,
)

ONLINE_RETAIL = """\
code: online-retail
name: Online retail
starts: 2010-12-01
ends: 2011-12-31            # inclusive; optional time_zone, else the mapping's
currency: GBP
collects: company
earns_from: sales           # may be left out: sales
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}      # whole tens of the line's amount, toward zero
"""


def faults(text: str) -> list[tuple[int, int, str]]:
    """The line, column and sentence of every mistake."""
    with pytest.raises(ProgrammeDocumentError) as caught:
        parse_document(text)
    return [(fault.place.line, fault.place.column, fault.sentence) for fault in caught.value.faults]


def lines_of(text: str) -> list[int]:
    return [line for line, _column, _sentence in faults(text)]


def test_the_document_of_online_retail_is_read_as_written() -> None:
    assert parse_document(ONLINE_RETAIL) == ProgrammeDocument(
        code="online-retail",
        name="Online retail",
        starts=date(2010, 12, 1),
        ends=date(2011, 12, 31),
        time_zone=None,
        currency="GBP",
        collects=Collects.COMPANY,
        earns_from=EarnsFrom.SALES,
        rules=(Rule(id="base", per="line", award=Award(points=1, per_amount=Decimal("10.00"))),),
    )


def test_an_amount_is_taken_from_its_text_and_never_through_a_float() -> None:
    document = parse_document(ONLINE_RETAIL.replace("10.00", "9007199254740.93"))
    assert str(document.rules[0].award.per_amount) == "9007199254740.93"
    assert canonical_body(document)["rules"][0]["award"]["per_amount"] == "9007199254740.93"


@pytest.mark.parametrize("word", ["no", "yes", "on", "null", "1e3", "2011-01-01"])
def test_a_word_that_yaml_would_turn_into_something_else_stays_the_name_it_is(word: str) -> None:
    assert parse_document(ONLINE_RETAIL.replace("Online retail", word)).name == word


def test_documents_that_mean_the_same_have_the_same_body_and_hash() -> None:
    terse = """
        {rules: [{award: {per_amount: 10, points: 1}, per: line, id: "base"}], collects: company,
         currency: GBP, ends: "2011-12-31", starts: 2010-12-01, name: Online retail, code: online-retail}
    """
    bodies = [canonical_body(parse_document(text)) for text in (ONLINE_RETAIL, terse)]
    assert bodies[0] == bodies[1]
    assert body_hash(bodies[0]) == body_hash(bodies[1])
    assert body_hash(bodies[0]) != body_hash({**bodies[0], "ends": "2011-12-30"})


def test_every_mistake_is_told_at_once_with_its_line_and_column() -> None:
    wrong = """\
code: Online Retail
name: Online retail
starts: 2011-13-01
starts: 2011-12-01
ends: 2011-11-31
currency: gbp
colects: company
time_zone: Mars/One
rules:
  - id: base
    per: receipt
    award: {points: "1", per_amount: 10,00}
  - id: base
    per: line
    award: [1]
"""
    assert faults(wrong) == [
        (1, 1, "“collects” is missing."),
        (
            1,
            7,
            "code: “Online Retail” can't be a code: use up to 64 letters a–z, digits and hyphens inside.",
        ),
        (3, 9, "starts: There is no such day as 2011-13-01."),
        (4, 1, "“starts” is written twice, first in line 3. Keep one of them."),
        (5, 7, "ends: There is no such day as 2011-11-31."),
        (6, 11, "currency: “gbp” is not a currency code. Use an ISO 4217 code such as GBP or EUR."),
        (7, 1, "“colects” is not known here. Did you mean “collects”?"),
        (8, 12, "time_zone: “Mars/One” is not a time zone such as Europe/London."),
        (11, 10, "per: This must be one of: line."),
        (12, 21, "points: This must be a whole number such as 1, without quotes, decimals or separators."),
        (12, 41, "“00” is not known here. Known are: points, per_amount."),
        (13, 9, "id: Another rule has the id “base” already: each needs its own."),
        (15, 12, "award: A mapping of keys and values is expected here."),
    ]


@pytest.mark.parametrize(
    ("instead_of", "written", "line", "told"),
    [
        ("2011-12-31", "2010-11-30", 4, "The programme ends before it starts on 2010-12-01."),
        ("2011-12-31", "31.12.2011", 4, "This must be a date such as 2026-01-31."),
        ("2011-12-31", "9999-12-31", 4, "The year must be from 1970 to 2199."),
        ("10.00", "10.005", 11, "GBP has 2 decimal places; this amount has more."),
        ("10.00", "0", 11, "The amount must be above zero."),
        ("10.00", "-10.00", 11, "The amount must be above zero."),
        ("10.00", "1e1", 11, "This must be an amount such as 10.00"),
        ("10.00", "'10.00'", 11, "This must be an amount such as 10.00"),
        ("10.00", "100000000000000.00", 11, "The amount is too large."),
        ("points: 1", "points: 0", 11, "Points must be from 1 to 1000000."),
        ("points: 1", "points: 1000001", 11, "Points must be from 1 to 1000000."),
        ("points: 1", "points: 010", 11, "This must be a whole number"),
        ("points: 1", "points: 1_0", 11, "This must be a whole number"),
        ("points: 1", "points: yes", 11, "This must be a whole number"),
        ("collects: company", "collects: participant", 6, "A participant can't collect from sales"),
        ("collects: company", "collects: salesperson", 6, "Points for a salesperson can't be settled yet"),
        ("rules:", "goals: {sales: 0}\nrules:", 8, "The amount must be above zero."),
        ("rules:", "goals: {sales: 1.005}\nrules:", 8, "GBP has 2 decimal places; this amount has more."),
        ("rules:", "goals: {sales: 100000000000000.01}\nrules:", 8, "The amount is too large."),
        ("rules:", "goals: {}\nrules:", 8, "“sales” is missing."),
        ("rules:", "goals: {sales: 1, sale: 1}\nrules:", 8, "Did you mean “sales”?"),
        ("rules:", "point_value: 0\nrules:", 8, "What a point is worth must be above zero"),
        ("rules:", "point_value: 1000000.1\nrules:", 8, "and at most 1000000."),
        ("rules:", "inactive_after_days: 0\nrules:", 8, "Days must be from 1 to 3650."),
        ("rules:", "inactive_after_days: 3651\nrules:", 8, "Days must be from 1 to 3650."),
        (
            "collects: company",
            "collects: everyone",
            6,
            "This must be one of: company, participant, salesperson.",
        ),
        ("earns_from: sales ", "earns_from: receipts ", 7, "This must be one of: sales, claims."),
        ("Online retail", "", 2, "The value is missing."),
        ("name: Online retail", "name: [Online]", 2, "This must be a text."),
        ("GBP", "&pound GBP", 5, "Anchors (&pound) are not taken"),
        ("GBP", "!!str GBP", 5, "Tags (tag:yaml.org,2002:str) are not taken"),
        ("name: Online", "name: @Online", 2, "This is not valid YAML"),
    ],
)
def test_a_wrong_value_is_told_where_it_stands(instead_of: str, written: str, line: int, told: str) -> None:
    assert instead_of in ONLINE_RETAIL
    (fault,) = faults(ONLINE_RETAIL.replace(instead_of, written))
    assert fault[0] == line
    assert told in fault[2]


def test_what_can_be_settled_is_taken_and_nothing_else() -> None:
    taken = set()
    for collects in Collects:
        for earns_from in EarnsFrom:
            text = ONLINE_RETAIL.replace("collects: company", f"collects: {collects}")
            with suppress(ProgrammeDocumentError):
                document = parse_document(text.replace("earns_from: sales", f"earns_from: {earns_from}"))
                taken.add((document.collects, document.earns_from))
    assert taken == {
        (Collects.COMPANY, EarnsFrom.SALES),
        (Collects.COMPANY, EarnsFrom.CLAIMS),
        (Collects.PARTICIPANT, EarnsFrom.CLAIMS),
    }


def test_goal_value_of_a_point_and_days_until_inactive_are_read_and_may_be_left_out() -> None:
    absent = parse_document(ONLINE_RETAIL)
    assert (absent.goal_sales_minor, absent.point_value, absent.inactive_after_days) == (None, None, None)
    assert not {"goals", "point_value", "inactive_after_days"} & canonical_body(absent).keys()
    more = "goals: {sales: 1200000}\npoint_value: 0.010\ninactive_after_days: 60\nrules:"
    named = parse_document(ONLINE_RETAIL.replace("rules:", more))
    assert (named.goal_sales_minor, named.point_value, named.inactive_after_days) == (
        120_000_000,
        Decimal("0.01"),
        60,
    )
    body = canonical_body(named)
    assert (body["goals"], body["point_value"]) == ({"sales": "1200000.00"}, "0.01")
    assert ProgrammeDocument.from_body(body) == named


def test_an_amount_in_yen_has_no_decimals() -> None:
    in_yen = ONLINE_RETAIL.replace("GBP", "JPY")
    assert "JPY has 0 decimal places" in faults(in_yen.replace("10.00", "10.50"))[0][2]
    assert canonical_body(parse_document(in_yen))["rules"][0]["award"]["per_amount"] == "10"


def test_a_programme_without_rules_is_refused() -> None:
    beginning = ONLINE_RETAIL[: ONLINE_RETAIL.index("rules:")]
    assert "from 1 to 200 rules" in faults(beginning + "rules: []\n")[0][2]
    assert faults(beginning) == [(1, 1, "“rules” is missing.")]


def test_a_billion_laughs_are_not_heard() -> None:
    laughs = "a: &a [lol, lol]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    assert lines_of(laughs) == [1, 2, 2]
    assert "Aliases (*a) are not taken" in faults(laughs)[-1][2]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 100_000, "? " * 50_000])
def test_bottomless_nesting_is_refused(text: str) -> None:
    assert "nested too deeply" in faults(text)[0][2]


def test_a_huge_document_is_refused_unread() -> None:
    assert "longer than 262144 characters" in faults("# " + "x" * 300_000)[0][2]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "The document is empty."),
        ("# only a remark\n", 2, "The document is empty."),
        (ONLINE_RETAIL + "---\ncode: second\n", 12, "A second document begins here."),
        ("just words", 1, "A mapping of keys and values is expected here."),
        ("code: a\x00b", 1, "The character U+0000 can't be in a document."),
        ("code: x\n[1, 2]: y", 2, "A key must be a word."),
    ],
)
def test_what_is_no_programme_at_all_is_told_so(text: str, line: int, told: str) -> None:
    assert (line, told) in [(fault[0], fault[2][: len(told)]) for fault in faults(text)]


def test_a_file_that_is_not_utf_8_is_refused_at_the_place() -> None:
    assert document_text(ONLINE_RETAIL.encode()) == ONLINE_RETAIL
    with pytest.raises(ProgrammeDocumentError, match="line 2, column 10: This is not UTF-8 text"):
        document_text(b"code: zloty\nname: Pol\xb3ski\n")


@given(st.text(max_size=200))
def test_no_text_at_all_makes_it_fail_otherwise_than_by_refusal(text: str) -> None:
    with pytest.raises(ProgrammeDocumentError):
        parse_document(text)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(ONLINE_RETAIL.splitlines()), st.text("abc:-[]{}&*!|>'\"%@`,?#\t 0.", max_size=6)
        ),
        max_size=14,
    )
)
def test_a_garbled_document_is_read_or_refused_with_places_inside_it(parts: list[tuple[str, str]]) -> None:
    text = "\n".join(line + noise for line, noise in parts)
    found: list[Fault] = []
    try:
        parse_document(text)
    except ProgrammeDocumentError as error:
        found = error.faults
    assert all(1 <= fault.place.line <= text.count("\n") + 1 for fault in found)


documents = st.builds(
    lambda code, name, starts, days, zone, currency, rules: ProgrammeDocument(
        code=code,
        name=name,
        starts=starts,
        ends=date.fromordinal(starts.toordinal() + days),
        time_zone=zone,
        currency=currency,
        collects=Collects.COMPANY,
        rules=tuple(
            Rule(id=f"rule-{number}", per="line", award=Award(points=points, per_amount=Decimal(hundreds)))
            for number, (points, hundreds) in enumerate(rules)
        ),
    ),
    st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,20}", fullmatch=True),
    st.text("abcŁŽ é'\":#", min_size=1, max_size=50).map(str.strip).filter(bool),
    st.dates(date(1970, 1, 1), date(2150, 12, 31)),
    st.integers(0, 4000),
    st.sampled_from([None, "Europe/London", "Asia/Jakarta"]),
    st.sampled_from(["GBP", "JPY", "TND"]),
    st.lists(st.tuples(st.integers(1, 1_000_000), st.integers(1, 10**6)), min_size=1, max_size=5),
)


@given(documents)
def test_a_stored_body_gives_its_document_back(document: ProgrammeDocument) -> None:
    body = canonical_body(document)
    again = ProgrammeDocument.from_body(body)
    assert again == document
    assert body_hash(canonical_body(again)) == body_hash(
        canonical_body(ProgrammeDocument.from_body(canonical_body(again)))
    )


def test_how_claims_are_verified_is_read_with_its_defaults_and_faults_are_told_where_they_stand() -> None:
    assert "verification" not in canonical_body(parse_document(ONLINE_RETAIL))
    more = (
        "verification:\n  tolerance_percent: 2.50\n  second_person_above: 500\n"
        "  reject_reasons:\n    - {code: no-proof, text: The invoice can't be read.}\nrules:"
    )
    read = parse_document(ONLINE_RETAIL.replace("rules:", more))
    assert read.verification is not None
    assert (read.verification.tolerance_days, read.verification.overdue_after_days) == (3, 3)
    assert canonical_body(read)["verification"] == {
        "tolerance_days": 3,
        "tolerance_units": "0",
        "tolerance_percent": "2.5",
        "second_person_above": "500.00",
        "overdue_after_days": 3,
        "reject_reasons": [{"code": "no-proof", "text": "The invoice can't be read."}],
    }
    assert ProgrammeDocument.from_body(canonical_body(read)) == read


@pytest.mark.parametrize(
    ("wrong", "line", "says"),
    [
        ("  tolerance_days: 32", 9, "Days must be from 0 to 31."),
        ("  tolerance_percent: 51", 9, "Percent must be from 0 to 50."),
        ("  tolerance_units: -1", 9, "Units must be from 0 to 1000000."),
        ("  second_person_above: 5.001", 9, "GBP has 2 decimal places"),
        ("  overdue_after_days: 0", 9, "Days must be from 1 to 365."),
        ("  tolerance_day: 1", 9, "Did you mean “tolerance_days”?"),
        ("  reject_reasons:\n    - {code: a, txt: b}", 10, "Did you mean “text”?"),
        ("  reject_reasons: [{code: a, text: b}, {code: a, text: c}]", 9, "the same code"),
    ],
)
def test_a_fault_in_how_claims_are_verified_is_told_at_its_line(wrong: str, line: int, says: str) -> None:
    found = faults(ONLINE_RETAIL.replace("rules:", f"verification:\n{wrong}\nrules:"))
    assert any(at == line and says in sentence for at, _column, sentence in found), found
