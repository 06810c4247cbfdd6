"""Small histograms for the UI: large enough to read, small enough to be seen at once.

Dagster's UI shows Markdown at once only below 1,000 characters, and keeps metadata for ever and three times over. A
picture of two colours, drawn without smoothing, fits into that with its own bytes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ssa_pipeline.core.outside_text import for_markdown, for_terminal

_SIZE = (430, 200)
_LEFT, _RIGHT, _TOP, _BOTTOM = 4, 4, 18, 30
_PAPER, _INK = 0, 1
_PALETTE = (255, 255, 255, 59, 91, 146)


def histogram_png(
    values: NDArray[Any], edges: Sequence[float] | NDArray[Any], *, x_label: str, y_label: str = "events"
) -> bytes:
    """A PNG of about 0.5 kB: how many ``values`` fall between consecutive ``edges``, of equal width."""
    counts, edges = np.histogram(values, bins=np.asarray(edges, dtype=float))
    image = Image.new("P", _SIZE, _PAPER)
    image.putpalette(_PALETTE)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default_imagefont()
    draw.fontmode = "1"
    right, bottom = _SIZE[0] - _RIGHT, _SIZE[1] - _BOTTOM
    _bars(draw, counts, right, bottom)
    draw.line((_LEFT, bottom, right, bottom), _INK)
    for x, anchor_x in ((_LEFT, 0.0), ((_LEFT + right) // 2, 0.5), (right, 1.0)):
        value = edges[0] + (edges[-1] - edges[0]) * (x - _LEFT) / (right - _LEFT)
        _text(draw, font, f"{value:.4g}", x, bottom + 3, anchor_x)
    _text(draw, font, x_label, (_LEFT + right) // 2, bottom + 16, 0.5)
    _text(draw, font, f"{int(counts.max(initial=0)):,} {y_label}", 2, 2, 0.0)
    out = io.BytesIO()
    image.save(out, format="png", optimize=True, bits=1)
    return out.getvalue()


def _bars(draw: ImageDraw.ImageDraw, counts: NDArray[Any], right: int, bottom: int) -> None:
    most, width = max(1, int(counts.max(initial=0))), (right - _LEFT) / len(counts)
    for i, count in enumerate(counts.tolist()):
        if count:
            top = bottom - max(1, round((bottom - _TOP) * count / most))
            draw.rectangle((round(_LEFT + i * width) + 1, top, round(_LEFT + (i + 1) * width) - 1, bottom), _INK)


def _text(draw: ImageDraw.ImageDraw, font: Any, text: str, x: int, y: int, anchor_x: float) -> None:
    """At ``y`` from above, with the part ``anchor_x`` of its width before ``x``. The font knows Latin-1 only."""
    shown = for_terminal(text).encode("latin-1", "replace").decode("latin-1")
    draw.text((x - round(anchor_x * draw.textlength(shown, font)), y), shown, _INK, font)


def as_markdown(png: bytes, title: str) -> str:
    """A title and below it an image that carries its bytes."""
    return f"{for_markdown(title)}\n\n![](data:image/png;base64,{base64.b64encode(png).decode()})"
