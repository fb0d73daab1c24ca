"""Laurel's import in a process that is warm already, as a worker is. Prints one JSON object."""

import argparse
import json
import os
import resource
import time
from pathlib import Path

import data_checks
from laurel.embedded import app_url
from loyalty_core.intake import load_shipped_mapping, receive_local_file, run_import, start_import
from loyalty_core.kernel import Database, Scope, Settings, configure_logs, new_id
from loyalty_core.sales import SalesDataset


def main() -> None:
    """Import a file and print what came of it and how long it took from the file to the commit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    arguments = parser.parse_args()
    configure_logs()
    data_checks.warm_up()
    database, settings = Database(app_url(os.environ["BENCH_URL"])), Settings.from_environment()
    scope, datasets = Scope.of_system("bench"), {"sales": SalesDataset()}
    begun = time.perf_counter()
    import_id = start_import(
        database,
        scope,
        file_id=receive_local_file(database, settings, scope, arguments.path),
        mapping=load_shipped_mapping("online-retail"),
        datasets=datasets,
        creates_missing=True,
        request_key=new_id(),
        defers=False,
    )
    found = run_import(database, settings, import_id, datasets=datasets, scope=scope).found
    seconds = time.perf_counter() - begun
    database.close()
    print(
        json.dumps(
            {
                "status": found.state.value,
                "refusal": found.refusal,
                "rows": found.rows,
                "accepted": found.accepted,
                "quarantined": found.quarantined,
                "duplicates": found.duplicates,
                "reasons": found.reasons,
                "seconds": seconds,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "children_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
