"""Signing in, out, and the first change of a password that an administrator gave.

streamlit-authenticator draws the form and checks the password against the bcrypt hash. Its own cookie and the
names that it leaves in st.session_state are not used: the first is never made, the second are deleted at once.
"""

import secrets
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit_authenticator import Authenticate
from streamlit_authenticator.controllers import AuthenticationController

from loyalty_core import access
from loyalty_core.access import DEVICE_COOKIE, VISIT_COOKIE, SignedInUser, SignInAttempt, prehash
from loyalty_core.kernel import Refusal, _, current_database
from ui import registry, wording
from ui.elements import ASSETS
from ui.keys import shared_key

_LEFT_BEHIND = ("name", "authentication_status", "username", "email", "roles", "logout", "password_hint")

_REDEEM = st.components.v2.component(
    "laurel_redeem",
    js="""
let sent = null;
export default function ({ data, setTriggerValue }) {
  if (sent === data.once) return;
  sent = data.once;
  fetch(data.address, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: data.body,
  }).then(
    (answer) => (answer.ok ? window.location.reload() : setTriggerValue("refused", true)),
    () => setTriggerValue("refused", true),
  );
}
""",
)


class _NoCookie:
    """Stands where streamlit-authenticator would keep a cookie of its own."""

    def get_cookie(self) -> None:
        return None

    def set_cookie(self) -> None:
        return None


class _Checker(AuthenticationController):  # type: ignore[misc] # the package has no types
    """Checks one name: gives the package that user's hash and the password's prehash, and counts the try."""

    def __init__(self) -> None:
        super().__init__(credentials={"usernames": {}}, auto_hash=False, secret_key=secrets.token_urlsafe(32))
        self.accepted: SignInAttempt | None = None
        self.refusal: Refusal | None = None

    def login(
        self, username: str | None = None, password: str | None = None, *_limits: object, **_options: object
    ) -> bool:
        if not username or not password:
            self.refusal = access.SignInRefused()
            return False
        database = current_database()
        try:
            attempt = access.begin_sign_in(
                database,
                name=username,
                address=str(st.context.ip_address or "local"),
                device=_cookie(DEVICE_COOKIE),
            )
        except access.WaitBeforeSignInError as refusal:
            self.refusal = refusal
            return False
        self.authentication_model.credentials["usernames"] = {
            attempt.name: {"password": attempt.password_hash}
        }
        matches = bool(super().login(attempt.name, prehash(password)))
        if matches and attempt.user_id is not None:
            self.accepted = attempt
        else:
            access.fail_sign_in(database, attempt)
            self.refusal = access.SignInRefused()
        return False


class _Form(Authenticate):  # type: ignore[misc] # the package has no types
    """The package's sign-in form over our checker."""

    def __init__(self, checker: _Checker) -> None:
        self.path = None
        self.api_key = None
        self.secret_key = checker.secret_key
        self.attrs = {"login_sleep_time": 0}
        self.cookie_controller = _NoCookie()
        self.authentication_controller = checker


def _cookie(plain: str) -> str | None:
    cookies = st.context.cookies
    found = cookies.get(f"__Host-{plain}") or cookies.get(plain)
    # Streamlit's own test runner has no browser, and answers with an object that is no text.
    return found if isinstance(found, str) else None


def instead_of_every_page(draw: Callable[[], None]) -> list[st.Page]:
    """Return pages for `st.navigation` that draw this at every page's address, so that a link still leads on."""
    return [
        st.Page(draw, title=_("Sign in"), url_path=page.url_path, default=page.key == registry.HOME)
        for page in registry.pages()
    ]


def draw_sign_in() -> None:
    """Draw the sign-in page; after the right password the browser redeems a ticket and loads the page anew."""
    _left, middle, _right = st.columns([1, 1.3, 1])
    with middle:
        st.space("large")
        st.image(
            str(ASSETS / "laurel-on-light.svg" if _is_light() else ASSETS / "laurel-on-dark.svg"), width=150
        )
        st.title(_("Sign in"), anchor=False)
        _forget_what_it_keeps()
        checker = _Checker()
        # pages.css hides the heading of the package's form, a third one that would come right below the first.
        form_at = st.container(key=shared_key("sign-in-form"))
        try:
            with form_at:
                _Form(checker).login(
                    "main",
                    fields={
                        "Form name": _("Sign in"),
                        "Username": _("Sign-in name"),
                        "Password": _("Password"),
                        "Login": _("Sign in"),
                    },
                    key=shared_key("sign-in"),
                )
        finally:
            _forget_what_it_keeps()
        visit = _cookie(VISIT_COOKIE)
        if checker.refusal is not None:
            st.error(checker.refusal.sentence, icon=":material/block:")
        elif checker.accepted is not None and visit is None:
            st.error(
                _("Your browser kept no cookie of this page. Allow cookies for this address and reload it."),
                icon=":material/cookie_off:",
            )
        elif checker.accepted is not None and visit is not None:
            ticket = access.issue_ticket(current_database(), checker.accepted, visit=visit)
            _post("/auth/session", f'{{"ticket": "{ticket}"}}', key=shared_key("redeem"))
        elif st.session_state.get(shared_key("redeem"), {}).get("refused"):
            st.error(access.TicketRefused().sentence, icon=":material/block:")


def _forget_what_it_keeps() -> None:
    for name in _LEFT_BEHIND:
        st.session_state.pop(name, None)


def _is_light() -> bool:
    return st.context.theme.type != "dark"


def _post(address: str, body: str, *, key: str) -> Any:
    return _REDEEM(
        data={"address": address, "body": body, "once": secrets.token_hex(8)},
        key=key,
        height="content",
        on_refused_change=lambda: None,
    )


def draw_account(user: SignedInUser) -> None:
    """Draw who is signed in, and the way out, at the foot of the sidebar."""
    with (
        st.sidebar,
        st.popover(wording.plain(user.display_name), icon=":material/account_circle:", width="stretch"),
    ):
        st.caption(", ".join(sorted(access.role_title(role) for role in user.roles)))
        if st.button(_("Change password"), icon=":material/key:", width="stretch"):
            _password_dialog(user)
        if st.button(_("Sign out"), icon=":material/logout:", width="stretch"):
            access.end_session(current_database(), user)
            _post("/auth/sign-out", "", key=shared_key("sign-out"))
            st.stop()


def draw_first_password(user: SignedInUser) -> None:
    """Draw the page of somebody who still has the password that an administrator gave."""
    _left, middle, _right = st.columns([1, 1.3, 1])
    with middle:
        st.title(_("Choose a password of your own"), anchor=False)
        st.markdown(_("The one that you were given works until then. You sign in with the new one next."))
        _password_form(user)


@st.dialog("Laurel")
def _password_dialog(user: SignedInUser) -> None:
    st.header(_("Change password"), anchor=False)
    st.markdown(_("You are signed out everywhere and sign in with the new one."))
    _password_form(user)


def _password_form(user: SignedInUser) -> None:
    with st.form("password", border=False):
        current = st.text_input(_("Current password"), type="password", autocomplete="current-password")
        new = st.text_input(
            _("New password"),
            type="password",
            autocomplete="new-password",
            help=_("12 to 128 characters. Several words that don't belong together do well."),
        )
        again = st.text_input(_("New password again"), type="password", autocomplete="new-password")
        is_sent = st.form_submit_button(_("Change password"), type="primary")
    if not is_sent:
        return
    if new != again:
        st.error(_("The two new passwords differ."), icon=":material/block:")
        return
    try:
        access.change_password(
            current_database(), user, current=current, new=new, device=_cookie(DEVICE_COOKIE)
        )
    except Refusal as refusal:
        st.error(refusal.sentence, icon=":material/block:")
    else:
        _post("/auth/sign-out", "", key=shared_key("sign-out"))
