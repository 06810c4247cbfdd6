"""The partitions of a UI that runs begin where the data begin."""

from __future__ import annotations

from datetime import date

from ssa_pipeline.local.services import state
from ssa_pipeline.local.services.exclusive import Say, unusable
from ssa_pipeline.settings import DatabaseUrl, Settings
from ssa_pipeline.storage.receipts.snapshots import first_day_with_data
from ssa_pipeline.use_cases.first_day import begin_at, follow_the_data

_RELOAD_TIMEOUT_S = 180.0  # on a machine that is busy with other things


def begin_where_data_begin(settings: Settings, url: DatabaseUrl, say: Say, expected: date | None = None) -> None:
    """To be called when something was stored: the partitions of a UI that runs begin at the first day of which there
    are data (the daemon loads the definitions every minute by itself). ``expected``: of which the first data are to
    come. StorageError."""
    try:
        is_moved = follow_the_data(settings, url)
        if expected is not None and first_day_with_data(url, settings.first_day) is None:
            is_moved |= begin_at(settings, expected)
    except OSError as error:  # what was stored is stored
        say(f"warning: the first day received cannot be noted, so the UI may begin later: {unusable(settings, error)}")
        return
    address = state.ui_url(settings) if is_moved else None
    if address is None:
        return
    from ssa_pipeline.use_cases.runs.webserver import Webserver, WebserverError

    try:
        with Webserver(address, timeout_s=_RELOAD_TIMEOUT_S) as webserver:
            webserver.reload()
    except WebserverError as error:
        say(f"warning: until `ssa down` and `ssa up` the UI does not begin with the first day received: {error}")
