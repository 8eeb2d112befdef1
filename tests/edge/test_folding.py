"""Codes that are not genuine fill no disk (DESIGN 3)."""

from edge.folding import FOLD_SECONDS, Folding


def test_a_thousand_bad_codes_in_a_minute_are_one_record():
    """Counted, at most one record a minute for each reason."""
    folding = Folding()
    records = []
    for second in range(60):
        for _ in range(17):
            folding.note("bad_signature", float(second))
        records += folding.due(float(second))
    records += folding.due(FOLD_SECONDS)
    assert records == [("bad_signature", 1020)]


def test_each_reason_has_its_own_count():
    """What a record says must be true of all that it counts."""
    folding = Folding()
    folding.note("bad_signature", 0.0)
    folding.note("unknown_format", 1.0)
    folding.note("unknown_format", 2.0)
    assert list(folding.due(1.0 + FOLD_SECONDS)) == [("bad_signature", 1), ("unknown_format", 2)]


def test_a_minute_is_a_minute_however_late_the_hour():
    """A first code at any time of the monotonic clock starts its own minute."""
    folding = Folding()
    folding.note("malformed", 5_000.0)
    assert list(folding.due(5_000.0 + FOLD_SECONDS - 0.1)) == []
    assert list(folding.due(5_000.0 + FOLD_SECONDS)) == [("malformed", 1)]


def test_a_count_is_given_out_once():
    """Nothing is counted twice."""
    folding = Folding()
    folding.note("malformed", 0.0)
    assert list(folding.due(0.0, everything=True)) == [("malformed", 1)]
    assert list(folding.due(1000.0)) == []
