"""Makes the demo in a process of its own, which a test can kill: `python -m tests.demo.making URL HOME`."""

import os
import sys
from pathlib import Path

from laurel.registers import DATASETS
from loyalty_core import demo
from loyalty_core.kernel import Database, Settings

if __name__ == "__main__":
    demo.make_demo(
        Database(os.environ["LAUREL_APP_URL"]),
        Settings(Path(sys.argv[1]), None),
        datasets=DATASETS,
        scale=0.1,
    )
