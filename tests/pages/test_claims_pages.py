"""Claims as operators decide them, and as participants enter them and read what became of them."""

from datetime import date
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core import access, programmes, settlement, verification
from loyalty_core.access import Role, ScopeGrant, ScopeKind
from loyalty_core.kernel import new_id
from loyalty_core.verification import Claim, ClaimSource, ClaimState
from tests.access.people import PASSWORD, sign_in, somebody
from tests.pages.claim_world import CLUB, add_claims, enter_one
from tests.pages.test_every_page import app_of, page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from tests.photos import photo
from tests.sales.files import bring, row
from tests.verification.deciding import correct_as_shown
from tests.verification.scans import scan
from ui.claims import Offered, code_of
from ui.keys import key_on

Claims = dict[str, Claim]


@pytest.fixture(scope="module")
def claims(world: World) -> Claims:
    return add_claims(world)


def queue(world: World, role: Role = Role.OPERATOR, **query: str) -> AppTest:
    app = page_of(world, role, page_named("claims"), **query)
    assert not app.exception, app.exception
    return app


def record(world: World, claim: Claim, role: Role = Role.OPERATOR) -> AppTest:
    app = page_of(world, role, page_named("claim"), claim=str(claim.number))
    assert not app.exception, app.exception
    return app


def numbers(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Claim"]) if app.dataframe else []


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def test_the_queue_tells_how_each_claim_agrees_the_oldest_first(world: World, claims: Claims) -> None:
    app = queue(world, sort="Since, ascending")
    frame = app.dataframe[0].value
    waiting = [claims[name].claim_no for name in ("agrees", "differs", "unknown", "again")]
    assert list(frame["Claim"]) == waiting
    assert [verdict[0] for verdict in frame["Verdict"]] == ["≠", "≠", "?", "!"]
    assert list(frame["Differs in"])[1] == "quantity, date"
    assert list(frame["Value"])[:1] == ["€99.60"]
    assert list(frame["Photo"]) == ["yes", "", "", ""]
    assert list(frame["Earlier claims"]) == ["1 of 1 wrong"] * 2 + ["0 of 1 wrong"] * 2
    assert "4 wait" in texts(app)


def test_filters_narrow_the_queue_and_order_it(world: World, claims: Claims) -> None:
    assert numbers(queue(world, who="Nobody", words="INV-77")) == [claims["unknown"].claim_no]
    assert numbers(queue(world, who="Me")) == []
    assert numbers(queue(world, state="overdue")) == []
    assert numbers(queue(world, state="rejected")) == [claims["rejected"].claim_no]
    assert numbers(queue(world, words="marko", state="approved")) == [claims["approved"].claim_no]
    by_name = list(queue(world, sort="Claimant, ascending").dataframe[0].value["Claimant"])
    assert by_name == sorted(by_name)
    assert len(numbers(queue(world, state="every state"))) == 6


def test_who_sees_one_region_meets_no_claim_of_another(world: World, claims: Claims) -> None:
    access.create_user(
        world.database,
        COMMAND_LINE,
        name="analyst_of_poland",
        display_name="Analyst of Poland",
        password=PASSWORD,
        roles=[Role.ANALYST],
        grants=[ScopeGrant(ScopeKind.REGION, world.region_id("Poland"))],
    )
    session = access.find_session(world.database, sign_in(world.database, "analyst_of_poland"))
    assert session is not None
    app = app_of(world, None)
    app.user = {"session": str(session.session_id)}
    app.run().switch_page(page_named("claims").script)
    app.run()
    assert numbers(app) == [claims["agrees"].claim_no, claims["differs"].claim_no]
    app.switch_page(page_named("claim").script)
    app.query_params["claim"] = str(claims["unknown"].number)
    app.run()
    assert app.error
    assert "Marko" not in texts(app)


def test_a_record_lays_the_claim_beside_the_sale_and_marks_in_words_what_differs(
    world: World, claims: Claims
) -> None:
    app = record(world, claims["differs"])
    beside = app.table[0].value
    claimed = dict(zip(beside["What"], beside["Claimed"], strict=True))
    sold = dict(zip(beside["What"], beside["Sold"], strict=True))
    assert "≠ 5" in claimed["Quantity"]
    assert "≠ 2" in sold["Quantity"]
    assert ":orange-background" in sold["Quantity"]
    assert "≠" not in sold["Invoice"]
    assert "april.csv › row 3" in texts(app)


def test_a_record_says_whose_the_sold_units_are(world: World, claims: Claims) -> None:
    beside = record(world, claims["approved"]).table[0].value
    sold = dict(zip(beside["What"], beside["Sold"], strict=True))
    units = [sold[f"Units that {who}"] for who in ("this claim holds", "other claims hold", "nobody holds")]
    assert [sold["Quantity"], *units] == ["10", "10", "0", "0"]
    beside = record(world, claims["differs"]).table[0].value
    assert "Units that this claim holds" not in list(beside["What"])


def test_a_record_shows_points_document_and_history(world: World, claims: Claims) -> None:
    waiting = record(world, claims["agrees"])
    figures = {metric.label: metric.value for metric in waiting.metric}
    assert (figures["Points expected"], figures["Points posted"]) == ("9", "0")
    assert any(f"/documents/{claims['agrees'].document_id}" in one.value for one in waiting.markdown)
    approved = record(world, claims["approved"])
    figures = {metric.label: metric.value for metric in approved.metric}
    assert (figures["Points expected"], figures["Points posted"]) == ("24", "24")
    assert "Approved" in texts(approved)
    rejected = texts(record(world, claims["rejected"]))
    assert "No invoice *INV-8* was issued" in rejected
    raw = "\n".join(one.value for one in record(world, claims["rejected"]).markdown)
    assert "\\[a form\\]\\(https\\:\u2060//evil.example\\)" in raw


def test_a_photo_or_scan_is_added_to_a_claim_later_and_shows_at_once(world: World, claims: Claims) -> None:
    for data, kind, shown in (
        (photo(9, kind="PNG"), "photo.png", "/documents/{id})"),
        (scan(pages=2), "scan.pdf", "/documents/{id}/pages)"),
    ):
        app = record(world, claims["rejected"])
        next(button for button in app.button if button.label == "Add it to the claim").click().run()
        assert [one.value for one in app.error] == ["Take or choose a photo or scan first."]
        chooser: Any = app.get("file_uploader")[0]
        chooser.upload(kind, data, "text/plain")
        next(button for button in app.button if button.label == "Add it to the claim").click().run()
        assert not app.exception, app.exception
        assert "lies with claim" in texts(app)
        with world.database.snapshot(COMMAND_LINE) as connection:
            last = verification.documents_of_claim(connection, claims["rejected"].number)[-1]
        assert any(shown.format(id=last.document_id) in one.value for one in app.markdown)
        assert any(
            "Document added" in one.value and str(last.document_id) in one.value for one in app.markdown
        )
    refused = record(world, claims["rejected"])
    rejecting: Any = refused.get("file_uploader")[0]
    rejecting.upload("photo.jpg", b"MZ no photo", "image/jpeg")
    next(button for button in refused.button if button.label == "Add it to the claim").click().run()
    assert ["neither a picture" in one.value for one in refused.error] == [True]


def test_only_who_enters_claims_adds_documents_to_others(world: World, claims: Claims) -> None:
    assert "Add it to the claim" in labels(record(world, claims["agrees"]))
    for role in (Role.ANALYST, Role.PROGRAMME_MANAGER):
        assert "Add it to the claim" not in labels(record(world, claims["agrees"], role))


def test_only_who_may_decide_is_asked_to_and_only_who_enters_keys_in(world: World, claims: Claims) -> None:
    operator = record(world, claims["agrees"])
    assert {"Approve…", "Reject…", "Correct…"} <= labels(operator)
    for role in (Role.ANALYST, Role.PROGRAMME_MANAGER):
        assert not labels(record(world, claims["agrees"], role)) & {"Approve…", "Reject…", "Correct…"}
        assert not [radio for radio in queue(world, role).radio if "Enter paper claim" in radio.options]
    decided = labels(record(world, claims["rejected"]))
    assert "Correct…" in decided
    assert "Approve…" not in decided


def test_the_dialogs_say_what_a_decision_comes_to(world: World, claims: Claims) -> None:
    # What repeats another can't be approved: the button says so, and together with another it is told.
    hopeless = next(button for button in record(world, claims["again"]).button if button.label == "Approve…")
    assert hopeless.disabled
    assert "correct it, or reject it" in hopeless.help
    app = queue(world)
    frame = app.dataframe[0]
    both = [numbers(app).index(claims[name].claim_no) for name in ("agrees", "again")]
    app.session_state[str(frame.key)] = {"selection": {"rows": both, "columns": [], "cells": []}}
    app.run()
    assert "1 of 2 can be approved" in texts(app)
    asked = next(button for button in app.button if button.label == "Approve…").click().run()
    assert "€344.60" in texts(asked)
    assert "stays waiting" in texts(asked)
    app = record(world, claims["differs"])
    asked = next(button for button in app.button if button.label == "Correct…").click().run()
    offered = next(radio for radio in asked.radio if radio.label == "What was sold").options
    assert "Masking tape" in offered[0]
    assert "reject the claim" in offered[-1]


def test_a_return_after_the_approval_is_told_in_the_queue_on_the_claim_and_in_the_workload(
    world: World, claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "came back" not in texts(queue(world))
    bring(
        world.database,
        COMMAND_LINE,
        [
            row(
                company_code="C-200",
                region="Serbia",
                invoice_no="INV-2",
                product_code="P-10",
                quantity="-3",
                sold_at="2026-04-20",
            )
        ],
    )
    assert "1 approved claim holds units that came back" in texts(queue(world))
    assert "1 approved claim holds units that came back" in texts(
        page_of(world, Role.PROGRAMME_MANAGER, page_named("workload"))
    )
    with monkeypatch.context() as once:
        # They were looked for in the lines above, and are not once more for each drawing of the list.
        once.setattr(verification.queue, "came_back", lambda _connection: pytest.fail("looked for anew"))
        assert numbers(queue(world, state="sale came back")) == [claims["approved"].claim_no]
    told = record(world, claims["approved"])
    assert ["3 came back, the last on" in one.value for one in told.warning] == [True]
    assert not record(world, claims["agrees"]).warning


def test_a_claim_that_is_not_there_is_told(world: World, claims: Claims) -> None:
    for asked in ("999999", "0", "no number", "9" * 40):
        app = page_of(world, Role.OPERATOR, page_named("claim"), claim=asked)
        assert app.error
        assert not app.metric


def test_an_operator_keys_in_a_paper_form(world: World, claims: Claims) -> None:
    app = queue(world, view="Enter paper claim")
    next(button for button in app.button if button.label == "Enter the claim").click()
    app.run()
    assert [error.value for error in app.error] == ["Choose who claims."]
    before = len(numbers(queue(world)))
    app = queue(world, view="Enter paper claim")
    boxes = {box.label: box for box in app.selectbox}
    boxes["Claimant"].select("p:C-200-1")
    boxes["Product"].select("P-10")
    fields = {field.label: field for field in app.text_input}
    fields["Invoice number"].input("INV-2")
    fields["Number of the form (may stay empty)"].input("F-17")
    app.date_input[0].set_value(date(2026, 4, 3))
    app.number_input[0].set_value(3)
    next(button for button in app.button if button.label == "Enter the claim").click()
    app.run()
    assert not app.exception
    assert "Claim F-17 of Marko Ilić is entered" in texts(app)
    assert len(numbers(queue(world))) == before + 1
    assert list(queue(world, words="F-17").dataframe[0].value["Quantity"]) == ["3"]


def test_a_participant_reads_what_became_of_each_claim_in_plain_words(world: World, claims: Claims) -> None:
    app = page_of(world, Role.PARTICIPANT, page_named("my-claims"))
    assert not app.exception
    seen = texts(app)
    assert "Expected: **9 points**" in seen
    assert "Rejected: No invoice *INV-8* was issued" in seen
    assert "Marko" not in seen
    assert claims["unknown"].claim_no not in seen
    assert not app.dataframe


def test_a_participant_claims_on_the_phone(world: World, claims: Claims) -> None:
    app = page_of(world, Role.PARTICIPANT, page_named("my-claims"), new="yes", way="Without a photo")
    next(box for box in app.selectbox if box.label == "Product").select("P-22")
    next(field for field in app.text_input if field.label == "Invoice number").input("INV-1")
    app.number_input[0].set_value(2)
    app.date_input[0].set_value(date(2026, 3, 2))
    next(button for button in app.button if button.label == "Send the claim").click()
    app.run()
    assert not app.exception, app.exception
    assert "is sent" in texts(app)
    with world.database.snapshot(COMMAND_LINE) as connection:
        own = claims["agrees"].participant_id
        assert own is not None
        found = verification.claims_of_participant(connection, own, limit=50)
    mine = [one for one in found if one.product_code == "P-22" and one.source is ClaimSource.PHONE]
    assert [one.quantity for one in mine] == [2, 5]


def test_a_product_outside_the_list_is_named_on_purpose_and_the_verdict_says_what_is_wrong(
    world: World, claims: Claims
) -> None:
    app = page_of(world, Role.PARTICIPANT, page_named("my-claims"), new="yes", way="Without a photo")
    products = next(box for box in app.selectbox if box.label == "Product")
    assert not products.proto.accept_new_options
    next(field for field in app.text_input if field.label == "Invoice number").input("INV-1")
    other = next(field for field in app.text_input if field.label == "Code or name as on the invoice")
    other.input("instant coffee")
    app.date_input[0].set_value(date(2026, 3, 2))
    next(button for button in app.button if button.label == "Send the claim").click()
    app.run()
    assert not app.exception, app.exception
    with world.database.snapshot(COMMAND_LINE) as connection:
        own = claims["agrees"].participant_id
        assert own is not None
        (last,) = verification.claims_of_participant(connection, own, limit=1)
    assert (last.product_code, last.verdict) == ("instant coffee", verification.Verdict.UNKNOWN_PRODUCT)
    assert "The invoice was reported, but without this product." in texts(record(world, last))
    # Taken back, so that the queue is as it was.
    app = page_of(world, Role.PARTICIPANT, page_named("my-claims"))
    app.button(key=key_on("my-claims", f"withdraw_{last.number}")).click().run()
    next(one for one in app.button if one.label.startswith("Withdraw claim")).click()
    app.button(key=key_on("my-claims", f"withdraw_{last.number}")).click()
    app.run()
    assert not app.exception, app.exception
    seen = texts(app)
    assert f"Claim {last.claim_no} is withdrawn." in seen
    assert "Withdrawn: nothing follows from it. The sale may be claimed again." in seen
    with world.database.snapshot(COMMAND_LINE) as connection:
        assert verification.claim_by_number(connection, last.number).state is ClaimState.WITHDRAWN


def test_a_product_that_is_written_as_the_list_has_it_is_that_product() -> None:
    offered = Offered({"P-10": "Emulsion paint", "P-22": "Masking tape", "P-23": "Masking tape"}, {})
    assert code_of(offered, " emulsion PAINT ") == code_of(offered, "p-10") == "P-10"
    # Two have that name, none that one.
    assert code_of(offered, "Masking tape") == "Masking tape"
    assert code_of(offered, "instant coffee") == "instant coffee"


def test_the_home_asks_first_for_the_answer_that_a_claim_waits_for(world: World, claims: Claims) -> None:
    assert "waits for your answer" not in texts(page_of(world, Role.PARTICIPANT, page_named("home")))
    own = claims["agrees"].participant_id
    assert own is not None
    made = enter_one(world, own, invoice_no="INV-66")
    verification.ask_claimant(
        world.database, COMMAND_LINE, made.number, question="Five or two of them?", request_key=new_id()
    )
    app = page_of(world, Role.PARTICIPANT, page_named("home"))
    assert not app.exception, app.exception
    first = app.main.markdown[0].value
    assert "1 claim waits for your answer." in first
    assert "Five or two of them?" in first
    assert app.main.button[0].label == "Answer"
    app.main.button[0].click().run()
    assert not app.exception, app.exception
    seen = texts(app)
    assert "Five or two of them?" in seen
    # Withdrawn, so that it is no matter of the tests below.
    verification.withdraw_claim(
        world.database, world.signed_in(Role.PARTICIPANT).scope, made.number, request_key=new_id()
    )
    assert "waits for your answer" not in texts(page_of(world, Role.PARTICIPANT, page_named("home")))


def test_a_rejected_claim_corrected_brings_its_points(world: World, claims: Claims) -> None:
    with world.database.snapshot(COMMAND_LINE) as connection:
        line = verification.candidates(connection, claims["agrees"].number)[0]
    correct_as_shown(
        world.database,
        COMMAND_LINE,
        claims["agrees"].number,
        sales_line_id=line.sales_line_id,
        quantity=line.quantity,
        reason="Seen on the invoice",
        request_key=new_id(),
    )
    settlement.settle_programme(world.database, COMMAND_LINE, "club")
    app = record(world, claims["agrees"])
    assert {metric.label: metric.value for metric in app.metric}["Points posted"] == "9"
    assert "Corrected" in texts(app)
    mine = texts(page_of(world, Role.PARTICIPANT, page_named("my-claims")))
    assert "**9 points** are in your account." in mine
    with world.database.snapshot(COMMAND_LINE) as connection:
        state = verification.claim_by_number(connection, claims["agrees"].number).state
    assert state is ClaimState.APPROVED


def test_once_a_second_person_agrees_that_a_claim_stands_all_the_same_nobody_is_told_of_it(
    world: World, claims: Claims
) -> None:
    if "came back" not in texts(queue(world)):
        bring(
            world.database,
            COMMAND_LINE,
            [
                row(
                    company_code="C-200",
                    region="Serbia",
                    invoice_no="INV-2",
                    product_code="P-10",
                    quantity="-3",
                    sold_at="2026-04-20",
                )
            ],
        )
    assert "1 approved claim holds units that came back" in texts(queue(world))
    programmes.apply_programme(
        world.database, COMMAND_LINE, CLUB + "verification: {second_person_above: 1.00}\n"
    )
    first = somebody(world.database, Role.OPERATOR, name="first")
    with world.database.snapshot(COMMAND_LINE) as connection:
        approved = verification.claim_by_number(connection, claims["approved"].number)
    assert approved.approved_quantity is not None
    correct_as_shown(
        world.database,
        first.scope,
        approved.number,
        sales_line_id=approved.sales_line_id,
        quantity=approved.approved_quantity,
        reason="The goods were exchanged.",
    )
    assert "1 approved claim holds units that came back" in texts(queue(world))
    app = record(world, claims["approved"])
    next(button for button in app.button if button.label == "Agree").click()
    app.run()
    assert not app.exception, app.exception
    assert "came back" not in texts(queue(world))
