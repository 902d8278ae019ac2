"""What one run sends to an endpoint: counted, kept within its budget and its pace."""

from __future__ import annotations

import threading

from heimdex.errors import BudgetSpent

MINUTE_S = 60.0


class Traffic:
    """The requests and tokens of one run. Thread-safe: descriptions and summaries share it."""

    def __init__(self) -> None:
        self.requests = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self._next_s = 0.0  # when the next request may go, on the caller's clock
        self._lock = threading.Lock()

    def book(self, *, budget: int, per_minute: float, now_s: float) -> float:
        """Count one request; the seconds to wait before it may go. 0 stands for no limit in both.

        Raises BudgetSpent, counting nothing.
        """
        with self._lock:
            if budget and self.requests >= budget:
                raise BudgetSpent(
                    f"The budget of {budget:,} requests for this run is used up; the next run goes on."
                )
            self.requests += 1
            begins_s = max(now_s, self._next_s)
            if per_minute > 0:
                self._next_s = begins_s + MINUTE_S / per_minute
            return begins_s - now_s

    def add(self, tokens_in: int, tokens_out: int) -> None:
        """Count what an answer says it took."""
        with self._lock:
            self.tokens_in += tokens_in
            self.tokens_out += tokens_out
