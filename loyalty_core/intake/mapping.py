"""How the columns of a file become the canonical columns of a dataset."""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from loyalty_core.kernel import NotFoundError, Refusal, _

SHIPPED_MAPPINGS_FOLDER = Path(__file__).parent / "shipped_mappings"


class ColumnKind(StrEnum):
    """What the cells of a canonical column hold."""

    TEXT = "text"
    NUMBER = "number"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True)
class DatasetColumn:
    """One canonical column of a dataset."""

    name: str
    kind: ColumnKind = ColumnKind.TEXT
    required: bool = False
    also_called: tuple[str, ...] = ()
    """Headers under which files are known to bring it; they help the guess of a mapping."""
    notes: str = ""
    """What goes into the column, for the template's notes: an English text marked by `N_`, or ""."""


@dataclass(frozen=True)
class DatasetColumns:
    """The canonical columns of one dataset, in the order in which staging holds them."""

    name: str
    columns: tuple[DatasetColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)


class MappingIncompleteError(Refusal):
    """The mapping leaves out columns without which the dataset has no meaning, or names unknown ones."""

    def __init__(
        self, mapping_name: str, dataset: str, missing: Sequence[str], unknown: Sequence[str]
    ) -> None:
        self.mapping_name = mapping_name
        self.dataset = dataset
        self.missing = tuple(missing)
        self.unknown = tuple(unknown)
        if self.missing:
            sentence = _(
                "The mapping “{mapping}” does not say which column holds {columns}. "
                "Choose one for each and try again."
            ).format(mapping=mapping_name, columns=", ".join(self.missing))
        else:
            sentence = _(
                "The mapping “{mapping}” fills {columns}, which {dataset} does not have. "
                "Take them out of the mapping and try again."
            ).format(mapping=mapping_name, columns=", ".join(self.unknown), dataset=dataset)
        super().__init__(sentence)


class ColumnMapping(BaseModel):
    """A named way to read the files of one source.

    `columns` goes from canonical column to the header that the file has for it. `date_formats` are strptime
    formats, tried in order; a format without `%z` is local time in `time_zone`. `currency` is the ISO 4217
    code of files that don't name one; a mapped `currency` column wins where its cell is filled.
    `encoding` is for text files whose encoding cannot be told from them; None lets it be told.
    `optional` are canonical columns whose headers some files of the source lack; a file without any other
    header that the mapping names is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    dataset: Annotated[str, Field(min_length=1, max_length=100)]
    columns: dict[str, Annotated[str, Field(min_length=1, max_length=1000)]]
    decimal_separator: Literal[".", ","] = "."
    thousands_separator: Literal[".", ",", " ", "'", "’"] | None = None
    date_formats: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    time_zone: str
    encoding: str | None = None
    optional: tuple[str, ...] = ()

    @field_validator("columns")
    @classmethod
    def _headers_are_used_once(cls, columns: dict[str, str]) -> dict[str, str]:
        if not columns:
            raise ValueError("a mapping names at least one column")
        headers = [header_key(header) for header in columns.values()]
        if "" in headers:
            raise ValueError("a header is never blank")
        return columns

    @field_validator("date_formats")
    @classmethod
    def _formats_name_a_day(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for one in formats:
            directives = set(re.findall(r"%[-_0]?([A-Za-z])", one))
            has_day = {"d", "e", "j", "F", "D", "s"} & directives
            has_year = {"Y", "y", "F", "D", "s"} & directives
            if len(one) > 60 or not has_day or not has_year:
                raise ValueError(f"“{one}” is not a date format: it needs a day and a year, as in %Y-%m-%d")
        return formats

    @field_validator("time_zone")
    @classmethod
    def _time_zone_is_known(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"“{time_zone}” is not a time zone; write it as in Europe/London") from error
        return time_zone

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, encoding: str | None) -> str | None:
        if encoding is None:
            return None
        try:
            return codecs.lookup(encoding).name
        except LookupError as error:
            raise ValueError(f"“{encoding}” is not an encoding; write it as in cp1250") from error

    @model_validator(mode="after")
    def _optional_columns_are_some_of_the_mapped(self) -> Self:
        strangers = sorted(set(self.optional) - set(self.columns))
        if strangers:
            raise ValueError(f"{', '.join(strangers)} is optional, yet no header is named for it")
        if set(self.optional) >= set(self.columns):
            raise ValueError("at least one column is there in every file")
        return self

    @model_validator(mode="after")
    def _separators_differ(self) -> Self:
        if self.decimal_separator == self.thousands_separator:
            raise ValueError("the decimal and the thousands separator are two different signs")
        return self

    def check_against(self, dataset_columns: DatasetColumns) -> None:
        """Refuse a mapping that leaves out a required column or fills an unknown one.

        Raises MappingIncompleteError. A fixed currency stands for a `currency` column.
        """
        surely_filled = set(self.columns) - set(self.optional) | ({"currency"} if self.currency else set())
        missing = [
            one.name for one in dataset_columns.columns if one.required and one.name not in surely_filled
        ]
        unknown = sorted(set(self.columns) - set(dataset_columns.names))
        if missing or unknown:
            raise MappingIncompleteError(self.name, dataset_columns.name, missing, unknown)


def header_key(header: str) -> str:
    """What two spellings of a header have in common: case and white space don't tell headers apart."""
    return " ".join(header.replace("\ufeff", "").split()).casefold()


class UnknownMappingError(NotFoundError):
    """No mapping of this name ships with Laurel."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        super().__init__(
            _("There is no mapping “{name}”. Known ones: {known}.").format(name=name, known=", ".join(known))
        )


def shipped_mapping_names() -> list[str]:
    """Names of the mappings that ship with Laurel, sorted."""
    return sorted(path.stem for path in SHIPPED_MAPPINGS_FOLDER.glob("*.yaml"))


@cache
def load_shipped_mapping(name: str) -> ColumnMapping:
    """Return the mapping that ships under this name; UnknownMappingError where there is none."""
    known = shipped_mapping_names()
    if name not in known:
        raise UnknownMappingError(name, known)
    text = (SHIPPED_MAPPINGS_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return ColumnMapping.model_validate(yaml.safe_load(text))


class MappingFileError(Refusal):
    """A file of one's own that should hold a mapping can't be read, or is not one."""

    def __init__(self, path: Path, faults: Sequence[str]) -> None:
        self.path = path
        self.faults = tuple(faults)
        super().__init__(
            _(
                "“{path}” is not a mapping: {faults}. Compare it with the one that ships as online-retail."
            ).format(path=path, faults="; ".join(faults))
        )


_MOST_MAPPING_BYTES = 100_000


def load_mapping(name_or_path: str) -> ColumnMapping:
    """Return the mapping that ships under this name, or that the YAML file at this path holds.

    Whatever ends in .yaml or .yml is a path. Raises UnknownMappingError, MappingFileError.
    """
    if not name_or_path.lower().endswith((".yaml", ".yml")):
        return load_shipped_mapping(name_or_path)
    path = Path(name_or_path)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST_MAPPING_BYTES)
        return ColumnMapping.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise MappingFileError(path, [(error.strerror or str(error)).lower()]) from error
    except UnicodeDecodeError as error:
        raise MappingFileError(path, [_("it is not UTF-8 text")]) from error
    except yaml.YAMLError as error:
        raise MappingFileError(path, [" ".join(str(error).split())]) from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc'])) or '-'}: {one['msg']}" for one in error.errors()]
        raise MappingFileError(path, faults) from error


@dataclass(frozen=True)
class MappingSuggestion:
    """A guess for the person to confirm.

    `mapping` is complete where every required column was found, else None; `columns` holds what was found,
    and `confidence` how sure the guess is of each, from 0 to 1. `missing` are required columns without one.
    """

    mapping: ColumnMapping | None
    columns: Mapping[str, str]
    confidence: Mapping[str, float]
    missing: tuple[str, ...]
    decimal_separator: Literal[".", ","]
    thousands_separator: Literal[".", ",", " ", "'", "’"] | None
    date_formats: tuple[str, ...]


SURE_ENOUGH = 0.5
"""Below this confidence a header is not suggested at all."""

SAME_SPELLING = 0.75
"""From this likeness on two names are spellings of one word; below it they only share letters."""

_SHIPPED_NAMES: dict[str, tuple[str, ...]] = {
    "company_code": (
        "customer id",
        "customer no",
        "customer",
        "client id",
        "account",
        "partner code",
        "buyer",
    ),
    "company_name": ("customer name", "client name", "partner name", "company"),
    "region": ("country", "area", "territory", "district"),
    "outlet_code": ("store", "shop", "outlet", "branch", "site"),
    "invoice_no": ("invoice", "invoice number", "document no", "receipt", "bill no", "order no"),
    "line_no": ("line", "line number", "position", "item no"),
    "product_code": (
        "stock code",
        "sku",
        "ean",
        "item code",
        "article",
        "article no",
        "product id",
        "material",
    ),
    "product_name": ("description", "item name", "article name", "product", "product description"),
    "brand": ("brand name", "make", "manufacturer"),
    "product_group": ("category", "group", "family", "product category"),
    "sold_at": (
        "invoice date",
        "date",
        "sale date",
        "sold on",
        "document date",
        "transaction date",
        "timestamp",
    ),
    "quantity": ("qty", "units", "pieces", "amount sold", "volume"),
    "unit_price": ("price", "net price", "price per unit", "unit cost"),
    "amount": ("net amount", "total", "line total", "net value", "value", "sum"),
    "currency": ("currency code", "curr", "ccy"),
}

_DATES = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d-%b-%Y",
    "%d/%m/%y",
)
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M")


def _words(name: str) -> str:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[\W_]+", " ", apart).casefold().split())


def _likeness(header: str, column: DatasetColumn) -> float:
    said = _words(header)
    if not said:
        return 0.0
    names = (column.name, *column.also_called, *_SHIPPED_NAMES.get(column.name, ()))
    best = 0.0
    for name in (_words(one) for one in names):
        if said.replace(" ", "") == name.replace(" ", ""):
            return 1.0
        likeness = SequenceMatcher(None, said, name).ratio()
        if likeness < SAME_SPELLING:
            likeness /= 2
        shared = set(said.split()) & set(name.split())
        if shared:
            likeness = max(likeness, 0.5 + 0.4 * len(shared) / max(len(said.split()), len(name.split())))
        best = max(best, likeness)
    return best * 0.95


def _fits(format_: str, cells: Sequence[str]) -> int:
    fitting = 0
    for cell in cells:
        try:
            year = datetime.strptime(cell, format_).year  # noqa: DTZ007 - only whether it is a date is asked
        except ValueError:
            continue
        fitting += 1900 <= year < 2200
    return fitting


def _date_formats(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the formats that together read most of the cells, the one that reads most first."""
    left = list(cells)
    found: list[str] = []
    while left:
        scores = {day + hour: _fits(day + hour, left) for day in _DATES for hour in _TIMES}
        best = max(scores, key=lambda one: scores[one])
        if not scores[best]:
            break
        found.append(best)
        left = [cell for cell in left if not _fits(best, [cell])]
    return tuple(found)


def _number_signs(cells: Sequence[str]) -> tuple[Literal[".", ","], Literal[".", ",", " "] | None]:
    """Tell the decimal and the thousands separator from how the cells look."""
    points = commas = 0
    groups: set[str] = set()
    for cell in cells:
        text = cell.replace("\u00a0", " ").replace("\u202f", " ").strip("-+() ")
        last = max(text.rfind("."), text.rfind(","))
        if last < 0:
            continue
        sign, before, behind = text[last], text[:last], text[last + 1 :]
        if re.search(r"\d[., ]\d{3}", before) or before.count(sign):
            groups.add(next(one for one in before if one in "., "))
        if sign in before or (len(behind) == 3 and len(before) < 4 and before.strip("0")):
            continue
        points += sign == "."
        commas += sign == ","
    decimal: Literal[".", ","] = "," if commas > points else "."
    if "," in groups and decimal == ".":
        return decimal, ","
    if "." in groups and decimal == ",":
        return decimal, "."
    return decimal, " " if " " in groups else None


def _looks_like_number(cell: str) -> bool:
    return re.fullmatch(r"[-+(]?\d[\d.,' \u00a0\u202f]*[)-]?", cell) is not None


def _content_fits(column: DatasetColumn, cells: Sequence[str]) -> float:
    """Tell how far the cells are of the column's kind, 0 to 1; 0.5 where that says nothing."""
    if not cells:
        return 0.5
    if column.kind is ColumnKind.NUMBER:
        return sum(map(_looks_like_number, cells)) / len(cells)
    dates = sum(max(_fits(day + hour, [cell]) for day in _DATES for hour in _TIMES) for cell in cells) / len(
        cells
    )
    if column.kind is ColumnKind.TIMESTAMP:
        return dates
    if column.name == "currency":
        return sum(re.fullmatch(r"[A-Z]{3}", cell) is not None for cell in cells) / len(cells)
    return 0.5 * (1 - dates)


def suggest_mapping(
    headers: Sequence[str],
    sample_rows: Sequence[Sequence[str]],
    dataset_columns: DatasetColumns,
    *,
    name: str = "suggested",
    currency: str | None = None,
    time_zone: str = "UTC",
) -> MappingSuggestion:
    """Guess which header fills which column, by how names and the first rows' cells look.

    Each header fills one column, the likeliest pairs first. `sample_rows` are rows as `preview_file` gives
    them. Nothing is guessed of currency and zone where no column tells them: they are the caller's.
    """
    cells_of = {
        place: [row[place].strip() for row in sample_rows if place < len(row) and row[place].strip()]
        for place in range(len(headers))
    }
    scores: list[tuple[float, int, str]] = []
    for place, header in enumerate(headers):
        for column in dataset_columns.columns:
            likeness = _likeness(header, column)
            content = _content_fits(column, cells_of[place])
            # A wrong kind rules a column out, a right one only supports the name.
            telling = column.kind is not ColumnKind.TEXT or column.name == "currency"
            score = likeness * (0.4 + 0.6 * content) if telling else likeness * (0.8 + 0.4 * content)
            scores.append((score, -place, column.name))
    columns: dict[str, str] = {}
    confidence: dict[str, float] = {}
    places: dict[str, int] = {}
    for score, negative_place, column_name in sorted(scores, reverse=True):
        if score < SURE_ENOUGH:
            break
        if column_name not in columns and -negative_place not in places.values():
            columns[column_name] = headers[-negative_place]
            confidence[column_name] = round(min(score, 1.0), 2)
            places[column_name] = -negative_place
    kinds = {column.name: column.kind for column in dataset_columns.columns}
    numbers = [
        cell
        for column_name, place in places.items()
        if kinds[column_name] is ColumnKind.NUMBER
        for cell in cells_of[place]
    ]
    times = [
        cell
        for column_name, place in places.items()
        if kinds[column_name] is ColumnKind.TIMESTAMP
        for cell in cells_of[place]
    ]
    decimal, thousands = _number_signs(numbers)
    formats = _date_formats(times) or ("%Y-%m-%d",)
    filled = set(columns) | ({"currency"} if currency else set())
    missing = tuple(one.name for one in dataset_columns.columns if one.required and one.name not in filled)
    mapping = None
    if columns and not missing:
        mapping = ColumnMapping(
            name=name,
            dataset=dataset_columns.name,
            columns=columns,
            decimal_separator=decimal,
            thousands_separator=thousands,
            date_formats=formats,
            currency=currency,
            time_zone=time_zone,
        )
    return MappingSuggestion(mapping, columns, confidence, missing, decimal, thousands, formats)
