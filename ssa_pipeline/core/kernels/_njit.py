"""The one typed door to numba: every kernel is compiled with the same explicit flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def njit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile without the GIL, cached on disk, strict IEEE arithmetic (results must not depend on flags). What is
    compiled raises nothing: a division by zero is inf or NaN, and no index is checked."""
    return cast(
        Callable[P, R], cast(Any, numba).njit(nogil=True, cache=True, fastmath=False, error_model="numpy")(function)
    )


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """As ``njit``, but always part of its caller: only so a loop around a call can be vectorised."""
    return cast(
        Callable[P, R],
        cast(Any, numba).njit(nogil=True, cache=True, fastmath=False, error_model="numpy", inline="always")(function),
    )
