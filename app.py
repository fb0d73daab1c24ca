"""The entry of every page: page set-up, who it is, and the menu that they may see."""

from functools import partial

import streamlit as st

from ui import registry, row_opening
from ui.cleaned_text import tell_of_cleaned_text
from ui.elements import FAVICON, SIDEBAR_WIDTH, draw_logo, style_pages
from ui.identity import current_user, draw_no_access
from ui.own import leads_nowhere
from ui.sign_in import draw_account, draw_first_password, draw_sign_in, instead_of_every_page

st.set_page_config(
    page_title="Laurel", page_icon=str(FAVICON), layout="wide", initial_sidebar_state=SIDEBAR_WIDTH
)
style_pages()

user = current_user()
if user is None:
    st.navigation(instead_of_every_page(draw_sign_in), position="hidden").run()
elif user.password_is_temporary:
    st.navigation(instead_of_every_page(partial(draw_first_password, user)), position="hidden").run()
else:
    draw_logo()
    page = st.navigation(
        registry.navigation(user, draw_no_access, without=leads_nowhere(user)), expanded=True
    )
    # The tab and the browser's history name the page.
    st.set_page_config(page_title=f"{page.title} · Laurel")
    draw_account(user)
    with st.sidebar:
        row_opening.mount()
    registry.arrive(page.url_path)
    tell_of_cleaned_text(user)
    page.run()
