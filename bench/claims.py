"""Claims judged beside the sales: Laurel's set-based judging beside a peer that asks for each claim on its own.

    python -m bench.claims --claims 100000 --sample 2000

Claims are made up from generated sales: some claim fewer units than sold, or more, another day, an invoice with a
slip of the pen, one that nobody wrote, another company's, and some are repeated. The peer judges a sample by the same
rules, row by row in Python over the same database; verdicts must be equal. Where the real claims lie there, the table
of what they really are against their verdicts is printed first.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench.generate import write_csv
from bench.naive_claims import judge_sample
from bench.workshop import LAUREL, Workshop, same, tell, workshop
from laurel.embedded import app_url
from loyalty_core.kernel import PROJECT_FOLDER, Database, Scope
from loyalty_core.verification import BY_RULE, Verdict, judge_claims

_REAL = PROJECT_FOLDER.parent / "shared" / "data" / "online-retail"
# Lines for each claim, so that most sales are claimed once and no claim stands alone.
_LINES_PER_CLAIM = 3

# Claims of the first lines by turns; what a claim says of its line depends on its number alone.
_CLAIMS = """
insert into claim (claim_no, company_id, source, invoice_no, product_code, quantity, sold_on, state, entered_by_name,
    recorded_at)
select 'B-' || n, case when n %% 20 = 5 then o.id else l.company_id end, 'file',
    case n %% 20
        when 3 then overlay(l.invoice_no placing case right(l.invoice_no, 1) when '7' then '4' else '7' end
            from length(l.invoice_no))
        when 4 then 'Z' || 90000000 + n
        else l.invoice_no
    end,
    p.code,
    case n %% 20 when 9 then greatest(l.quantity - 1, 1) when 1 then l.quantity + 500 else l.quantity end,
    case when n %% 20 = 2 then l.sold_on + 9 else l.sold_on end, 'waiting', 'bench', now()
from (select l.*, row_number() over (order by id) as place from sales_line l where quantity > 0) as l
join product p on p.id = l.product_id
cross join lateral generate_series(l.place * 2 - 1, l.place * 2) as n
cross join (select id from company order by code limit 1) as o
where n <= %(claims)s * 2 and (n %% 2 = 1 or n %% 40 = 6 or n %% 20 in (0, 2, 4))
order by n limit %(claims)s
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="bench.claims")
    parser.add_argument("--claims", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=2_000)
    parser.add_argument("--generated-only", action="store_true", help="leave the real claims out")
    options = parser.parse_args(arguments)
    if not options.generated_only and (_REAL / "claims-2011-07.csv").is_file():
        with workshop() as place:
            show_truth(place)
    with workshop() as place:
        compare(place, options.claims, options.sample)


def show_truth(place: Workshop) -> None:
    """Bring the real sales and claims by the command and print what the claims are against their verdicts."""
    sales = _REAL / "sales-2010-12_2011-08.csv.gz"
    _import(place, sales, "sales", "online-retail", "--create-missing")
    brought, seconds = _import(place, _REAL / "claims-2011-07.csv", "claims", "online-retail-claims")
    exported, _seconds = place.run([LAUREL, "claims", "export", "--import", str(brought["import"]), "--json"])
    with (_REAL / "claims-2011-07-truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["ClaimNo"]: row["truth"] for row in csv.DictReader(file)}
    for line in truth_table(truth, exported["claims"]):
        print(line)
    print(f"    {len(truth):,} claims imported and judged in {seconds:.2f} s from start to exit", flush=True)


def truth_table(truth: Mapping[str, str], claims: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a table of what claims are, by number, against their verdicts, with the shares below it, as lines."""
    kinds = [verdict.value for verdict in Verdict]
    table = Counter((truth[one["claim_no"]], one["verdict"]) for one in claims)
    lines = ["truth \\ verdict".ljust(29) + "".join(kind[:12].rjust(14) for kind in kinds)]
    lines += [
        what.ljust(29) + "".join(str(table[what, verdict]).rjust(14) for verdict in kinds) for what in kinds
    ]
    right = sum(count for (what, verdict), count in table.items() if what == verdict)
    by_rule = [truth[one["claim_no"]] in BY_RULE for one in claims if one["decision"] == "approved"]
    honest = sum(what in BY_RULE for what in truth.values())
    lines.append(
        f"    right: {right / len(truth):.2%} (goal 99.50%); approved by rule: {sum(by_rule):,} of {honest:,} true"
        f" ones, {sum(by_rule) / honest:.2%} (goal 99.00%), and {len(by_rule) - sum(by_rule)} others (goal 0)"
    )
    return lines


def compare(place: Workshop, claims: int, sample: int) -> None:
    """Judge generated claims, then the sample by the peer, and print both paces."""
    path = write_csv(place.folder / "sales.csv", claims * _LINES_PER_CLAIM)
    place.run([sys.executable, "-m", "bench.laurel_import", path], {"BENCH_URL": place.owner_url})
    with psycopg.connect(place.owner_url, autocommit=True) as owner:
        owner.execute(_CLAIMS, {"claims": claims})
        owner.execute("analyze")
        numbers = [row[0] for row in owner.execute("select number from claim order by number")]
        assert len(numbers) == claims, (len(numbers), claims)
        # Before anything is judged: the peer looks at the same claims and sales, and writes nothing.
        begun = time.perf_counter()
        theirs = judge_sample(owner, sample)
        peer_seconds = time.perf_counter() - begun
    database = Database(app_url(place.owner_url))
    scope = Scope.of_system("bench")
    begun = time.perf_counter()
    with database.transaction(scope) as connection:
        judged = judge_claims(connection, scope, numbers=numbers)
    seconds = time.perf_counter() - begun
    database.close()
    with psycopg.connect(place.owner_url) as owner:
        ours: dict[int, str] = dict(
            owner.execute(
                "select number, verdict from claim where number = any(%s)", [list(theirs)]
            ).fetchall()
        )
    same("verdicts of the sample", sorted(ours.items()), sorted(theirs.items()))
    tell(
        f"Judging of {claims:,} claims beside {claims * _LINES_PER_CLAIM:,} lines",
        claims / seconds,
        len(theirs) / peer_seconds,
        unit="claims/s",
    )
    told = ", ".join(f"{verdict.value} {count:,}" for verdict, count in sorted(judged.verdicts.items()))
    print(f"    verdicts: {told}; approved by rule: {judged.approved:,}")
    print(f"    the peer judged {len(theirs):,} of them, all with the same verdict", flush=True)


def _import(
    place: Workshop, path: Path, dataset: str, mapping: str, *more: str
) -> tuple[dict[str, Any], float]:
    command: list[str | Path] = [
        LAUREL,
        "import",
        path,
        "--dataset",
        dataset,
        "--mapping",
        mapping,
        *more,
        "--json",
    ]
    return place.run(command)


if __name__ == "__main__":
    main()
