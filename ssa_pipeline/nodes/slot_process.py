"""A process that executes runs one after the other, so that Dagster and the kernels are loaded once for all of them.

A worker starts it, sends a line of JSON per run to its standard input, and reads a line per run from its output. It
ends when its input ends, at once where it is in the middle of a run: then its worker is dead.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

import psutil
from dagster import DagsterInstance, DagsterRun

from ssa_pipeline import definitions
from ssa_pipeline.dagster_internals import (
    ModuleCodePointer,
    ReconstructableJob,
    ReconstructableRepository,
    capture_interrupts,
    core_execute_run,
)
from ssa_pipeline.local import processes
from ssa_pipeline.local.postgres.address import database_url
from ssa_pipeline.local.work_version import work_version
from ssa_pipeline.settings import DatabaseUrl, read_settings
from ssa_pipeline.storage.upkeep import workers

HOST_TAG = "ssa/host"
_REPOSITORY = ReconstructableRepository(ModuleCodePointer(definitions.__name__, "defs"))


def execute(url: DatabaseUrl, instance: DagsterInstance, request: dict[str, Any]) -> dict[str, Any]:
    """One run, if it is still this worker's: whether it was, and this process's memory in bytes afterwards.

    ``request``: run_id, job_id, worker_id, worker_name, host.
    """
    run_id = request["run_id"]
    is_taken = workers.claim(url, run_id, request["job_id"], request["worker_id"], processes.own_id())
    run = instance.get_run_by_id(run_id) if is_taken else None
    if run is not None and not run.is_finished:
        instance.add_run_tags(run_id, {HOST_TAG: request["host"]})
        said = f"Worker {request['worker_name']} on {request['host']} works on this run, process {processes.own_id()}."
        instance.report_engine_event(said, run)
        _execute(instance, run)
    return {"is_taken": is_taken, "memory_bytes": psutil.Process().memory_info().rss}


def _execute(instance: DagsterInstance, run: DagsterRun) -> None:
    """As ``dagster api execute_run``, with the definitions that are loaded already: the run's own origin names a
    directory of the host that launched it."""
    try:
        for _ in core_execute_run(ReconstructableJob(_REPOSITORY, run.job_name), run, instance, inject_env_vars=False):
            pass
    except BaseException as error:  # noqa: BLE001 (its end is in the run's log; an interrupt ends the run, not us)
        print(f"run {run.run_id}: {type(error).__name__}: {error}", file=sys.stderr)


def _requests(source: IO[bytes], is_busy: threading.Event) -> Iterator[dict[str, Any]]:
    """Lines of the input, which another thread reads: the end of the input ends this process even in mid-run."""
    inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        for line in source:
            inbox.put(line)
        if is_busy.is_set():
            os._exit(1)
        inbox.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := inbox.get()) is not None:
        yield json.loads(line)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a run prints is no answer
    is_busy = threading.Event()
    with DagsterInstance.get() as instance, capture_interrupts():
        definitions.defs.get_repository_def().get_all_jobs()
        settings = read_settings()
        url = database_url(settings)
        print(json.dumps({"work_version": work_version(settings)}), file=answers, flush=True)
        for request in _requests(sys.stdin.buffer, is_busy):
            is_busy.set()
            print(json.dumps(execute(url, instance, request)), file=answers, flush=True)
            is_busy.clear()


if __name__ == "__main__":
    main()
