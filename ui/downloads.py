"""Files that are made for the reader, and the button that fetches them."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from loyalty_core.access import XLSX, Permission, SignedInUser, make_export
from loyalty_core.kernel import _, current_runtime
from ui.elements import refusals_shown


def offer(
    user: SignedInUser,
    permission: Permission,
    file_name: str,
    write: Callable[[Path], object],
    *,
    media_type: str = XLSX,
) -> None:
    """Make a file, which is put on record, and draw the button that fetches it; or why there is none."""
    runtime = current_runtime()
    with refusals_shown():
        with st.spinner(_("Writing the file")):
            export_id = make_export(
                runtime.database,
                user,
                runtime.settings.exports_folder,
                permission=permission,
                file_name=file_name,
                media_type=media_type,
                write=write,
            )
        st.link_button(_("Download"), f"/exports/{export_id}", icon=":material/download:", type="primary")
