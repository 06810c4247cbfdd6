"""Small histograms for the UI. Dagster keeps metadata for ever and three times over, so they must stay small."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ssa_pipeline.core.outside_text import for_picture

MAX_PICTURE_BYTES = 20_000


def histogram_png(
    values: NDArray[Any], edges: Sequence[float] | NDArray[Any], *, title: str, x_label: str, y_label: str = "events"
) -> bytes:
    """A PNG of about 5 kB: how many ``values`` fall between consecutive ``edges``."""
    counts, edges = np.histogram(values, bins=np.asarray(edges, dtype=float))
    figure = Figure(figsize=(5.2, 2.2), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color="#3b5b92", edgecolor="white", linewidth=0.5)
    axes.set_title(for_picture(title), fontsize=9)
    axes.set_xlabel(for_picture(x_label), fontsize=8)
    axes.set_ylabel(for_picture(y_label), fontsize=8)
    axes.tick_params(labelsize=7)
    axes.set_xlim(edges[0], edges[-1])
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def as_markdown(png: bytes, alt: str) -> str:
    """A Markdown image that carries its bytes; ValueError above MAX_PICTURE_BYTES."""
    if len(png) > MAX_PICTURE_BYTES:
        raise ValueError(f"picture {alt!r} has {len(png)} bytes, more than {MAX_PICTURE_BYTES}; draw it smaller")
    return f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode()})"
