"""The child of a `Checker`: gets ready, reads one request from stdin, writes one answer to stdout."""

import json
import sys

from sqlalchemy.exc import OperationalError

from data_checks.checker import DATABASE_WENT_AWAY
from data_checks.checks import Thresholds
from data_checks.results import ImportFacts
from data_checks.runner import default_thresholds, run_suite, warm_up


def main() -> None:
    """Answer one request. The database's URL comes with it, because other users can read a command line."""
    warm_up()
    request = json.loads(sys.stdin.read() or "null")
    if request is None:
        return
    thresholds: Thresholds = default_thresholds(request["dataset"]).with_changes(request["thresholds"])
    try:
        answer = run_suite(
            request["dataset"],
            database_url=request["database_url"],
            staging_table=request["staging_table"],
            facts=ImportFacts.from_json(request["facts"]),
            thresholds=thresholds,
        )
    except OperationalError as error:
        sys.stderr.write(str(error.orig))
        sys.exit(DATABASE_WENT_AWAY)
    json.dump(answer.to_json(), sys.stdout)


if __name__ == "__main__":
    main()
