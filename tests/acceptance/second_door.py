"""`heimdex` with a second model: the starter's weights once more, under another name."""

from __future__ import annotations

from dataclasses import replace

from heimdex.encoders import catalog
from heimdex.encoders.starter import STARTER

SECOND = replace(STARTER, name="second")
catalog.ROWS = (*catalog.ROWS, SECOND)

if __name__ == "__main__":
    from heimdex.cli import main
    from heimdex.pipeline import stages

    stages.WORK = "tests.acceptance.second_work"
    main()
