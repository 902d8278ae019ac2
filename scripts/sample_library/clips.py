"""The films, shot by shot. Dates, cameras, places and words are made up."""

from __future__ import annotations

from fractions import Fraction

from sample_library.nouns import CAMCORDER, PHONE, Clip, Fade, Shot, Spoken, View, taken

CAT_CLOSE = View(x=0.62, y=0.48, width=0.62)
MAN = View(x=0.36, y=0.33, width=0.62)

CLIPS = (
    Clip(
        path="2023/clip-01.mp4",
        taken=taken("2023-04-08T09:14:05+00:00", PHONE, 59.9139, 10.7522),
        has_sound=False,
        shots=(
            Shot(
                frames=100,
                source="cat",
                shows="the face of a ginger cat",
                move="zoom in",
                path=(View(), CAT_CLOSE),
            ),
            Shot(
                frames=90,
                source="coffee",
                shows="a cup of espresso on a red saucer",
                move="pan right",
                path=(View(x=0.36, width=0.7), View(x=0.62, width=0.7)),
            ),
            Shot(
                frames=110,
                source="rocket",
                shows="a rocket on its launch pad at dusk",
                move="zoom out",
                path=(View(x=0.5, y=0.6, width=0.5), View()),
            ),
        ),
    ),
    Clip(
        path="2023/clip-02.mp4",
        taken=taken("2023-06-17T18:40:30+00:00", PHONE, 48.8566, 2.3522),
        spoken=(Spoken(text="My grandmother was born in a small village near the mountains.", at_s=1.0),),
        shots=(
            Shot(
                frames=110,
                source="astronaut",
                shows="a smiling woman astronaut in an orange space suit, before a flag",
                move="tilt up",
                path=(View(y=0.72, width=0.96), View(y=0.29, width=0.96)),
            ),
            Shot(
                frames=130,
                source="galaxies",
                shows="galaxies and stars in a black sky",
                move="zoom in",
                path=(View(width=0.9), View(x=0.6, y=0.55, width=0.6)),
                enter=Fade(out=16, held=6, into=16),
            ),
        ),
    ),
    Clip(
        path="2023/clip-03.mp4",
        taken=taken("2023-06-18T07:05:12+00:00", PHONE, 48.8049, 2.1204),
        rate=Fraction(30000, 1001),
        spoken=(Spoken(text="We will meet at the north gate at seven o'clock.", at_s=3.6),),
        fade_out=18,
        shots=(
            Shot(
                frames=96,
                shows="a title card: The Old Mill, a walk in June",
                lines=("THE OLD MILL", "a walk in June"),
                enter=Fade(into=15),
            ),
            Shot(
                frames=75,
                source="grass",
                shows="green grass with small leaves, from above",
                move="pan right",
                path=(View(x=0.36, width=0.72), View(x=0.5, width=0.72)),
            ),
            Shot(
                frames=80,
                source="wall",
                shows="a wall of red bricks",
                move="tilt down",
                path=(View(y=0.3, width=0.8), View(y=0.7, width=0.8)),
            ),
            Shot(
                frames=109,
                source="horse",
                shows="the dark shape of a horse before a sunset sky",
                move="zoom in",
                path=(View(), View(x=0.55, y=0.45, width=0.7)),
            ),
        ),
    ),
    Clip(
        path="2023/clip-04.mp4",
        taken=taken("2023-09-02T12:21:47+00:00", PHONE, 38.7223, -9.1393),
        size=(360, 640),
        turned=90,
        shots=(
            Shot(
                frames=75,
                source="astronaut",
                shows="the smiling face of a woman in an orange space suit",
                move="zoom out",
                path=(View(x=0.44, y=0.3, width=0.3), View(x=0.44, y=0.5, width=0.5)),
            ),
            Shot(
                frames=80,
                source="rocket",
                shows="a white rocket standing upright, floodlights below",
                move="tilt up",
                path=(View(x=0.52, y=0.68, width=0.22), View(x=0.52, y=0.36, width=0.22)),
            ),
            Shot(
                frames=85,
                source="photographer",
                shows="a man in a black coat looking through a camera",
                move="pan right",
                path=(View(x=0.3, width=0.5), View(x=0.58, width=0.5)),
            ),
        ),
    ),
    Clip(
        path="2024/clip-05.mp4",
        taken=taken("2024-02-11T15:02:00+00:00", CAMCORDER, 64.1466, -21.9426),
        shots=(
            Shot(
                frames=40,
                source="photographer",
                shows="a man with a camera on a tripod in a park",
                move="zoom in",
                path=(View(y=0.4), View(x=0.4, y=0.36, width=0.75)),
            ),
            Shot(
                frames=30,
                source="cat",
                shows="the eyes of a ginger cat, close",
                move="pan right",
                path=(View(x=0.45, y=0.4, width=0.5), View(x=0.62, y=0.42, width=0.5)),
            ),
            Shot(
                frames=26,
                source="coffee",
                shows="a cup of espresso from close",
                move="zoom out",
                path=(View(x=0.47, y=0.4, width=0.5), View(x=0.47, y=0.45, width=0.75)),
            ),
            Shot(
                frames=36,
                source="rocket",
                shows="a rocket between two towers at dusk",
                move="tilt down",
                path=(View(y=0.42, width=0.8), View(y=0.58, width=0.8)),
            ),
            Shot(
                frames=30,
                source="photographer",
                shows="city buildings and a dome behind a field",
                move="pan right",
                path=(View(x=0.72, y=0.36, width=0.4), View(x=0.79, y=0.36, width=0.4)),
            ),
            Shot(
                frames=28,
                source="horse",
                shows="the dark head of a horse before a sunset sky",
                move="still",
                path=(View(x=0.68, y=0.34, width=0.45),),
            ),
            Shot(
                frames=40,
                source="galaxies",
                shows="coloured galaxies in a black sky",
                move="pan left",
                path=(View(x=0.6, y=0.3, width=0.6), View(x=0.4, y=0.3, width=0.6)),
            ),
            Shot(
                frames=40,
                source="astronaut",
                shows="a model of a space shuttle beside a woman",
                move="zoom in",
                path=(View(x=0.62, y=0.3, width=0.75), View(x=0.7, y=0.28, width=0.55)),
            ),
        ),
    ),
    Clip(
        path="2024/clip-06.mov",
        taken=taken("2024-05-20T10:30:15+00:00", CAMCORDER, 52.5200, 13.4050),
        beat_ms=(20, 60, 30, 50, 40),
        picture_late_ms=480,
        counter=True,
        spoken=(
            Spoken(
                text="Please remember to buy fresh bread before the train leaves on Friday morning.", at_s=0.2
            ),
        ),
        shots=(
            Shot(
                frames=100,
                source="horse",
                shows="the dark shape of a horse before a sunset sky",
                move="pan left",
                path=(View(x=0.6, width=0.7), View(x=0.4, width=0.7)),
            ),
            Shot(
                frames=90,
                source="retina",
                shows="the inside of an eye: blood vessels on an orange disc",
                move="zoom in",
                path=(View(), View(x=0.35, width=0.6)),
            ),
            Shot(
                frames=80,
                source="cat",
                shows="a ginger cat looking to the side",
                move="zoom out",
                path=(View(x=0.6, y=0.45, width=0.6), View()),
            ),
        ),
    ),
    Clip(
        path="2024/clip-07.mp4",
        taken=taken("2024-08-01T21:12:40+00:00", CAMCORDER, 28.3000, -16.5090),
        shots=(
            Shot(
                frames=230,
                source="galaxies",
                shows="a slow flight over galaxies and stars",
                move="pan right, then tilt down, then zoom in",
                path=(
                    View(x=0.3, y=0.3, width=0.5),
                    View(x=0.65, y=0.3, width=0.5),
                    View(x=0.65, y=0.7, width=0.5),
                    View(x=0.65, y=0.7, width=0.28),
                ),
            ),
            Shot(
                frames=110,
                source="astronaut",
                flash_at=52,
                shows="a woman in an orange space suit, lit once by a camera's flash",
                move="zoom in",
                path=(View(y=0.3, width=0.96), View(x=0.45, y=0.25, width=0.6)),
            ),
        ),
    ),
    Clip(
        path="2024/clip-08.mp4",
        taken=taken("2024-12-27T16:55:08+00:00", PHONE, 45.4642, 9.1900),
        rate=Fraction(24),
        spoken=(Spoken(text="Thank you very much for the coffee.", at_s=1.5),),
        shots=(
            Shot(
                frames=140,
                source="coffee",
                shows="a cup of coffee on a wooden table, filmed by hand",
                move="shaking",
                path=(View(x=0.5, width=0.86),),
                shake=0.012,
            ),
            Shot(
                frames=96,
                source="photographer",
                shows="a photographer bent over his camera",
                move="pan right",
                path=(MAN, View(x=0.5, y=0.36, width=0.62)),
                enter=Fade(out=12, held=4, into=12, colour=(255, 255, 255)),
            ),
            Shot(
                frames=72,
                shows="a title card: The End, see you next winter",
                lines=("THE END", "see you next winter"),
                enter=Fade(out=12, held=4, into=12),
            ),
        ),
    ),
)
