"""Heimdex finds moments in one's own videos and photos.

>>> from heimdex import Heimdex
>>> h = Heimdex()                          # doctest: +SKIP
>>> h.index("~/Videos")                    # doctest: +SKIP
>>> h.search("red car at night")           # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heimdex.app import Heimdex

__version__ = "0.1.0"
__all__ = ["Heimdex", "__version__"]


def __getattr__(name: str) -> object:
    # Lazy: `heimdex --help` must not pay for the database driver and the runtimes.
    if name == "Heimdex":
        from heimdex.app import Heimdex

        return Heimdex
    raise AttributeError(f"module 'heimdex' has no attribute {name!r}")
