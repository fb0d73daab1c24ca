"""No text from people is drawn where Streamlit reads Markdown without `wording.plain` around it."""

import ast

from loyalty_core.kernel import PROJECT_FOLDER

# What Streamlit draws as Markdown: texts, and the labels of what is pressed, opened or filled in.
DRAWS = frozenset(
    {
        "markdown",
        "caption",
        "title",
        "header",
        "subheader",
        "button",
        "form_submit_button",
        "download_button",
        "link_button",
        "popover",
        "expander",
        "checkbox",
        "radio",
        "toggle",
        "metric",
        "info",
        "warning",
        "error",
        "success",
        "toast",
        "say_after_rerun",
        "page_header",
        "card",
        "empty_state",
        "status",
    }
)
# What people name and write themselves.
FROM_PEOPLE = frozenset(
    {
        "display_name",
        "company_name",
        "participant_name",
        "added_by_name",
        "settled_by_name",
        "applied_by_name",
        "entered_by_name",
        "decided_by_name",
        "by_name",
        "file_name",
        "reason",
        "note",
        "product_name",
        "outlet_name",
        "reward_name",
    }
)
MAKES_PLAIN = frozenset({"plain", "plain_lines", "plain_label"})


def raw_texts(tree: ast.AST) -> list[str]:
    """Return where a text from people is among what is drawn, and no call makes it plain."""
    found = []

    def look(node: ast.AST) -> None:
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in MAKES_PLAIN
        ):
            return
        # A condition is asked, not drawn.
        parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else ast.iter_child_nodes(node)
        if isinstance(node, ast.Attribute) and node.attr in FROM_PEOPLE:
            found.append(f"{node.lineno}: {node.attr}")
        for part in parts:
            look(part)

    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in DRAWS:
            for drawn in call.args[:2]:
                look(drawn)
    return found


def test_what_people_wrote_is_made_plain_before_it_is_drawn() -> None:
    files = [*PROJECT_FOLDER.glob("ui/**/*.py"), *PROJECT_FOLDER.glob("pages/**/*.py")]
    assert len(files) > 60
    found = {
        f"{path.relative_to(PROJECT_FOLDER)}:{where}"
        for path in files
        for where in raw_texts(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()


def test_a_raw_text_is_found_and_a_plain_one_is_not() -> None:
    raw = ast.parse("st.popover(user.display_name)\nst.caption(_('{a}').format(a=one.reason))")
    assert [said.split(": ")[1] for said in raw_texts(raw)] == ["display_name", "reason"]
    plain = "st.popover(wording.plain(user.display_name))\nst.caption('a' if one.reason else 'b')"
    assert raw_texts(ast.parse(plain)) == []
