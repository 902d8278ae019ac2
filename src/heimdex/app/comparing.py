"""Two picture models held against each other by what is really asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from heimdex.errors import ModelError

if TYPE_CHECKING:
    from heimdex.app import Heimdex
    from heimdex.pipeline.tools import PictureModel

COMPARED = 50  # queries that two models are compared by


def compare(one: Heimdex, new: PictureModel) -> Mapping[str, Any]:
    """The answers of the model in use and of the new one to the owner's queries, held against each other."""
    from heimdex.search.overlap import compare as hold_against

    try:
        old = one.model
    except ModelError as error:
        return {"queries": [], "overlap": None, "reason": str(error)}
    queries = [found["query"] for found in one.model_change.queries()]
    found = asdict(hold_against(one.searcher_by(old), one.searcher_by(new), queries))
    return found | {"queries": list(found["queries"])}
