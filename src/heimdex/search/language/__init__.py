"""The query language: one line of words, phrases, fields, filters and weights → a frozen query."""

from heimdex.search.language.parsing import parse
from heimdex.search.language.query import Field, Like, ParsedQuery, Term, like

__all__ = ["Field", "Like", "ParsedQuery", "Term", "like", "parse"]
