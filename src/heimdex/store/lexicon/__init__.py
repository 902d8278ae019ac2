"""The lexical index: words → terms → postings, and back to the scenes that hold them.

    text ─▶ folding ─▶ words ─┬▶ stems, pairs of characters ─▶ said, described ─┐
                              └▶ confusables ─▶ trigrams ────▶ written ─────────┴▶ postings

Both sides go through the same functions: a scene's texts when they are written, a query's when looked up.
"""

from heimdex.store.lexicon.postings import replace_terms
from heimdex.store.lexicon.texts import Passage, SceneTexts

__all__ = ["Passage", "SceneTexts", "replace_terms"]
