"""Who is screened with which volume: the options of ``ssa screen`` and its file of primaries (docs/volumes.md)."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssa_pipeline.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from ssa_pipeline.core.records import ElementSets, RejectedRecord
    from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes, Volume

LARGEST_KM = 500.0  # of a threshold or a half-axis
HEADERS = ("norad_id", "norad_cat_id")


@dataclass(frozen=True)
class Primary:
    """One object that is asked for: a number or a name (known once the catalogue is), and where it was asked for.
    ``volume`` is None where none is named, or a preset's name."""

    place: str  # "--primaries FILE line 3", or "--object"
    text: str
    volume: Volume | str | None


@dataclass(frozen=True)
class VolumeRequest:
    """Options that can be judged without a catalogue; no ``primaries``: everyone."""

    volume: Volume | str
    otherwise: Volume  # where no row of a preset is for an orbit
    primaries: list[Primary]
    exclude_same_constellation: bool

    @property
    def threshold_km(self) -> float | None:
        """Radius of the sphere where one is used, None where everyone has a box."""
        return None if self.volume != self.otherwise and not isinstance(self.volume, str) else self.otherwise.radius_km


def volume_request(
    threshold_km: float | None,
    volume: str | None,
    primaries: Path | None,
    exclude_same_constellation: bool,
    objects: Sequence[str] = (),
) -> VolumeRequest:
    """The options, checked: CliError names the first that cannot be used."""
    from ssa_pipeline.core.volumes.screening_volume import Volume

    if threshold_km is not None and not 0.0 < threshold_km <= LARGEST_KM:
        rule = f"above 0 and at most {LARGEST_KM:g}"
        raise CliError(f"--threshold-km must be {rule}, not {threshold_km:g}", Exit.USAGE)
    sphere = Volume.sphere(5.0 if threshold_km is None else threshold_km)
    try:
        chosen = sphere if volume is None else _volume(volume.split(","))
    except ValueError as error:
        raise CliError(f"--volume {volume}: {error}", Exit.USAGE) from None
    if threshold_km is not None and volume is not None and isinstance(chosen, Volume):
        raise CliError("--threshold-km and a --volume for everyone exclude each other; give one", Exit.USAGE)
    listed = [] if primaries is None else _primaries(primaries)
    listed += [Primary("--object", text.strip(), None) for text in objects]
    return VolumeRequest(chosen, sphere, listed, exclude_same_constellation)


def screening_volumes(request: VolumeRequest, used: ElementSets, rejected: list[RejectedRecord]) -> ScreeningVolumes:
    """The volumes of the objects used; CliError names the line of a primary that is not among them."""
    import numpy as np

    from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes, constellations

    volumes = _volumes(request.volume, request.otherwise, used)
    is_primary = np.full(len(used), not request.primaries)
    row_of = {norad_id: row for row, norad_id in enumerate(used.norad_id.tolist())}
    numbers = _numbers(request.primaries, used, rejected)
    unknown = [
        (primary, number) for primary, number in zip(request.primaries, numbers, strict=True) if number not in row_of
    ]
    if unknown:
        raise CliError(_unknown(unknown, rejected), Exit.USAGE)
    own: dict[Volume | str, list[Volume]] = {}  # one table per volume named in the file
    for primary, number in zip(request.primaries, numbers, strict=True):
        row = row_of[number]
        is_primary[row] = True
        if primary.volume is not None:
            if primary.volume not in own:
                own[primary.volume] = _volumes(primary.volume, request.otherwise, used)
            volumes[row] = own[primary.volume][row]
    groups = constellations(used.object_name) if request.exclude_same_constellation else None
    return ScreeningVolumes.of(volumes, is_primary, groups)


def _numbers(primaries: list[Primary], used: ElementSets, rejected: list[RejectedRecord]) -> list[int]:
    """The objects' numbers, names looked up among the records of the catalogue; CliError for what is not one object, or
    is asked for twice."""
    from ssa_pipeline.cli.inputs import choose_object

    columns = used.norad_id.tolist(), used.object_name.tolist(), used.object_id.tolist()
    known = set(zip(*columns, strict=True))
    is_used = set(columns[0])
    known |= {
        (one.norad_id, one.object_name or "", "") for one in rejected if one.norad_id and one.norad_id not in is_used
    }

    def named(text: str) -> list[tuple[int, str, str]]:
        part = text.upper()
        return [one for one in known if part in one[1].upper() or part == one[2]]

    place_of: dict[int, str] = {}
    for primary in primaries:
        try:
            number = choose_object(primary.text, named, "in the catalogue")
        except CliError as error:
            raise CliError(f"{primary.place}: {error}", Exit.USAGE) from None
        if number in place_of:
            raise CliError(f"{primary.place}: {number} is asked for already, by {place_of[number]}", Exit.USAGE)
        place_of[number] = primary.place
    return list(place_of)


def spell_volume(request: VolumeRequest) -> str:
    """For summaries: ``below 5 km``, ``within 2 x 25 x 25 km (R x T x N)``, or a preset's name."""
    if isinstance(request.volume, str):
        return f"within {request.volume}, {request.otherwise.radius_km:g} km elsewhere"
    axes = request.volume.half_axes_km
    if axes[0] == request.volume.radius_km:
        return f"below {request.volume.radius_km:g} km"
    return "within " + " x ".join(f"{axis:g}" for axis in axes) + " km (R x T x N)"


def _volumes(volume: Volume | str, otherwise: Volume, used: ElementSets) -> list[Volume]:
    from ssa_pipeline.core.volumes.volume_presets import preset_volumes

    if isinstance(volume, str):
        return preset_volumes(volume, used, otherwise)
    return [volume] * len(used)


def _volume(words: list[str]) -> Volume | str:
    """One number is a sphere, three are a box, a word is a preset. ValueError says what is wrong."""
    from ssa_pipeline.core.volumes.screening_volume import Volume
    from ssa_pipeline.core.volumes.volume_presets import PRESETS

    if len(words) == 1 and words[0].strip() in PRESETS:
        return words[0].strip()
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3):
        rule = "a radius in km, three half-axes R,T,N in km, or one of " + ", ".join(PRESETS)
        raise ValueError(f"a volume is {rule}, not {','.join(words)!r}")
    for number in numbers:
        if not 0.0 < number <= LARGEST_KM:
            raise ValueError(f"a radius or half-axis must be above 0 and at most {LARGEST_KM:g} km, not {number:g}")
    return Volume.sphere(numbers[0]) if len(numbers) == 1 else Volume.box(*numbers)


def _primaries(path: Path) -> list[Primary]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CliError(f"--primaries {path} is no text file (UTF-8)", Exit.USAGE) from None
    except OSError as error:
        raise CliError(f"--primaries {path} cannot be read: {error.strerror}", Exit.USAGE) from None
    found: list[Primary] = []
    is_first = True
    for line, content in enumerate(text.splitlines(), start=1):
        row = next(csv.reader([content.partition("#")[0]], skipinitialspace=True), [])
        words = [word.strip() for word in row or [""]]  # quotes for a name with a comma
        if words == [""]:
            continue
        is_header = is_first and words[0].lower() in HEADERS
        is_first = False
        if is_header:
            continue
        try:
            found.append(_primary(f"--primaries {path} line {line}", words))
        except ValueError as error:
            raise CliError(f"--primaries {path} line {line}: {error}", Exit.USAGE) from None
    if not found:
        raise CliError(f"--primaries {path} names no object; write one number or name per line", Exit.USAGE)
    return found


def _primary(place: str, words: list[str]) -> Primary:
    if not words[0]:
        raise ValueError("no object is named before the comma")
    rest = words[1:]
    while rest and not rest[-1]:  # a table's empty cells
        rest.pop()
    return Primary(place, words[0], _volume(rest) if rest else None)


def _unknown(unknown: list[tuple[Primary, int]], rejected: list[RejectedRecord]) -> str:
    """Where the first unknown primary stands, why it is not there, and how many more are missing."""
    first, number = unknown[0]
    reasons = Counter(record.rule.value for record in rejected if record.norad_id == number)
    why = f"has no usable element set in the catalogue ({', '.join(reasons)})" if reasons else "is not in the catalogue"
    more = f"; {len(unknown) - 1} more like it" if len(unknown) > 1 else ""
    return f"{first.place}: {number} {why}{more}"
