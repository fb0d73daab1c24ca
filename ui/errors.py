"""What a person sees when a page fails: a sentence and an id that the log knows, never a trace."""

import streamlit as st

from loyalty_core.kernel import Refusal, _, get_logger, new_id

_log = get_logger(__name__)


def show_script_error(error: Exception) -> bool:
    """Draw the error in place of Streamlit's own; a refusal that no page caught tells its sentence.

    Returns True: there is nothing more to draw.
    """
    if isinstance(error, Refusal):
        st.error(error.sentence, icon=":material/block:")
        return True
    error_id = str(new_id())
    _log.error("page_failed", error_id=error_id, exc_info=error)
    st.error(
        _(
            "Something went wrong on our side. Nothing that you did is lost unless it says so above. If it"
            " happens again, tell an administrator this number: {error_id}"
        ).format(error_id=error_id),
        icon=":material/error:",
    )
    return True
