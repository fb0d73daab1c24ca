"""The control that sends a file of any size to the route /files: Streamlit's own would hold it in memory."""

from typing import Any
from uuid import UUID

import streamlit as st

from loyalty_core.kernel import _

_UPLOAD = st.components.v2.component(
    "laurel_upload",
    html="""
<label class="drop" part="drop">
  <input type="file" accept=".csv,.txt,.tsv,.gz,.xlsx,.xls,.xlsb,.ods" />
  <span class="choose"></span>
  <span class="hint"></span>
</label>
<div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" hidden><div></div></div>
<p class="told" role="status" aria-live="polite"></p>
""",
    css="""
:host, .drop, .told { font-family: var(--st-font); color: var(--st-text-color); }
.drop {
  display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; justify-content: center;
  padding: 1.75rem 1rem; border: 1.5px dashed var(--st-border-color); border-radius: var(--st-base-radius);
  background: var(--st-secondary-background-color); cursor: pointer; text-align: center;
}
.drop.over, .drop:focus-within { border-color: var(--st-primary-color); border-style: solid; }
.drop.busy { opacity: 0.6; pointer-events: none; }
input { position: absolute; width: 1px; height: 1px; opacity: 0; }
.choose {
  padding: 0.45rem 1rem; border-radius: var(--st-button-radius); background: var(--st-primary-color);
  color: #fff; font-weight: 500;
}
.hint { font-size: 0.9rem; }
.progress { margin-top: 0.75rem; height: 0.5rem; border-radius: 0.25rem; background: var(--st-border-color); }
.progress div { height: 100%; width: 0; border-radius: 0.25rem; background: var(--st-primary-color); }
.told { margin: 0.5rem 0 0; font-size: 0.9rem; min-height: 1.2em; }
.told.wrong { color: var(--st-red-text-color); }
""",
    js="""
export default function ({ data, parentElement, setTriggerValue }) {
  const drop = parentElement.querySelector(".drop");
  const input = parentElement.querySelector("input");
  const bar = parentElement.querySelector(".progress");
  const told = parentElement.querySelector(".told");
  parentElement.querySelector(".choose").textContent = data.choose;
  parentElement.querySelector(".hint").textContent = data.hint;
  input.setAttribute("aria-label", data.choose);

  const tell = (text, wrong) => {
    told.textContent = text;
    told.classList.toggle("wrong", wrong);
  };
  const rest = () => {
    drop.classList.remove("busy");
    input.disabled = false;
    input.value = "";
    bar.hidden = true;
  };
  const send = (file) => {
    const request = new XMLHttpRequest();
    drop.classList.add("busy");
    input.disabled = true;
    bar.hidden = false;
    tell(file.name, false);
    request.upload.onprogress = (event) => {
      const percent = event.total ? Math.floor((100 * event.loaded) / event.total) : 0;
      bar.firstElementChild.style.width = percent + "%";
      bar.setAttribute("aria-valuenow", String(percent));
      tell(file.name + " · " + percent + " %", false);
    };
    request.onload = () => {
      rest();
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { answer = {}; }
      if (request.status === 201 && answer.file) setTriggerValue("file", answer.file);
      else tell(answer.error || data.failed, true);
    };
    request.onerror = () => { rest(); tell(data.failed, true); };
    request.open("PUT", "/files?name=" + encodeURIComponent(file.name));
    request.send(file);
  };

  input.onchange = () => { if (input.files.length) send(input.files[0]); };
  drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length && !input.disabled) send(event.dataTransfer.files[0]);
  };
}
""",
)


def choose_file(*, key: str) -> UUID | None:
    """Draw the control and return the received file's id in the run after its upload; None in every other."""
    answer: Any = _UPLOAD(
        data={
            "choose": _("Choose a file"),
            "hint": _("or drop it here · CSV, TSV, XLSX, XLS, XLSB, ODS, up to 2 GB"),
            "failed": _("The file did not arrive. Check the connection and try again."),
        },
        key=key,
        height="content",
        on_file_change=lambda: None,
    )
    if not answer.file:
        return None
    try:
        return UUID(str(answer.file))
    except ValueError:
        return None
