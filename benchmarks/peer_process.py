"""Run by the peer's interpreter, never imported: ``astroz.screen`` (GPL-3) on a TLE file, its rows to a CSV file.

    python peer_process.py CATALOG.tle START HOURS THRESHOLD_KM OUT.csv

Imports nothing of this project, so that the process costs what the peer costs. ``step`` is one minute.
"""

import csv
import sys
from datetime import datetime
from pathlib import Path

import astroz


def main() -> None:
    catalog, start, hours, threshold_km, out = sys.argv[1:]
    constellation = astroz.Constellation(Path(catalog).read_text())
    ids = constellation.satnums  # by index of the rows: near-Earth objects first
    rows = astroz.screen(
        constellation,
        float(hours) * 60.0,
        threshold=float(threshold_km),
        step=1.0,
        start_time=datetime.fromisoformat(start),
    )
    with Path(out).open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("norad_1", "norad_2", "t_s", "miss_km", "relspeed_km_s"))
        columns = (column.tolist() for column in (rows.i, rows.j, rows.time, rows.distance, rows.speed))
        for i, j, minutes, distance, speed in zip(*columns, strict=True):
            writer.writerow((ids[i], ids[j], repr(minutes * 60.0), repr(distance), repr(speed)))


if __name__ == "__main__":
    main()
