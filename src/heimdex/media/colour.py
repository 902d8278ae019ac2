"""Any Pillow picture becomes 8-bit sRGB: profiles, 16 bits, palettes, CMYK, transparency."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

WHITE, GREY = (255, 255, 255), (128, 128, 128)
NEARLY_WHITE = 200  # mean luma, 0-255, of what is visible
PROFILE_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}  # ICC colour space → Pillow mode


def to_srgb(image: Image.Image) -> Image.Image:
    """The picture in mode RGB, its colour profile applied, laid on white where it is transparent."""
    profile = image.info.get("icc_profile")
    flat = _without_alpha(_eight_bits(image))
    if profile:
        return _through_profile(flat, profile)
    if flat.mode == "LAB":
        return _through_profile(flat, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    return flat.convert("RGB")


def resizable(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be scaled smoothly: palettes and bitmaps cannot."""
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if _transparent(image) else "RGB")
    if image.mode == "1":
        return image.convert("L")
    return _eight_bits(image)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and floating-point greys become 8-bit grey; other modes stay."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "I" and values.size and int(values.min()) >= 0 and int(values.max()) <= 0xFFFF:
        return Image.fromarray((values >> 8).astype(np.uint8))
    return Image.fromarray(_stretched(values))


def _stretched(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Measurements with no agreed white: 0-1 as it is, anything else from its least to its greatest."""
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min(initial=0.0)), float(numbers.max(initial=1.0))
    return np.rint((numbers - low) / (high - low) * 255).astype(np.uint8)


def _transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info


def _without_alpha(image: Image.Image) -> Image.Image:
    if not _transparent(image):
        return image.convert("RGB") if image.mode == "P" else image
    picture = image.convert("RGBA")
    alpha = picture.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return picture.convert("RGB")
    ground = Image.new("RGB", picture.size, _ground(picture))
    ground.paste(picture.convert("RGB"), mask=alpha)
    return ground


def _ground(picture: Image.Image) -> tuple[int, int, int]:
    """White, but grey under a picture that would vanish on white."""
    pixels = np.asarray(picture.resize((64, 64), Image.Resampling.BOX)).astype(np.float64)
    weight = pixels[..., 3]
    if weight.sum() == 0:
        return WHITE
    luma = (pixels[..., :3] @ np.array([0.2126, 0.7152, 0.0722]) * weight).sum() / weight.sum()
    return GREY if luma > NEARLY_WHITE else WHITE


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """A profile that is broken, or made for another mode, is left aside: the picture itself is whole."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = PROFILE_MODES.get(source.profile.xcolor_space)
        if mode is None or (mode, image.mode) in (("CMYK", "RGB"), ("CMYK", "L"), ("RGB", "CMYK")):
            return image.convert("RGB")
        if mode != image.mode:
            image = image.convert(mode)
        turned = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")
    return turned if turned is not None else image.convert("RGB")
