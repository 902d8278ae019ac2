"""The table of what Heimdex does, beside its peers, on this machine.

    python -m benchmarks [--only NAME …] [--quick] [--write] [--cache FOLDER]

Every part runs in a process of its own, so that none finds another's threads or memory. `--write` keeps what
was measured in docs/reference/benchmarks.md, each part with its date and the load it met.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.machine import described, when
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
    texts: dict[str, str] = {}
    failed = []
    for name in given.only or PARTS:
        began, met = perf_counter(), when()
        try:
            text = measured(PARTS[name], plan)
        except (Exception, SystemExit) as error:  # one part must not cost the others
            failed.append(name)
            text = f"Not measured: {str(error).strip().splitlines()[-1] if str(error) else repr(error)}\n"
        texts[PARTS[name].title] = f"{met}\n\n{text}"
        print(f"### {PARTS[name].title}\n\n{text}\n({perf_counter() - began:.0f} s)\n", flush=True)
        if given.write and name not in failed:
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
    if given.write and given.quick:
        parser.error("--write keeps figures of full size")
    return given


def keep(facts: str, texts: dict[str, str]) -> None:
    """What was measured replaces what stood under its title; the words above are written by hand."""
    head, _, below = DOCUMENT.read_text(encoding="utf-8").partition(MARK)
    kept = dict(part.split("\n", 1) for part in below.split("\n### ")[1:])
    kept |= texts
    order = [part.title for part in PARTS.values()]
    parts = [f"### {title}\n\n{kept[title].strip()}\n" for title in order if title in kept]
    DOCUMENT.write_text(f"{head}{MARK}\n{facts}\n" + "\n".join(parts), encoding="utf-8")
    print(f"kept in {DOCUMENT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
