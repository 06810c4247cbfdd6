"""Verdicts of blocking checks are kept with the slice. Whatever is computed from a slice demands that its checks
passed, no matter in which run they looked at it. (The completeness gate, which judges ``raw_tle_snapshots``, keeps its
own verdicts: see ``storage.receipts.release_gate``.)"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ssa_pipeline.chain.errors import SliceRefusedError
from ssa_pipeline.chain.slice_key import SliceKey
from ssa_pipeline.chain.slices import Slices, SliceVersion, StoredVerdict
from ssa_pipeline.settings import Settings


@dataclass(frozen=True)
class Verdict:
    passed: bool
    description: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


Rule = Callable[[Slices, SliceKey, Settings], Verdict]
# asset -> name -> rule, filled where the checks are defined
BLOCKING: dict[str, dict[str, Rule]] = {}


def judge(slices: Slices, key: SliceKey, name: str, rule: Rule, settings: Settings) -> Verdict:
    """What a blocking check finds in the newest version of a slice; it is kept with that version."""
    version = slices.read_version(key)
    verdict = rule(slices, key, settings)
    if version is not None:
        slices.record_verdict(key, version.log_id, name, StoredVerdict(verdict.passed, verdict.description))
    return verdict


def demand_verdicts(slices: Slices, key: SliceKey, version: SliceVersion, settings: Settings) -> None:
    """SliceRefusedError where a blocking check of the slice did not pass. A check that has not looked at this version
    yet does so now: its run was ended before, or an older release of this program wrote the slice."""
    known = slices.read_verdicts(version.log_id)
    for name, rule in BLOCKING.get(key.asset, {}).items():
        if name not in known:
            found = judge(slices, key, name, rule, settings)
            known[name] = StoredVerdict(found.passed, found.description)
        if not known[name].has_passed:
            raise SliceRefusedError(refusal(key, version, name, known[name].finding))


def refusal(key: SliceKey, version: SliceVersion, name: str, finding: str) -> str:
    return (
        f"{key} was refused by its check {name}: {finding} (version {version.log_id}). Nothing is computed from it. "
        f"`ssa materialize --epoch-day {key.epoch_day}` makes and checks it again; where the slice is right, execute "
        "the check again in the UI"
    )
