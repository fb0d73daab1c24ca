"""The verdicts on the claims that were made up from real transactions, against what each claim really is."""

import csv
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

import data_checks
from laurel.registers import DATASETS
from loyalty_core import intake, verification
from loyalty_core.intake import FileImport, ImportState, load_shipped_mapping
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.verification import ExportedClaim, Verdict
from tests.databases import TestServer, database_of
from tests.intake.field import finish, settings_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRUE = {"match", "match_partial"}
HEADER = ("ClaimNo", "CustomerID", "InvoiceNo", "StockCode", "Quantity", "SaleDate")


@dataclass(frozen=True)
class Outcome:
    """What became of the claims, what they really are, and what the books say afterwards."""

    found: FileImport
    exported: list[ExportedClaim]
    truth: Mapping[str, str]
    meant: Mapping[str, str | None]
    broken: Mapping[str, int]
    others: Counter[tuple[str, str, str]]

    @property
    def table(self) -> Counter[tuple[str, str]]:
        """How many claims there are of each truth and verdict."""
        return Counter((self.truth[one.claim_no], one.verdict) for one in self.exported)


def bring(database: Database, scope: Scope, folder: Path, path: Path, mapping: str) -> FileImport:
    chosen = load_shipped_mapping(mapping)
    settings = settings_in(folder / "home")
    import_id = intake.start_import(
        database,
        scope,
        file_id=intake.receive_local_file(database, settings, scope, path),
        mapping=chosen,
        datasets=DATASETS,
        creates_missing=chosen.dataset == "sales",
        request_key=new_id(),
        defers=False,
    )
    found = finish(database, settings, scope, import_id).found
    assert found.state is ImportState.ACCEPTED, (found.refusal, found.checks)
    return found


def truth_of(folder: Path) -> dict[str, str]:
    with (folder / "claims-2011-07-truth.csv").open(newline="") as file:
        return {row["ClaimNo"]: row["truth"] for row in csv.DictReader(file)}


def meant_invoices(folder: Path, truth: Mapping[str, str]) -> dict[str, str | None]:
    """The invoice that each mistyped claim means: the only sale of its company, product, units and day whose number
    has the same digits."""
    sold: Counter[tuple[str, str, str, str]] = Counter()
    with gzip.open(folder / "sales-2010-12_2011-08.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if int(row["Quantity"]) > 0:
                key = (row["CustomerID"], row["StockCode"], row["InvoiceDate"][:10], row["InvoiceNo"])
                sold[key] += int(row["Quantity"])
    invoices: dict[tuple[str, str, str, int], set[str]] = defaultdict(set)
    for (company, product, day, invoice), units in sold.items():
        invoices[company, product, day, units].add(invoice)
    found: dict[str, str | None] = {}
    with (folder / "claims-2011-07.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if truth[row["ClaimNo"]] == "typo_in_invoice":
                same = invoices[row["CustomerID"], row["StockCode"], row["SaleDate"], int(row["Quantity"])]
                alike = [one for one in same if sorted(one) == sorted(row["InvoiceNo"])]
                found[row["ClaimNo"]] = alike[0] if len(alike) == 1 else None
    return found


@pytest.fixture(scope="module")
def outcome(real_data: Path, server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    # Else a child loads the checks for each file.
    data_checks.warm_up()
    url = server.new_database()
    database = database_of(url)
    scope = Scope.of_system("test")
    folder = tmp_path_factory.mktemp("claims")
    bring(database, scope, folder, real_data / "sales-2010-12_2011-08.csv.gz", "online-retail")
    found = bring(database, scope, folder, real_data / "claims-2011-07.csv", "online-retail-claims")
    with database.snapshot(scope) as connection:
        exported = list(verification.export_claims(connection, found.id))
        broken = verification.broken_claims(connection)
    truth = truth_of(real_data)
    others: Counter[tuple[str, str, str]] = Counter()
    for seed, month in enumerate(("2011-03", "2011-05")):
        claims, what = made_claims(real_data, month, seed)
        with (folder / f"{month}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, HEADER)
            writer.writeheader()
            writer.writerows({**row, "ClaimNo": f"{month}-{row['ClaimNo']}"} for row in claims)
        mine = bring(database, scope, folder, folder / f"{month}.csv", "online-retail-claims")
        with database.snapshot(scope) as connection:
            for one in verification.export_claims(connection, mine.id):
                others[what[one.claim_no.removeprefix(f"{month}-")], one.verdict, one.decision] += 1
    database.close()
    server.drop_database(url)
    return Outcome(found, exported, truth, meant_invoices(real_data, truth), broken, others)


def made_claims(folder: Path, month: str, seed: int) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return claims made up from a month's sales with slips of other kinds, in any order, and what each really is."""
    chance = random.Random(seed)
    sold: Counter[tuple[str, str, str, str]] = Counter()
    with gzip.open(folder / "sales-2010-12_2011-08.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            is_sale = int(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0
            if row["InvoiceDate"].startswith(month) and row["CustomerID"] and is_sale:
                sold[row["CustomerID"], row["InvoiceNo"], row["StockCode"], row["InvoiceDate"][:10]] += int(
                    row["Quantity"]
                )
    picked = chance.sample(sorted(sold.items()), 3000)
    companies = sorted({key[0] for key in sold})
    claims: list[dict[str, str]] = []
    truth: dict[str, str] = {}

    def add(what: str, company: str, invoice: str, product: str, day: str, units: int) -> None:
        number = f"M-{len(claims) + 1}"
        claims.append(dict(zip(HEADER, (number, company, invoice, product, str(units), day), strict=True)))
        truth[number] = what

    for place, ((company, invoice, product, day), units) in enumerate(picked):
        match place % 20:
            case 0 if units > 1:
                add("match_partial", company, invoice, product, day, units - 1)
            case 1:
                add("inflated_quantity", company, invoice, product, day, units + 1)
            case 2:
                late = date.fromisoformat(day) + timedelta(days=chance.choice((-30, 9)))
                add("wrong_date", company, invoice, product, late.isoformat(), units)
            case 3:
                at = chance.randrange(len(invoice))
                sign = chance.choice("123456789".replace(invoice[at], ""))
                typed = chance.choice((invoice[:at] + sign + invoice[at + 1 :], invoice + sign, invoice[:-1]))
                # Where that is another sale of this company and product, it is no slip that anyone could see.
                if (company, typed, product) not in {key[:3] for key in sold}:
                    add("typo_in_invoice", company, typed, product, day, units)
            case 4:
                add("unknown_invoice", company, f"Z{chance.randrange(10**7, 10**8)}", product, day, units)
            case 5:
                other = chance.choice([one for one in companies if one != company])
                add("claimed_by_another_customer", other, invoice, product, day, units)
            case 6:
                add("match", company, invoice, product, day, units)
                add("duplicate_claim", company, invoice, product, day, units)
            case _:
                add("match", company, invoice, product, day, units)
    chance.shuffle(claims)
    return claims, truth


def test_every_claim_has_a_verdict_and_hardly_any_is_the_wrong_one(
    outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = [verdict.value for verdict in Verdict]
    with capsys.disabled():
        print("\ntruth \\ verdict".ljust(30), *(kind[:12].rjust(12) for kind in kinds))
        for truth in kinds:
            print(truth.ljust(29), *(str(outcome.table[truth, verdict]).rjust(12) for verdict in kinds))
    assert {one.claim_no for one in outcome.exported} == set(outcome.truth)
    assert (outcome.found.accepted, outcome.found.quarantined) == (len(outcome.truth), 0)
    right = sum(count for (truth, verdict), count in outcome.table.items() if truth == verdict)
    assert right >= 0.995 * len(outcome.truth)


def test_only_true_claims_are_approved_by_rule_and_nearly_all_of_them(outcome: Outcome) -> None:
    approved = [one for one in outcome.exported if one.decision == "approved"]
    assert {outcome.truth[one.claim_no] for one in approved} <= TRUE
    assert len(approved) >= 0.99 * sum(truth in TRUE for truth in outcome.truth.values())
    assert {one.decision for one in outcome.exported} == {"approved", "queued"}


def test_the_invoice_that_a_mistyped_claim_means_is_proposed(outcome: Outcome) -> None:
    proposed = {one.claim_no: one.proposed_invoice_no for one in outcome.exported}
    right = sum(proposed[claim_no] == meant for claim_no, meant in outcome.meant.items())
    assert len(outcome.meant) > 200
    assert right >= 0.95 * len(outcome.meant)


def test_the_books_of_claims_are_whole_afterwards(outcome: Outcome) -> None:
    assert {name: count for name, count in outcome.broken.items() if count} == {}


def test_the_same_holds_for_claims_made_up_from_other_months_with_other_slips(outcome: Outcome) -> None:
    others = outcome.others
    wrong = {key: count for key, count in others.items() if key[0] != key[1]}
    assert sum(wrong.values()) <= 0.005 * others.total(), wrong
    assert {truth for truth, _verdict, decision in others if decision == "approved"} <= TRUE
    true = sum(count for (truth, _verdict, _decision), count in others.items() if truth in TRUE)
    approved = sum(count for (_truth, _verdict, decision), count in others.items() if decision == "approved")
    assert approved >= 0.99 * true
