"""Uploads: what a file was understood as, put right by hand, kept for the source's next file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from laurel.registers import DATASETS
from loyalty_core import intake
from loyalty_core.access import Role
from loyalty_core.intake import ImportMode, ImportState
from loyalty_core.kernel import Cell, Sheet, write_workbook
from tests.intake_reading.other_workbooks import Rows, ods, xls, xlsb
from tests.pages.test_every_page import page_named, page_of, texts
from tests.pages.world import COMMAND_LINE, World
from ui.imports import column_title
from ui.keys import key_on
from ui.uploads import proposed_source

HEADER = "Kod klienta;Nr faktury;Kod towaru;Ilość;Data sprzedaży;Cena netto;Waluta"
LINE = "C-1;FV/{0};P-1;2;14.03.2026;1.234,50;PLN"


def brought(world: World, path: Path, header: str, *lines: str) -> UUID:
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return intake.receive_local_file(world.database, world.settings, COMMAND_LINE, path)


def page_of_file(world: World, file_id: UUID, role: Role = Role.OPERATOR) -> AppTest:
    app = page_of(world, role, page_named("uploads"), file=str(file_id))
    assert not app.exception, app.exception
    return app


def start(app: AppTest, source: str) -> AppTest:
    next(box for box in app.text_input if box.label == "Name of the source").set_value(source)
    return next(button for button in app.button if button.label == "Start").click().run()


def held(world: World, source: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    with world.database.transaction(COMMAND_LINE) as connection:
        return [
            (row.mode, row.options, row.mapping)
            for row in connection.execute(
                text("select mode, options, mapping from file_import where source = :source order by number"),
                {"source": source},
            )
        ]


def test_a_file_is_understood_kept_and_its_next_one_says_what_changed(world: World, tmp_path: Path) -> None:
    first = brought(world, tmp_path / "march.csv", HEADER, *(LINE.format(place) for place in range(3)))
    app = page_of_file(world, first)
    table = app.dataframe[0].value
    assert list(table["Row"]) == ["header", "read as", "2", "3", "4"]
    assert list(table["Company code"][:2]) == ["Kod klienta", "text"]
    assert list(table["Date of sale"][:2]) == ["Data sprzedaży", "date, day first"]
    assert list(table["Unit price"][:2]) == ["Cena netto", "number, decimal comma"]
    next(box for box in app.radio if box.label == "What the import does").set_value(ImportMode.CHECK)
    next(box for box in app.text_input if box.label == "Control total").set_value("7407.00")
    start(app, "Warszawa")
    ((mode, options, mapping),) = held(world, "sales:Warszawa")
    assert (mode, options) == ("check", {"control_total": "7407.00"})
    assert mapping["decimal_separator"] == ","
    with world.database.transaction(COMMAND_LINE) as connection:
        (saved,) = intake.saved_mappings(connection, "sales")
    assert (saved.name, saved.version, saved.header) == ("Warszawa", 1, tuple(HEADER.split(";")))

    second = brought(
        world,
        tmp_path / "april.csv",
        HEADER.replace("Nr faktury", "Numer faktury") + ";Sklep",
        *(f"{LINE.format(place)};S" for place in range(3, 6)),
    )
    app = page_of_file(world, second)
    said = texts(app)
    assert "“Nr faktury” seems to be “Numer faktury” now" in said
    assert "new: “Sklep”" in said
    assert list(app.dataframe[0].value["Invoice number"][:1]) == ["Numer faktury"]
    start(app, "Warszawa")
    assert [mapping["columns"]["invoice_no"] for _m, _o, mapping in held(world, "sales:Warszawa")] == [
        "Nr faktury",
        "Numer faktury",
    ]
    with world.database.transaction(COMMAND_LINE) as connection:
        assert [one.version for one in intake.mapping_versions(connection, "sales", "Warszawa")] == [2, 1]


def test_what_is_missing_is_told_with_what_comes_nearest(world: World, tmp_path: Path) -> None:
    file = brought(world, tmp_path / "half.csv", "Custom text,Invoice,SKU,Qty,Price", "x,1,P,2,3.00")
    said = texts(page_of_file(world, file))
    assert "These are needed" in said
    assert "Company code: “Custom text” comes nearest" in said


def test_what_is_left_out_of_a_workbook_is_told_and_sheets_that_look_alike_are_read_together(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "months.xlsx"
    header = ["Customer ID", "Invoice no", "SKU", "Qty", "Date", "Price", "Currency"]
    rows: list[list[Cell]] = [["C-1", f"W{place}", "P-1", 2, "2026-03-14", 5, "EUR"] for place in range(3)]
    write_workbook(
        path,
        [
            Sheet("March", header, [*rows, ["Total", "", "", 6, "", "", ""]]),
            Sheet("April", header, rows),
            Sheet("Notes", ["Remark"], [["nothing"]]),
        ],
    )
    app = page_of_file(world, intake.receive_local_file(world.database, world.settings, COMMAND_LINE, path))
    assert "a total" in texts(app)
    next(one for one in app.toggle if one.label == "Read all 2 sheets that look alike").set_value(True).run()
    start(app, "Months")
    ((_mode, options, _mapping),) = held(world, "sales:Months")
    assert options == {"sheets": ["March", "April"]}


@pytest.mark.parametrize("kind", ["xls", "xlsb", "ods"])
def test_where_hidden_rows_are_not_known_the_preview_says_so(world: World, tmp_path: Path, kind: str) -> None:
    rows: Rows = [
        ["Customer ID", "Invoice no", "SKU", "Qty"],
        ["C-1", "W1", "P-1", 2.0],
        ["C-1", "W2", "P-1", 2.0],
    ]
    path = tmp_path / f"march.{kind}"
    writers: dict[str, Callable[[Rows], bytes]] = {"xls": xls, "xlsb": xlsb, "ods": ods}
    path.write_bytes(writers[kind](rows))
    app = page_of_file(world, intake.receive_local_file(world.database, world.settings, COMMAND_LINE, path))
    told = f"Of {kind.upper()} files Laurel can't tell whether rows are hidden."
    assert (told in texts(app)) == (kind != "ods")


def test_a_template_is_offered_for_every_dataset(world: World) -> None:
    app = page_of(world, Role.OPERATOR, page_named("uploads"))
    box = app.selectbox(key=key_on("uploads", "template"))
    assert len(box.options) == len(intake.registered_datasets())
    box.set_value("claims").run()
    next(button for button in app.button if button.label == "Make the template").click().run()
    assert not app.exception
    assert "/exports/" in str([one.proto for one in app.get("link_button")])


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_a_mapping_shows_what_it_takes_each_column_for_and_is_taken_out_of_use(
    world: World, role: Role
) -> None:
    name = f"shops {role.value}"
    mapping = intake.load_shipped_mapping("online-retail").model_copy(update={"name": name})
    header = [*mapping.columns.values(), "Remarks"]
    intake.save_mapping(world.database, COMMAND_LINE, mapping, header)
    changed = mapping.model_copy(update={"date_formats": ("%d.%m.%Y",)})
    intake.save_mapping(world.database, COMMAND_LINE, changed, header)
    app = page_of(world, role, page_named("mappings"))
    with world.database.transaction(COMMAND_LINE) as connection:
        names = [one.name for one in intake.saved_mappings(connection)]
    assert list(app.dataframe[0].value["Source"]) == names
    choose(app, names.index(name))
    said = texts(app)
    assert "Remarks,not used" in said
    assert "how cells are written" in said
    assert "kept for the first time" in said
    next(button for button in app.button if button.label == "Retire this mapping").click().run()
    with world.database.transaction(COMMAND_LINE) as connection:
        assert name not in [one.name for one in intake.saved_mappings(connection)]


def choose(app: AppTest, place: int) -> None:
    frame = app.dataframe[0]
    assert frame.key is not None
    app.session_state[frame.key] = {"selection": {"rows": [place], "columns": [], "cells": []}}
    app.run()


def test_a_column_of_currencies_that_a_source_never_had_is_used(world: World, tmp_path: Path) -> None:
    header = "Customer ID,Invoice no,SKU,Qty,Sale date,Net price"
    start(
        page_of_file(world, brought(world, tmp_path / "one.csv", header, "C-1,W1,P-1,2,2026-03-14,€5.00")),
        "Euros",
    )
    more = brought(world, tmp_path / "two.csv", f"{header},Currency", "C-1,W2,P-1,2,2026-03-14,5.00,GBP")
    app = page_of_file(world, more)
    assert next(box for box in app.selectbox if box.label == "Source").value == "Euros"
    assert list(app.dataframe[0].value["Currency"]) == ["Currency", "text", "GBP"]
    assert "The currency stands in the file." in texts(app)


def test_what_is_wrong_with_a_mapping_is_said_in_the_words_of_the_page(world: World, tmp_path: Path) -> None:
    file = brought(world, tmp_path / "short.csv", "Customer ID,Invoice no,SKU", "C-1,W1,P-1")
    app = page_of_file(world, file)
    assert "No column of the file is said to hold Date of sale, Quantity" in texts(start(app, "Short"))
    app = page_of_file(world, brought(world, tmp_path / "march.csv", HEADER, LINE.format(7)))
    assert "the source has no name yet" in texts(start(app, " "))


def name_of_source(app: AppTest) -> str | None:
    return next(box for box in app.text_input if box.label == "Name of the source").value


def test_a_file_gets_the_name_of_a_source_only_where_it_is_surely_of_it(world: World, tmp_path: Path) -> None:
    header = "Buyer no,Bill,Article,Pieces,Sold,Each,Ccy"
    line = "C-1,{0},P-1,2,2026-03-14,5.00,EUR"
    new = page_of_file(world, brought(world, tmp_path / "Novi_Sad_2026-03.csv", header, line.format(1)))
    assert name_of_source(new) == "Novi Sad"
    start(new, "Novi Sad")
    again = page_of_file(world, brought(world, tmp_path / "export.csv", header, line.format(2)))
    assert name_of_source(again) == "Novi Sad"
    similar = page_of_file(
        world, brought(world, tmp_path / "Subotica_2026-03.csv", f"{header},Remark", f"{line.format(3)},x")
    )
    assert "new: “Remark”" in texts(similar)
    assert name_of_source(similar) == ""
    # One tick says whose it is: a source that was found needs no typing.
    (tick,) = [box for box in similar.checkbox if box.label == "It comes from “Novi Sad”"]
    assert not tick.value
    changed = page_of_file(
        world, brought(world, tmp_path / "Novi_Sad_2026-04.csv", f"{header},Remark", f"{line.format(4)},x")
    )
    assert name_of_source(changed) == "Novi Sad"
    # A second sender with the very same columns: from then on the file's name tells the two apart.
    start(
        page_of_file(world, brought(world, tmp_path / "Subotica_3.csv", header, line.format(5))), "Subotica"
    )
    later = page_of_file(world, brought(world, tmp_path / "subotica 4.csv", header, line.format(6)))
    assert name_of_source(later) == "Subotica"
    nobody = page_of_file(world, brought(world, tmp_path / "export.csv", header, line.format(7)))
    assert name_of_source(nobody) == ""
    found = page_of_file(
        world, brought(world, tmp_path / "Nis_1.csv", f"{header},Remark", f"{line.format(8)},x")
    )
    (tick,) = [box for box in found.checkbox if box.label.startswith("It comes from")]
    known = tick.label.partition("“")[2].rstrip("”")
    before = len(held(world, f"sales:{known}"))
    tick.check()
    next(button for button in found.button if button.label == "Start").click().run()
    assert len(held(world, f"sales:{known}")) == before + 1


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("sales_Warszawa_2026-03.xlsx", "sales Warszawa"),
        ("Q1 Marche S.A..csv", "Marche S"),
        ("2026-03-01.csv", ""),
        ("may.csv.gz", ""),
        ("Beograd (2).tsv", "Beograd"),
    ],
)
def test_a_source_is_named_by_its_file_without_days_and_numbers(file_name: str, name: str) -> None:
    assert proposed_source(file_name) == name


def test_everything_a_file_may_hold_has_a_title(world: World) -> None:
    del world
    for dataset in intake.registered_datasets().values():
        for name in (*dataset.columns.names, "beyond_last_column"):
            assert column_title(name) != name, (dataset.columns.name, name)


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("cp1250", "windows-1250"),
        ("cp852", "IBM852"),
        ("iso8859_2", "ISO-8859-2"),
        ("koi8_r", "KOI8-R"),
        ("utf-8", "UTF-8"),
        ("utf-16-le", "UTF-16"),
        ("ascii", "ASCII"),
    ],
)
def test_encodings_have_the_names_that_spreadsheets_give_them(codec: str, name: str) -> None:
    assert intake.encoding_name(codec) == name


def test_a_file_in_an_old_encoding_is_told_of_by_the_encodings_usual_name(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes(f"{HEADER}\n{LINE.format(70)}\nŁódź;FV/71;P-1;2;14.03.2026;1,50;PLN\n".encode("cp1250"))
    app = page_of_file(world, intake.receive_local_file(world.database, world.settings, COMMAND_LINE, path))
    assert "encoding windows-1250" in texts(app)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_template_is_understood_as_it_is_given_out(world: World, tmp_path: Path, name: str) -> None:
    dataset = DATASETS[name]
    path = tmp_path / intake.template_name(dataset)
    intake.write_template(path, dataset, column_title)
    file = intake.receive_local_file(world.database, world.settings, COMMAND_LINE, path)
    app = page_of_file(world, file, Role.ADMIN)
    assert next(box for box in app.radio if box.label == "What the file brings").value == name
    rows = app.dataframe[0].value
    titles = [column_title(column) for column in dataset.columns.names]
    # Every column under its own title, and nothing about it left in doubt.
    assert [title for title in rows.columns if title != "Row"] == titles
    assert list(rows["Row"]) == ["header", "read as", "2", "3"]
    assert [rows[title][0] for title in titles] == titles
    assert not [rows[title][1] for title in titles if "can't be read" in rows[title][1]]
    assert "a guess: look at it" not in texts(app)
    assert "These are needed" not in texts(app)
    if name == "prices":
        assert "The currency stands in the file." in texts(app)
    source = f"template of {name}"
    app = start(app, source)
    assert not app.exception, app.exception
    with world.database.snapshot(COMMAND_LINE) as connection:
        [queued] = intake.find_imports(connection, source=f"{name}:{source}", limit=2)
    found = intake.run_import(
        world.database, world.settings, queued.id, datasets=DATASETS, scope=world.signed_in(Role.ADMIN).scope
    ).found
    # Where every example is unknown here, a check asks whether the file is the right one.
    assert found.state in (ImportState.ACCEPTED, ImportState.WAITING), found.refusal
    assert found.rows == 2
    # What the examples name is not known here; every cell of them is read.
    wrong = ("missing_", "unreadable_", "beyond_", "text_too_long", "control_")
    assert not [reason for reason in found.reasons or {} if reason.startswith(wrong)]
