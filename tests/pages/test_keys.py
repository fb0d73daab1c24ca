"""Widget keys are made of page and name, so that pages don't read each other's values; three choices travel."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.access import PERMISSIONS_OF_ROLE, Role
from loyalty_core.kernel import PROJECT_FOLDER
from tests.pages.test_every_page import PAGES, app_of, page_named
from tests.pages.world import World
from ui.keys import TRAVELLING, key_on
from ui.registry import IN_ADDRESS, TRAVELS_TO, PageEntry

SCREENS = sorted([*(PROJECT_FOLDER / "pages").rglob("*.py"), *(PROJECT_FOLDER / "ui").rglob("*.py")])
MAKERS = {"page_key", "shared_key", "key_of_rows"}
# Their `key` says how to order.
NO_WIDGETS = {"sorted", "sort", "min", "max"}
Function = ast.FunctionDef | ast.Lambda | ast.Module


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _is_made(value: ast.expr, made: set[str]) -> bool:
    """Whether a key comes from a maker: at once, by a name that holds such a key, or as its beginning."""
    if isinstance(value, ast.Call):
        return _name(value.func) in MAKERS
    if isinstance(value, ast.JoinedStr):
        first = value.values[0]
        return isinstance(first, ast.FormattedValue) and _is_made(first.value, made)
    return isinstance(value, ast.Name) and value.id in made


def keys_made_elsewhere(source: str) -> list[int]:
    """Return the lines with a widget key that is not made of page and name.

    A function's own parameter `key` counts as made: whoever calls it is looked at as well.
    """
    found: list[int] = []

    def look(function: Function, made: set[str]) -> None:
        if isinstance(function, ast.FunctionDef):
            arguments = [*function.args.args, *function.args.kwonlyargs]
            made = made | {one.arg for one in arguments if one.arg == "key"}
        inner: list[Function] = []

        def walk(node: ast.AST) -> Iterator[ast.AST]:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.FunctionDef | ast.Lambda):
                    inner.append(child)
                else:
                    yield child
                    yield from walk(child)

        nodes = list(walk(function))
        made = made | {
            target.id
            for node in nodes
            if isinstance(node, ast.Assign) and _is_made(node.value, made)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in nodes:
            if isinstance(node, ast.Call) and _name(node.func) not in NO_WIDGETS:
                found.extend(
                    keyword.value.lineno
                    for keyword in node.keywords
                    if keyword.arg == "key" and not _is_made(keyword.value, made)
                )
        for one in inner:
            look(one, made)

    look(ast.parse(source), set())
    return found


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: str(path.relative_to(PROJECT_FOLDER)))
def test_every_widget_key_is_made_of_page_and_name(path: Path) -> None:
    assert keys_made_elsewhere(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('st.button("a", key="a")', [1]),
        ('st.button("a", key=page_key("a"))', []),
        ('key = "a"\nst.button("a", key=key)', [2]),
        ('key = page_key("a")\nst.button("a", key=f"{key}_b")', []),
        ('def draw(*, key):\n    st.button("a", key=f"b_{key}")', [2]),
        ('def draw(*, key):\n    st.button("a", key=f"{key}_b")\n\ndraw(key="c")', [4]),
        ("sorted(rows, key=str)", []),
    ],
)
def test_the_look_at_the_source_finds_what_it_is_for(source: str, lines: list[int]) -> None:
    assert keys_made_elsewhere(source) == lines


def test_what_is_read_from_an_address_as_it_stands_is_declared() -> None:
    """Otherwise the name would be taken for a filter's and be given the page's name."""
    declared = {name for names in IN_ADDRESS.values() for name in names}
    read: set[str] = set()
    for path in SCREENS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            if _name(node.func) == "query_id" or (
                isinstance(node.func, ast.Attribute)
                and _name(node.func.value) == "query_params"
                and node.func.attr in {"get", "pop"}
            ):
                read.add(str(node.args[0].value))
    assert read == declared


def test_pages_travel_to_what_exists() -> None:
    keys = {page.key for page in PAGES}
    assert keys >= IN_ADDRESS.keys() | TRAVELS_TO.keys()
    assert all(set(names) <= set(TRAVELLING) for names in TRAVELS_TO.values())


def opened(app: AppTest, key: str) -> AppTest:
    """The same reader opens another page from the menu, which empties the address."""
    app.switch_page(page_named(key).script)
    app.query_params.clear()
    app.run()
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def chosen(app: AppTest, page: str, name: str) -> str:
    box = app.selectbox(key=key_on(page, name))
    assert box.index is not None
    return str(box.options[box.index])


def test_a_choice_on_one_page_breaks_no_other(world: World) -> None:
    app = app_of(world, Role.ADMIN).run()
    for page in ("standings", "performance", "standings", "regions", "standings", "participants", "regions"):
        opened(app, page)
        for box in list(app.selectbox):
            if len(box.options) > 1 and box.key is not None and box.key.startswith(f"{page}."):
                app.selectbox(key=box.key).select_index(len(box.options) - 1)
        for field in app.text_input:
            field.set_value("x")
        app.run()
        assert not app.exception, app.exception
    for page in ("claims", "orders", "imports", "audit", "performance"):
        opened(app, page)


def test_period_and_region_travel_where_the_next_page_offers_them(world: World) -> None:
    app = opened(app_of(world, Role.ANALYST).run(), "standings")
    app.selectbox(key=key_on("standings", "period")).set_value("Apr 2026")
    app.selectbox(key=key_on("standings", "region")).set_value("Poland").run()
    opened(app, "performance")
    assert app.query_params == {"performance.region": "Poland", "performance.period": "Apr 2026"}
    assert chosen(app, "performance", "period") == "Apr 2026"
    assert chosen(app, "performance", "region") == "Poland"
    app.selectbox(key=key_on("performance", "period")).set_value("Last 30 days").run()
    opened(app, "standings")
    # Standings have no such period: what was chosen there stays.
    assert chosen(app, "standings", "period") == "Apr 2026"
    assert chosen(app, "standings", "region") == "Poland"
    opened(app, "performance")
    assert chosen(app, "performance", "period") == "Last 30 days"
    opened(app, "home")
    opened(app, "performance")
    assert app.selectbox(key=key_on("performance", "region")).index == 0


def test_a_link_shows_what_it_says_and_nothing_left_from_before(world: World) -> None:
    app = opened(app_of(world, Role.ANALYST).run(), "standings")
    app.text_input(key=key_on("standings", "words")).set_value("C-200").run()
    opened(app, "performance")
    app.switch_page(page_named("standings").script)
    app.query_params.clear()
    app.query_params["region"] = "Poland"
    app.run()
    assert app.query_params == {"standings.region": "Poland"}
    assert app.text_input(key=key_on("standings", "words")).value == ""
    assert list(app.dataframe[0].value["Company"]) == ["C-100"]
    opened(app, "performance")
    app.switch_page(page_named("standings").script)
    app.query_params.clear()
    app.query_params["words"] = "C-200"
    app.run()
    assert app.query_params == {"standings.words": "C-200"}
    assert app.selectbox(key=key_on("standings", "region")).index == 0


NONSENSE = {
    "programme": "Nonsense",
    "region": "Atlantis",
    "period": "Yesterday in 2026",
    "view": "sideways",
    "by": "moods",
    "state": "lost",
    "measure": "width",
    "page": "99999",
    "day": "2099-02-31",
    "days": "many",
    "span": "always",
    "group": "9",
    "quarter": "Q9",
    "retired": "perhaps",
    "verdict": "-",
    "order": "-",
    "sort": "-",
    "who": "Nobody at all",
    "source": "-",
    "dataset": "-",
    "check": "-",
    "month": "-",
    "kind": "-",
    "money": "-",
    "category": "-",
    "brand": "-",
    "activity": "-",
}


@pytest.mark.parametrize("page", [page for page in PAGES if not page.is_record], ids=lambda page: page.key)
def test_nonsense_in_an_address_falls_back_to_a_valid_choice(world: World, page: PageEntry) -> None:
    role = next(one for one in (Role.ADMIN, *Role) if page.permission in PERMISSIONS_OF_ROLE[one])
    records = IN_ADDRESS.get(page.key, ())
    app = app_of(world, role).run()
    app.switch_page(page.script)
    app.query_params.update({name: value for name, value in NONSENSE.items() if name not in records})
    app.run()
    assert not app.exception, app.exception
    for box in app.selectbox:
        assert box.value is None or box.index is not None, box.key
