"""Searching: query → signals → candidates → exact scores → fused hits → verdict.

    words ─▶ encoder ─┐                                    ┌─▶ picture ─┐
    picture ▶ encoder ┼─▶ nearest scenes ─▶ one candidate ─┼─▶ path ────┼─▶ fused, ordered ─▶ page, verdict
    scene ───────────┘    by each signal       list        └─▶ …       ─┘

Candidates from every signal are united, then every candidate is scored exactly on every signal.
"""

from heimdex.search.searcher import Searcher

__all__ = ["Searcher"]
