"""The assets that a run has in hand: nobody else works on them."""

from __future__ import annotations

from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.news import News
from heimdex.pipeline.run_context import RunContext


class Held:
    """Taken by one thread of this run, claimed against other processes."""

    def __init__(self, run: RunContext, news: News) -> None:
        self._run, self._news = run, news
        self._in_hand: set[str] = set()

    def take(self, asset_id: str) -> bool:
        """Take an asset; False where another thread or process has it."""
        with self._run.lock:
            if asset_id in self._in_hand:
                return False
            self._in_hand.add(asset_id)
        if self._run.ledger.claim(asset_id):
            return True
        with self._run.lock:
            self._in_hand.discard(asset_id)
        return False

    def release(self, item: Item) -> None:
        """Let an asset go."""
        asset_id = item.asset.asset_id
        self._run.stages.forget(asset_id)
        self._run.ledger.release(asset_id)
        with self._run.lock:
            self._in_hand.discard(asset_id)

    def finish(self, item: Item) -> None:
        """Let it go once it has been through the first stages, and count its file."""
        self.release(item)
        self._news.finish(item)
