"""A row of a table is chosen by a click on any of its cells, and by Enter, not only by the small box before it.

Streamlit's grid chooses a row by its box and by Shift+Space. Choosing cells instead would ask the server again
with every arrow key. So a click on a cell and Enter are made the keys that the grid knows.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.keys import shared_key

# What `opening` puts around a table, and what the script looks for.
_MARK = "_rows_to_open"

_OPENER = st.components.v2.component(
    "laurel_rows",
    js="""
const MARK = '[class*="_rows_to_open"]';
const SETTLES_MS = 30;

function tableAt(node) {
  const marked = node instanceof Element ? node.closest(MARK) : null;
  return marked ? node.closest('[data-testid="stDataFrameResizable"]') : null;
}

function press(canvas) {
  const event = new KeyboardEvent("keydown", {
    key: " ", code: "Space", keyCode: 32, shiftKey: true, bubbles: true, cancelable: true,
  });
  canvas.dispatchEvent(event);
}

function isCell(table, canvas, event) {
  const place = canvas.getBoundingClientRect();
  const grid = canvas.querySelector("table");
  const rows = Number(grid ? grid.getAttribute("aria-rowcount") : 0) - 1;
  const height = (parseFloat(getComputedStyle(table).minHeight) - 2) / 2;
  const scroller = table.querySelector(".dvn-scroller");
  const above = event.clientY - place.top - height;
  const row = Math.floor((above + (scroller ? scroller.scrollTop : 0)) / height);
  // As wide as the grid draws the boxes: with more rows there is room for a longer number.
  const box = rows > 10000 ? 48 : rows > 1000 ? 44 : rows > 100 ? 36 : 32;
  return above > 0 && row < rows && event.clientX - place.left > box;
}

export default function () {
  if (window.laurelOpensRows) return;
  window.laurelOpensRows = true;
  let down = null;
  document.addEventListener("pointerdown", (event) => { down = event; }, true);
  document.addEventListener("click", (event) => {
    const table = tableAt(event.target);
    const canvas = table && table.querySelector('canvas[data-testid="data-grid-canvas"]');
    if (!canvas || !down || event.detail !== 1 || event.shiftKey || event.ctrlKey || event.metaKey) return;
    // Who pulls the pointer over cells marks them.
    if (Math.abs(down.clientX - event.clientX) + Math.abs(down.clientY - event.clientY) > 5) return;
    if (isCell(table, canvas, event)) setTimeout(() => press(canvas), SETTLES_MS);
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.repeat) return;
    const table = tableAt(event.target);
    const canvas = table && table.querySelector('canvas[data-testid="data-grid-canvas"]');
    // What has the focus is the cell as a screen reader knows it, or the canvas that it lies in.
    if (!canvas || !canvas.contains(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    press(canvas);
  }, true);
}
""",
)


def mount() -> None:
    """Let tables in an `opening` be opened by click and Enter from here on; once a page is enough."""
    _OPENER(key=shared_key("rows"), height="content")


def opening(key: str) -> DeltaGenerator:
    """Return the container for a table whose rows can be chosen; `key` is the table's."""
    return st.container(key=f"{key}{_MARK}")
