"""What holds of the source as a whole, read from its syntax trees."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from loyalty_core.kernel import PROJECT_FOLDER

PACKAGES = ("laurel", "loyalty_core", "ui", "api", "queries", "data_checks", "migrations")
DOMAIN = PROJECT_FOLDER / "loyalty_core"
PAGES = sorted((PROJECT_FOLDER / "pages").rglob("*.py"))


def sources() -> list[Path]:
    """Every Python file of the product."""
    files = [PROJECT_FOLDER / "app.py", *PAGES]
    for package in PACKAGES:
        files.extend((PROJECT_FOLDER / package).rglob("*.py"))
    return sorted(files)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def short(path: Path) -> str:
    return str(path.relative_to(PROJECT_FOLDER))


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name or None) of every import of the file, wherever it stands."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(PROJECT_FOLDER).parent.parts
            above = package[: len(package) + 1 - node.level] if node.level else ()
            for alias in node.names:
                yield ".".join((*above, *([node.module] if node.module else []))), alias.name


def test_there_are_sources_to_look_at() -> None:
    assert len(sources()) > 80
    assert len(PAGES) >= 5


def test_no_page_lies_directly_in_pages() -> None:
    # Streamlit would serve it by its URL without running app.py first.
    assert list((PROJECT_FOLDER / "pages").glob("*.py")) == []


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_a_page_guards_itself_before_anything_else(page: Path) -> None:
    statements = [
        node
        for node in tree(page).body
        if not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    first = statements[0]
    call = first.value if isinstance(first, ast.Expr | ast.Assign) else None
    assert isinstance(call, ast.Call), short(page)
    assert isinstance(call.func, ast.Name), short(page)
    assert call.func.id == "require", short(page)
    (asked,) = call.args
    assert isinstance(asked, ast.Attribute), short(page)
    assert isinstance(asked.value, ast.Name), short(page)
    assert asked.value.id == "Permission", short(page)


def test_only_the_screen_knows_streamlit_and_plotly() -> None:
    screen = {"ui", "pages", "app.py"}
    # The server mounts Streamlit's application and bounds what browsers send it; it draws nothing.
    server = {"laurel/web.py", "laurel/socket_messages.py", "laurel/upload_space.py"}
    outsiders = {
        (short(path), module)
        for path in sources()
        if path.relative_to(PROJECT_FOLDER).parts[0] not in screen and short(path) not in server
        for module, _name in imports(path)
        if module.partition(".")[0] in {"streamlit", "plotly"}
    }
    assert outsiders == set()


def test_text_from_users_never_runs() -> None:
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.keyword):
                assert node.arg not in ("unsafe_allow_html", "unsafe_allow_javascript"), short(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), short(path)


DRAWS_TABLES = "ui/elements.py"
# Each gives rows away by itself: as a grid, as the data behind a chart, or as a file that nobody put on record.
GIVES_ROWS = frozenset(
    {
        "dataframe",
        "data_editor",
        "table",
        "write",
        "json",
        "line_chart",
        "bar_chart",
        "area_chart",
        "scatter_chart",
        "altair_chart",
        "vega_lite_chart",
        "map",
        "pydeck_chart",
        "graphviz_chart",
        "echarts_chart",
        "plotly_chart",
        "download_button",
    }
)
# The sample of an empty Laurel, which holds nobody's data.
SAMPLE = ("pages/intake/uploads.py", "download_button")


def test_one_module_draws_every_table_and_no_page_hands_out_rows_by_itself() -> None:
    found = {
        (short(path), node.attr)
        for path in sources()
        if path.relative_to(PROJECT_FOLDER).parts[0] in {"ui", "pages", "app.py"}
        and short(path) != DRAWS_TABLES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in GIVES_ROWS and drawn_by_streamlit(node)
    }
    assert found == {SAMPLE}


def drawn_by_streamlit(node: ast.Attribute) -> bool:
    """Whether it is a command of `st`, or of a part of the page, which only variables are called."""
    return not (isinstance(node.value, ast.Name) and node.value.id in {"elements", "json", "blocks", "path"})


def subdomain_of(path: Path) -> str | None:
    parts = path.relative_to(PROJECT_FOLDER).parts
    return parts[1] if parts[0] == "loyalty_core" and len(parts) > 2 else None


# The job queue's and the tables' doors are open to the whole house beside what `__init__` lists.
SIDE_DOORS = {"loyalty_core.kernel.jobs"}
# The demo alone sets the clock back, for the history that it tells.
SETS_THE_CLOCK = "loyalty_core/demo/stage.py"
GATHERS_TABLES = "laurel/tables.py"


def test_a_subdomain_is_entered_by_its_front_door_only() -> None:
    """What another package takes of a subdomain is in that subdomain's `__all__`."""
    wrong = []
    for path in sources():
        for module, name in imports(path):
            parts = module.split(".")
            if parts[0] != "loyalty_core":
                continue
            if len(parts) == 1:
                continue
            if parts[1] == subdomain_of(path) or short(path) == GATHERS_TABLES:
                continue
            if module in SIDE_DOORS or (module, short(path)) == ("loyalty_core.kernel.clock", SETS_THE_CLOCK):
                continue
            if len(parts) > 2 or name is None or name not in import_module(module).__all__:
                wrong.append((short(path), module, name))
    assert wrong == []


def test_what_a_subdomain_lists_is_there_and_in_order() -> None:
    for init in sorted(DOMAIN.glob("*/__init__.py")):
        module = import_module(f"loyalty_core.{init.parent.name}")
        assert sorted(set(module.__all__)) == sorted(module.__all__), init.parent.name
        for name in module.__all__:
            assert hasattr(module, name), (init.parent.name, name)


STATEMENTS = ("select ", "insert into ", "update ", "delete from ", "with ")
KNOWS_NO_SQL = {"commands.py", "policy.py", "states.py", "document.py", "explain.py", "mapping.py"}


def test_sql_lies_in_the_stores_and_not_in_commands_or_rules() -> None:
    for path in sorted(DOMAIN.rglob("*.py")):
        if path.name not in KNOWS_NO_SQL:
            continue
        taken = {name for module, name in imports(path) if module.partition(".")[0] == "sqlalchemy"}
        assert taken <= {"Connection"}, short(path)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_statement = node.value.startswith(STATEMENTS) and " from " in node.value
                assert not is_statement, (short(path), node.value[:60])


def test_rules_know_no_database() -> None:
    for path in sorted(DOMAIN.rglob("policy.py")):
        modules = {module.partition(".")[0] for module, _name in imports(path)}
        assert not modules & {"sqlalchemy", "psycopg", "duckdb"}, short(path)


def test_screens_and_routes_send_no_sql() -> None:
    for path in sources():
        if path.relative_to(PROJECT_FOLDER).parts[0] not in {"ui", "pages", "api", "app.py"}:
            continue
        taken = {
            (module, name)
            for module, name in imports(path)
            if module.partition(".")[0] in {"sqlalchemy", "psycopg", "duckdb"}
        }
        assert {name for _module, name in taken} <= {
            "Connection",
            "OperationalError",
            "exc",
            "SQLAlchemyError",
        }, (
            short(path),
            taken,
        )


def test_statements_are_put_together_from_constants_only() -> None:
    """`text()` never gets an f-string whose parts are calls, subscripts or arguments named like values."""
    for path in sources():
        for node in ast.walk(tree(path)):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "text"
            ):
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.FormattedValue):
                    assert isinstance(part.value, ast.Name), (short(path), node.lineno)


def test_what_a_list_can_be_sorted_by_is_written_down_once_and_not_made_of_what_people_send() -> None:
    """`kernel.Sorts` goes into statements as it is: each is a constant of its module."""
    for path in sources():
        module = tree(path)
        constants = [node for node in module.body if isinstance(node, ast.Assign)]
        made = [node for node in ast.walk(module) if makes_sorts(node)]
        assert made == [node for one in constants for node in ast.walk(one) if makes_sorts(node)], short(path)


def makes_sorts(node: ast.AST) -> bool:
    """Whether `Sorts` is called here."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Sorts"


def test_no_naive_time_and_no_other_clock_than_ours_in_the_domain() -> None:
    for path in sorted(DOMAIN.rglob("*.py")):
        if path.name == "clock.py" or "reading" in path.parts:
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                asks = (node.value.id, node.attr)
                assert asks not in {("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}, (
                    short(path),
                    node.lineno,
                )
