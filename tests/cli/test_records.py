"""Companies by the command line: added, and changed by an update that waits."""

import pytest

from tests.cli.command_line import CommandLine

pytestmark = [pytest.mark.xdist_group("command line"), pytest.mark.slow]

SALES = (
    "CustomerID,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,Country\n"
    "14646,A1,22423,CAKESTAND,4,2011-03-10 12:00,12.75,Netherlands\n"
)


def test_files_of_records_by_the_command_line(laurel: CommandLine) -> None:
    def bring(name: str, dataset: str, *more: str) -> tuple[int, dict[str, object] | str]:
        done = laurel("import", name, "--dataset", dataset, "--mapping", "auto", "--json", *more)
        return done.code, done.json if done.out else done.err

    def written(name: str, *lines: str) -> str:
        (laurel.folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name

    (laurel.folder / "sales.csv").write_text(SALES)
    sold = laurel(
        "import",
        "sales.csv",
        "--dataset",
        "sales",
        "--mapping",
        "online-retail",
        "--create-missing",
        "--json",
    )
    assert sold.code == 0, sold.err

    companies = written(
        "companies.csv",
        "code,name,region_code,kind,distributor_code",
        "14646,14646,Netherlands,wholesaler,",
        "D1,Depot,Netherlands,distributor,",
        "C1,Café de Zon,Netherlands,wholesaler,D1",
        "C2,Nowhere,Atlantis,wholesaler,",
    )
    code, answer = bring(companies, "companies")
    assert isinstance(answer, dict)
    assert (code, answer["accepted"], answer["duplicates"], answer["reasons"]) == (
        0,
        2,
        1,
        {"unknown_region": 1},
    )
    named = written("named.csv", "code,name,region_code", "14646,Cakes and more,Netherlands")
    code, answer = bring(named, "companies", "--mode", "update")
    assert isinstance(answer, dict)
    assert answer["status"] == "waiting", "a person looks at the change first"
