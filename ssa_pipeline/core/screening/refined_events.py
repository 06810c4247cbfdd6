"""Link 5: the encounters themselves. TCA is the local minimum of the distance of SGP4 positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ssa_pipeline.core.flags import EventFlag, of_object
from ssa_pipeline.core.kernels import refined_events as kernel
from ssa_pipeline.core.kernels.sgp4.coefficients import Pair
from ssa_pipeline.core.kernels.validity import mean_apsides
from ssa_pipeline.core.orbits.geodetic import geodetic_of_teme
from ssa_pipeline.core.orbits.propagation import LOW_PERIGEE_KM, SURFACE_KM, find_validity, sgp4_coefficients, states_at
from ssa_pipeline.core.orbits.rtn import rtn_axes
from ssa_pipeline.core.parallel import map_blocks
from ssa_pipeline.core.records import (
    MICROSECONDS_PER_DAY,
    Candidates,
    ElementSets,
    EphemerisChunks,
    EventClass,
    Events,
    Float64,
    Int64,
    Text,
)
from ssa_pipeline.core.volumes.screening_volume import ScreeningVolumes, as_volumes
from ssa_pipeline.core.volumes.volume_entries import VolumeEntries
from ssa_pipeline.core.watch import SILENT, Watch

PERSISTENT_US = 600 * 1_000_000  # together this long or longer is persistent
LONGEST_REVOLUTION_US = 25 * 3600 * 1_000_000  # neighbours of an interval are sought at most this far away
SAMPLES_PER_REVOLUTION = 240
COARSEST_SAMPLE_US = 30 * 1_000_000
REENTERING_APOGEE_KM = 150.0  # of mean elements: no revolution is left above the atmosphere
BORDER_US = 2_000_000  # nearer to a border than this, the sign of the range rate there decides the owner

OUTCOMES = {
    kernel.EVENT: "event",
    kernel.ABOVE_THRESHOLD: "above_threshold",
    kernel.MINIMUM_ELSEWHERE: "minimum_in_another_step",
    kernel.NOT_VALID: "object_not_valid",
}
SLOW_OUTCOME = "searched_as_slow_pair"
OUTSIDE_OUTCOME = "outside_the_volume"


@dataclass(frozen=True)
class RefinedEvents:
    """The encounters, and what became of every candidate: ``outcomes`` sums to the number of candidates."""

    events: Events
    outcomes: dict[str, int]


@dataclass(frozen=True)
class _Row:
    """One encounter before its geometry is known; ``first`` and ``second`` index the element sets. ``passages``: the
    (start, end) below the threshold that it consists of, one for a crossing."""

    first: int
    second: int
    tca_us: int
    start_us: int
    end_us: int
    event_class: EventClass
    n_minima: int
    flags: tuple[str, ...]
    passages: tuple[tuple[int, int], ...]


def refine_events(
    elements: ElementSets,
    chunks: EphemerisChunks,
    candidates: Candidates,
    volumes: float | ScreeningVolumes,
    *,
    threads: int = 1,
    watch: Watch = SILENT,
) -> RefinedEvents:
    """Encounters in the window of ``chunks``, from its candidates for the same ``volumes``.

    ``volumes`` is a threshold in km for all pairs, or the volumes of the objects (docs/volumes.md). ``elements`` (and
    volumes) must hold the objects of ``chunks`` in the same order. Raises ValueError where they differ or a threshold
    is not positive; Cancelled.
    """
    if not np.array_equal(elements.norad_id, chunks.norad_id):
        raise ValueError("element sets and ephemeris chunks hold different objects")
    asked = as_volumes(volumes, len(chunks))
    coefficients = sgp4_coefficients(elements)
    first, second = _rows_of(chunks, candidates.norad_id_1), _rows_of(chunks, candidates.norad_id_2)
    valid = np.stack([chunks.valid_from_us, chunks.valid_to_us], axis=1)
    is_slow = _pairs_with_slow_step(first, second, candidates.is_slow)

    entries = VolumeEntries(elements, coefficients, chunks, asked)

    fast = np.flatnonzero(~is_slow)
    rows, outcomes = _refine_fast(
        elements, coefficients, valid, first[fast], second[fast], candidates, fast, entries, threads, watch
    )
    search = _SlowSearch(elements, coefficients, valid, chunks.start_us, chunks.end_us, entries)
    pairs = list(_slow_pairs(first, second, candidates, np.flatnonzero(is_slow)))

    def block(begin: int, end: int) -> list[_Row]:
        return [row for pair in pairs[begin:end] for row in search.encounters(*pair)]

    slow = map_blocks(block, len(pairs), threads=threads, watch=watch, stage="slow pairs", block=8)
    rows.extend(row for part in slow for row in part)
    if np.any(is_slow):
        outcomes[SLOW_OUTCOME] = int(is_slow.sum())
    return RefinedEvents(_events(elements, coefficients, chunks, rows), outcomes)


def _rows_of(chunks: EphemerisChunks, norad_id: Int64) -> Int64:
    order = np.argsort(chunks.norad_id, kind="stable")
    return order[np.searchsorted(chunks.norad_id, norad_id, sorter=order)]


def _pairs_with_slow_step(first: Int64, second: Int64, is_slow: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Int64:
    """Candidates of every pair that has a slow step: one search must see a whole encounter, (k,) bool."""
    pair = first * (1 << 32) + second
    return np.isin(pair, np.unique(pair[is_slow]))  # type: ignore[return-value]


def _refine_fast(
    elements: ElementSets,
    coefficients: Float64,
    valid: Int64,
    first: Int64,
    second: Int64,
    candidates: Candidates,
    chosen: Int64,
    entries: VolumeEntries,
    threads: int,
    watch: Watch,
) -> tuple[list[_Row], dict[str, int]]:
    reach = entries.volumes.pair_reach_km(first, second)
    outcome = np.empty(len(chosen), dtype=np.int64)
    times = np.zeros((len(chosen), 3), dtype=np.int64)
    objects = kernel.Objects(coefficients, elements.epoch_us, valid)
    steps = kernel.Steps(first, second, candidates.step_start_us[chosen], candidates.step_end_us[chosen], reach)
    found = kernel.Outcomes(outcome, times, np.empty(len(chosen)))

    def block(begin: int, end: int) -> None:
        kernel.refine_fast(objects, steps, found, begin, end)

    map_blocks(block, len(chosen), threads=threads, watch=watch, stage="refine", block=1024)
    rows = [
        _Row(int(first[k]), int(second[k]), tca, start, stop, EventClass.CROSSING, 1, (), ((start, stop),))
        for k in np.flatnonzero(outcome == kernel.EVENT)
        for tca, start, stop in (times[k].tolist(),)
    ]
    counts = {name: int(np.count_nonzero(outcome == code)) for code, name in OUTCOMES.items()}
    if np.any(entries.are_needed):
        passes = len(rows)
        rows = _entered(rows, entries, threads, watch)
        counts[OUTSIDE_OUTCOME] = passes - len(rows)
        counts[OUTCOMES[kernel.EVENT]] = len(rows)
    return rows, counts


def _entered(rows: list[_Row], entries: VolumeEntries, threads: int, watch: Watch) -> list[_Row]:
    """The passes that enter a volume of their pair, with the times at which they do."""

    def block(begin: int, end: int) -> list[_Row]:
        return [row for row in (_narrowed(r, entries) for r in rows[begin:end]) if row is not None]

    parts = map_blocks(block, len(rows), threads=threads, watch=watch, stage="volumes", block=64)
    return [row for part in parts for row in part]


def _narrowed(row: _Row, entries: VolumeEntries) -> _Row | None:
    """The row with its times inside a volume of the pair, None where it enters none."""
    if entries.is_within_sphere(row.first, row.second):
        return row
    span = entries.inside(row.first, row.second, row.start_us, row.end_us)
    if span is None:
        return None
    left = {EventFlag.CONTINUES_BEFORE} if span[0] > row.start_us else set()
    left |= {EventFlag.CONTINUES_AFTER} if span[1] < row.end_us else set()
    flags = [word for word in row.flags if word not in left]
    if entries.inside(row.first, row.second, row.tca_us, row.tca_us) is None:
        flags.append(EventFlag.TCA_OUTSIDE_VOLUME)
    return replace(
        row, start_us=span[0], end_us=span[1], flags=tuple(flags), passages=_clipped(row.passages, *span) or (span,)
    )


def _clipped(passages: Iterable[tuple[int, int]], start_us: int, end_us: int) -> tuple[tuple[int, int], ...]:
    """What of the passages lies in [start_us, end_us]."""
    parts = ((max(start, start_us), min(end, end_us)) for start, end in passages)
    return tuple((start, end) for start, end in parts if start < end)


def _slow_pairs(
    first: Int64, second: Int64, candidates: Candidates, chosen: Int64
) -> Iterator[tuple[int, int, Int64, Int64]]:
    """(first, second, starts, ends of the steps in time order) of every slow pair."""
    order = chosen[np.lexsort((candidates.step_start_us[chosen], second[chosen], first[chosen]))]
    pair = np.stack([first[order], second[order]], axis=1)
    borders = np.flatnonzero(np.any(pair[1:] != pair[:-1], axis=1)) + 1
    for part in np.split(order, borders) if len(order) else []:
        starts, ends = candidates.step_start_us[part], candidates.step_end_us[part]
        yield int(first[part[0]]), int(second[part[0]]), starts, ends


class _SlowSearch:
    """Dense search of the encounters of one pair around its candidate steps (design: slow pairs)."""

    def __init__(
        self,
        elements: ElementSets,
        coefficients: Float64,
        valid: Int64,
        start_us: int,
        end_us: int,
        entries: VolumeEntries,
    ) -> None:
        self._elements = elements
        self._coefficients = coefficients
        self._valid = valid
        self._start_us = start_us
        self._end_us = end_us
        self._entries = entries

    def encounters(self, first: int, second: int, starts: Int64, ends: Int64) -> Iterator[_Row]:
        """Rows of one pair, given the steps in which it may be below the threshold."""
        motion = self._elements.mean_motion_rev_per_day
        revolution = min(
            int(MICROSECONDS_PER_DAY / max(motion[first], motion[second])),
            LONGEST_REVOLUTION_US,
        )
        around = revolution + PERSISTENT_US + COARSEST_SAMPLE_US
        lower = int(max(self._valid[first, 0], self._valid[second, 0])) + kernel.EDGE_US
        upper = int(min(self._valid[first, 1], self._valid[second, 1])) - kernel.EDGE_US
        gap = np.flatnonzero(starts[1:] - ends[:-1] > 2 * around) + 1
        for part_start, part_end in zip(np.split(starts, gap), np.split(ends, gap), strict=True):
            begin = max(int(part_start[0]) - around, lower)
            end = min(int(part_end[-1]) + around, upper)
            if end > begin:
                yield from self._search(first, second, begin, end, revolution)

    def _search(self, first: int, second: int, begin: int, end: int, revolution: int) -> Iterator[_Row]:
        sample = min(revolution // SAMPLES_PER_REVOLUTION, COARSEST_SAMPLE_US)
        room = (end - begin) // sample + 4
        found = kernel.Passages(np.empty((room, 3), np.int64), np.empty(room, np.int64), np.empty(room))
        search = kernel.Search(begin, end, sample, self._entries.reach_km(first, second), revolution)
        n_passages, n_minima, spread = kernel.search_slow(self._pair(first, second), search, found)
        minima, minima_km = found.minima_us[:n_minima], found.minima_km[:n_minima]
        is_flat = spread < kernel.FLAT_KM
        for merged in _merged(found.spans[:n_passages]):
            start, stop = merged[0][0], merged[-1][1]
            inside = (minima >= start) & (minima <= stop)
            row = self._classify(first, second, merged, minima[inside], minima_km[inside], is_flat)
            if row is not None and (row := _narrowed(row, self._entries)) is not None:
                yield row

    def _pair(self, first: int, second: int) -> Pair:
        coef, epoch = self._coefficients, self._elements.epoch_us
        return Pair(coef[first], int(epoch[first]), coef[second], int(epoch[second]), np.zeros((2, 9)))

    def _classify(
        self,
        first: int,
        second: int,
        merged: tuple[tuple[int, int], ...],
        minima: Int64,
        minima_km: Float64,
        is_flat: bool,
    ) -> _Row | None:
        """The row of one proximity interval in this window, None where it belongs to another."""
        start, stop = merged[0][0], merged[-1][1]
        if len(minima) < 2 and stop - start < PERSISTENT_US and not is_flat:
            if len(minima) == 0 or not self._owns(first, second, int(minima[0])):
                return None
            return _Row(first, second, self._inside(minima[0]), start, stop, EventClass.CROSSING, 1, (), merged)
        clipped_start, clipped_stop = max(start, self._start_us), min(stop, self._end_us)
        if clipped_stop <= clipped_start:
            return None
        passages = _clipped(merged, clipped_start, clipped_stop)
        flags: list[str] = []
        if start < self._start_us:
            flags.append(EventFlag.CONTINUES_BEFORE)
            if any(begin < self._start_us < end for begin, end in merged):
                flags.append(EventFlag.PASSAGE_CONTINUES_BEFORE)
        if stop > self._end_us:
            flags.append(EventFlag.CONTINUES_AFTER)
        own = np.array([self._owns(first, second, t) for t in minima.tolist()], dtype=bool)
        tca, words = self._deepest(first, second, clipped_start, clipped_stop, minima[own], minima_km[own], is_flat)
        return _Row(
            first,
            second,
            tca,
            clipped_start,
            clipped_stop,
            EventClass.PERSISTENT,
            int(own.sum()),
            (*flags, *words),
            passages,
        )

    def _deepest(
        self, first: int, second: int, start: int, stop: int, minima: Int64, minima_km: Float64, is_flat: bool
    ) -> tuple[int, list[str]]:
        """Where the distance is smallest in [start, stop), given its own minima, and what is to be said of that."""
        if is_flat and not len(minima):
            return start, [EventFlag.CONSTANT_RANGE]
        pair = self._pair(first, second)
        edge = min((start, stop - 1), key=lambda t: kernel.distance_at(pair, t))
        words: list[str] = [] if len(minima) else [EventFlag.NO_MINIMUM]
        if len(minima) and minima_km.min() <= kernel.distance_at(pair, edge) + kernel.FLAT_KM:
            return self._inside(minima[np.argmin(minima_km)]), words
        return edge, [*words, EventFlag.TCA_AT_EDGE]

    def _owns(self, first: int, second: int, tca: int) -> bool:
        """Whether a minimum lies in [start, end); at the borders as ``refine_fast`` decides it."""
        pair = self._pair(first, second)
        if abs(tca - self._start_us) < BORDER_US:
            return kernel.is_closing(pair, self._start_us)
        if abs(tca - self._end_us) < BORDER_US:
            return not kernel.is_closing(pair, self._end_us)
        return self._start_us <= tca < self._end_us

    def _inside(self, tca: np.int64) -> int:
        """An owned minimum, which rounding may have put beyond the border."""
        return min(max(int(tca), self._start_us), self._end_us - 1)


def _merged(passages: Int64) -> Iterator[tuple[tuple[int, int], ...]]:
    """The (start, end) of the passages (k, 3) of ``search_slow``, those of one interval together."""
    for part in np.split(passages, np.flatnonzero(passages[1:, 2] == 0) + 1) if len(passages) else []:
        yield tuple((start, end) for start, end, _ in part.tolist())


def _events(elements: ElementSets, coefficients: Float64, chunks: EphemerisChunks, rows: list[_Row]) -> Events:
    """Geometry of every row at its TCA, primary first, sorted by (TCA, ids)."""
    swapped = [elements.norad_id[row.first] > elements.norad_id[row.second] for row in rows]
    first = np.array([r.second if s else r.first for r, s in zip(rows, swapped, strict=True)], dtype=np.int64)
    second = np.array([r.first if s else r.second for r, s in zip(rows, swapped, strict=True)], dtype=np.int64)
    tca = np.array([row.tca_us for row in rows], dtype=np.int64)
    epoch_1, epoch_2 = elements.epoch_us[first], elements.epoch_us[second]
    state_1, _ = states_at(coefficients[first], (tca - epoch_1) / 6.0e7)
    state_2, _ = states_at(coefficients[second], (tca - epoch_2) / 6.0e7)
    relative = state_2 - state_1
    axes = rtn_axes(state_1)
    miss = np.einsum("kij,kj->ki", axes, relative[:, :3])
    velocity = np.einsum("kij,kj->ki", axes, relative[:, 3:])
    speed_1 = np.linalg.norm(state_1[:, 3:], axis=1)
    speed_2 = np.linalg.norm(state_2[:, 3:], axis=1)
    cosine = np.einsum("ki,ki->k", state_1[:, 3:], state_2[:, 3:]) / (speed_1 * speed_2)
    latitude_deg, longitude_deg, altitude_km = geodetic_of_teme(state_1[:, :3], tca)
    identical = _have_identical_elements(elements, first, second)
    events = Events(
        norad_id_1=elements.norad_id[first],
        norad_id_2=elements.norad_id[second],
        tca_us=tca,
        miss_distance_km=np.linalg.norm(relative[:, :3], axis=1),
        relative_speed_km_s=np.linalg.norm(relative[:, 3:], axis=1),
        miss_r_km=miss[:, 0],
        miss_t_km=miss[:, 1],
        miss_n_km=miss[:, 2],
        relative_velocity_r_km_s=velocity[:, 0],
        relative_velocity_t_km_s=velocity[:, 1],
        relative_velocity_n_km_s=velocity[:, 2],
        approach_angle_deg=np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_km=altitude_km,
        age_1_days=(tca - epoch_1) / MICROSECONDS_PER_DAY,
        age_2_days=(tca - epoch_2) / MICROSECONDS_PER_DAY,
        epoch_1_us=epoch_1,
        epoch_2_us=epoch_2,
        event_class=np.array([str(row.event_class) for row in rows], dtype=object),
        start_us=np.array([row.start_us for row in rows], dtype=np.int64),
        end_us=np.array([row.end_us for row in rows], dtype=np.int64),
        n_minima=np.array([row.n_minima for row in rows], dtype=np.int64),
        below_threshold_s=np.array([sum(e - s for s, e in row.passages) * 1e-6 for row in rows]),
        n_passages=np.array([len(row.passages) for row in rows], dtype=np.int64),
        flags=_flags(elements, coefficients, chunks, rows, tca, first, second, identical),
    )
    order = np.lexsort((events.norad_id_2, events.norad_id_1, events.tca_us))
    return events.take(order)


def _have_identical_elements(elements: ElementSets, first: Int64, second: Int64) -> Int64:
    columns = (
        elements.epoch_us,
        elements.mean_motion_rev_per_day,
        elements.eccentricity,
        elements.inclination_deg,
        elements.raan_deg,
        elements.arg_perigee_deg,
        elements.mean_anomaly_deg,
        elements.bstar,
    )
    return np.all([column[first] == column[second] for column in columns], axis=0)  # type: ignore[no-any-return]


def _flags(
    elements: ElementSets,
    coefficients: Float64,
    chunks: EphemerisChunks,
    rows: list[_Row],
    tca: Int64,
    first: Int64,
    second: Int64,
    identical: Int64,
) -> Text:
    words = [list(row.flags) for row in rows]
    low = _low_passages(elements, coefficients, chunks, np.concatenate([first, second]))
    for k, row_words in enumerate(words):
        if identical[k]:
            row_words.append(EventFlag.IDENTICAL_ELEMENTS)
        for which, row in ((1, int(first[k])), (2, int(second[k]))):
            if chunks.status[row]:
                row_words.append(of_object(EventFlag.VALIDITY_ENDS, which))
            if tca[k] < elements.epoch_us[row]:
                row_words.append(of_object(EventFlag.FORWARD_EPOCH, which))
            if row in low and not low[row][0] <= tca[k] < low[row][1]:
                row_words.append(of_object(EventFlag.LOW_PERIGEE, which))
                _, apogee_km, _, _ = mean_apsides(coefficients[row], (tca[k] - elements.epoch_us[row]) / 6.0e7)
                if apogee_km < SURFACE_KM + REENTERING_APOGEE_KM:
                    row_words.append(of_object(EventFlag.REENTERING, which))
    return np.array([" ".join(row_words) for row_words in words], dtype=object)


def _low_passages(
    elements: ElementSets, coefficients: Float64, chunks: EphemerisChunks, objects: Int64
) -> dict[int, tuple[int, int]]:
    """Of those of the objects that come below 100 km between their epoch and the window's other end: the (first, last)
    microseconds about the epoch between which they have not done so yet."""
    rows = np.unique(objects)
    since, code = find_validity(
        coefficients[rows], elements.epoch_us[rows], chunks.start_us, chunks.end_us, floor_km=LOW_PERIGEE_KM
    )
    return {int(rows[k]): (int(since[k, 0]), int(since[k, 1])) for k in np.flatnonzero(code)}
