"""Templates are filled so that the file they begin is understood, and taken in, as it stands."""

import zipfile
from pathlib import Path

import openpyxl
import pytest

from laurel.registers import DATASETS
from loyalty_core.intake import (
    ColumnMapping,
    CurrencyNotGuessedError,
    MappingNotGuessedError,
    find_mapping,
    guess_file,
    load_shipped_mapping,
    preview_file,
    receive_local_file,
    retire_mapping,
    save_mapping,
    template_name,
    write_template,
)
from loyalty_core.kernel import Database, Scope, Settings
from loyalty_core.organisation import known_company_codes
from loyalty_core.products import known_product_codes
from tests.intake.field import HEADER, imported, lines, mapping_of, settings_in, write

pytestmark = pytest.mark.xdist_group("intake")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_template_has_two_examples_and_a_note_on_every_column(tmp_path: Path, name: str) -> None:
    dataset = DATASETS[name]
    path = tmp_path / template_name(dataset)
    write_template(path, dataset)
    book = openpyxl.load_workbook(path)
    page, notes = book.worksheets
    header = [cell.value for cell in page[1]]
    assert header == list(dataset.columns.names)
    assert page.max_row == 3
    for cell, column in zip(page[1], dataset.columns.columns, strict=True):
        assert cell.comment is not None, column.name
        assert column.notes, column.name
        assert column.notes in cell.comment.text
    told = {row[0].value: row for row in notes.iter_rows(min_row=2)}
    for column in dataset.columns.columns:
        assert told[column.name][1].value == ("yes" if column.required else "no")
        assert told[column.name][3].value == column.notes
    with zipfile.ZipFile(path) as parts:
        sheets = [parts.read(one) for one in parts.namelist() if "worksheets/sheet" in one]
    assert all(b"<f>" not in one for one in sheets)


def test_a_template_has_the_titles_that_people_know(tmp_path: Path) -> None:
    dataset = DATASETS["products"]
    path = tmp_path / template_name(dataset)
    write_template(path, dataset, lambda name: name.replace("_", " ").capitalize())
    page, notes = openpyxl.load_workbook(path).worksheets
    titles = ["Code", "Name", "Brand", "Product group"]
    assert [cell.value for cell in page[1]] == titles
    assert [row[0].value for row in notes.iter_rows(min_row=2)][: len(titles)] == titles


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_template_is_guessed_right_and_complete(
    database: Database, settings: Settings, everything: Scope, tmp_path: Path, name: str
) -> None:
    dataset = DATASETS[name]
    path = tmp_path / template_name(dataset)
    write_template(path, dataset)
    guessed = guess_file(
        database,
        settings,
        everything,
        file_id=receive_local_file(database, settings, everything, path),
        columns=dataset.columns,
    )
    assert guessed.mapping.columns == {column: column for column in dataset.columns.names}
    assert guessed.unused == ()
    guessed.mapping.check_against(dataset.columns)
    assert len(preview_file(path, path.name).rows) == 2


def guess(
    database: Database, settings: Settings, scope: Scope, path: Path, **said: str
) -> tuple[ColumnMapping, dict[str, float]]:
    guessed = guess_file(
        database,
        settings,
        scope,
        file_id=receive_local_file(database, settings, scope, path),
        columns=DATASETS["sales"].columns,
        **said,
    )
    return guessed.mapping, {one.column: one.confidence for one in guessed.columns}


def test_a_known_source_is_taken_whole_and_files_of_one_layout_are_one_source(
    database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    path = write(tmp_path / "tills.csv", lines(3))
    first, _sure = guess(database, settings, everything, path, currency="EUR")
    second, _sure = guess(database, settings, everything, write(tmp_path / "b.csv", lines(5)), currency="EUR")
    assert first.name == second.name
    assert first.name.startswith("auto-")
    save_mapping(database, everything, mapping_of("tills"), HEADER)
    known, sure = guess(database, settings, everything, path)
    assert known == mapping_of("tills")
    assert set(sure.values()) == {1.0}


def test_columns_of_codes_that_are_known_are_found_by_them(
    committed_database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    imported(committed_database, settings, everything, write(tmp_path / "first.csv", lines(8)))
    with committed_database.transaction(everything) as connection:
        assert known_company_codes(connection, ["C1", "C9"]) == {"C1"}
        assert known_product_codes(connection, ["P1", "P9"]) == {"P1"}
    path = tmp_path / "strange.csv"
    path.write_text(
        "a;b;Paragon;Data;Szt;Cena PLN\nC1;P1;77;14.03.2026;2;1.234,50\nC2;P1;78;15.03.2026;1;2,00\n"
    )
    mapping, _sure = guess(committed_database, settings, everything, path)
    assert mapping.columns == {
        "company_code": "a",
        "product_code": "b",
        "invoice_no": "Paragon",
        "sold_at": "Data",
        "quantity": "Szt",
        "unit_price": "Cena PLN",
    }
    assert (mapping.decimal_separator, mapping.thousands_separator) == (",", ".")
    assert (mapping.date_formats, mapping.currency) == (("%d.%m.%Y",), "PLN")


def test_what_is_missing_is_refused_by_name_with_what_came_nearest(
    database: Database, settings: Settings, everything: Scope, tmp_path: Path
) -> None:
    path = tmp_path / "half.csv"
    path.write_text("Custom text,Invoice,SKU,Qty\nx,1,P,2\n")
    with pytest.raises(MappingNotGuessedError) as refused:
        guess(database, settings, everything, path)
    assert refused.value.missing == ("company_code", "sold_at")
    assert "company_code (“Custom text” came nearest)" in refused.value.sentence
    with pytest.raises(CurrencyNotGuessedError, match="--currency EUR"):
        guess(database, settings, everything, write(tmp_path / "tills.csv", lines(3)))


def test_a_saved_mapping_is_found_by_its_name_before_one_that_ships(
    database: Database, everything: Scope
) -> None:
    own = mapping_of("online-retail")
    save_mapping(database, everything, own, HEADER)
    assert find_mapping(database, everything, "online-retail", "sales") == own
    retire_mapping(database, everything, "sales", "online-retail")
    assert find_mapping(database, everything, "online-retail", "sales") == load_shipped_mapping(
        "online-retail"
    )
