"""Photos become upright sRGB pixels. Each format goes straight to its own reader: nothing guesses here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pillow_heif
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from heimdex.entities import Facts, Kind, Picture
from heimdex.errors import DamagedFile, HeimdexError, OversizedPicture, UnknownFormat
from heimdex.media.colour import resizable, to_srgb
from heimdex.media.exif import CLOCKWISE, UPRIGHT, orientation_of, read_exif
from heimdex.media.files import open_original
from heimdex.media.formats import FORMATS
from heimdex.media.recognise import recognise
from heimdex.media.sizes import fitted

# By class and not through Image.open: its guard against bombs is a global of the whole process while ours is
# an argument, and no file's content can lead to another plugin (PostScript!).
READERS: dict[str, type[ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "heic": pillow_heif.HeifImageFile,
    "avif": AvifImageFile,
    "tiff": TiffImageFile,
    "gif": GifImageFile,
    "bmp": BmpImageFile,
    "jp2": Jpeg2KImageFile,
}
REDUCING_GAP = 3.0  # large pictures are halved by whole steps down to this much above the size, then smoothly


def read_photo(path: bytes, *, max_pixels: int, short_side: int = 0) -> Picture:
    """The photo upright in sRGB, RGB uint8 (height, width, 3), its short side at most `short_side` px.

    0 = full size; a picture is never enlarged. Colour profiles, CMYK, 16 bits and palettes are undone,
    transparency is laid on white. Raises UnreadableFile, UnknownFormat where the content is no photo,
    OversizedPicture where the header promises more than `max_pixels`, DamagedFile where the pixels are not
    all there.
    """
    recognised = recognise(path)
    if recognised is None or recognised.format not in READERS:
        raise UnknownFormat("is not a photo; give a JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP file")
    with _opened(path, recognised.format, max_pixels) as image:
        size = fitted(image.size, short_side)
        if recognised.format == "jpeg":
            image.draft(None, size)
        image.load()
        orientation = orientation_of(image)  # after loading: the TIFF reader turns by itself, and says 1 then
        smaller: Image.Image = image
        if size != image.size:
            smaller = resizable(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
            smaller.info = image.info
        upright = to_srgb(smaller)
        if orientation in UPRIGHT:
            upright = upright.transpose(UPRIGHT[orientation])
        return np.array(upright)


def photo_facts(path: bytes, name: str, *, max_pixels: int) -> Facts:
    """What a photo's header says. Raises UnreadableFile, DamagedFile, OversizedPicture."""
    with _opened(path, name, max_pixels) as image:
        exif = read_exif(image)
        width, height = image.size
    if exif.orientation >= 5 and name != "tiff":  # Pillow gives a TIFF's size upright
        width, height = height, width
    latitude, longitude = exif.place or (None, None)
    return Facts(
        kind=Kind.PHOTO,
        container=name,
        video_codec=name,
        width=width,
        height=height,
        rotation=CLOCKWISE.get(exif.orientation, 0),
        captured_at=exif.captured_at,
        camera=exif.camera,
        latitude=latitude,
        longitude=longitude,
    )


@contextmanager
def _opened(path: bytes, name: str, max_pixels: int) -> Iterator[ImageFile]:
    """The image with its header read and judged. Whatever a reader throws inside is a DamagedFile."""
    title = FORMATS[name].title
    with open_original(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata; what matters raises
        try:
            with READERS[name](file) as image:
                guard_pixels(*image.size, max_pixels)
                yield image
        except (HeimdexError, MemoryError):
            raise
        except Image.DecompressionBombError as err:  # a few readers ask Pillow's own guard
            raise OversizedPicture(
                "its header promises more pixels than Pillow takes; save it smaller, or as JPEG or PNG"
            ) from err
        except Exception as err:  # hostile bytes make readers raise anything: struct, zlib, index errors …
            raise DamagedFile(
                f"is a damaged or incomplete {title} picture{_reason(err)}; copy it again from where it came"
            ) from err


def guard_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raises OversizedPicture before anything is decoded, DamagedFile where there is no area at all."""
    if width <= 0 or height <= 0:
        raise DamagedFile(f"has a picture of {width} × {height} pixels; the file is damaged")
    if width * height > max_pixels:
        raise OversizedPicture(
            f"its header promises {width} × {height} pixels, more than the limit of {max_pixels:,}; "
            "if it is a real photo, raise HEIMDEX_MAX_MEGAPIXELS"
        )


def _reason(err: Exception) -> str:
    """What the reader said, where it speaks to people: its system errors do, its parsers' do not."""
    text = str(err).strip().splitlines() if type(err) is OSError else []
    return f" ({text[0][:120]})" if text else ""
