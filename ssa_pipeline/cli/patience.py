"""Nothing is silent for more than a few seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SILENCE_S = 5.0


@contextmanager
def patience(what: str) -> Iterator[Talker]:
    """For work that is usually quick: where it takes long, standard error says every few seconds that it goes on."""
    with Talker(lambda text: print(text, file=sys.stderr, flush=True)) as talker:
        talker.now(what)
        yield talker


class Talker:
    """Says what it is told, and every few seconds of silence for how long the last thing has been going on."""

    def __init__(self, echo: Callable[[str], None], *, silence_s: float = SILENCE_S) -> None:
        self._echo = echo
        self._silence_s = silence_s
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._last = ""
        self._since_s = self._said_s = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Talker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def __call__(self, text: str) -> None:
        with self._lock:
            self._last, self._since_s = text, time.monotonic()
            self._said_s = self._since_s
            self._echo(text)

    def now(self, what: str) -> None:
        """What begins now, said only when it lasts."""
        with self._lock:
            self._last, self._since_s = what, time.monotonic()
            self._said_s = self._since_s

    def _watch(self) -> None:
        while not self._ended.wait(self._silence_s / 10):
            with self._lock:
                now_s = time.monotonic()
                if now_s - self._said_s >= self._silence_s and not self._ended.is_set():
                    self._said_s = now_s
                    self._echo(f"  … {now_s - self._since_s:.0f} s since: {self._last or 'the beginning'}")
