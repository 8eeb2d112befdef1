"""Which of a batch's numbers were declared to hold no record, whatever a gate declared before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.collector.intake.service import declared_empty

_number = st.integers(1, 60)
_hole = st.tuples(_number, st.integers(0, 20)).map(lambda hole: (hole[0], hole[0] + hole[1]))


@given(st.sets(_number), st.sets(_hole))
def test_each_hole_is_looked_at_once_and_every_number_in_one_is_found(
    numbers: set[int], holes: set[tuple[int, int]]
) -> None:
    """Holes that lie over each other too: a rogue gate declares a million of them while everybody waits (R24)."""
    expected = {number for number in numbers if any(first <= number <= last for first, last in holes)}
    one_pass = iter(sorted(holes))
    assert declared_empty(sorted(numbers), one_pass) == expected
