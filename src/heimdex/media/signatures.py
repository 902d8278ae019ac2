"""Magic bytes: a fixed signature for each format, or a small function where that does not do.

Sources: the formats' own specifications; where there is none, what libavformat's demuxers of that name
accept.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

# (offset, bytes, name), tried in order
FIXED = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"II*\x00\x10\x00\x00\x00CR", "raw-photo"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (0, b"II+\x00", "tiff"),
    (0, b"MM\x00+", "tiff"),
    (0, b"FUJIFILMCCD-RAW", "raw-photo"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (0, b"\xff\x4f\xff\x51\x00", "jp2"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", "asf"),
    (0, b"FLV\x01", "flv"),
    (0, b"OggS\x00", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"\x00\x00\x01\xb3", "mpegvideo"),
    (0, b"\x00\x00\x01\xb0", "m4v"),
    (0, b"\x00\x00\x00\x00\x01\xbc", "gxf"),
    (0, b".RMF\x00", "rm"),
    (0, b"nut/multimedia container\x00", "nut"),
    (0, b"NSVf", "nsv"),
    (0, b"NSVs", "nsv"),
    (0, b"NuppelVideo\x00", "nuv"),
    (0, b"MythTVVideo\x00", "nuv"),
    (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d", "wtv"),
    (0, b"\x1f\x07\x00", "dv"),
    (0, b"DKIF\x00\x00", "ivf"),
    (0, b"YUV4MPEG2 ", "y4m"),
    (0, b"BIKi", "bink"),
    (0, b"BIKf", "bink"),
    (0, b"KB2", "bink"),
    (0, b"SMK2", "smk"),
    (0, b"SMK4", "smk"),
    (0, b"caff\x00\x01", "caf"),
    (0, b"wvpk", "wv"),
    (0, b"MAC ", "ape"),
    (0, b"TTA1", "tta"),
    (0, b".snd\x00\x00", "au"),
    (0, b"#!AMR", "amr"),
    (0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "w64"),
)
SEQUENCE_BRANDS = frozenset({b"hevc", b"hevx", b"msf1", b"avis"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
TRANSPORT_PACKETS = ((188, 0), (192, 4), (204, 0))  # packet size, offset of the first sync byte
MXF_KEY = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02"


def name_by_content(head: bytes, file: BinaryIO) -> str | None:
    """The format name for a file's first bytes, or None. `file` is read on to tell one frame from many."""
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "animated-gif" if _gif_has_many(file) else "gif"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "animated-png" if _png_has_many(head) else "png"
    for offset, magic, name in FIXED:
        if head.startswith(magic, offset):
            return name
    return _riff_or_aiff(head) or _iso_media(head) or _elementary(head, file)


def _riff_or_aiff(head: bytes) -> str | None:
    kind, form = head[:4], head[8:12]
    if kind == b"FORM" and form in (b"AIFF", b"AIFC"):
        return "aiff"
    if kind not in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
        return None
    if form == b"WEBP":
        return "webp"  # an animated one too: libavcodec cannot decode those, Pillow shows the first picture
    return {b"WAVE": "wav", b"AVI ": "avi", b"AMV ": "avi"}.get(form)


def _iso_media(head: bytes) -> str | None:
    """ISO base media (MP4, MOV, HEIF, AVIF), Matroska."""
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "webm" if b"webm" in head[:64] else "matroska"
    atom = head[4:8]
    if atom in QUICKTIME_ATOMS and len(head) >= 8:
        return "mov"
    if atom != b"ftyp" or len(head) < 12:
        return None
    brand = head[8:12]
    size = min(int.from_bytes(head[:4], "big"), 256)
    brands = {brand} | {head[at : at + 4] for at in range(16, size, 4)}
    if brand == b"crx ":
        return "raw-photo"
    if brand in SEQUENCE_BRANDS:
        return "picture-sequence"
    if brand == b"avif" or (brand in (b"mif1", b"miaf") and b"avif" in brands):
        return "avif"
    if brand in HEIC_BRANDS or (brand in (b"mif1", b"miaf") and brands & HEIC_BRANDS):
        return "heic"
    return "mov" if brand == b"qt  " else "mp4"


def _elementary(head: bytes, file: BinaryIO) -> str | None:
    """Formats told by a pattern that repeats: one match alone would be chance."""
    for size, offset in TRANSPORT_PACKETS:
        marks = head[offset::size]
        if len(marks) >= 3 and set(marks[:20]) == {0x47}:
            return "mpegts"
    if head[:4] == b"BM" + head[2:4] and _is_bitmap(head):
        return "bmp"
    if MXF_KEY in head:
        return "mxf"
    if head[4:6] in (b"\x11\xaf", b"\x12\xaf", b"\x44\xaf") and head[12:14] in (b"\x08\x00", b"\x00\x00"):
        return "flic"
    return _annex_b(head) or _sound(head, file)


def _is_bitmap(head: bytes) -> bool:
    header = int.from_bytes(head[14:18], "little")
    return len(head) >= 26 and header in (12, 16, 40, 52, 56, 64, 108, 124)


def _annex_b(head: bytes) -> str | None:
    """Raw H.264 and HEVC begin with a parameter set or an access unit delimiter (Annex B of each)."""
    start = head.find(b"\x00\x00\x01")
    if start not in (0, 1) or len(head) < start + 6:
        return None
    first, second = head[start + 3], head[start + 4]
    if first & 0x9F in (0x07, 0x09):
        return "h264"
    return "hevc" if first in (0x40, 0x46) and second == 0x01 else None


def _sound(head: bytes, file: BinaryIO) -> str | None:
    """MP3, AAC and AC-3: a frame header, and another exactly one frame later."""
    at = 0
    if head.startswith(b"ID3") and len(head) >= 10:
        size = (head[6] & 0x7F) << 21 | (head[7] & 0x7F) << 14 | (head[8] & 0x7F) << 7 | (head[9] & 0x7F)
        file.seek(10 + size)
        body = file.read(4096)
        return "aac" if _adts_length(body, 0) else "mp3"
    for name, length_of in (("aac", _adts_length), ("mp3", _mpeg_audio_length)):
        length = length_of(head, at)
        if length and length_of(head, at + length):
            return name
    return "ac3" if head.startswith(b"\x0b\x77") and len(head) > 6 and head[5] >> 3 in (6, 8, 16) else None


def _adts_length(data: bytes, at: int) -> int:
    """Bytes of the ADTS frame at `at`, 0 where there is none (ISO 14496-3, 1.A.2.2)."""
    if len(data) < at + 7 or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return 0
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return length if length >= 7 else 0


MP3_KBITS = (  # by version (MPEG-1, MPEG-2 and 2.5) and layer III, II, I: ISO 11172-3, 13818-3
    (
        (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
        (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0),
        (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0),
    ),
    (
        (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
        (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
        (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0),
    ),
)
MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mpeg_audio_length(data: bytes, at: int) -> int:
    """Bytes of the MPEG audio frame at `at`, 0 where there is none."""
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    rate_index = data[at + 2] >> 2 & 3
    if version == 1 or layer == 0 or rate_index == 3:
        return 0
    kbits = MP3_KBITS[0 if version == 3 else 1][layer - 1][data[at + 2] >> 4]
    padding = data[at + 2] >> 1 & 1
    rate_hz = MP3_RATES_HZ[version][rate_index]
    if layer == 3:
        return (12_000 * kbits // rate_hz + padding) * 4 if kbits else 0
    samples = 72_000 if layer == 1 and version != 3 else 144_000
    return samples * kbits // rate_hz + padding if kbits else 0


def _png_has_many(head: bytes) -> bool:
    """Whether an animation control chunk stands before the picture data (PNG, third edition, 11.3.6.1)."""
    at = 8
    while at + 12 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, at)
        if kind == b"acTL":
            return int.from_bytes(head[at + 8 : at + 12], "big") > 1
        if kind in (b"IDAT", b"IEND"):
            return False
        at += 12 + length
    return False


def _gif_has_many(file: BinaryIO) -> bool:
    """Whether a second picture follows the first (GIF89a, sections 18-27). A broken file counts as one."""
    file.seek(6)
    screen = file.read(7)
    if len(screen) < 7:
        return False
    if screen[4] & 0x80:
        file.seek(3 << ((screen[4] & 7) + 1), 1)
    pictures = 0
    while mark := file.read(1):
        if mark == b"\x21":
            file.seek(1, 1)
        elif mark == b"\x2c":
            pictures += 1
            picture = file.read(9)
            if pictures == 2 or len(picture) < 9:
                return pictures == 2
            file.seek((3 << ((picture[8] & 7) + 1) if picture[8] & 0x80 else 0) + 1, 1)
        else:
            return False
        while length := file.read(1)[:1]:  # sub-blocks, ended by one of no length
            if length == b"\x00":
                break
            file.seek(length[0], 1)
    return False
