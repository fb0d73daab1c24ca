"""What a suite is told, and what it answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self


def N_(message: str) -> str:  # noqa: N802 (gettext's own name for a text that is translated where it is shown)
    """Mark a text for translation; whoever shows it translates it."""
    return message


class Level(StrEnum):
    """What a failed check does to the import."""

    WARN = "warn"
    STOP = "stop"


class Unit(StrEnum):
    """How a figure reads: lines or things, a part of one, or times as much as before."""

    COUNT = "count"
    SHARE = "share"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds that a figure must keep, both inclusive; None leaves a side open."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if not bounds:
            raise ValueError("a limit needs at least one bound")
        if not all(math.isfinite(bound) for bound in bounds) or bounds != sorted(bounds):
            raise ValueError(f"a limit's bounds must be finite and in order, not {bounds}")

    def to_json(self) -> dict[str, float | None]:
        """Return the bounds under their names."""
        return {"at_least": self.at_least, "at_most": self.at_most}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; a missing bound is open. Raises ValueError for anything else in it."""
        unknown = set(document) - {"at_least", "at_most"}
        if unknown:
            raise ValueError(f"a limit has at_least and at_most, not {', '.join(sorted(unknown))}")
        return cls(*(_number_or_none(document.get(name)) for name in ("at_least", "at_most")))


@dataclass(frozen=True, slots=True)
class EarlierFile:
    """An earlier file of the same source that was accepted.

    `rows` are all its rows, `net_amount` its total in the source's currency (rejected lines excluded),
    `quarantine_share` is 0 to 1, `companies` how many companies it named, where that is known.
    """

    rows: int
    net_amount: Decimal
    quarantine_share: float
    companies: int | None = None


@dataclass(frozen=True, slots=True)
class ImportFacts:
    """What intake knows of the file when the suite runs.

    `rows` are all rows of the file; `quarantined` those that the row rules rejected; `duplicates` those that
    are already there. `earlier` holds the last few files of the source, in any order. `mapped` names the
    canonical columns that the mapping fills, None when that is not known: a column that nobody sends is not
    missing. `now` is the moment of the import, timezone-aware.

    `control_total` is the sum of the file's amounts that its sender told, in the file's currency.
    `period_from` and `period_to` are the first and the last day that the file is said to hold, in `time_zone`.
    `creates_missing`: what the file names and nobody knows is made, not missed.
    `changing` are the rows that would change what is there, in an import that may.
    """

    rows: int
    quarantined: int
    duplicates: int
    now: datetime
    earlier: Sequence[EarlierFile] = ()
    mapped: frozenset[str] | None = None
    control_total: Decimal | None = None
    period_from: date | None = None
    period_to: date | None = None
    time_zone: str = "UTC"
    creates_missing: bool = False
    changing: int = 0

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("the moment of an import needs its time zone")
        if min(self.quarantined, self.duplicates) < 0 or self.quarantined + self.duplicates > self.rows:
            raise ValueError(
                f"{self.quarantined} rejected and {self.duplicates} known rows don't fit into {self.rows}"
            )
        if self.period_from is not None and self.period_to is not None and self.period_to < self.period_from:
            raise ValueError(f"a period from {self.period_from} to {self.period_to} has no day")

    def to_json(self) -> dict[str, Any]:
        """Return a document of plain JSON values."""
        return {
            "rows": self.rows,
            "quarantined": self.quarantined,
            "duplicates": self.duplicates,
            "now": self.now.isoformat(),
            "earlier": [
                {
                    "rows": file.rows,
                    "net_amount": str(file.net_amount),
                    "quarantine_share": file.quarantine_share,
                    "companies": file.companies,
                }
                for file in self.earlier
            ],
            "mapped": None if self.mapped is None else sorted(self.mapped),
            "control_total": None if self.control_total is None else str(self.control_total),
            "period_from": None if self.period_from is None else self.period_from.isoformat(),
            "period_to": None if self.period_to is None else self.period_to.isoformat(),
            "time_zone": self.time_zone,
            "creates_missing": self.creates_missing,
            "changing": self.changing,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            rows=document["rows"],
            quarantined=document["quarantined"],
            duplicates=document["duplicates"],
            now=datetime.fromisoformat(document["now"]),
            earlier=tuple(
                EarlierFile(
                    rows=file["rows"],
                    net_amount=Decimal(file["net_amount"]),
                    quarantine_share=file["quarantine_share"],
                    companies=file["companies"],
                )
                for file in document["earlier"]
            ),
            mapped=None if document["mapped"] is None else frozenset(document["mapped"]),
            control_total=None if document["control_total"] is None else Decimal(document["control_total"]),
            period_from=_day_or_none(document["period_from"]),
            period_to=_day_or_none(document["period_to"]),
            time_zone=document["time_zone"],
            creates_missing=document["creates_missing"],
            changing=document["changing"],
        )


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's answer.

    `meaning` and `what_to_do` are English and marked for translation. `threshold` is in the same `unit` as
    `observed`: of a failed check the worst bound that was broken, of a passed one the first that could have
    been. `level` is what breaking it does.
    """

    name: str
    meaning: str
    what_to_do: str
    unit: Unit
    level: Level
    passed: bool
    observed: float
    threshold: Limit

    def to_json(self) -> dict[str, Any]:
        """Return a document of plain JSON values."""
        return {
            "name": self.name,
            "meaning": self.meaning,
            "what_to_do": self.what_to_do,
            "unit": self.unit.value,
            "level": self.level.value,
            "passed": self.passed,
            "observed": self.observed,
            "threshold": self.threshold.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            name=document["name"],
            meaning=document["meaning"],
            what_to_do=document["what_to_do"],
            unit=Unit(document["unit"]),
            level=Level(document["level"]),
            passed=document["passed"],
            observed=document["observed"],
            threshold=Limit.from_json(document["threshold"]),
        )


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """A suite's answers, in the suite's order; `seconds` is what running it took, imports excluded."""

    dataset: str
    checks: tuple[CheckResult, ...]
    seconds: float

    @property
    def stops(self) -> tuple[CheckResult, ...]:
        """The failed checks because of which the import waits for a person."""
        return tuple(check for check in self.checks if not check.passed and check.level is Level.STOP)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """The failed checks that are only shown."""
        return tuple(check for check in self.checks if not check.passed and check.level is Level.WARN)

    def to_json(self) -> dict[str, Any]:
        """Return a document of plain JSON values."""
        return {
            "dataset": self.dataset,
            "checks": [check.to_json() for check in self.checks],
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            dataset=document["dataset"],
            checks=tuple(CheckResult.from_json(check) for check in document["checks"]),
            seconds=document["seconds"],
        )


def _day_or_none(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _number_or_none(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a bound is a number, not {value!r}")
    return float(value)
