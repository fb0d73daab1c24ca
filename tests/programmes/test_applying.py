"""Applying documents: versions, what stays for good, who may, and two people at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.programmes import (
    AppliedProgramme,
    ProgrammeDocumentError,
    ProgrammeFixedFieldError,
    ProgrammeNotFoundError,
    ProgrammeOutsideScopeError,
    apply_programme,
    document_of,
    list_programmes,
    parse_document,
    programme_by_code,
    programme_by_id,
    versions,
)

SPRING = """\
code: spring
name: Spring
starts: 2026-03-01
ends: 2026-05-31
currency: EUR
collects: company
rules:
  - {id: base, per: line, award: {points: 1, per_amount: 10.00}}
"""


def scope_of(everything: Scope, *programme_ids: UUID) -> Scope:
    return replace(everything, programme_ids=frozenset(programme_ids))


def test_the_first_document_makes_the_programme_and_its_first_version(
    database: Database, everything: Scope
) -> None:
    assert apply_programme(database, everything, SPRING) == AppliedProgramme("spring", 1, changed=True)
    with database.transaction(everything) as connection:
        programme = programme_by_code(connection, everything, "spring")
        assert (programme.name, programme.currency, programme.time_zone) == ("Spring", "EUR", None)
        assert (programme.starts_on, programme.ends_on) == (date(2026, 3, 1), date(2026, 5, 31))
        assert programme_by_id(connection, everything, programme.id) == programme
        (version,) = versions(connection, everything, programme.id)
        assert (version.version, version.document, version.applied_by_name) == (1, SPRING, "test")
        assert document_of(connection, everything, programme.id, 1) == parse_document(SPRING)


def test_remarks_and_layout_alone_make_no_new_version(database: Database, everything: Scope) -> None:
    apply_programme(database, everything, SPRING)
    again = "# approved\n" + SPRING.replace("10.00", "10") + "earns_from: sales\n"
    assert apply_programme(database, everything, again) == AppliedProgramme("spring", 1, changed=False)
    with database.transaction(everything) as connection:
        (version,) = versions(connection, everything, programme_by_code(connection, everything, "spring").id)
        assert version.document == SPRING


def test_a_document_that_says_something_else_is_the_next_version_and_the_earlier_stays(
    database: Database, everything: Scope
) -> None:
    apply_programme(database, everything, SPRING)
    longer = SPRING.replace("2026-05-31", "2026-06-30") + "time_zone: Europe/Warsaw\n"
    assert apply_programme(database, everything, longer) == AppliedProgramme("spring", 2, changed=True)
    assert apply_programme(database, everything, SPRING) == AppliedProgramme("spring", 3, changed=True)
    with database.transaction(everything) as connection:
        programme = programme_by_code(connection, everything, "spring")
        assert (programme.current_version, programme.ends_on, programme.time_zone) == (
            3,
            date(2026, 5, 31),
            None,
        )
        kept = versions(connection, everything, programme.id)
        assert [(one.version, one.document) for one in kept] == [(3, SPRING), (2, longer), (1, SPRING)]
        assert kept[0].document_hash == kept[2].document_hash != kept[1].document_hash


def test_each_new_version_is_on_record_and_nothing_else(database: Database, everything: Scope) -> None:
    for document in (SPRING, SPRING, SPRING.replace("name: Spring", "name: Spring 2026")):
        apply_programme(database, everything, document)
    with database.transaction(everything) as connection:
        records = connection.execute(
            text("select detail ->> 'version' from audit_record where action = 'programme.version_applied'")
        )
        assert sorted(records.scalars()) == ["1", "2"]


def test_a_currency_stays_for_good(database: Database, everything: Scope) -> None:
    apply_programme(database, everything, SPRING)
    with pytest.raises(
        ProgrammeFixedFieldError, match="“currency” of the programme “spring” is EUR and can't"
    ):
        apply_programme(database, everything, SPRING.replace("EUR", "USD"))
    with database.transaction(everything) as connection:
        assert programme_by_code(connection, everything, "spring").current_version == 1


def test_a_wrong_document_changes_nothing(database: Database, everything: Scope) -> None:
    with pytest.raises(ProgrammeDocumentError, match="line 5, column 11"):
        apply_programme(database, everything, SPRING.replace("EUR", "euro"))
    with database.transaction(everything) as connection:
        assert list_programmes(connection, everything) == []


def test_a_programme_outside_the_scope_looks_like_one_that_does_not_exist(
    database: Database, everything: Scope
) -> None:
    apply_programme(database, everything, SPRING)
    apply_programme(database, everything, SPRING.replace("spring", "summer"))
    with database.transaction(everything) as connection:
        spring = programme_by_code(connection, everything, "spring")
        summer_only = scope_of(everything, programme_by_code(connection, everything, "summer").id)
        assert [one.code for one in list_programmes(connection, summer_only)] == ["summer"]
        assert list_programmes(connection, scope_of(everything)) == []
        assert versions(connection, summer_only, spring.id) == []
        messages = set()
        for code in ("spring", "autumn"):
            with pytest.raises(ProgrammeNotFoundError) as caught:
                programme_by_code(connection, summer_only, code)
            messages.add(caught.value.sentence.replace(code, "…"))
        assert len(messages) == 1
        with pytest.raises(ProgrammeNotFoundError):
            programme_by_id(connection, summer_only, spring.id)
        with pytest.raises(ProgrammeNotFoundError):
            document_of(connection, summer_only, spring.id, 1)


def test_who_works_with_certain_programmes_applies_those_and_no_others(
    database: Database, everything: Scope
) -> None:
    apply_programme(database, everything, SPRING)
    with database.transaction(everything) as connection:
        spring_only = scope_of(everything, programme_by_code(connection, everything, "spring").id)
    changed = SPRING.replace("2026-05-31", "2026-06-30")
    assert apply_programme(database, spring_only, changed).version == 2
    for outsider, document in (
        (scope_of(everything, new_id()), SPRING),
        (spring_only, SPRING.replace("spring", "x")),
    ):
        with pytest.raises(ProgrammeOutsideScopeError, match="certain programmes only"):
            apply_programme(database, outsider, document)


@pytest.mark.parametrize(
    "attack",
    [
        "update programme_version set document = 'x'",
        "delete from programme_version",
        "update programme set currency = 'USD'",
        "delete from programme",
    ],
)
def test_the_application_cannot_rewrite_what_was_applied(
    database: Database, everything: Scope, attack: str
) -> None:
    apply_programme(database, everything, SPRING)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        database.transaction(everything) as connection,
    ):
        connection.execute(text(attack))


def test_documents_applied_at_once_get_one_version_each(
    committed_database: Database, everything: Scope
) -> None:
    people = 8
    documents = [SPRING.replace("name: Spring", f"name: Spring {number % 4}") for number in range(people)]
    together = threading.Barrier(people)

    def apply(document: str) -> AppliedProgramme:
        together.wait()
        return apply_programme(committed_database, everything, document)

    with ThreadPoolExecutor(people) as pool:
        outcomes = list(pool.map(apply, documents))
    with committed_database.transaction(everything) as connection:
        programme = programme_by_code(connection, everything, "spring")
        kept = versions(connection, everything, programme.id)
    made = sorted(outcome.version for outcome in outcomes if outcome.changed)
    assert made == [one.version for one in reversed(kept)] == list(range(1, len(kept) + 1))
    assert programme.current_version == len(kept)
    assert all(older.body != newer.body for newer, older in pairwise(kept))
