"""What the commands print and how they exit, on small files of one's own."""

import csv
import io
import json
from pathlib import Path

import psycopg
import pytest

from tests.cli.command_line import ONLINE_RETAIL, CommandLine
from tests.server.homes import fast_server, fresh_home, postgres_processes

pytestmark = pytest.mark.xdist_group("command line")

HEADER = "CustomerID,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,Country\n"
GOOD = "14646,{},22423,CAKESTAND,{},2011-03-10 12:00,12.75,Netherlands\n"
SALES = ("--dataset", "sales", "--mapping", "online-retail")


def test_a_first_command_starts_the_database_and_stops_it_again(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(ONLINE_RETAIL)
    with fresh_home() as home:
        laurel = CommandLine(home, tmp_path)
        applied = laurel("programme", "apply", "p.yaml")
        assert (applied.code, applied.out) == (0, "online-retail is now at version 1.\n")
        assert postgres_processes(home) == []
        again = laurel("programme", "apply", "p.yaml", "--json")
        assert again.json == {"programme": "online-retail", "version": 1}
        assert postgres_processes(home) == []


def test_the_main_job_on_a_small_file_with_relative_paths(laurel: CommandLine) -> None:
    folder = laurel.folder / "down" / "here"
    folder.mkdir(parents=True)
    (laurel.folder / "programme.yaml").write_text(ONLINE_RETAIL)
    (laurel.folder / "sales.csv").write_text(
        HEADER + GOOD.format("A1", 4) + GOOD.format("A2", -1) + GOOD.format("A3", 0)
    )
    here = laurel.in_folder(folder)
    assert here("programme", "apply", "../../programme.yaml", "--json").json["version"] == 1
    done = here("import", "../../sales.csv", *SALES, "--create-missing", "--json")
    assert (done.code, done.err) == (0, "")
    answer = done.json
    assert set(answer) == {
        *("import", "status", "rows", "accepted", "quarantined", "duplicates", "reasons", "seconds")
    }
    assert (answer["status"], answer["rows"], answer["accepted"]) == ("accepted", 3, 2)
    assert (answer["quarantined"], answer["reasons"]) == (1, {"zero_quantity": 1})
    settled = here("settle", "--programme", "online-retail", "--json").json
    assert set(settled) == {"programme", "lines", "awards", "points", "postings", "seconds"}
    assert (settled["awards"], settled["points"], settled["postings"]) == (2, 4, 2)
    places = here("standings", "--programme", "online-retail", "--by", "company", "--top", "3", "--json")
    assert places.json == {
        "standings": [{"rank": 1, "code": "14646", "name": "14646", "points": 4, "net_amount": "38.25"}]
    }
    by_region = here("standings", "--programme", "online-retail", "--by", "region", "--json").json
    assert [(one["code"], one["points"]) for one in by_region["standings"]] == [("Netherlands", 4)]
    assert here("check-books", "--json").json["ok"] is True
    proof = here("audit", "verify", "--json").json
    assert proof["ok"] is True
    for words in (("check-books",), ("audit", "verify"), ("standings", "--programme", "online-retail")):
        plain = here(*words)
        assert plain.code == 0
        with pytest.raises(json.JSONDecodeError):
            json.loads(plain.out)


@pytest.mark.slow
def test_an_import_that_a_check_stops_exits_1_with_its_answer_and_the_failed_checks(
    laurel: CommandLine,
) -> None:
    (laurel.folder / "returns.csv").write_text(
        HEADER + "".join(GOOD.format(f"R{number}", -1) for number in range(2_000))
    )
    done = laurel("import", "returns.csv", *SALES, "--create-missing", "--json")
    assert done.code == 1
    assert (done.json["status"], done.json["accepted"], done.json["rows"]) == ("waiting", 0, 2_000)
    assert "returns_share" in done.err
    assert "returns.csv" in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_without_create_missing_what_is_unknown_is_a_reason(laurel: CommandLine) -> None:
    (laurel.folder / "new.csv").write_text(HEADER + "9,N1,NEW,CUP,1,2011-03-10 12:00,1,Freedonia\n")
    done = laurel("import", "new.csv", *SALES, "--json")
    assert done.json["reasons"] == {"unknown_company": 1, "unknown_product": 1, "unknown_region": 1}
    assert (done.code, done.json["status"]) == (1, "waiting")
    assert "lines_left" in done.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("programme", "apply", "nowhere.yaml"), "“nowhere.yaml” can't be read"),
        (("programme", "apply", "."), "can't be read"),
        (("import", "nowhere.csv", *SALES), "“nowhere.csv” can't be read"),
        (("import", "x.csv", "--dataset", "sales", "--mapping", "no-such"), "no mapping “no-such”"),
        (("import", "x.csv", "--dataset", "stock", "--mapping", "online-retail"), "no dataset “stock”"),
        (("settle", "--programme", "no-such"), "no programme “no-such”"),
        (("standings", "--programme", "no-such"), "no programme “no-such”"),
        (("user", "add", "vera", "--role", "admin"), "12"),
    ],
)
def test_a_refusal_exits_1_with_one_sentence_on_stderr_and_nothing_on_stdout(
    laurel: CommandLine, words: tuple[str, ...], sentence: str
) -> None:
    done = laurel(*words, "--json", stdin="short\n")
    assert (done.code, done.out) == (1, "")
    assert sentence in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("no-such-command",),
        ("import",),
        ("import", "x.csv"),
        ("settle",),
        ("standings", "--programme", "x", "--by", "planet"),
        ("standings", "--programme", "x", "--top", "0"),
        ("standings", "--programme", "x", "--top", "many"),
        ("run", "--port", "0"),
        ("programme", "apply"),
        ("user", "add", "vera", "--role", "emperor"),
        ("check-books", "--jsn"),
    ],
)
def test_wrong_usage_exits_2(laurel: CommandLine, words: tuple[str, ...]) -> None:
    done = laurel(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.strip()


@pytest.mark.slow
def test_a_file_that_is_not_what_its_name_says_is_refused_by_name(laurel: CommandLine) -> None:
    (laurel.folder / "fake.xlsx").write_text(HEADER)
    (laurel.folder / "empty.csv").write_text("")
    (laurel.folder / "short.csv").write_text("CustomerID,InvoiceNo\n1,2\n")
    for name, word in (("fake.xlsx", "workbook"), ("empty.csv", "empty"), ("short.csv", "StockCode")):
        done = laurel("import", name, *SALES, "--create-missing", "--json")
        assert (done.code, done.out) == (1, ""), name
        assert name in done.err, name
        assert word in done.err, name


def test_a_wrong_programme_document_is_told_each_error_with_its_line(laurel: CommandLine) -> None:
    wrong = (
        ONLINE_RETAIL.replace("currency: GBP", "currency: pounds")
        .replace("2011-12-31", "2009-12-31")
        .replace("points: 1", "points: -1")
        .replace("per: line", "per: moon")
    )
    (laurel.folder / "wrong.yaml").write_text(wrong)
    done = laurel("programme", "apply", "wrong.yaml", "--json")
    assert (done.code, done.out) == (1, "")
    for line in (5, 10, 11):
        assert f"line {line}" in done.err, done.err


@pytest.mark.slow
def test_broken_books_and_a_broken_chain_exit_1(home: Path, tmp_path: Path) -> None:
    with fresh_home() as other:
        server = fast_server(other)
        owner_url = server.hold()
        laurel = CommandLine(other, tmp_path)
        (tmp_path / "p.yaml").write_text(ONLINE_RETAIL)
        (tmp_path / "s.csv").write_text(HEADER + GOOD.format("A1", 4))
        laurel("programme", "apply", "p.yaml")
        laurel("import", "s.csv", *SALES, "--create-missing")
        laurel("settle", "--programme", "online-retail")
        assert laurel("audit", "verify").code == 0
        with psycopg.connect(owner_url) as owner:
            owner.execute("update account set balance = balance + 1 where kind = 'company'")
            owner.execute("update audit_record set actor_name = 'nobody' where id = 1")
        books = laurel("check-books", "--json")
        assert (books.code, books.json["ok"]) == (1, False)
        assert [check["name"] for check in books.json["checks"] if not check["ok"]]
        proof = laurel("audit", "verify", "--json")
        assert (proof.code, proof.json["ok"]) == (1, False)
        assert "not what was recorded" in proof.err
        server.release()


@pytest.mark.slow
def test_a_user_is_added_from_the_command_line_for_one_region(laurel: CommandLine) -> None:
    (laurel.folder / "s.csv").write_text(HEADER + GOOD.format("U1", 4))
    laurel("import", "s.csv", *SALES, "--create-missing")
    words = ("user", "add", "hedda", "--role", "head_of_sales", "--region")
    assert "no region" in laurel(*words, "Freedonia", stdin="olive tram quartz 9\n").err
    done = laurel(*words, "Netherlands", "--json", stdin="olive tram quartz 9\n")
    assert (done.code, done.json["name"]) == (0, "hedda")
    again = laurel(*words, "Netherlands", "--json", stdin="olive tram quartz 9\n")
    assert (again.code, again.out) == (1, "")


def test_state_is_kept_private_below_the_home(laurel: CommandLine, home: Path) -> None:
    laurel("check-books")
    for name in ("files", "work", "secrets", "exports"):
        folder = home / name
        if folder.exists():
            assert folder.stat().st_mode & 0o777 == 0o700, name
    for path in (home / "files").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert not (laurel.folder / ".laurel").exists()
    assert list(laurel.folder.iterdir()) == []


AUTO = ("--dataset", "sales", "--mapping", "auto", "--create-missing")


@pytest.mark.slow
def test_the_best_guess_of_a_mapping_is_printed_and_taken(laurel: CommandLine) -> None:
    (laurel.folder / "polski.csv").write_text(
        "Nr faktury;Kod klienta;Kod towaru;Ilość;Data sprzedaży;Cena netto;Kraj;Uwagi\n"
        "FV/1;K-1;T-1;2;14.03.2026;1.234,50 zł;Polska;\nFV/2;K-2;T-1;1;15.03.2026;10,00 zł;Polska;x\n",
        encoding="utf-8",
    )
    answer = laurel("import", "polski.csv", *AUTO, "--mode", "check", "--json").json
    taken = answer["mapping"]
    assert taken["columns"] == {
        "invoice_no": "Nr faktury",
        "company_code": "Kod klienta",
        "product_code": "Kod towaru",
        "quantity": "Ilość",
        "sold_at": "Data sprzedaży",
        "unit_price": "Cena netto",
        "region": "Kraj",
    }
    assert (taken["decimal_separator"], taken["currency"], taken["unused"]) == (",", "PLN", ["Uwagi"])
    assert (answer["status"], answer["rows"], answer["quarantined"]) == ("checked", 2, 0)
    done = laurel("import", "polski.csv", *AUTO, "--mode", "check")
    assert done.code == 0
    assert "from “Kod klienta”" in done.out


def test_a_guess_without_a_required_column_says_which_and_what_came_nearest(laurel: CommandLine) -> None:
    (laurel.folder / "half.csv").write_text("Custom text,Invoice,SKU,Qty,Date\nx,1,P,2,2026-03-01\n")
    refused = laurel("import", "half.csv", *AUTO, "--json")
    assert (refused.code, refused.out) == (1, "")
    assert "company_code (“Custom text” came nearest)" in refused.err


def test_what_is_said_of_a_file_is_checked_before_it_is_read(laurel: CommandLine) -> None:
    (laurel.folder / "s.csv").write_text(HEADER + GOOD.format("B1", 4))
    assert "no control total" in laurel("import", "s.csv", *SALES, "--control-total", "much").err
    assert laurel("import", "s.csv", *SALES, "--mode", "overwrite").code == 2


@pytest.mark.slow
def test_no_cell_of_exported_claims_is_a_formula(laurel: CommandLine) -> None:
    (laurel.folder / "claims.csv").write_text(
        "ClaimNo,CustomerID,InvoiceNo,StockCode,Quantity,SaleDate\n"
        "=cmd|'/c calc'!A1,14646,A1,22423,1,2011-03-10\n"
        '"=HYPERLINK(""https://x.example"",""K"")",14646,A1,22423,1,2011-03-10\n'
        "@SUM(A1:A2),14646,A1,22423,1,2011-03-10\n"
        "-17,14646,A1,22423,1,2011-03-10\n"
        "K-1,14646,A1,22423,1,2011-03-10\n"
    )
    claims = ("--dataset", "claims", "--mapping", "online-retail-claims")
    brought = laurel("import", "claims.csv", *claims, "--json")
    assert brought.code == 0, brought.err
    told = laurel("claims", "export", "--import", str(brought.json["import"]), "--csv")
    assert told.code == 0, told.err
    header, *rows = csv.reader(io.StringIO(told.out))
    assert header == ["claim_no", "verdict", "decision", "proposed_invoice_no"]
    assert [row[0] for row in rows] == [
        "'=cmd|'/c calc'!A1",
        '\'=HYPERLINK("https://x.example","K")',
        "'@SUM(A1:A2)",
        "-17",
        "K-1",
    ]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]
