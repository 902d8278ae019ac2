"""The table of what Heimdex does, beside its peers, on this machine.

    python -m benchmarks [--only NAME …] [--quick] [--write] [--cache FOLDER]

Every part runs in a process of its own, so that none finds another's threads or memory. `--write` keeps the
whole table, with date and machine, in docs/reference/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.machine import described
from benchmarks.parts import PARTS, measured
from benchmarks.plan import ROOT, Plan, hold_to_cores

DOCUMENT = ROOT / "docs/reference/benchmarks.md"
MARK = "<!-- measured -->\n"  # everything below it is written by --write


def main() -> None:
    """Measure, print, perhaps keep."""
    given = arguments()
    hold_to_cores()
    given.cache.mkdir(parents=True, exist_ok=True)
    plan = Plan(cache=given.cache.resolve(), quick=given.quick)
    facts = described()
    print(facts, flush=True)
    texts, failed = [], []
    for name in given.only or PARTS:
        began = perf_counter()
        try:
            text = measured(PARTS[name], plan)
        except (Exception, SystemExit) as error:  # one part must not cost the others
            failed.append(name)
            text = f"Not measured: {str(error).strip().splitlines()[-1] if str(error) else repr(error)}\n"
        texts.append(f"### {PARTS[name].title}\n\n{text}")
        print(f"{texts[-1]}\n({perf_counter() - began:.0f} s)\n", flush=True)
    if given.write:
        keep(facts, texts)
    if failed:
        raise SystemExit(f"could not be measured: {', '.join(failed)}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="only these parts")
    parser.add_argument("--quick", action="store_true", help="small sizes, one run: does it work?")
    parser.add_argument(
        "--write", action="store_true", help=f"keep the table in {DOCUMENT.relative_to(ROOT)}"
    )
    folder = os.environ.get("HEIMDEX_BENCH_CACHE") or Path(tempfile.gettempdir()) / "heimdex-bench"
    parser.add_argument("--cache", type=Path, default=Path(folder), help=f"films and weights; {folder}")
    given = parser.parse_args()
    if given.write and (given.only or given.quick):
        parser.error("--write keeps a whole table of full size")
    return given


def keep(facts: str, texts: list[str]) -> None:
    """Replace what was measured in the document; the words above it are written by hand."""
    head = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0]
    DOCUMENT.write_text(f"{head}{MARK}\n{facts}\n" + "\n".join(texts), encoding="utf-8")
    print(f"kept in {DOCUMENT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
