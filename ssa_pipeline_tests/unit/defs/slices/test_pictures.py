"""Pictures of the UI: what needs neither Dagster nor a database."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from ssa_pipeline.defs.slices.pictures import as_markdown, histogram_png

SHOWN_AT_ONCE = 1000  # characters of Markdown that Dagster's UI shows without a click
TITLE = "Time of closest approach from 2024-11-01T00:00Z"


def test_a_histogram_is_shown_at_once_whatever_the_data() -> None:
    rng = np.random.default_rng(1)
    noise = np.repeat(np.arange(40) + 0.5, rng.integers(0, 30_000, 40))  # compresses worst
    for values, bins in ((np.empty(0), 25), (rng.random(30_000) * 40, 40), (np.array([2.5]), 25), (noise, 40)):
        png = histogram_png(values, np.linspace(0, 40, bins + 1), x_label="hours", y_label="crossings")
        assert Image.open(io.BytesIO(png)).size == (430, 200)
        assert len(as_markdown(png, TITLE)) < SHOWN_AT_ONCE


def test_bars_are_as_high_as_their_counts() -> None:
    values = np.repeat([0.5, 1.5, 3.5], [100, 50, 1])
    picture = Image.open(io.BytesIO(histogram_png(values, np.linspace(0, 4, 5), x_label="x"))).convert("L")
    ink = np.asarray(picture)[:170] < 200
    heights = [int(ink[20:, x].sum()) for x in (56, 162, 268, 374)]  # the middle of each bar
    assert heights[0] in range(148, 153)
    assert heights[1] in range(73, 79)
    assert heights[2] == 0
    assert heights[3] in (1, 2)


def test_the_same_data_gives_the_same_bytes() -> None:
    edges = np.linspace(0, 5, 6)
    low = histogram_png(np.full(10, 0.5), edges, x_label="x")
    assert low != histogram_png(np.full(10, 4.5), edges, x_label="x")
    assert low == histogram_png(np.full(10, 0.5), edges, x_label="x")


def test_markdown_carries_the_bytes_below_a_title() -> None:
    title, image = as_markdown(b"\x89PNG...", "Miss distance, threshold 5 km").split("\n\n")
    assert title == "Miss distance, threshold 5 km"
    assert image.startswith("![](data:image/png;base64,")
    assert base64.b64decode(image.split(",")[1][:-1]) == b"\x89PNG..."
