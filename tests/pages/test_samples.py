"""Sample files can be uploaded as they are, and their mistakes are found."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from laurel.registers import DATASETS
from loyalty_core import intake
from loyalty_core.intake import guess_dataset, guess_mapping
from loyalty_core.kernel import Scope, csv_text, write_csv
from tests.pages.world import COMMAND_LINE, World
from ui.samples import SampleFile, sample_of_claims, sample_of_sales

TODAY = date(2026, 4, 20)


def made(world: World, make: Callable[[Connection, Scope, date], SampleFile | None]) -> SampleFile:
    with world.database.snapshot(COMMAND_LINE) as connection:
        sample = make(connection, COMMAND_LINE, TODAY)
    assert sample is not None
    return sample


def texts(sample: SampleFile) -> list[list[str]]:
    return [[csv_text(cell) for cell in row] for row in sample.rows]


def test_each_sample_is_recognised_for_what_it_brings(world: World) -> None:
    columns = [one.columns for one in DATASETS.values()]
    for make, dataset in ((sample_of_sales, "sales"), (sample_of_claims, "claims")):
        sample = made(world, make)
        assert guess_dataset(sample.header, texts(sample), columns) == dataset
        guess = guess_mapping(sample.header, texts(sample), DATASETS[dataset].columns)
        required = {one.name for one in DATASETS[dataset].columns.columns if one.required}
        assert required <= set(guess.columns), dataset


def test_the_good_rows_of_a_sample_are_accepted_and_every_mistake_is_named(
    world: World, tmp_path: Path
) -> None:
    sample = made(world, sample_of_sales)
    path = tmp_path / sample.name
    write_csv(path, sample.header, sample.rows)
    mapping = intake.ColumnMapping(
        name="sample",
        dataset="sales",
        columns={name: name for name in sample.header},
        date_formats=("%Y-%m-%d %H:%M",),
        time_zone="Europe/Warsaw",
    )
    import_id = intake.resume_or_start_import(
        world.database,
        COMMAND_LINE,
        file_id=intake.receive_local_file(world.database, world.settings, COMMAND_LINE, path),
        mapping=mapping,
        datasets=DATASETS,
        creates_missing=False,
    )
    found = intake.run_import(
        world.database, world.settings, import_id, datasets=DATASETS, scope=COMMAND_LINE
    ).found
    assert (found.rows or 0) - (found.quarantined or 0) == len(sample.rows) - 6
    assert set(found.reasons or {}) == {
        *("missing_company", "unknown_company", "unreadable_quantity", "unknown_product"),
        *("unreadable_sold_at", "negative_price"),
    }
