"""How large a picture becomes when its short side is limited."""

from __future__ import annotations


def fitted(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """(width, height) scaled down so that the shorter is at most `short_side` px; 0 = as it is."""
    width, height = size
    shorter = min(width, height)
    if short_side <= 0 or shorter <= short_side:
        return width, height
    return max(1, round(width * short_side / shorter)), max(1, round(height * short_side / shorter))
