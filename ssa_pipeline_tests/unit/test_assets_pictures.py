"""Pictures, progress messages, plans: what needs neither Dagster nor a database."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from ssa_pipeline.pictures import MAX_PICTURE_BYTES, as_markdown, histogram_png


def test_histogram_is_a_small_png_whatever_the_data() -> None:
    rng = np.random.default_rng(1)
    for values in (np.empty(0), rng.random(30_000) * 5, np.array([2.5])):
        png = histogram_png(values, np.linspace(0, 5, 26), title="Miss distance", x_label="km")
        assert png.startswith(b"\x89PNG")
        assert 500 < len(png) < MAX_PICTURE_BYTES


def test_different_data_gives_different_pictures() -> None:
    edges = np.linspace(0, 5, 6)
    low = histogram_png(np.full(10, 0.5), edges, title="t", x_label="x")
    assert low != histogram_png(np.full(10, 4.5), edges, title="t", x_label="x")
    assert low == histogram_png(np.full(10, 0.5), edges, title="t", x_label="x")


def test_markdown_carries_the_bytes_and_refuses_large_ones() -> None:
    text = as_markdown(b"\x89PNG...", "miss")
    assert text.startswith("![miss](data:image/png;base64,")
    assert base64.b64decode(text.split(",")[1][:-1]) == b"\x89PNG..."
    with pytest.raises(ValueError, match="draw it smaller"):
        as_markdown(b"x" * (MAX_PICTURE_BYTES + 1), "big")
