"""Makes the demo in a process of its own, which a test can kill: `python -m tests.demo.making URL HOME`."""

import sys
from pathlib import Path

from laurel.registers import DATASETS
from loyalty_core import demo
from loyalty_core.kernel import Database, Settings

if __name__ == "__main__":
    app_url, home = sys.argv[1:]
    demo.make_demo(Database(app_url), Settings(Path(home), None), datasets=DATASETS, scale=0.1)
