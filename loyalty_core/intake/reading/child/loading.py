"""The fast reader's way of loading one sheet, with its failures told as what they mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

from .orders import FileRefused


@contextmanager
def telling_damage(place: str) -> Iterator[None]:
    """Turn what the fast reader says of a file that it cannot read, its panics included, into a refusal."""
    import fastexcel

    try:
        yield
    except fastexcel.FastExcelError as error:
        if "assword" in str(error):
            raise FileRefused("encrypted") from error
        raise FileRefused("damaged", place=place, how=str(error)[:200]) from error
    except BaseException as error:
        # Rust's panics arrive as an exception that is no Exception and has no public name.
        if type(error).__name__ != "PanicException":
            raise
        raise FileRefused("damaged", place=place, how=str(error)[:200]) from error


def load_strings(path: str, sheet: str) -> pl.DataFrame:
    """Return all rows from row 1 on, and all columns from the first that holds anything on, as text, in memory."""
    return loaded(path, sheet, None, "string", skip_rows=0)


def loaded(
    path: str, sheet: str, header_row: int | None, dtypes: Any, skip_rows: int | None = None
) -> pl.DataFrame:
    """Return a sheet below its header row as the fast reader types it; from row 1 on where there is none."""
    import fastexcel

    with telling_damage(sheet):
        batch = fastexcel.read_excel(path).load_sheet_eager(
            sheet,
            header_row=None if header_row is None else header_row - 1,
            skip_rows=skip_rows,
            schema_sample_rows=None,
            dtypes=dtypes,
        )
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame
