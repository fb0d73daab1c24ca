"""Template files: an empty file of a dataset with two example rows, and what goes into each column."""

from collections.abc import Callable
from pathlib import Path

from loyalty_core.intake.dataset import Dataset
from loyalty_core.intake.mapping import ColumnKind, DatasetColumn
from loyalty_core.kernel import Sheet, _, write_workbook


def template_name(dataset: Dataset) -> str:
    """Return the name of the dataset's template file."""
    return f"laurel-{dataset.columns.name.replace('_', '-')}.xlsx"


def write_template(path: Path, dataset: Dataset, title: Callable[[str], str] = str) -> None:
    """Write the dataset's template: its columns by their titles, two example rows, and a sheet of notes.

    `title` says what people call a column, which a guess must understand; without it columns have their own names.
    The first sheet is one that an import reads as it is; every header carries a comment. Cells are text as a
    person types it, never a formula.
    """
    columns = dataset.columns.columns
    write_workbook(
        path,
        [
            Sheet(
                dataset.columns.name,
                [title(name) for name in dataset.columns.names],
                [[row.get(name, "") for name in dataset.columns.names] for row in dataset.example_rows],
                comments=tuple(_comment(column) for column in columns),
            ),
            Sheet(
                _("Columns"),
                (_("Column"), _("Needed"), _("Holds"), _("What goes into it"), _("Also understood")),
                [
                    [
                        title(column.name),
                        _("yes") if column.required else _("no"),
                        _kind(column),
                        _(column.notes) if column.notes else "",
                        ", ".join(column.also_called),
                    ]
                    for column in columns
                ],
                remarks=(
                    _("Put your rows in place of the two example rows of the first sheet."),
                    _("Columns that are not needed may be left out; their order does not matter."),
                ),
            ),
        ],
    )


def _kind(column: DatasetColumn) -> str:
    return {
        ColumnKind.TEXT: _("text"),
        ColumnKind.NUMBER: _("number, with a decimal point"),
        ColumnKind.TIMESTAMP: _("date, as in 2026-03-31"),
    }[column.kind]


def _comment(column: DatasetColumn) -> str:
    parts = [
        _("Needed") if column.required else _("May be left out"),
        _kind(column),
        *([_(column.notes)] if column.notes else []),
    ]
    return "\n".join(parts)
