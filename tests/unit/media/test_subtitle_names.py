"""Which files belong to a film, and in which language they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heimdex.media.languages import language_of
from heimdex.media.subtitle_names import beside, lying_beside, read_name


def lay(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * len(name))


def names_beside(folder: Path, film: str) -> list[str]:
    return [name for name, _, _ in beside(os.fsencode(folder / film))]


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"), ("EN", "en"), ("eng", "en"), ("ger", "de"), ("deu", "de"), ("fre", "fr"),
        ("fra", "fr"), ("chi", "zh"), ("zho", "zh"), ("zh-Hans", "zh"), ("zh_CN", "zh"), ("pb", "pt"),
        ("zh-Hant-TW", "zh"), ("pt-BR", "pt"), ("pob", "pt"), ("es-419", "es"), ("de-DE", "de"),
        ("English", "en"), ("français", "fr"), ("Русский", "ru"), ("日本語", "ja"),
        ("und", None), ("mul", None), ("zxx", None), ("dvd", None), ("rip", None), ("the", None),
        ("x264", None), ("", None), (None, None), ("nb", "nb"), ("he", "he"), ("iw", "he"),
    ],
)  # fmt: skip
def test_languages_by_code_and_name(tag: str | None, language: str | None) -> None:
    assert language_of(tag) == language


@pytest.mark.parametrize(
    ("rest", "language", "forced", "impaired", "title"),
    [
        ("", None, False, False, None),
        (".en", "en", False, False, None),
        (".eng.forced", "en", True, False, None),
        (".de-DE", "de", False, False, None),
        (".en.sdh", "en", False, True, None),
        (".en.hi", "en", False, True, None),
        (".hi", "hi", False, False, None),
        (".hi.forced", "hi", True, False, None),
        (".pt-BR.default", "pt", False, False, None),
        (".Director's cut.fr", "fr", False, False, "Director's cut"),
        ("2_English", "en", False, False, None),
        (".English [CC]", "en", False, True, None),
        (".signs & songs", None, True, False, "&"),
    ],
)
def test_what_a_name_says(
    rest: str, language: str | None, forced: bool, impaired: bool, title: str | None
) -> None:
    said = read_name(rest)
    assert (said.language, said.forced, said.hearing_impaired, said.title) == (
        language,
        forced,
        impaired,
        title,
    )


def test_files_beside_a_film_are_found_by_its_name(tmp_path: Path) -> None:
    lay(
        tmp_path, "film.mp4", "film.srt", "film.en.SRT", "Film.eng.forced.vtt", "film.de-DE.ass",
        "film_fr.ssa", "film (es).srt", "other.srt", "filmed.srt", "film.txt", "film.sub", ".film.srt",
        "film 2.srt",
    )  # fmt: skip
    found = lying_beside(os.fsencode(tmp_path / "film.mp4"))
    assert {(entry.name, entry.said.language, entry.said.forced) for entry in found} == {
        ("film.srt", None, False),
        ("film.en.SRT", "en", False),
        ("Film.eng.forced.vtt", "en", True),
        ("film.de-DE.ass", "de", False),
        ("film_fr.ssa", "fr", False),
        ("film (es).srt", "es", False),
    }


def test_a_file_belongs_to_the_film_with_the_longest_name(tmp_path: Path) -> None:
    lay(tmp_path, "film.mp4", "film.part2.mkv", "film.part2.en.srt", "film.en.srt")
    assert names_beside(tmp_path, "film.mp4") == ["film.en.srt"]
    assert names_beside(tmp_path, "film.part2.mkv") == ["film.part2.en.srt"]


def test_a_folder_of_subtitles_is_looked_into(tmp_path: Path) -> None:
    lay(
        tmp_path,
        "a.mp4",
        "b.mp4",
        "Subs/a.en.srt",
        "subtitles/b.srt",
        "Subs/2_English.srt",
        "Subs/b/3_French.srt",
    )
    assert names_beside(tmp_path, "a.mp4") == ["Subs/a.en.srt"]
    assert names_beside(tmp_path, "b.mp4") == ["Subs/b/3_French.srt", "subtitles/b.srt"]


def test_in_the_folder_of_a_film_alone_all_subtitles_are_its_own(tmp_path: Path) -> None:
    lay(tmp_path, "a.mp4", "Subs/2_English.srt", "Subs/3_German.srt")
    found = lying_beside(os.fsencode(tmp_path / "a.mp4"))
    assert [(entry.name, entry.said.language) for entry in found] == [
        ("Subs/2_English.srt", "en"),
        ("Subs/3_German.srt", "de"),
    ]


def test_names_that_are_no_text_are_found_and_shown(tmp_path: Path) -> None:
    for name in (b"caf\xe9.mp4", b"caf\xe9.en.srt"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    assert [n for n, _, _ in beside(os.fsencode(tmp_path) + b"/caf\xe9.mp4")] == ["caf\\xe9.en.srt"]


def test_a_file_that_changes_is_seen_to_change(tmp_path: Path) -> None:
    lay(tmp_path, "film.mp4")
    film = os.fsencode(tmp_path / "film.mp4")
    assert beside(film) == []
    lay(tmp_path, "film.srt")
    ((name, size, modified_ns),) = beside(film)
    assert (name, size) == ("film.srt", 8)
    os.utime(tmp_path / "film.srt", ns=(1, modified_ns + 5))
    assert beside(film) == [("film.srt", 8, modified_ns + 5)]


def test_links_that_lead_nowhere_and_lost_folders_are_passed_over(tmp_path: Path) -> None:
    lay(tmp_path, "film.mp4")
    (tmp_path / "film.srt").symlink_to(tmp_path / "gone.srt")
    assert names_beside(tmp_path, "film.mp4") == []
    assert names_beside(tmp_path / "nowhere", "film.mp4") == []
