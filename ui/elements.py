"""The blocks that pages are built of."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from uuid import UUID

import plotly.graph_objects as go
import streamlit as st
from babel.numbers import get_decimal_symbol, get_group_symbol
from streamlit.delta_generator import DeltaGenerator

from loyalty_core.kernel import PROJECT_FOLDER, Refusal, Sort, _, new_id
from ui import charts, keys, row_opening, wording
from ui.keys import page_key

ASSETS = PROJECT_FOLDER / "ui" / "assets"
FAVICON = ASSETS / "favicon.svg"
ROWS_A_PAGE = 100
# In pixels: enough for the longest title of the menu.
SIDEBAR_WIDTH = 240

T = TypeVar("T")
Colour = Literal["green", "orange", "red", "blue", "yellow", "gray"]


def draw_logo() -> None:
    """Put the logo on top of the sidebar, and its mark alone where the sidebar is closed."""
    st.logo(
        str(ASSETS / "laurel-on-dark.svg"),
        size="large",
        icon_image=str(ASSETS / "laurel-icon.svg"),
        link=None,
    )


def style_pages() -> None:
    """Add what the theme has no setting for: the width of the content, and the icon in place of a picture."""
    st.html(ASSETS / "pages.css")


def page_header(title: str, context: str = "") -> None:
    """Draw a page's title and its one line of context. Text from data goes through `wording.plain` first."""
    st.title(title, anchor=False)
    if context:
        st.caption(context)


def empty_state(icon: str, heading: str, text: str, action: Callable[[], object] | None = None) -> None:
    """Say that there is nothing yet and what to do first; `action` draws the button or link for it."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(f":material/{icon}:", width="content")
        st.header(heading, anchor=False, width="content")
        st.markdown(text, width="content", text_alignment="center")
        if action is not None:
            action()
        st.space("small")


@dataclass(frozen=True, slots=True)
class Figure:
    """One large number. Keep `value` under ten characters; a `delta` with an ASCII minus in front is red."""

    label: str
    value: str
    delta: str | None = None
    help: str | None = None
    trend: Sequence[float] | None = None
    delta_color: Literal["normal", "inverse", "off"] = "normal"


def figure_row(figures: Sequence[Figure]) -> None:
    """Draw up to four large numbers side by side, and two by two on a phone."""
    pairs = [figures[place : place + 2] for place in range(0, len(figures), 2)]
    for outer, pair in zip(st.columns([len(pair) for pair in pairs]), pairs, strict=True):
        for inner, figure in zip(outer.columns(len(pair), wrap=False), pair, strict=True):
            inner.metric(
                figure.label,
                figure.value,
                figure.delta,
                help=figure.help,
                border=True,
                chart_data=list(figure.trend) if figure.trend else None,
                chart_type="area",
                delta_color=figure.delta_color,
                delta_arrow="off" if figure.delta_color == "off" else "auto",
                height="stretch",
            )


@contextmanager
def card(title: str = "", *, fills: bool = False) -> Iterator[None]:
    """A bordered panel with a small heading; one that `fills` is as tall as the panel beside it."""
    with st.container(border=True, height="stretch" if fills else "content"):
        if title:
            st.header(title, anchor=False)
        yield


@contextmanager
def queue_bar(sentence: str) -> Iterator[None]:
    """The bar under a queue: what is selected and its consequence at the left, the actions at the right."""
    with st.container(
        border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(sentence, width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            yield


def badge(label: str, colour: Colour, icon: str = "") -> None:
    """Draw a state in plain words: green is as planned, orange needs a look, red is wrong or refused."""
    st.badge(label, color=colour, icon=f":material/{icon}:" if icon else None)


def mode() -> charts.Mode:
    """Return whether the reader's theme is light or dark."""
    return "dark" if st.context.theme.type == "dark" else "light"


def separators() -> str:
    """Return the decimal and the group sign of the reader's locale, as plotly wants them."""
    locale = wording.reader_locale()
    return f"{get_decimal_symbol(locale)}{get_group_symbol(locale)}"


def chart(figure: go.Figure, *, key: str, alt: str, selects: bool = False) -> list[str]:
    """Draw a figure without its tool bar; `alt` says in words what it shows.

    With `selects`, a click on a bar reruns the page; returns the `customdata` (or else the label) of what is
    selected, [] when nothing is.
    """
    if not selects:
        st.plotly_chart(figure, key=key, config=dict(charts.CONFIG), alt=alt)
        return []
    event: Any = st.plotly_chart(
        figure, key=key, config=dict(charts.CONFIG), alt=alt, on_select="rerun", selection_mode="points"
    )
    found: list[str] = []
    for point in event["selection"]["points"]:
        data = point.get("customdata")
        found.append(str(data[0] if isinstance(data, list) else data if data is not None else point.get("x")))
    return found


def choose_sort(
    titles: Mapping[str, str],
    *,
    default: str,
    name: str = "sort",
    pager: str = "page",
    at: DeltaGenerator | None = None,
) -> Sort | None:
    """Draw the choice by which column, and which way, a whole list is sorted, and return it; None for its own order.

    Args:
        titles: the columns by the names that the list's `Sorts` has for them.
        default: the list's own order in words, "Newest first".
        name: the choice's name on the page; its title stands in the URL.
        pager: the name of the list's pages: another order begins at the first of them.
        at: where to draw it.
    """
    options: dict[Sort | None, str] = {None: default}
    for by, title in titles.items():
        options[Sort(by)] = _("{column}, ascending").format(column=title)
        options[Sort(by, descending=True)] = _("{column}, descending").format(column=title)
    pages = page_key(pager)

    def begin_anew() -> None:
        if pages in st.session_state:
            st.session_state[pages] = 1

    place: Any = at if at is not None else st
    chosen: Sort | None = place.selectbox(
        _("Sort by"),
        list(options),
        format_func=options.__getitem__,
        key=page_key(name),
        bind="query-params",
        on_change=begin_anew,
        width="stretch" if at is not None else 280,
    )
    return chosen


# Buttons of a pager, and how wide one is with the space beside it.
PAGES_SHOWN = 5
PAGE_BUTTON_PIXELS = 44


def paged(
    total: int, *, key: str, size: int = ROWS_A_PAGE, is_grid: bool = True
) -> tuple[DeltaGenerator, int]:
    """Return where to draw a page of rows and the offset of its first row in the whole.

    Rows are paged in SQL: the caller reads `size` rows from the offset and draws them in the container. The
    page number lives in the URL under `key`. With `is_grid` the pager says what a click on a column's title does:
    Streamlit's grid sorts the rows that it was given, and has no way to turn that off.
    """
    body = st.container()
    pages = max(1, -(-total // size))
    if pages == 1:
        return body, 0
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        # As wide as its content it would measure itself while it is narrow, and leave out pages that have room.
        width = (min(pages, PAGES_SHOWN) + 2) * PAGE_BUTTON_PIXELS
        chosen = st.pagination(
            pages, key=key, bind="query-params", max_visible_pages=PAGES_SHOWN, width=width
        )
        first = (chosen - 1) * size
        shown = _("{first}–{last} of {total}").format(
            first=wording.number(first + 1),
            last=wording.number(min(total, first + size)),
            total=wording.number(total),
        )
        st.caption(
            shown + " · " + _("a click on a column title sorts this page only") if is_grid else shown,
            width="content",
        )
    return body, first


def _at_the_right(names: Sequence[str]) -> dict[str, Any]:
    return {name: st.column_config.TextColumn(alignment="right") for name in names}


def choose_view(views: Mapping[str, str], *, key: str) -> str:
    """Draw a choice between the views of a page, the first one at first, and return its name.

    The title of the chosen one stands in the URL under `key`. A segmented control would write the chosen title
    in the accent colour, which in the dark is too dark for text because buttons carry white on it.
    """
    return st.radio(
        _("View"),
        list(views),
        format_func=views.__getitem__,
        key=key,
        bind="query-params",
        horizontal=True,
        label_visibility="collapsed",
    )


def choose_travelling(
    label: str,
    options: Sequence[T],
    *,
    name: str,
    format_func: Callable[[T], str],
    at: DeltaGenerator | None = None,
) -> T:
    """Draw a choice that holds on the next page too, the first option at first, and return what is chosen.

    `name` is one of `keys.TRAVELLING`. What travels comes by its title in the address (`registry.arrive`), so a page
    that does not offer it shows what was chosen there before, or its first option. `at` is where to draw it.
    """
    place: Any = at if at is not None else st
    chosen: T = place.selectbox(
        label, options, format_func=format_func, key=page_key(name), bind="query-params"
    )
    title = format_func(chosen)
    keys.remember(name, title)
    # Streamlit keeps a copy of what an earlier run offered.
    return next((one for one in options if format_func(one) == title), chosen)


def choose_row(rows: object, *, key: str, alt: str, numbers: Sequence[str] = ()) -> int | None:
    """Draw a table of which one row can be chosen, by a click or Enter, and return its place, None when none is.

    Columns named in `numbers` hold figures in words and stand at the right.
    """
    with row_opening.opening(key):
        event: Any = st.dataframe(
            rows,
            key=key,
            hide_index=True,
            column_config=_at_the_right(numbers),
            on_select="rerun",
            selection_mode="single-row",
            placeholder="",
            alt=alt,
        )
    chosen = event["selection"]["rows"]
    return int(chosen[0]) if chosen else None


def choose_rows(rows: object, *, key: str, alt: str, numbers: Sequence[str] = ()) -> list[int]:
    """Draw a table of which many rows can be selected and return their places, in the order of selection.

    A key that is new after each decision forgets what was selected for it. `numbers` as in `choose_row`.
    """
    with row_opening.opening(key):
        event: Any = st.dataframe(
            rows,
            key=key,
            hide_index=True,
            column_config=_at_the_right(numbers),
            on_select="rerun",
            selection_mode="multi-row",
            placeholder="",
            alt=alt,
        )
    return [int(place) for place in event["selection"]["rows"]]


def table(rows: object, *, alt: str, numbers: Sequence[str] = ()) -> None:
    """Draw a table to read; it scrolls inside itself, never the page. `numbers` as in `choose_row`."""
    st.dataframe(rows, hide_index=True, column_config=_at_the_right(numbers), placeholder="", alt=alt)


def edited_table(rows: object, *, key: str, disabled: Sequence[str], column_config: Mapping[str, Any]) -> Any:
    """Draw a table whose cells can be changed, but for the columns in `disabled`, and return it as it stands then."""
    return st.data_editor(
        rows,
        key=key,
        hide_index=True,
        num_rows="fixed",
        disabled=disabled,
        column_config=dict(column_config),
        placeholder="",
    )


def short_table(rows: object, *, alt: str) -> None:
    """Draw a few rows in full, without a grid. Values from data go through `wording.plain` first."""
    st.table(rows, border="horizontal", hide_index=True, alt=alt)


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Draw names and values below one another. Values from data go through `wording.plain` first."""
    st.table(
        {"name": [name for name, _value in pairs], "value": [value for _name, value in pairs]},
        border="horizontal",
        hide_index=True,
        hide_header=True,
    )


def key_of_rows(table: str, ids: Iterable[object]) -> str:
    """Return a key under which a table of just these rows is chosen from.

    A selection is kept by place: were the key the same when a row goes or comes, the places selected would be those
    of other rows.
    """
    return page_key(f"{table}_{hashlib.sha256('|'.join(map(str, ids)).encode()).hexdigest()[:16]}")


def query_id(name: str) -> UUID | None:
    """Return the id in the URL under this name; None when there is none or it is not an id."""
    raw = st.query_params.get(name)
    if raw is None:
        return None
    try:
        return UUID(raw)
    except ValueError:
        return None


def form_key(form: str) -> UUID:
    """Return the idempotency key of a form, made when it is first drawn and kept until `form_done`.

    A fast rerun can run a submitted form twice: both runs carry the same key, and one of them does nothing.
    """
    name = f"form_key_{form}"
    if name not in st.session_state:
        st.session_state[name] = new_id()
    key: UUID = st.session_state[name]
    return key


def as_shown(name: str, current: str) -> str:
    """Return the hash of what the reader had on the screen when clicking, and keep `current` as what this run draws.

    A click runs the page anew, and what it reads then is not what the reader decided about.
    """
    key = f"as_shown_{name}"
    before: str = st.session_state.get(key, current)
    st.session_state[key] = current
    return before


def form_done(form: str) -> None:
    """Forget the form's key: what it asked for is done, and its next use is a new request."""
    st.session_state.pop(f"form_key_{form}", None)


@contextmanager
def refusals_shown() -> Iterator[None]:
    """Show a refusal inside the block as its sentence."""
    try:
        yield
    except Refusal as refusal:
        st.error(wording.plain_lines(refusal.sentence), icon=":material/block:")


def say_after_rerun(sentence: str) -> None:
    """Keep a sentence for the next run of the page, which shows it."""
    st.session_state["said"] = sentence


def show_said() -> None:
    """Show what `say_after_rerun` kept."""
    sentence = st.session_state.pop("said", None)
    if sentence:
        st.success(sentence, icon=":material/check_circle:")
