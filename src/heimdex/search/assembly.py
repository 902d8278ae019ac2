"""What a Searcher is made of, for those who need more than one of the same library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from heimdex.encoders.background import Floats
from heimdex.encoders.encoder import Encoder
from heimdex.search.adapting.versions import AdapterSource
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.search.sight import SightSource
from heimdex.store.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchParts:
    """The parts of one owner's searches."""

    database: Database
    owner: str
    home: Path
    sights: SightSource
    options: SearchOptions
    background: Callable[[Encoder], Floats]  # texts on everything, (texts, dim), where words meet pictures

    def searcher(self, adapters: AdapterSource, sights: SightSource | None = None) -> Searcher:
        """A searcher adapted by what a source gives, with a model of its own where `sights` are given."""
        options = replace(self.options, adapters=adapters)
        return Searcher(self.database, self.owner, self.home, sights or self.sights, options)
