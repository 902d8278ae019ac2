"""Tables of other benchmarks that print, as a part of the one table."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from unittest.mock import patch

from benchmarks import retrieval
from benchmarks.plan import Plan


def retrieval_text(plan: Plan) -> str:
    """What `python -m benchmarks.retrieval` prints. It is quick enough to take no notice of `--quick`."""
    del plan
    printed = io.StringIO()
    with redirect_stdout(printed), patch.object(sys, "argv", ["retrieval"]):
        retrieval.main()
    return printed.getvalue()
