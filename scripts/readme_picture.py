"""Draw the README's picture: three questions to the sample library and what Heimdex answers.

python scripts/readme_picture.py     # indexes the samples into a temporary home
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from heimdex import Heimdex
from heimdex.entities import Hit, Kind

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "src" / "heimdex" / "samples"
PICTURE = ROOT / "docs" / "images" / "search.png"
QUESTIONS = ("a cat", "a rocket on its launch pad", "a horse at sunset")
HITS = 4
CELL, THUMBNAIL, MARGIN, LINE = (250, 196), (240, 135), 16, 18  # px
GROUND, TEXT, FAINT, ACCENT = "#14181d", "#e8edf2", "#8b98a5", "#f2b84b"


def main() -> None:
    """Index, ask, draw."""
    with tempfile.TemporaryDirectory() as home, Heimdex(home=Path(home)) as heimdex:
        heimdex.index(SAMPLES)
        answers = [(question, heimdex.search(question, limit=HITS).hits) for question in QUESTIONS]
        size = (2 * MARGIN + HITS * CELL[0], 2 * MARGIN + len(answers) * (CELL[1] + LINE))
        sheet = Image.new("RGB", size, GROUND)
        for row, (question, hits) in enumerate(answers):
            draw_answer(sheet, question, hits, MARGIN + row * (CELL[1] + LINE))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(PICTURE, optimize=True)


def draw_answer(sheet: Image.Image, question: str, hits: tuple[Hit, ...], top: int) -> None:
    """One question with its hits beside each other."""
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, top), f'heimdex search "{question}"', fill=ACCENT, font=ImageFont.load_default(15))
    for column, hit in enumerate(hits):
        left, below = MARGIN + column * CELL[0], top + LINE + 6
        assert hit.thumbnail is not None
        with Image.open(hit.thumbnail) as thumbnail:
            thumbnail.thumbnail(THUMBNAIL)
            sheet.paste(thumbnail, (left, below))
        small = ImageFont.load_default(12)
        under = below + THUMBNAIL[1] + 2
        pen.text((left, under), f"{'/'.join(Path(hit.path).parts[-2:])}   {when(hit)}", fill=TEXT, font=small)
        pen.text((left, under + 14), f"score {hit.score:.2f}", fill=FAINT, font=small)


def when(hit: Hit) -> str:
    """The hit's stretch of its film."""
    if hit.kind == Kind.PHOTO:
        return "photo"
    return f"{hit.start_us / 1e6:.1f}-{hit.end_us / 1e6:.1f} s"


if __name__ == "__main__":
    main()
