"""An import is undone by the command line: looked at first, then done once, with a reason."""

import pytest

from tests.cli.command_line import ONLINE_RETAIL, CommandLine

pytestmark = [pytest.mark.xdist_group("command line"), pytest.mark.slow, pytest.mark.timeout(600)]

SALES = (
    "CustomerID,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,Country\n"
    "14646,A1,22423,CAKESTAND,4,2011-03-10 12:00,12.75,Netherlands\n"
    "14646,A2,22423,CAKESTAND,2,2011-03-10 12:00,12.75,Netherlands\n"
)


def test_an_import_is_undone_once_and_what_can_not_be_is_refused_in_a_sentence(laurel: CommandLine) -> None:
    def refused(*words: str) -> str:
        done = laurel("undo-import", *words)
        assert (done.code, done.out) == (1, "")
        assert done.err.count("\n") == 1
        return done.err

    def points() -> int:
        places = laurel("standings", "--programme", "online-retail", "--json").json["standings"]
        return sum(one["points"] for one in places)

    (laurel.folder / "programme.yaml").write_text(ONLINE_RETAIL)
    assert laurel("programme", "apply", "programme.yaml").code == 0
    (laurel.folder / "sales.csv").write_text(SALES)
    brought = laurel(
        *("import", "sales.csv", "--dataset", "sales", "--mapping", "auto", "--currency", "GBP"),
        *("--time-zone", "Europe/London", "--create-missing"),
    )
    assert brought.code == 0, brought.err
    # What the columns were taken for is told by the names that the pages use.
    assert "Invoice number" in brought.out
    assert "Date of sale" in brought.out
    assert "invoice_no" not in brought.out
    assert laurel("settle", "--programme", "online-retail").code == 0

    assert "There is no import 99" in refused("99", "--preview")
    assert "Say why the import is undone" in refused("1")
    shown = laurel("undo-import", "1", "--preview")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == (
        "2 lines, 0 of them stay by other imports; 0 claims wait again, 0 claims are withdrawn; 7 points go; "
        "0 accounts are below zero after it; 0 orders were paid with such points.\n"
    )
    told = laurel("undo-import", "1", "--preview", "--json").json
    assert (told["status"], told["lines"], told["points"]) == ("accepted", 2, {"online-retail": 7})
    assert told["net_minor"] == {"GBP": 7_650}
    assert points() == 7

    undone = laurel("undo-import", "1", "--reason", "Of another year.", "--json")
    assert (undone.code, undone.err) == (0, "")
    assert {**told, "status": "undone", "programmes_settled": 1, "unsettled": None} == undone.json
    assert points() == 0
    assert laurel("check-books", "--json").json["ok"] is True

    for words in (("1", "--preview"), ("1", "--reason", "Of another year.")):
        assert refused(*words) == "Import 1 is undone already.\n"


def test_one_of_a_thing_is_told_as_one(laurel: CommandLine) -> None:
    (laurel.folder / "one.csv").write_text("\n".join(SALES.splitlines()[:2]).replace("A1", "B1") + "\n")
    brought = laurel(
        *("import", "one.csv", "--dataset", "sales", "--mapping", "online-retail", "--create-missing"),
        "--json",
    ).json
    shown = laurel("undo-import", str(brought["import"]), "--preview").out
    assert shown.startswith("1 line, 0 of them stay by other imports;")


def test_of_master_data_it_is_said_what_goes_and_what_is_put_back(laurel: CommandLine) -> None:
    def brought(name: str, *rows: str) -> str:
        (laurel.folder / name).write_text("\n".join(("code,name", *rows)) + "\n")
        done = laurel("import", name, "--dataset", "products", "--mapping", "auto", "--json")
        assert done.code == 0, done.err
        return str(done.json["import"])

    number = brought("products.csv", "MUG-1,Mug", "CUP-1,Cup")
    again = brought("again.csv", "MUG-1,Mug")
    assert laurel("undo-import", again, "--preview").out == "The file added and changed nothing.\n"
    shown = laurel("undo-import", number, "--preview")
    assert (shown.out, shown.err) == ("2 that the file added go away.\n", "")
    assert laurel("undo-import", number, "--preview", "--json").json["records"] == {"removed": 2}
    undone = laurel("undo-import", number, "--reason", "Of another brand.")
    assert undone.out == f"Import {number} is undone: 2 that the file added go away.\n"
    assert laurel("check-books", "--json").json["ok"] is True
