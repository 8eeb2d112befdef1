"""The drawn visitors of the demo: reproducible, readable when held still, not before."""

from __future__ import annotations

import numpy as np
import pytest

from hardware.decoders import zxing
from hardware.scene import Exhibit, Surface, draw

_PASS = "VP1:" + "6BFOXN*TS0BI$ZD" * 14 + "AB"


def _read(exhibit: Exhibit, nearness: float, frames: int) -> int:
    rng = np.random.default_rng(5)
    return sum(exhibit.text in {f.text for f in zxing(draw([exhibit], rng, nearness=nearness))} for _ in range(frames))


@pytest.mark.parametrize("surface", list(Surface))
def test_a_visitor_who_holds_still_is_read_and_one_far_away_is_not(surface: Surface) -> None:
    """The demo's people have to come near, as real ones do."""
    exhibit = Exhibit(_PASS, surface)
    assert _read(exhibit, 1.0, 8) == 8
    assert _read(exhibit, 0.0, 8) == 0


def test_the_same_seed_draws_the_same_frame() -> None:
    """Everything random comes from the caller."""
    frames = [draw([Exhibit(_PASS)], np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])


def test_a_frame_has_the_size_that_was_asked_for() -> None:
    """Also with nobody there, and with more people than fit."""
    for exhibits in ([], [Exhibit("A")], [Exhibit(str(n), Surface.PAPER) for n in range(5)]):
        frame = draw(exhibits, np.random.default_rng(1), size=(480, 640))
        assert (frame.shape, frame.dtype) == ((480, 640), np.uint8)


def test_successive_empty_frames_differ_by_noise_only() -> None:
    """A sensor never gives the same picture twice."""
    rng = np.random.default_rng(1)
    one, other = draw([], rng).astype(int), draw([], rng).astype(int)
    assert 0 < np.abs(one - other).mean() < 25


def test_a_text_that_fits_no_symbol_is_a_value_error() -> None:
    """The largest QR code at level M holds 3391 alphanumeric characters."""
    with pytest.raises(ValueError, match="too large"):
        draw([Exhibit("A" * 4000)], np.random.default_rng(1))
