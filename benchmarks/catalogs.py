"""The catalogues that are measured with: the bundled one as TLE, and grown ones."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sgp4 import exporter, omm
from sgp4.api import Satrec

from benchmarks.workbench import CATALOG, START
from ssa_pipeline.core.catalog.clean_catalog import clean_catalog
from ssa_pipeline.core.time import from_us, parse_utc
from ssa_pipeline.messages.catalog import parse_catalog

Record = dict[str, str]  # one row of an OMM CSV file

SEED = 20241101
FIRST_NEW_ID = 1_000_000
INCLINATION_NOISE_DEG = 0.1  # copies stay in their shell: spreads as within a constellation or a cloud of debris
MEAN_MOTION_NOISE = 5e-4  # relative; about 2 km of altitude in low orbits


def usable_records(catalog: Path = CATALOG) -> list[Record]:
    """The records of the bundled file that the product uses at START, in the file's order."""
    data = catalog.read_bytes()
    sets = parse_catalog(data, catalog.name).element_sets
    used = set(clean_catalog(sets, from_us(parse_utc(START)).date()).element_sets.norad_id.tolist())
    with gzip.open(catalog, "rt", newline="") as stream:
        return [row for row in csv.DictReader(stream) if int(row["NORAD_CAT_ID"]) in used]


def write_omm(records: list[Record], path: Path) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return path


def write_tle(records: Iterable[Record], path: Path) -> Path:
    """Two lines per record, written by sgp4.exporter. ValueError for what a TLE cannot express."""
    path.write_text("".join(f"{line}\n" for record in records for line in tle_lines(record)))
    return path


def tle_lines(record: Record) -> tuple[str, str]:
    satrec = Satrec()
    omm.initialize(satrec, _in_full(record))
    first, second = exporter.export_tle(satrec)
    if len(first) != 69 or len(second) != 69:
        raise ValueError(f"{record['NORAD_CAT_ID']} does not fit into a TLE:\n{first}\n{second}")
    return first, second


def _in_full(record: Record) -> Record:
    """sgp4's reader wants six decimals of seconds, and angles that do not round to 360.0000."""
    whole, _, fraction = record["EPOCH"].partition(".")
    angles = {name: f"{round(float(record[name]), 4) % 360.0:.4f}" for name in _ANGLES}
    return {**record, **angles, "EPOCH": f"{whole}.{fraction or '0':0<6}"}


_ANGLES = ("RA_OF_ASC_NODE", "ARG_OF_PERICENTER", "MEAN_ANOMALY")


def grow(records: list[Record], count: int, seed: int = SEED) -> list[Record]:
    """``count`` records: a random part of ``records``, or all of them and perturbed copies in the same shells.

    A copy has a new id, RAAN, argument of perigee and mean anomaly anywhere, inclination and mean motion with
    small normal noise, and the rest, so perigee height and drag, of its original.
    """
    generator = np.random.default_rng(seed)
    if count <= len(records):
        return [records[k] for k in np.sort(generator.choice(len(records), count, replace=False))]
    copies = count - len(records)
    # every object is copied equally often, as far as the count allows: the shells keep their shares
    originals = np.concatenate([generator.permutation(len(records)) for _ in range(-(-copies // len(records)))])
    angles = generator.uniform(0.0, 359.9999, (copies, 3))
    noise = generator.standard_normal((copies, 2))
    return records + [_copy(records[originals[k]], FIRST_NEW_ID + k, angles[k], noise[k]) for k in range(copies)]


def _copy(record: Record, norad_id: int, angles: NDArray[np.float64], noise: NDArray[np.float64]) -> Record:
    inclination = abs(float(record["INCLINATION"]) + INCLINATION_NOISE_DEG * noise[0])
    inclination = min(inclination, 360.0 - inclination)  # folded at both ends of 0 to 180
    mean_motion = float(record["MEAN_MOTION"]) * (1.0 + MEAN_MOTION_NOISE * noise[1])
    return {
        **record,
        "OBJECT_NAME": f"COPY {norad_id}",
        "OBJECT_ID": "",
        "NORAD_CAT_ID": str(norad_id),
        "INCLINATION": f"{inclination:.4f}",
        "MEAN_MOTION": f"{mean_motion:.8f}",
        **{name: f"{angle:.4f}" for name, angle in zip(_ANGLES, angles, strict=True)},
    }
