"""A steady stream of searches over one library: what each answered, and whether any failed or was empty.

`python -m tests.acceptance.search_stream SECONDS_BETWEEN` runs one per owner named in OWNERS until its input
ends, and then prints what came out as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

from heimdex.app import Heimdex
from heimdex.config import read_settings

WORDS = ("red rings", "blue", "a yellow circle", "something green", "number 12", "stripes")


class Stream:
    """One thread that asks, again and again."""

    def __init__(self, library: Heimdex, pause_s: float) -> None:
        self._library = library
        self._pause_s = pause_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="searches")
        self.asked: list[dict[str, Any]] = []

    def start(self) -> Stream:
        """Begin to ask."""
        self._thread.start()
        return self

    def stop(self) -> list[dict[str, Any]]:
        """Ask no more; what came out."""
        self._over.set()
        self._thread.join()
        return self.asked

    def _ask(self) -> None:
        number = 0
        while not self._over.is_set():
            began_s = time.monotonic()
            self.asked.append(self._one(WORDS[number % len(WORDS)]))
            number += 1
            self._over.wait(max(0.0, self._pause_s - (time.monotonic() - began_s)))

    def _one(self, words: str) -> dict[str, Any]:
        began_s = time.monotonic()
        try:
            # The model may take the words for nothing; what came nearest is an answer all the same.
            answer = self._library.search(words, nearest=True)
        except Exception as error:
            return {"error": repr(error)}
        return {
            "model": answer.models.get("picture"),
            "hits": sum(any(e.signal == "picture" for e in hit.evidence) for hit in answer.hits),
            "by": sorted({e.model for hit in answer.hits for e in hit.evidence if e.signal == "picture"}),
            "unavailable": [one.reason for one in answer.unavailable if one.signal == "picture"],
            "took_ms": (time.monotonic() - began_s) * 1000,
        }


def main() -> None:
    """Run as a process of its own."""
    with Heimdex(read_settings()) as library:
        owners = os.environ["OWNERS"].split(",")
        streams = {owner: Stream(library.for_owner(owner), float(sys.argv[1])).start() for owner in owners}
        for line in sys.stdin:  # each line asks for the latest model of each owner
            assert line
            latest = {owner: (stream.asked or [{}])[-1].get("model") for owner, stream in streams.items()}
            print(json.dumps(latest), flush=True)
        print(json.dumps({owner: stream.stop() for owner, stream in streams.items()}), flush=True)


if __name__ == "__main__":
    main()
