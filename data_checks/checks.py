"""The parts that suites are written in: a check, its limits, and what a source may set differently."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from data_checks.results import Level, Limit, Unit


@dataclass(frozen=True, slots=True)
class Limits:
    """What a figure must keep: beyond `warn` it is shown, beyond `stop` the import waits for a person."""

    warn: Limit | None = None
    stop: Limit | None = None

    def by_severity(self) -> tuple[tuple[Level, Limit], ...]:
        """Return the limits that are set, the worst first."""
        both = ((Level.STOP, self.stop), (Level.WARN, self.warn))
        return tuple((level, limit) for level, limit in both if limit is not None)

    def to_json(self) -> dict[str, Any]:
        """Return a document of plain JSON values."""
        return {
            "warn": self.warn.to_json() if self.warn else None,
            "stop": self.stop.to_json() if self.stop else None,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises ValueError for anything else in it."""
        unknown = set(document) - {"warn", "stop"}
        if unknown:
            raise ValueError(f"limits are warn and stop, not {', '.join(sorted(unknown))}")
        return cls(
            *(
                None if document.get(name) is None else Limit.from_json(document[name])
                for name in ("warn", "stop")
            )
        )


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of a source's files, by the name of the check, and from when on they are judged.

    A check without limits is not made. `lines_for_shares`: shares of fewer lines say nothing and are not
    judged. `lines_for_concentration`: the same for one line's part of the whole.
    `earlier_files_needed`: a source's files are compared with each other from so many earlier ones on.
    `oldest_years`: an older sale is taken for a misread date. `future_days`: so far ahead of now a date may
    lie (time zones, shops that close after midnight).
    """

    limits: Mapping[str, Limits] = field(default_factory=dict)
    lines_for_shares: int = 20
    lines_for_concentration: int = 100
    earlier_files_needed: int = 3
    oldest_years: int = 30
    future_days: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", MappingProxyType(dict(self.limits)))

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Return these with a source's own: `{"quarantine_share": {"warn": {"at_most": 0.4}, "stop": null}}`.

        A check's limits are replaced as a whole; null switches it off. The plain figures stand under their
        own names. Raises ValueError for a check that the suite does not have and for what can't be read.
        """
        limits = dict(self.limits)
        figures: dict[str, int] = {}
        for name, change in changes.items():
            if name in _FIGURES:
                if isinstance(change, bool) or not isinstance(change, int) or change < 0:
                    raise ValueError(f"{name} is a whole number from 0 on, not {change!r}")
                figures[name] = change
            elif name in limits:
                limits[name] = Limits() if change is None else Limits.from_json(change)
            else:
                raise ValueError(f"there is no check named {name}; there are {', '.join(sorted(limits))}")
        return replace(self, limits=limits, **figures)

    def to_json(self) -> dict[str, Any]:
        """Return all limits and figures, in the form that `with_changes` takes."""
        return {
            **{name: limits.to_json() for name, limits in self.limits.items()},
            **{name: getattr(self, name) for name in _FIGURES},
        }


_FIGURES = (
    "lines_for_shares",
    "lines_for_concentration",
    "earlier_files_needed",
    "oldest_years",
    "future_days",
)


@dataclass(frozen=True, slots=True)
class Check:
    """A figure about the data as a whole, and its bounds.

    `figure` is an SQL expression over the suite's query that gives one number for the whole file, never NULL.
    """

    name: str
    meaning: str
    what_to_do: str
    unit: Unit
    figure: str
    limits: Limits
