"""Chart builders: plotly figures from plain values. They read nothing and know no session.

Colours of one palette are at least 20 apart (CIE76) for normal sight and for each of the three
dichromacies, and stand out 3:1 from the page; a test measures both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import plotly.graph_objects as go

from loyalty_core.kernel import clean_text

Mode = Literal["light", "dark"]

PALETTES: dict[Mode, tuple[str, ...]] = {
    "light": ("#14795C", "#C07C00", "#173272", "#DB55A8", "#6B3A0D"),
    "dark": ("#3FB58C", "#F7BC55", "#4A63E4", "#DB2F58", "#CFE3F5"),
}
PAGE_COLOURS: dict[Mode, str] = {"light": "#FBFAF7", "dark": "#121715"}
QUIET: dict[Mode, str] = {"light": "#8A958F", "dark": "#7C8983"}
SHADES: dict[Mode, str] = {"light": "rgba(199,154,27,0.16)", "dark": "rgba(227,179,76,0.18)"}
# Marks of the axes: quieter than text, and at least 4.5:1 from the page and from a card.
AXIS_TEXT: dict[Mode, str] = {"light": "#55615B", "dark": "#A9B5AF"}
TEXT: dict[Mode, str] = {"light": "#0B1713", "dark": "#E7ECEA"}

CONFIG: dict[str, object] = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the category axis to shade, such as a campaign; both ends inclusive."""

    first: str
    last: str
    label: str


def _layout(figure: go.Figure, *, mode: Mode, height: int, separators: str) -> go.Figure:
    figure.update_layout(
        colorway=list(PALETTES[mode]),
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0, "title": ""},
        separators=separators,
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": TEXT[mode], "size": 13},
        hoverlabel={"align": "left"},
    )
    # Streamlit's theme would write the marks of the axes in a grey that is hard to read.
    figure.update_xaxes(tickfont={"color": AXIS_TEXT[mode]})
    figure.update_yaxes(tickfont={"color": AXIS_TEXT[mode]})
    return figure


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    name: str,
    mode: Mode,
    before: Sequence[float | None] | None = None,
    before_name: str = "",
    goal: Sequence[float] | None = None,
    goal_name: str = "",
    span: Span | None = None,
    height: int = 300,
    separators: str = ".,",
    unit: str = "",
    selects: bool = False,
) -> go.Figure:
    """Return upright bars, one a label, with the year before as a dotted line where `before` is given.

    `labels`, `values` and `before` have equal lengths; None in `before` leaves a gap. `separators` are
    the decimal and the group sign. `unit` stands before each value in the hover text. `goal`, one value a
    label, is a thin line in steps. In a chart that `selects` the lines let a click through to the bars.
    """
    figure = go.Figure(
        go.Bar(
            x=list(labels),
            y=list(values),
            name=name,
            marker={"color": PALETTES[mode][0], "cornerradius": 3},
            hovertemplate=f"{unit}%{{y:,.0f}}<extra>{name}</extra>",
        )
    )
    if before is not None:
        figure.add_trace(
            go.Scatter(
                x=list(labels),
                y=list(before),
                name=before_name,
                mode="lines",
                line={"color": PALETTES[mode][1], "width": 2.5, "dash": "dot"},
                hovertemplate=f"{unit}%{{y:,.0f}}<extra>{before_name}</extra>",
            )
        )
    if goal is not None:
        figure.add_trace(
            go.Scatter(
                x=list(labels),
                y=list(goal),
                name=goal_name,
                mode="lines",
                line={"color": PALETTES[mode][2], "width": 1.5, "shape": "hvh"},
                hovertemplate=f"{unit}%{{y:,.0f}}<extra>{goal_name}</extra>",
            )
        )
    if selects:
        # A unified hover would hand the click to a line, which can't be selected, and no bar would be.
        figure.update_traces(hoverinfo="skip", hovertemplate=None, selector={"type": "scatter"})
    if span is not None:
        figure.add_shape(
            type="rect",
            xref="x",
            yref="paper",
            x0=span.first,
            x1=span.last,
            y0=0,
            y1=1,
            fillcolor=SHADES[mode],
            line_width=0,
            layer="below",
        )
        figure.add_annotation(
            x=span.first,
            y=1,
            xref="x",
            yref="paper",
            text=span.label,
            showarrow=False,
            yshift=8,
            xanchor="left",
        )
    _layout(figure, mode=mode, height=height, separators=separators)
    figure.update_layout(
        hovermode="closest" if selects else "x unified",
        bargap=0.28,
        showlegend=before is not None or goal is not None,
    )
    figure.update_xaxes(type="category", showgrid=False, fixedrange=True, nticks=8, tickangle=0, title=None)
    figure.update_yaxes(fixedrange=True, nticks=6, tickformat="~s", title=None, rangemode="tozero")
    return figure


def plain_label(text: str) -> str:
    """Return the text so that Plotly shows it as it is: it takes tags for bold type and for links."""
    return clean_text(text).replace("<", "&lt;")


def rows_of_bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    texts: Sequence[str],
    mode: Mode,
    ids: Sequence[str] | None = None,
    colour: int = 0,
    separators: str = ".,",
    texts_above: bool = False,
) -> go.Figure:
    """Return lying bars, the first label on top, each label above its bar and `texts` at the bars' ends.

    Long texts stand `texts_above` too, behind the label: at the end of a bar a phone would cut them off.

    The label above leaves the whole width to the bars, on a phone too. `ids` come back in a selection as
    `customdata`; the labels where none are given. `colour` is a place in the palette.
    """
    keys = list(ids) if ids is not None else list(labels)
    places = list(range(len(labels)))
    most = max((abs(value) for value in values), default=0) or 1
    figure = go.Figure(
        go.Bar(
            x=list(values),
            y=places,
            orientation="h",
            text=list(texts),
            textposition="none" if texts_above else "outside",
            cliponaxis=False,
            customdata=keys,
            width=0.42,
            marker={"color": PALETTES[mode][colour], "cornerradius": 3},
            hovertemplate="%{text}<extra></extra>",
        )
    )
    for place, label, told in zip(places, labels, texts, strict=True):
        above = f"{label} · {told}" if texts_above else label
        figure.add_annotation(
            x=0,
            y=place,
            xref="paper",
            yref="y",
            text=plain_label(above),
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            yshift=10,
        )
    _layout(figure, mode=mode, height=24 + 54 * max(1, len(labels)), separators=separators)
    lowest = min(0.0, *values) if values else 0.0
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(
        visible=False,
        fixedrange=True,
        range=[lowest * 1.25, most * (1.02 if texts_above else 1.28) if max(values, default=0) > 0 else 0],
    )
    figure.update_yaxes(
        visible=False, fixedrange=True, range=[len(labels) - 0.45, -0.75], zeroline=False, showgrid=False
    )
    return figure


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.14)"


def burn_down(
    days: Sequence[date],
    values: Sequence[float],
    *,
    texts: Sequence[str],
    name: str,
    pace: Sequence[tuple[date, float, str]],
    pace_name: str,
    first: date,
    last: date,
    ticks: Sequence[tuple[date, str]],
    mode: Mode,
    height: int = 280,
    separators: str = ".,",
) -> go.Figure:
    """Return what was left after each day as steps, from `first` to `last`, and where the pace leads, dotted.

    `days`, `values` and `texts` (what the hover says) have equal lengths. `pace` holds (day, value, hover text)
    of the dotted line's ends, none for no line; `ticks` (day, label) below the axis.
    """
    figure = go.Figure(
        go.Scatter(
            x=list(days),
            y=list(values),
            text=list(texts),
            name=name,
            mode="lines",
            fill="tozeroy",
            fillcolor=_faint(PALETTES[mode][0]),
            line={"color": PALETTES[mode][0], "width": 2.5, "shape": "hv"},
            hovertemplate=f"%{{text}}<extra>{name}</extra>",
        )
    )
    if pace:
        figure.add_trace(
            go.Scatter(
                x=[day for day, _value, _text in pace],
                y=[value for _day, value, _text in pace],
                text=[text for _day, _value, text in pace],
                name=pace_name,
                mode="lines+markers",
                line={"color": PALETTES[mode][1], "width": 2.5, "dash": "dot"},
                marker={"size": 8},
                cliponaxis=False,
                hovertemplate=f"%{{text}}<extra>{pace_name}</extra>",
            )
        )
    _layout(figure, mode=mode, height=height, separators=separators)
    figure.update_layout(hovermode="closest", showlegend=bool(pace))
    figure.update_xaxes(
        range=[first, last],
        showgrid=False,
        fixedrange=True,
        tickvals=[day for day, _label in ticks],
        ticktext=[label for _day, label in ticks],
        ticklabelmode="instant",
        title=None,
    )
    figure.update_yaxes(fixedrange=True, nticks=6, tickformat="~s", title=None, rangemode="tozero")
    return figure


def warm_up() -> None:
    """Load all that plotly loads when it is first used, which takes a second.

    To be called before the first session: two that load its modules at once, each from another end, can meet
    half of one.
    """
    for mode in PALETTES:
        bars(["a"], [1.0], name="a", mode=mode, before=[1.0], span=Span("a", "a", "a")).to_json()
        rows_of_bars(["a"], [1.0], texts=["1"], mode=mode).to_json()


@dataclass(frozen=True, slots=True)
class Level:
    """A bound across a chart: where it lies, what it is called, and its place in the palette."""

    value: float
    name: str
    colour: int


def held_against(
    labels: Sequence[str],
    values: Sequence[float | None],
    *,
    texts: Sequence[str],
    ids: Sequence[str],
    stands_out: Sequence[bool],
    levels: Sequence[Level],
    mode: Mode,
    separators: str = ".,",
    is_share: bool = False,
) -> go.Figure:
    """Return upright bars, one a label, with bounds across them; bars that break one stand out by their colour.

    `labels`, `values`, `texts` (shown on hovering), `ids` (they come back in a selection) and `stands_out` have equal
    lengths; None in `values` leaves a gap. Of shares the axis reads in percent.
    """
    palette = PALETTES[mode]
    figure = go.Figure(
        go.Bar(
            x=list(labels),
            y=list(values),
            customdata=list(ids),
            text=list(texts),
            textposition="none",
            marker={
                "color": [palette[1] if one else palette[0] for one in stands_out],
                "cornerradius": 3,
            },
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    )
    for level in levels:
        figure.add_trace(
            go.Scatter(
                x=[labels[0], labels[-1]] if labels else [],
                y=[level.value] * min(2, len(labels)),
                name=level.name,
                mode="lines",
                line={"color": palette[level.colour], "width": 1.5, "dash": "dot"},
                hoverinfo="skip",
            )
        )
        if len(labels) == 1:
            # The trace above has one point then, which is no line: it only names the bound.
            figure.add_hline(level.value, line={"color": palette[level.colour], "width": 1.5, "dash": "dot"})
    _layout(figure, mode=mode, height=300, separators=separators)
    figure.update_layout(hovermode="closest", bargap=0.28, showlegend=bool(levels))
    figure.update_xaxes(type="category", showgrid=False, fixedrange=True, nticks=8, tickangle=0, title=None)
    figure.update_yaxes(
        fixedrange=True,
        nticks=6,
        tickformat="~p" if is_share else "~s",
        title=None,
        rangemode="tozero",
    )
    return figure
