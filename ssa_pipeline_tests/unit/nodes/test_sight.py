"""Who judges the silence of others, and when."""

from __future__ import annotations

from ssa_pipeline.nodes.sight import Sight


def test_sight_lasts_while_looks_are_answered() -> None:
    sight = Sight(longest_gap_s=6.0)
    assert not sight.has_lasted(0.0)
    for now in range(0, 20, 2):
        sight.note(float(now), 1000.0 + now)
    assert sight.has_lasted(18.0)
    assert not sight.has_lasted(19.0)


def test_a_lost_look_a_gap_and_a_jump_of_the_servers_clock_begin_anew() -> None:
    def seen() -> Sight:
        sight = Sight(longest_gap_s=6.0)
        for now in range(0, 20, 2):
            sight.note(float(now), 1000.0 + now)
        return sight

    lost = seen()
    lost.lose()
    assert not lost.has_lasted(0.0)
    lost.note(20.0, 1020.0)
    assert not lost.has_lasted(1.0)
    stopped = seen()
    stopped.note(30.0, 1030.0)
    assert not stopped.has_lasted(1.0)
    for jump_s in (20.0, -20.0):
        jumped = seen()
        jumped.note(20.0, 1020.0 + jump_s)
        assert not jumped.has_lasted(1.0)
    drifting = seen()
    drifting.note(20.0, 1020.5)
    assert drifting.has_lasted(18.0)
