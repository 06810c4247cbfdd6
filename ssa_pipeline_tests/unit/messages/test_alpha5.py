"""Alpha-5 against sgp4's own, and what only we accept."""

from __future__ import annotations

import pytest
from sgp4.alpha5 import from_alpha5, to_alpha5

from ssa_pipeline.messages.alpha5 import ALPHA5_MAX, format_alpha5, parse_catalog_number


@pytest.mark.parametrize("norad_id", [1, 5, 99_999, 100_000, 179_999, 180_000, 230_000, 270_001, 339_999])
def test_agrees_with_sgp4_both_ways(norad_id: int) -> None:
    text = format_alpha5(norad_id)
    assert text == to_alpha5(norad_id).rjust(5, "0")
    assert parse_catalog_number(text) == norad_id == from_alpha5(text)


def test_every_number_survives_the_round_trip() -> None:
    numbers = [*range(1, 2000), *range(99_000, 101_000), *range(100_007, ALPHA5_MAX + 1, 997), ALPHA5_MAX]
    assert [parse_catalog_number(format_alpha5(n)) for n in numbers] == numbers


@pytest.mark.parametrize(("text", "norad_id"), [("    5", 5), ("799501", 799_501), ("999999999", 999_999_999)])
def test_digits_reach_nine_places_and_may_be_padded(text: str, norad_id: int) -> None:
    assert parse_catalog_number(text) == norad_id


@pytest.mark.parametrize("text", ["", "0", "00000", "I0001", "O0001", "t0001", "T001", "1e3", "-5", "1234567890", "٣"])
def test_other_spellings_are_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 9 digits") as error:
        parse_catalog_number(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("norad_id", [0, -1, 340_000])
def test_what_alpha5_cannot_spell_is_refused(norad_id: int) -> None:
    with pytest.raises(ValueError, match="339999"):
        format_alpha5(norad_id)
