"""Why a file is not read: one class per reason, each a sentence with the file, the place and the remedy."""

from collections.abc import Mapping
from typing import Any, ClassVar

from loyalty_core.intake.reading.encodings import encoding_name
from loyalty_core.kernel import Refusal, _


class FileRefusal(Refusal):
    """A file that will not be read.

    `file_name` is the name that the person knows it by, `place` where in it the reason lies ("" for the file
    as a whole), `remedy` what to do next, `facts` what the reader found.
    """

    kind: ClassVar[str] = ""

    def __init__(self, file_name: str, facts: Mapping[str, Any]) -> None:
        self.file_name = file_name
        self.facts = dict(facts)
        self.place = self._place()
        self.remedy = self._remedy()
        super().__init__(f"{self._what()} {self.remedy}")

    def _place(self) -> str:
        row = self.facts.get("row") or self.facts.get("line")
        return _("row {row}").format(row=row) if row else ""

    def _what(self) -> str:
        raise NotImplementedError

    def _remedy(self) -> str:
        return _("Export it again from where it came from.")

    @property
    def _file(self) -> str:
        return f"“{self.file_name}”"


def _size(size: int) -> str:
    for unit, bound in (("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if size >= bound:
            return f"{size / bound:.3g} {unit}"
    return f"{size} B"


def _like(facts: Mapping[str, Any]) -> str:
    return {
        "text": _("a text file"),
        "binary": _("a program's own file"),
        "zip": _("a workbook or another zip archive"),
        "gzip": _("a gzip archive"),
        "compound": _("a document of Microsoft Office"),
        "pdf": _("a PDF"),
        "picture": _("a picture"),
        "archive": _("an archive"),
        "parquet": _("a Parquet file"),
        "database": _("a database"),
    }.get(str(facts.get("starts_like")), _("something else"))


class NotAWorkbookError(FileRefusal):
    """Named as a workbook and not one."""

    kind = "not_a_workbook"

    def _what(self) -> str:
        if self.facts.get("starts_like") == "zip":
            return _("{file} is not a workbook: it is a zip archive without one inside.").format(
                file=self._file
            )
        return _("{file} is not a workbook: it starts like {like}.").format(
            file=self._file, like=_like(self.facts)
        )

    def _remedy(self) -> str:
        return _("Save it as CSV, or export it again from the spreadsheet.")


class NotATextFileError(FileRefusal):
    """Named as CSV and not text."""

    kind = "not_a_text"

    def _what(self) -> str:
        return _("{file} is not a CSV file: it starts like {like}.").format(
            file=self._file, like=_like(self.facts)
        )

    def _remedy(self) -> str:
        if self.facts.get("starts_like") == "zip":
            return _("If it is a workbook, give it a name that ends in .xlsx.")
        return _("Save the table as CSV or XLSX and upload that.")


class UnknownFileKindError(FileRefusal):
    """Neither CSV nor a workbook, by its name."""

    kind = "unknown_kind"

    def _what(self) -> str:
        return _("{file} is neither CSV nor a workbook by its name; it starts like {like}.").format(
            file=self._file, like=_like(self.facts)
        )

    def _remedy(self) -> str:
        return _("Save the table as CSV or XLSX and upload that.")


class MacroWorkbookError(FileRefusal):
    """A workbook that carries program code."""

    kind = "macro_workbook"

    def _what(self) -> str:
        return _("{file} is a workbook with macros, which Laurel does not take.").format(file=self._file)

    def _remedy(self) -> str:
        return _("Save it as an ordinary workbook (XLSX) without macros.")


class EncryptedWorkbookError(FileRefusal):
    """A workbook or archive behind a password."""

    kind = "encrypted"

    def _what(self) -> str:
        return _("{file} is protected by a password.").format(file=self._file)

    def _remedy(self) -> str:
        return _("Save it without a password and upload that.")


class EmptyFileError(FileRefusal):
    """Nothing in it."""

    kind = "empty"

    def _what(self) -> str:
        return _("{file} is empty: it has no row with text in it.").format(file=self._file)

    def _remedy(self) -> str:
        return _("Check that the export ran, and upload the file again.")


class TruncatedFileError(FileRefusal):
    """Its end is missing."""

    kind = "truncated"

    def _what(self) -> str:
        return _("{file} is cut off: its end is missing.").format(file=self._file)

    def _remedy(self) -> str:
        return _("Copy or export it again and check its size.")


class DamagedFileError(FileRefusal):
    """Not what its format prescribes."""

    kind = "damaged"

    def _place(self) -> str:
        return str(self.facts.get("place") or "")

    def _what(self) -> str:
        if self.place:
            return _("{file} is damaged at {place}.").format(file=self._file, place=self.place)
        return _("{file} is damaged and cannot be opened.").format(file=self._file)

    def _remedy(self) -> str:
        return _("Export it again, or open it in a spreadsheet and save it anew.")


class ZipBombError(FileRefusal):
    """Unfolds to far more than a table would."""

    kind = "bomb"

    def _place(self) -> str:
        return str(self.facts.get("place") or "")

    def _what(self) -> str:
        place = f" ({self.place})" if self.place else ""
        return _("{file} unfolds to more than {ratio} times its size{place}, which no table does.").format(
            file=self._file, ratio=self.facts["ratio"], place=place
        )

    def _remedy(self) -> str:
        return _("Export it again; if it really is a table, save it as CSV and split it.")


class TooBigError(FileRefusal):
    """More bytes than a file may have."""

    kind = "too_big"

    def _what(self) -> str:
        return _("{file} holds more than {size}.").format(file=self._file, size=_size(self.facts["size"]))

    def _remedy(self) -> str:
        return _("Split it into smaller files, by month for instance.")


class TooManyRowsError(FileRefusal):
    """More rows than one file may have."""

    kind = "too_many_rows"

    def _what(self) -> str:
        return _("{file} has more than {most} rows.").format(file=self._file, most=f"{self.facts['most']:,}")

    def _remedy(self) -> str:
        return _("Split it into smaller files, by month for instance.")


class TooManyColumnsError(FileRefusal):
    """More columns than one file may have."""

    kind = "too_many_columns"

    def _place(self) -> str:
        return str(self.facts.get("sheet") or "")

    def _what(self) -> str:
        return _("{file} has {columns} columns; {most} is the most.").format(
            file=self._file, columns=self.facts["columns"], most=self.facts["most"]
        )

    def _remedy(self) -> str:
        return _("Delete the columns that are not needed and upload it again.")


class LongRecordError(FileRefusal):
    """A line that does not end, or a quotation mark that is never closed."""

    kind = "long_record"

    def _what(self) -> str:
        return _(
            "{file} has a row, {place}, of more than {most}: a line break is missing there, "
            "or a quotation mark is never closed."
        ).format(file=self._file, place=self.place, most=_size(self.facts["most"]))

    def _remedy(self) -> str:
        return _("Look at that row, or export the file again.")


class NulBytesError(FileRefusal):
    """Bytes that no text has."""

    kind = "nul_bytes"

    def _what(self) -> str:
        return _("{file} holds NUL characters at {place}, which no text has.").format(
            file=self._file, place=self.place
        )

    def _remedy(self) -> str:
        return _("Export it again as CSV in UTF-8.")


class MixedEncodingsError(FileRefusal):
    """Partly in one encoding, partly in another."""

    kind = "mixed_encodings"

    def _what(self) -> str:
        return _("{file} mixes two encodings: at {place} it is no longer {encoding}.").format(
            file=self._file, place=self.place, encoding=encoding_name(self.facts["encoding"])
        )

    def _remedy(self) -> str:
        return _("Export all of it in UTF-8; files in different encodings cannot be joined.")


class MissingColumnError(FileRefusal):
    """A column that the mapping names is not there."""

    kind = "missing_column"

    def _place(self) -> str:
        place = _("row {row}").format(row=self.facts["row"])
        if self.facts.get("sheet"):
            place = _("sheet “{sheet}”, row {row}").format(sheet=self.facts["sheet"], row=self.facts["row"])
        return place

    def _what(self) -> str:
        what = _("{file} has no column “{header}” in its header ({place}).").format(
            file=self._file, header=self.facts["header"], place=self.place
        )
        if self.facts.get("others"):
            others = ", ".join(f"“{one}”" for one in self.facts["others"])
            what += " " + _("These are missing too: {others}.").format(others=others)
        return what

    def _remedy(self) -> str:
        if self.facts.get("nearest"):
            return _("“{nearest}” comes nearest: rename it, or choose it in the mapping.").format(
                nearest=self.facts["nearest"]
            )
        return _("Add the column, or choose another mapping.")


class DoubledColumnError(FileRefusal):
    """Two columns have the header that the mapping names."""

    kind = "doubled_column"

    def _what(self) -> str:
        return _("{file} has two columns “{header}” in its header ({place}).").format(
            file=self._file, header=self.facts["header"], place=self.place
        )

    def _remedy(self) -> str:
        return _("Rename or delete the one that is not meant.")


class UnknownSheetError(FileRefusal):
    """A sheet that was asked for is not there."""

    kind = "unknown_sheet"

    def _place(self) -> str:
        return _("sheet “{sheet}”").format(sheet=self.facts["sheet"])

    def _what(self) -> str:
        return _("{file} has no sheet “{sheet}”.").format(file=self._file, sheet=self.facts["sheet"])

    def _remedy(self) -> str:
        if not self.facts.get("sheets"):
            return _("A text file has no sheets: leave the choice of sheets away.")
        names = ", ".join(f"“{one}”" for one in self.facts["sheets"][:10])
        return _("Choose among its sheets: {names}.").format(names=names)


class FarAwayCellError(FileRefusal):
    """A cell so far from the others that the sheet as a whole is too big to read."""

    kind = "far_away_cell"

    def _place(self) -> str:
        return _("sheet “{sheet}”, cell {cell}").format(sheet=self.facts["sheet"], cell=self.facts["cell"])

    def _what(self) -> str:
        return _("{file} has a cell far away from its table: {place}.").format(
            file=self._file, place=self.place
        )

    def _remedy(self) -> str:
        return _("Delete that cell and the empty rows and columns before it, and save the workbook again.")


class UncalculatedFormulasError(FileRefusal):
    """Formulas whose results were never stored."""

    kind = "uncalculated_formulas"

    def _place(self) -> str:
        return _("sheet “{sheet}”, cell {cell}").format(sheet=self.facts["sheet"], cell=self.facts["cell"])

    def _what(self) -> str:
        return _("{file} holds a formula without its result: {place}.").format(
            file=self._file, place=self.place
        )

    def _remedy(self) -> str:
        return _("Open it in a spreadsheet, let it calculate, save it and upload it again.")


class XmlEntitiesError(FileRefusal):
    """XML that declares entities: no spreadsheet writes them, attacks do."""

    kind = "xml_entities"

    def _place(self) -> str:
        return str(self.facts.get("place") or "")

    def _what(self) -> str:
        return _("{file} declares XML entities ({place}), which no spreadsheet writes.").format(
            file=self._file, place=self.place
        )

    def _remedy(self) -> str:
        return _("Open it in a spreadsheet and save it anew.")


class TimedOutError(FileRefusal):
    """Reading took longer than it may."""

    kind = "timed_out"

    def _what(self) -> str:
        return _("{file} took longer to read than it may ({seconds} s).").format(
            file=self._file, seconds=self.facts.get("seconds", "?")
        )

    def _remedy(self) -> str:
        return _("Split it into smaller files, or save it as CSV.")


class OverMemoryError(FileRefusal):
    """Reading needs more memory than it may take."""

    kind = "over_memory"

    def _what(self) -> str:
        return _("{file} needs more memory to read than it may take.").format(file=self._file)

    def _remedy(self) -> str:
        return _("Split it into smaller files, or save it as CSV.")


class ReaderDiedError(FileRefusal):
    """The reading process ended without saying why."""

    kind = "reader_died"

    def _what(self) -> str:
        return _("{file} could not be read: the reader stopped ({how}).").format(
            file=self._file, how=self.facts.get("how", "")
        )

    def _remedy(self) -> str:
        return _("Save it as CSV and upload that; if it happens again, tell your administrator.")


class RowNotFoundError(FileRefusal):
    """A row number beyond the end of the file."""

    kind = "row_not_found"

    def _what(self) -> str:
        return _("{file} has no {place}.").format(file=self._file, place=self.place)

    def _remedy(self) -> str:
        return _("Check that it is the file that was imported.")


_BY_KIND: dict[str, type[FileRefusal]] = {one.kind: one for one in FileRefusal.__subclasses__()}


def refusal_of(kind: str, file_name: str, facts: Mapping[str, Any]) -> FileRefusal:
    """Return the refusal that a child named by its kind."""
    return _BY_KIND[kind](file_name, facts)
