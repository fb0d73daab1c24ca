"""How the columns of a file become the canonical columns of a dataset."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
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

    def none_required(self) -> "DatasetColumns":
        """The same columns, any of which a file may lack: for files of which the server knows the rest."""
        return DatasetColumns(self.name, tuple(replace(column, required=False) for column in self.columns))


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


class NumberSigns(BaseModel):
    """How one column writes its numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decimal_separator: Literal[".", ","] = "."
    thousands_separator: Literal[".", ",", " ", "'", "’"] | None = None

    @model_validator(mode="after")
    def _separators_differ(self) -> Self:
        if self.decimal_separator == self.thousands_separator:
            raise ValueError("the decimal and the thousands separator are two different signs")
        return self


class ColumnMapping(BaseModel):
    """A named way to read the files of one source.

    `columns` goes from canonical column to the header that the file has for it. `date_formats` are strptime
    formats, tried in order; a format without `%z` is local time in `time_zone`. `currency` is the ISO 4217
    code of files that don't name one; a mapped `currency` column wins where its cell is filled.
    `encoding` is for text files whose encoding cannot be told from them; None lets it be told.
    `optional` are canonical columns whose headers some files of the source lack; a file without any other
    header that the mapping names is refused. `number_signs` are those of single canonical columns, in files that
    write some numbers in another way than the rest.
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
    number_signs: dict[str, NumberSigns] = Field(default_factory=dict)

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
