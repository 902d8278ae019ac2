"""Text comes out of a subtitle file whatever it was written with."""

from __future__ import annotations

import codecs

import pytest

from heimdex.media.subtitle_encodings import decode

SAID = {
    "fr": "Où est-il allé ?\nL'été dernier, ça n'était pas drôle.\nTu as été à l'école aujourd'hui ?",
    "de": "Schöne Grüße aus München.\nWir müssen später über die Brücke gehen.\nWo ist mein Schlüssel?",
    "es": "¿Dónde está el niño?\nMañana iré a España, señor.\n¡Qué increíble! Así fue la canción.",
    "pl": "Gdzie jesteś? Proszę, chodź tutaj.\nNie mogę uwierzyć, że to się dzieje.\nŻółta łódka płynie.",
    "cs": "Kde jsi? Prosím, pojď sem.\nNemůžu uvěřit, že se to děje.\nPříliš žluťoučký kůň úpěl.",
    "hu": "Hol vagy? Kérlek, gyere ide.\nNem hiszem el, hogy ez történik.\nKöszönöm szépen, őrült tűz.",
    "ru": "Где ты? Пожалуйста, иди сюда.\nЯ не могу поверить, что это происходит.\nСпасибо, друг мой.",
    "uk": "Де ти? Будь ласка, йди сюди.\nЯ не можу повірити, що це відбувається.\nДякую тобі, мій друже.",
    "el": "Πού είσαι; Σε παρακαλώ, έλα εδώ.\nΔεν μπορώ να το πιστέψω.\nΕυχαριστώ πολύ, φίλε μου.",
    "tr": "Neredesin? Lütfen buraya gel.\nBunun olduğuna inanamıyorum.\nTeşekkür ederim, güzel bir ışık.",
    "he": "איפה אתה? בבקשה בוא הנה.\nאני לא מאמין שזה קורה.\nתודה רבה, חבר שלי.",
    "ar": "أين أنت؟ من فضلك تعال هنا.\nلا أستطيع أن أصدق أن هذا يحدث.\nشكرا جزيلا يا صديقي.",
    "ja": "どこにいるの？こっちに来てください。\nこんなことが起こるなんて信じられない。\n本当にありがとう。",
    "zh": "你在哪里？请到这里来。\n我不敢相信会发生这种事。\n非常感谢你，我的朋友。",
    "zh-Hant": "你在哪裡？請到這裡來。\n我不敢相信會發生這種事。\n非常感謝你，我的朋友。",
    "ko": "어디 있어요? 이리로 오세요.\n이런 일이 일어나다니 믿을 수 없어요.\n정말 고마워요, 내 친구.",
    "th": "คุณอยู่ที่ไหน มาที่นี่\nไม่อยากจะเชื่อเลย\nขอบคุณมาก",
}
WRITTEN = {
    "fr": ("cp1252", "mac_roman"),
    "de": ("cp1252",),
    "es": ("cp1252",),
    "pl": ("cp1250", "iso8859_2"),
    "cs": ("cp1250", "iso8859_2"),
    "hu": ("cp1250",),
    "ru": ("cp1251", "koi8_r", "cp866"),
    "uk": ("cp1251",),
    "el": ("cp1253",),
    "tr": ("cp1254",),
    "he": ("cp1255",),
    "ar": ("cp1256",),
    "ja": ("cp932", "euc_jp", "iso2022_jp"),
    "zh": ("gb18030",),
    "zh-Hant": ("big5",),
    "ko": ("cp949",),
    "th": ("cp874",),
}
PAIRS = [(language, encoding) for language, encodings in WRITTEN.items() for encoding in encodings]
WIDE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


def file_of(text: str) -> str:
    """A SubRip file with these lines."""
    lines = enumerate(text.split("\n"), start=1)
    return "\n".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{line}\n" for n, line in lines)


@pytest.mark.parametrize(("language", "encoding"), PAIRS)
@pytest.mark.parametrize("told", [False, True], ids=["language unknown", "language told"])
def test_texts_of_one_language_in_its_older_encodings(language: str, encoding: str, told: bool) -> None:
    text = file_of(SAID[language])
    decoded = decode(text.encode(encoding), language[:2] if told else None)
    assert decoded is not None
    assert decoded.text == text
    assert decoded.note is None


@pytest.mark.parametrize("language", list(SAID))
@pytest.mark.parametrize("encoding", WIDE)
def test_unicode_with_and_without_a_mark(language: str, encoding: str) -> None:
    text = file_of(SAID[language])
    decoded = decode(text.encode(encoding), "en")
    assert decoded is not None
    assert decoded.text == text


def test_a_language_told_wrongly_does_no_harm() -> None:
    for language, encoding in PAIRS:
        text = file_of(SAID[language])
        decoded = decode(text.encode(encoding), "en")
        assert decoded is not None
        assert decoded.text == text


def test_one_accent_is_enough() -> None:
    decoded = decode(file_of("She sat in the café.").encode("cp1252"))
    assert decoded is not None
    assert "café" in decoded.text


def test_utf8_that_was_hurt_is_still_utf8() -> None:
    content = file_of(SAID["ru"]).encode()
    middle = content.index("могу".encode())
    hurt = content[: middle + 1] + content[middle + 2 :]
    decoded = decode(hurt)
    assert decoded is not None
    assert decoded.text.count("\ufffd") <= 2
    assert "Пожалуйста" in decoded.text
    assert decoded.note is not None
    cut = decode(content[:-2])
    assert cut is not None
    assert cut.text.startswith("1\n00:00:01,000")
    assert cut.encoding == "utf-8"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 4096,
        bytes(range(256)) * 16,
        b"\x1a\x45\xdf\xa3\x00\x01\x02" * 300,
        b"1\n\x00\x00ab\x00\xff",
    ],
    ids=["empty", "zeros", "every byte", "a film", "zeros within"],
)
def test_what_is_no_text_is_none_or_harmless(content: bytes) -> None:
    decoded = decode(content)
    assert decoded is None or "-->" not in decoded.text


def test_a_mark_alone_is_an_empty_text() -> None:
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        decoded = decode(mark)
        assert decoded is not None
        assert decoded.text == ""
