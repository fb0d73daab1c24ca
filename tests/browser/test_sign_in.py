import re
from contextlib import suppress
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from loyalty_core import access
from loyalty_core.access import Role
from loyalty_core.kernel import clock, now
from tests.access.people import COMMAND_LINE, EVERYTHING, PASSWORD
from tests.running_web import RunningWeb

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def vera(web: RunningWeb) -> str:
    """A programme manager's sign-in name, new for each test."""
    name = f"vera{len(access.list_users(web.database, COMMAND_LINE))}"
    access.create_user(
        web.database,
        COMMAND_LINE,
        name=name,
        display_name="Vera Test",
        password=PASSWORD,
        roles=[Role.PROGRAMME_MANAGER],
        grants=EVERYTHING,
    )
    return name


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Sign-in name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()


def complaints_of(page: Page) -> list[str]:
    found: list[str] = []
    page.on(
        "console",
        lambda message: found.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def hosts_of(page: Page) -> set[str]:
    found: set[str] = set()
    page.on("request", lambda request: found.add(re.sub(r"^(\w+:(//[^/]+)?).*", r"\1", request.url)))
    return found


def test_a_person_signs_in_comes_where_the_link_pointed_and_signs_out(
    web: RunningWeb, page: Page, vera: str
) -> None:
    complaints, hosts = complaints_of(page), hosts_of(page)
    page.goto(f"{web.address}/programmes?period=2026")
    expect(page.get_by_label("Sign-in name")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    visit = {cookie["name"]: cookie for cookie in page.context.cookies()}["laurel_visit"]["value"]
    sign_in(page, vera)
    account = page.get_by_role("button", name="Vera Test")
    expect(account).to_be_visible(timeout=20_000)
    expect(page).to_have_url(re.compile(r"/programmes\?programmes\.period=2026$"))
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert set(cookies) >= {"laurel_session"}
    session = cookies["laurel_session"]
    assert (session["httpOnly"], session["sameSite"], session["path"]) == (True, "Lax", "/")
    assert cookies["laurel_visit"]["value"] != visit
    token = session["value"]

    account.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Sign-in name")).to_be_visible(timeout=20_000)
    assert "laurel_session" not in {cookie["name"] for cookie in page.context.cookies()}
    assert access.find_session(web.database, token) is None
    # Streamlit tries where below the address its own root is, and the browser reports the tries that miss.
    assert set(complaints) <= {
        "Failed to load resource: the server responded with a status of 404 (Not Found)"
    }
    assert hosts <= {web.address, f"ws{web.address[4:]}", "data:", "blob:"}


def test_the_first_address_answers_with_the_sign_in_page_and_the_browser_has_no_complaint(
    web: RunningWeb, page: Page
) -> None:
    complaints, hosts = complaints_of(page), hosts_of(page)
    response = page.goto(web.address)
    assert response is not None
    assert response.status == 200
    expect(page.get_by_label("Sign-in name")).to_be_visible(timeout=20_000)
    page.wait_for_timeout(500)
    assert complaints == []
    assert hosts <= {web.address, f"ws{web.address[4:]}", "data:", "blob:"}


def test_a_wrong_password_is_refused_in_a_sentence_and_nothing_is_kept(
    web: RunningWeb, page: Page, vera: str
) -> None:
    page.goto(web.address)
    sign_in(page, vera, "not the password")
    expect(page.get_by_text("Sign-in name or password is not right.")).to_be_visible()
    assert "laurel_session" not in {cookie["name"] for cookie in page.context.cookies()}
    sign_in(page, vera)
    expect(page.get_by_role("button", name="Vera Test")).to_be_visible(timeout=20_000)


def test_a_stranger_who_fails_keeps_new_browsers_waiting_and_not_the_one_that_signed_in_before(
    web: RunningWeb, page: Page, browser: Browser, vera: str
) -> None:
    _open_signed_in(web, page, vera)
    page.get_by_role("button", name="Vera Test").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Sign-in name")).to_be_visible(timeout=20_000)
    for _number in range(9):
        with suppress(access.WaitBeforeSignInError), clock.fixed(now() + timedelta(hours=1)):
            access.begin_sign_in(web.database, name=vera, address="198.51.100.7")
    with pytest.raises(access.WaitBeforeSignInError):
        access.begin_sign_in(web.database, name=vera, address="198.51.100.7")
    stranger = browser.new_context().new_page()
    stranger.goto(web.address)
    sign_in(stranger, vera)
    expect(stranger.get_by_text("Too many tries.")).to_be_visible(timeout=20_000)
    stranger.context.close()
    sign_in(page, vera)
    expect(page.get_by_role("button", name="Vera Test")).to_be_visible(timeout=20_000)


def _open_signed_in(web: RunningWeb, page: Page, name: str) -> None:
    page.goto(web.address)
    sign_in(page, name)
    expect(page.get_by_role("button", name="Vera Test")).to_be_visible(timeout=20_000)


def _another_tab(context: BrowserContext, web: RunningWeb) -> Page:
    page = context.new_page()
    page.goto(web.address)
    expect(page.get_by_role("button", name="Vera Test")).to_be_visible(timeout=20_000)
    return page


def test_disabling_puts_an_open_page_out_at_its_next_step(web: RunningWeb, page: Page, vera: str) -> None:
    _open_signed_in(web, page, vera)
    other = _another_tab(page.context, web)
    user = access.find_user(web.database, COMMAND_LINE, vera)
    access.disable_user(web.database, COMMAND_LINE, user.id)
    for each in (page, other):
        each.get_by_role("button", name="Vera Test").click()
        each.get_by_role("button", name="Change password").click()
        expect(each.get_by_label("Sign-in name")).to_be_visible(timeout=20_000)


def test_a_new_role_shows_in_an_open_page_at_its_next_step(web: RunningWeb, page: Page, vera: str) -> None:
    _open_signed_in(web, page, vera)
    expect(page.get_by_role("link", name="Users", exact=True)).to_have_count(0)
    user = access.find_user(web.database, COMMAND_LINE, vera)
    access.set_roles(web.database, COMMAND_LINE, user.id, [Role.ADMIN])
    page.get_by_role("button", name="Vera Test").click()
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("link", name="Users", exact=True)).to_be_visible(timeout=20_000)


def test_a_given_password_is_replaced_before_anything_else(web: RunningWeb, page: Page, vera: str) -> None:
    user = access.find_user(web.database, COMMAND_LINE, vera)
    access.reset_password(web.database, COMMAND_LINE, user.id, "violet gravel 7 harbour")
    page.goto(web.address)
    sign_in(page, vera, "violet gravel 7 harbour")
    page.get_by_label("Current password").fill("violet gravel 7 harbour")
    page.get_by_label("New password", exact=True).fill("amber canyon 4 whistle")
    page.get_by_label("New password again").fill("amber canyon 4 whistle")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    expect(page.get_by_label("Sign-in name")).to_be_visible(timeout=20_000)
    sign_in(page, vera, "amber canyon 4 whistle")
    expect(page.get_by_role("button", name="Vera Test")).to_be_visible(timeout=20_000)
