"""The photos and the recording. Dates, cameras, places and words are made up."""

from __future__ import annotations

from fractions import Fraction

from sample_library.nouns import PHONE, STILLS, Photo, Recording, Spoken, View, taken

RECORDINGS = (
    Recording(
        path="2024/sound-01.m4a",
        taken=taken("2024-03-03T11:00:00+00:00", PHONE, 51.5072, -0.1276),
        spoken=(Spoken(text="The museum opens at nine. Tickets for children are free on Sunday.", at_s=0.5),),
        seconds=6.0,
    ),
)

PHOTOS = (
    Photo(
        path="2023/photo-01.jpg",
        source="cat",
        shows="the face of a ginger cat",
        view=View(),
        taken=taken("2023-04-08T11:20:31+02:00", STILLS, 59.9127, 10.7461),
    ),
    Photo(
        path="2023/photo-02.jpg",
        source="coffee",
        shows="a cup of espresso on a red saucer, with a spoon",
        view=View(),
        taken=taken("2023-06-17T09:02:10+02:00", STILLS, 48.8530, 2.3499),
    ),
    Photo(
        path="2023/photo-03.jpg",
        source="astronaut",
        aspect=Fraction(4, 5),
        shows="a woman astronaut in an orange space suit with her helmet, before a flag",
        view=View(x=0.42, width=0.8),
        taken=taken("2023-07-20T14:15:00+02:00", STILLS, 43.6047, 1.4442),
    ),
    Photo(
        path="2023/photo-04.jpg",
        source="wall",
        shows="a wall of red bricks",
        view=View(),
        taken=taken("2023-08-05T17:44:59+01:00", STILLS, 53.4808, -2.2426),
    ),
    Photo(
        path="2023/photo-05.jpg",
        source="rocket",
        aspect=Fraction(2, 3),
        orientation=6,
        shows="a white rocket on its launch pad at dusk, upright format",
        view=View(x=0.52, y=0.5, width=0.44),
        taken=taken("2023-11-30T18:03:22-05:00", PHONE, 28.5618, -80.577),
    ),
    Photo(
        path="2024/photo-06.jpg",
        source="photographer",
        aspect=Fraction(1),
        shows="a man photographing with a camera on a tripod in a park, black and white",
        view=View(),
        taken=taken("2024-02-11T10:10:10+00:00", STILLS, 42.3601, -71.0942),
    ),
    Photo(
        path="2024/photo-07.png",
        source="horse",
        shows="the dark shape of a horse before a sunset sky",
        view=View(),
        taken=None,
    ),
    Photo(
        path="2024/photo-08.jpg",
        source="galaxies",
        shows="galaxies and stars in a black sky",
        view=View(),
        taken=taken("2024-08-01T22:30:45+01:00", STILLS, 28.3009, -16.5100),
    ),
    Photo(
        path="2024/photo-09.webp",
        source="retina",
        aspect=Fraction(1),
        shows="the inside of an eye: blood vessels on an orange disc",
        view=View(),
        taken=taken("2024-09-12T08:30:00+02:00", STILLS, 59.8586, 17.6389),
    ),
    Photo(
        path="2024/photo-10.heic",
        source="coffee",
        shows="a coffee cup with its handle and a spoon, from close",
        view=View(x=0.5, y=0.6, width=0.62),
        taken=taken("2024-12-27T17:50:00+01:00", PHONE, 45.4650, 9.1895),
    ),
    Photo(
        path="2024/photo-11.jpg",
        source="gravel",
        shows="grey gravel from above",
        view=View(),
        taken=taken("2024-05-20T13:00:03+02:00", STILLS, 52.5145, 13.3501),
    ),
    Photo(
        path="2024/photo-12.jpg",
        source="grass",
        shows="green grass with small leaves, from above",
        view=View(),
        taken=taken("2024-05-20T13:05:40+02:00", STILLS, 52.5146, 13.3507),
    ),
)
