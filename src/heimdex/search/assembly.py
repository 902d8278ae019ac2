"""What a Searcher is made of, for those who need more than one of the same library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heimdex.encoders.background import Floats
from heimdex.encoders.encoder import Encoder
from heimdex.search.adapting.versions import AdapterSource
from heimdex.search.searcher import Searcher, SearchOptions
from heimdex.store.database import Database
from heimdex.store.vectors import StoredModel


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchParts:
    """The parts of one owner's searches."""

    database: Database
    owner: str
    home: Path
    load_encoder: Callable[[], Encoder]
    find_model: Callable[[Any], StoredModel | None]
    options: SearchOptions
    background: Callable[[Encoder], Floats]  # texts on everything, (texts, dim), where words meet pictures

    def searcher(self, adapters: AdapterSource) -> Searcher:
        """A searcher whose searches are adapted by what this source gives."""
        options = replace(self.options, adapters=adapters)
        return Searcher(self.database, self.owner, self.home, self.load_encoder, self.find_model, options)
