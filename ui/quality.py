"""Blocks of data quality: how a source's files were over time, and what its checks allow."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

import data_checks
from loyalty_core import intake
from loyalty_core.access import Permission, SignedInUser
from loyalty_core.intake import FileQuality, ImportState, Source, SourceLimits
from loyalty_core.kernel import _, current_database, ngettext
from ui import charts, elements, imports, wording
from ui.keys import page_key

FILES_SHOWN = 36
REJECTED = "quarantine_share"


def source_title(source: Source) -> str:
    """Return a source as people know it: its mapping's name, and what its files bring."""
    _dataset, _colon, name = source.name.partition(":")
    return f"{name or source.name} ({imports.dataset_title(source.dataset)})"


def show_figures(source: Source, files: Sequence[FileQuality]) -> None:
    """Draw how many files the source sent, how many rows, and which part of them was rejected."""
    failed = sum(bool(failed_checks(one)) for one in files)
    elements.figure_row(
        [
            elements.Figure(
                _("Files"),
                wording.number(source.files),
                help=ngettext("{count} accepted", "{count} accepted", source.accepted).format(
                    count=wording.number(source.accepted)
                ),
            ),
            elements.Figure(_("Rows"), wording.short_number(source.rows)),
            elements.Figure(
                _("Rejected now"),
                wording.percent(source.quarantined / source.rows) if source.rows else "–",
                help=_("Rows that are still left out; corrected ones no longer count."),
            ),
            elements.Figure(
                _("Files with warnings"),
                wording.number(failed),
                help=_("Of the last {count} files: those that did not pass every check.").format(
                    count=wording.number(len(files))
                ),
            ),
        ]
    )


def failed_checks(file: FileQuality) -> list[Mapping[str, Any]]:
    """Return the checks that a file did not pass."""
    return [check for check in (file.checks or {}).get("checks", []) if not check["passed"]]


def checks_of(source: Source, files: Sequence[FileQuality]) -> dict[str, str]:
    """Return the checks that any of the files was or can be held against: their names with what they mean.

    The rejected part comes first; every file has it.
    """
    found = {REJECTED: _("Part of the rows that was rejected")}
    for file in reversed(files):
        for check in (file.checks or {}).get("checks", []):
            found.setdefault(check["name"], _(check["meaning"]))
    if data_checks.has_suite(source.dataset):
        for name, meaning in data_checks.meanings(source.dataset).items():
            found.setdefault(name, _(meaning))
    return found


def _answer(file: FileQuality, name: str) -> Mapping[str, Any] | None:
    return next(
        (check for check in (file.checks or {}).get("checks", []) if check["name"] == name),
        None,
    )


def show_check_over_time(
    files: Sequence[FileQuality], name: str, meaning: str, limits: Mapping[str, Any] | None
) -> str | None:
    """Draw a check's figure file by file with the bounds that hold now; return the import whose bar is selected."""
    labels, values, texts, stands_out, unit = [], [], [], [], "share"
    for file in files:
        answer = _answer(file, name)
        value = answer["observed"] if answer else None
        if answer:
            unit = answer["unit"]
        elif name == REJECTED and file.rows:
            value = file.quarantined / file.rows
        labels.append(f"№{file.number}")
        values.append(value)
        stands_out.append(bool(answer and not answer["passed"]))
        read = imports.figure_in_words(value, unit) if value is not None else _("not judged")
        texts.append(
            f"{charts.plain_label(file.file_name)}<br>{wording.moment(file.judged_at)}<br><b>{read}</b>"
        )
    levels = [
        charts.Level(
            bound, _("stops the file") if kind == "stop" else _("needs a look"), 4 if kind == "stop" else 2
        )
        for kind in ("warn", "stop")
        for bound in ((limits or {}).get(kind) or {}).values()
        if bound is not None
    ]
    highest = max((value for value in values if value is not None), default=0)
    # A bound far above every file would press the bars flat.
    levels = [level for level in levels if level.value <= highest * 4 or level.value == 0]
    figure = charts.held_against(
        labels,
        values,
        texts=texts,
        ids=[str(file.import_id) for file in files],
        stands_out=stands_out,
        levels=levels,
        mode=elements.mode(),
        separators=elements.separators(),
        is_share=unit == "share",
    )
    chosen = elements.chart(
        figure,
        key=elements.key_of_rows(f"quality_{name}", [file.import_id for file in files]),
        alt=_("{meaning}, for each of the last {count} files").format(
            meaning=meaning, count=wording.number(len(files))
        ),
        selects=True,
    )
    return chosen[0] if chosen else None


def files_table(files: Sequence[FileQuality]) -> dict[str, list[str]]:
    """Return the files for a table, in the order they are given in."""
    # What asks for a look stands where a narrow window shows it.
    return {
        _("File"): [f"№{file.number} {file.file_name}" for file in files],
        _("Rejected"): [
            wording.percent(file.quarantined / file.rows) if file.rows else "–" for file in files
        ],
        _("Doubts"): [
            "; ".join(_(check["meaning"]) for check in failed_checks(file)) or "–" for file in files
        ],
        _("Result"): [imports.state_title(ImportState(file.state)) for file in files],
        _("Most usual reason"): [
            imports.reason_title(file_dataset, imports.most_first(file.reasons)[0]) if file.reasons else "–"
            for file in files
            for file_dataset in [_dataset_of(file)]
        ],
        _("Rows"): [wording.number(file.rows) for file in files],
        _("When"): [wording.moment(file.judged_at) for file in files],
    }


def _dataset_of(file: FileQuality) -> str:
    return str((file.checks or {}).get("dataset", ""))


_BOUNDS = (
    ("warn", "at_least"),
    ("warn", "at_most"),
    ("stop", "at_least"),
    ("stop", "at_most"),
)


def unit_title(unit: data_checks.Unit | None) -> str:
    """Return how the bounds of a check are meant."""
    return {
        data_checks.Unit.SHARE: _("%"),
        data_checks.Unit.RATIO: _("times"),
        data_checks.Unit.COUNT: _("number"),
    }.get(unit or data_checks.Unit.COUNT, "")


def shown_bound(value: float | None, unit: data_checks.Unit | None) -> float | None:
    """Return a bound as it stands in the table: a part of one in percent."""
    if value is None or unit is not data_checks.Unit.SHARE:
        return value
    # Exactly: 0.07 is 7, not 7.000000000000001.
    return float(Decimal(str(value)) * 100)


def bound_of(cell: float | None, unit: data_checks.Unit | None) -> float | None:
    """Return the bound that a cell of the table stands for."""
    number = _number(cell)
    if number is None or unit is not data_checks.Unit.SHARE:
        return number
    return float(Decimal(str(number)) / 100)


def show_limits(
    user: SignedInUser,
    source: Source,
    held: data_checks.Thresholds,
    own: SourceLimits | None,
    meanings: Mapping[str, str],
) -> None:
    """Draw what each check of the source allows, and let those who may change it."""
    shipped = data_checks.default_thresholds(source.dataset)
    names = list(held.limits)
    titles = {
        ("warn", "at_least"): _("look below"),
        ("warn", "at_most"): _("look above"),
        ("stop", "at_least"): _("stop below"),
        ("stop", "at_most"): _("stop above"),
    }
    bounds = held.to_json()
    units = data_checks.units(source.dataset)
    rows: dict[str, list[Any]] = {
        _("Check"): [meanings.get(name, name.replace("_", " ")) for name in names],
        **{
            titles[kind, bound]: [
                shown_bound((bounds[name][kind] or {}).get(bound), units.get(name)) for name in names
            ]
            for kind, bound in _BOUNDS
        },
        _("Unit"): [unit_title(units.get(name)) for name in names],
        _("own"): [bool(own and name in own.changes) for name in names],
    }
    may_set = user.may(Permission.MANAGE_SOURCES)
    st.caption(
        _(
            "The unit says how a number is meant: 20 in % is a fifth of the rows. An empty cell is no bound. Beyond "
            "“look” the check is shown, beyond “stop” the file waits for a person."
        )
    )
    if not may_set:
        elements.table(
            {
                title: [
                    ("–" if cell is None else wording.decimal(cell) if isinstance(cell, float) else str(cell))
                    for cell in cells
                ]
                for title, cells in list(rows.items())[:-1]
            },
            alt=_("What each check allows"),
        )
        return
    numbers = {titles[pair]: st.column_config.NumberColumn(step=0.00001, format="plain") for pair in _BOUNDS}
    edited: Any = elements.edited_table(
        rows,
        key=page_key(f"limits_{source.name}_{own.version if own else 0}"),
        disabled=[_("Check"), _("Unit"), _("own")],
        column_config={
            **numbers,
            _("Check"): st.column_config.TextColumn(width=370),
            _("own"): st.column_config.CheckboxColumn(help=_("Set for this source."), width="small"),
        },
    )
    wanted = _changes(
        names,
        {
            pair: [
                bound_of(cell, units.get(name))
                for name, cell in zip(names, edited[titles[pair]], strict=True)
            ]
            for pair in _BOUNDS
        },
        shipped,
    )
    with st.form(f"set_limits_{source.name}", border=False):
        reason = st.text_input(_("Why"), max_chars=1000, placeholder=_("agreed with the sender on …"))
        is_sent = st.form_submit_button(_("Set these limits"), icon=":material/rule:")
    if is_sent:
        with elements.refusals_shown():
            made = intake.set_limits(
                current_database(),
                user.scope,
                dataset=source.dataset,
                source=source.name,
                changes=wanted,
                reason=reason,
                seen_version=own.version if own else 0,
            )
            elements.say_after_rerun(
                _("Limits {version} of this source hold from its next file on.").format(
                    version=wording.number(made.version)
                )
            )
            st.rerun()


def _changes(
    names: Sequence[str],
    cells: Mapping[tuple[str, str], Sequence[float | None]],
    shipped: data_checks.Thresholds,
) -> dict[str, Any]:
    """Return what differs from what the suite ships with, in the form that a source's limits take."""
    usual = shipped.to_json()
    changes: dict[str, Any] = {}
    for place, name in enumerate(names):
        body: dict[str, Any] = {"warn": None, "stop": None}
        for kind in body:
            limit = {bound: _number(cells[kind, bound][place]) for bound in ("at_least", "at_most")}
            if any(value is not None for value in limit.values()):
                body[kind] = limit
        if body != usual[name]:
            changes[name] = body
    return changes


def _number(cell: float | None) -> float | None:
    # An emptied cell comes back as None or as not-a-number.
    return None if cell is None or cell != cell else float(cell)


def show_versions(versions: Sequence[SourceLimits], meanings: Mapping[str, str]) -> None:
    """Draw who set the source's limits, when and why, the last first; `meanings` as `checks_of` returns them."""
    elements.table(
        {
            _("Version"): [wording.number(one.version) for one in versions],
            _("Set by"): [one.set_by_name for one in versions],
            _("When"): [wording.moment(one.set_at) for one in versions],
            _("Why"): [one.reason for one in versions],
            _("Checks"): [
                "; ".join(meanings.get(name, name.replace("_", " ")) for name in one.changes)
                or _("as shipped")
                for one in versions
            ],
        },
        alt=_("Who set the limits of this source, the last first"),
    )
