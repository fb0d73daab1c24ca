"""The verdicts on the claims that were made up from real transactions, against what each claim really is."""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from laurel.registers import DATASETS
from loyalty_core import intake, verification
from loyalty_core.intake import FileImport, ImportState, load_shipped_mapping
from loyalty_core.kernel import Database, Scope, new_id
from loyalty_core.verification import ExportedClaim, Verdict
from tests.databases import TestServer, database_of
from tests.intake.field import finish, settings_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRUE = {"match", "match_partial"}


@dataclass(frozen=True)
class Outcome:
    """What became of the claims, what they really are, and what the books say afterwards."""

    found: FileImport
    exported: list[ExportedClaim]
    truth: Mapping[str, str]
    meant: Mapping[str, str | None]
    broken: Mapping[str, int]

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
    database.close()
    server.drop_database(url)
    return Outcome(found, exported, truth, meant_invoices(real_data, truth), broken)


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
