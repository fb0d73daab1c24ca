"""The pages: what each is called, where it lives, who may open it, and how one links to another.

The default page lives at `/`; its `url_path` is not an address of its own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from loyalty_core.access import Permission
from loyalty_core.kernel import PROJECT_FOLDER, _
from ui import keys


class Permitted(Protocol):
    """Whoever has permissions: the signed-in user."""

    @property
    def permissions(self) -> Collection[Permission]:
        """What the user's roles allow."""
        ...


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page of the menu. `script` is relative to the project's folder; `section` '' stands on top."""

    key: str
    title: str
    icon: str
    script: str
    permission: Permission
    section: str
    # Of one record, which a link leads to: it stands in no menu.
    is_record: bool = False

    @property
    def url_path(self) -> str:
        """The page's address below `/`."""
        return self.key

    @property
    def path(self) -> str:
        """The script's absolute path, which is how Streamlit names a page."""
        return str(PROJECT_FOLDER / self.script)


HOME = "home"

# The names in a page's address that are read as they stand, because they say what is shown: a record, a form. All
# others name a filter.
IN_ADDRESS = {
    "uploads": ("file", "import"),
    "imports": ("import",),
    "quarantine": ("import",),
    "claims": ("claim", "participant", "company", "import"),
    "claim": ("claim",),
    "company": ("company",),
    "my-claims": ("new", "file", "import"),
    "orders": ("order",),
    "order-for": ("participant",),
    "budgets": ("budget",),
    "participants": ("participant",),
}

# What a page offers of `keys.TRAVELLING`.
TRAVELS_TO = {
    HOME: ("programme",),
    "claims": ("programme",),
    "precision": ("programme",),
    "standings": ("programme", "region", "period"),
    "company": ("programme",),
    "programmes": ("programme",),
    "rewards": ("programme",),
    "orders": ("programme",),
    "catalogue": ("programme",),
    "order-for": ("programme",),
    "budgets": ("programme", "region"),
    "performance": ("programme", "region", "period"),
    "regions": ("programme", "region", "period"),
    "participants": ("programme", "region"),
}


def pages() -> list[PageEntry]:
    """Return every page in the menu's order, titled in the reader's language; the first is the default."""
    data, programme, people = _("Data"), _("Programmes"), _("Administration")
    figures = _("Figures")
    points, given = _("My points"), _("Rewards")
    return [
        PageEntry(HOME, _("Home"), "home", "pages/home/home.py", Permission.SEE_HOME, ""),
        PageEntry(
            "uploads", _("Uploads"), "upload_file", "pages/intake/uploads.py", Permission.UPLOAD_FILES, data
        ),
        PageEntry(
            "imports", _("Imports"), "inventory_2", "pages/intake/imports.py", Permission.SEE_IMPORTS, data
        ),
        PageEntry(
            "mappings",
            _("Mappings"),
            "view_column",
            "pages/intake/mappings.py",
            Permission.MANAGE_SOURCES,
            data,
        ),
        PageEntry(
            "quarantine",
            _("Rows to fix"),
            "healing",
            "pages/intake/quarantine.py",
            Permission.SEE_IMPORTS,
            data,
        ),
        PageEntry(
            "quality",
            _("Data quality"),
            "monitoring",
            "pages/intake/quality.py",
            Permission.SEE_IMPORTS,
            data,
        ),
        PageEntry(
            "claims", _("Claims"), "fact_check", "pages/verification/claims.py", Permission.SEE_CLAIMS, data
        ),
        PageEntry(
            "claim",
            _("Claim"),
            "fact_check",
            "pages/verification/claim.py",
            Permission.SEE_CLAIMS,
            data,
            is_record=True,
        ),
        PageEntry(
            "workload",
            _("Workload"),
            "groups_2",
            "pages/verification/workload.py",
            Permission.SEE_WORKLOAD,
            data,
        ),
        PageEntry(
            "precision",
            _("Check accuracy"),
            "target",
            "pages/verification/precision.py",
            Permission.SEE_CLAIMS,
            data,
        ),
        PageEntry(
            "registrations",
            _("Registrations"),
            "how_to_reg",
            "pages/participants/registrations.py",
            Permission.REGISTER_PARTNERS,
            data,
        ),
        PageEntry(
            "standings",
            _("Standings"),
            "leaderboard",
            "pages/standings/standings.py",
            Permission.SEE_STANDINGS,
            programme,
        ),
        PageEntry(
            "company",
            _("Companies"),
            "storefront",
            "pages/organisation/company.py",
            Permission.SEE_COMPANIES,
            programme,
        ),
        PageEntry(
            "products",
            _("Products"),
            "sell",
            "pages/products/products.py",
            Permission.SEE_PRODUCTS,
            programme,
        ),
        PageEntry(
            "programmes",
            _("Programmes"),
            "workspace_premium",
            "pages/programmes/programmes.py",
            Permission.SEE_PROGRAMMES,
            programme,
        ),
        PageEntry(
            "my-claims",
            _("My claims"),
            "receipt_long",
            "pages/portal/claims.py",
            Permission.USE_PORTAL,
            points,
        ),
        PageEntry(
            "rewards", _("Rewards"), "redeem", "pages/portal/rewards.py", Permission.USE_PORTAL, points
        ),
        PageEntry(
            "my-orders",
            _("My orders"),
            "local_shipping",
            "pages/portal/orders.py",
            Permission.USE_PORTAL,
            points,
        ),
        PageEntry(
            "orders",
            _("Reward approvals"),
            "approval",
            "pages/rewards/orders.py",
            Permission.SEE_ORDERS,
            given,
        ),
        PageEntry(
            "catalogue",
            _("Reward catalogue"),
            "featured_seasonal_and_gifts",
            "pages/rewards/catalogue.py",
            Permission.SEE_REWARDS,
            given,
        ),
        PageEntry(
            "order-for",
            _("Order for a participant"),
            "shopping_bag",
            "pages/rewards/order_for.py",
            Permission.ORDER_FOR_OTHERS,
            given,
        ),
        PageEntry(
            "budgets", _("Budgets"), "savings", "pages/budgets/budgets.py", Permission.SEE_BUDGETS, given
        ),
        PageEntry(
            "performance",
            _("Performance"),
            "monitoring",
            "pages/analytics/performance.py",
            Permission.SEE_PERFORMANCE,
            figures,
        ),
        PageEntry(
            "regions", _("Regions"), "map", "pages/analytics/regions.py", Permission.SEE_REGIONS, figures
        ),
        PageEntry(
            "participants",
            _("Participants"),
            "groups",
            "pages/analytics/participants.py",
            Permission.SEE_PARTICIPANTS,
            figures,
        ),
        PageEntry("users", _("Users"), "group", "pages/access/users.py", Permission.MANAGE_USERS, people),
        PageEntry("audit", _("Audit"), "policy", "pages/audit/audit.py", Permission.SEE_AUDIT, people),
    ]


def entry(key: str) -> PageEntry:
    """Return the page with this key. Raises KeyError."""
    return {page.key: page for page in pages()}[key]


def allows(user: Permitted, key: str) -> bool:
    """Whether the user may open the page."""
    return entry(key).permission in user.permissions


PORTAL = frozenset({"my-claims", "rewards", "my-orders"})


def navigation(
    user: Permitted, draw_no_access: Callable[[], None], *, without: Collection[str] = ()
) -> dict[str, list[st.Page]]:
    """Return the menu that the user's permissions allow, for `st.navigation`: pages by section.

    Pages `without` which the menu is drawn lead to nothing for this user; their addresses still answer and say why.
    At the address of a page that the permissions don't allow `draw_no_access` draws.
    """
    menu: dict[str, list[st.Page]] = {}
    for page in pages():
        if page.permission in user.permissions:
            menu.setdefault(page.section, []).append(
                st.Page(
                    page.path,
                    title=page.title,
                    icon=f":material/{page.icon}:",
                    url_path=page.url_path,
                    default=page.key == HOME,
                    visibility="hidden" if page.is_record or page.key in without else "visible",
                )
            )
    menu[entry(HOME).section] += [
        st.Page(draw_no_access, title=_("No access"), url_path=page.url_path, visibility="hidden")
        for page in pages()
        if page.permission not in user.permissions
    ]
    return menu


def address(key: str, query: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a page's address by their names in it.

    A record's stands there by its bare name, a filter's by the key of its widget. Empty values are left out.
    """
    records = IN_ADDRESS.get(key, ())
    return {
        name if name in records or "." in name else keys.key_on(key, name): value
        for name, value in query.items()
        if value
    }


def link(user: Permitted, key: str, label: str, *, icon: str = "", **query: str) -> None:
    """Draw a link to a page with values for its URL, or the bare label where the user may not open it."""
    if allows(user, key):
        st.page_link(
            entry(key).path,
            label=label,
            icon=f":material/{icon}:" if icon else "",
            query_params=address(key, query),
        )
    else:
        st.markdown(label, width="content")


def open_page(key: str, **query: str) -> None:
    """Leave this page for another one, with values for its URL."""
    st.switch_page(entry(key).path, query_params=address(key, query))


def arrive(url_path: str) -> None:
    """Put the address of the page that is about to be drawn in order.

    Filters may be named without the page (`/standings?period=2026`): they get their full names. What travels between
    pages is put in where the page was opened without filters; what it does not offer there, it ignores.
    """
    page = url_path or HOME
    came_with = st.query_params.to_dict()
    query = address(page, came_with)
    comes = keys.enter(page, query)
    if comes and not keys.names_filter(page, query):
        travelling = keys.travelling()
        query |= address(
            page, {name: travelling[name] for name in TRAVELS_TO.get(page, ()) if name in travelling}
        )
    if query.keys() - came_with.keys():
        open_page(page, **query)
    _correct_address()


def _correct_address() -> None:
    """Take a record's address out of the browser's bar once its page is left for the same page without it.

    Streamlit's links to the page one is on don't empty the bar, and the next step would open the record again.
    """
    has_query = bool(st.query_params)
    if st.session_state.get("had_query") and not has_query:
        st.query_params.clear()
    st.session_state["had_query"] = has_query
