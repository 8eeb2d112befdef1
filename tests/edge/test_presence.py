"""Which code in view is to be answered (R3): once for each visitor, never twice for one."""

from edge.credentials import most_telling
from edge.presence import DOUBT_SECONDS, GONE_SECONDS, QUIET_SECONDS, Presence


def test_a_phone_held_still_is_answered_once():
    """Fifteen frames a second for eight seconds, one answer."""
    presence = Presence()
    answers = [presence.newly_shown(["A"], frame / 15) for frame in range(120)]
    assert [answer for answer in answers if answer] == [("A",)]


def test_a_code_that_comes_back_later_is_answered_again():
    """After the quiet time, and after it was gone."""
    presence = Presence()
    presence.newly_shown(["A"], 0.0)
    assert presence.newly_shown(["A"], QUIET_SECONDS - 0.1) == ()
    assert presence.newly_shown(["A"], QUIET_SECONDS + GONE_SECONDS + 0.1) == ("A",)


def test_a_code_is_quiet_for_five_seconds_after_its_answer_also_when_it_was_away():
    """A hand that wobbles shows nothing new; at any hour of the monotonic clock."""
    for start in (0.0, 70_000.0):
        for away, answered in ((QUIET_SECONDS - 0.01, False), (QUIET_SECONDS, True)):
            presence = Presence()
            presence.newly_shown(["A"], start)
            assert bool(presence.newly_shown(["A"], start + away)) is answered


def test_a_code_that_stays_in_view_stays_answered():
    """Until it was gone for a second, however long that takes."""
    for away, answered in ((GONE_SECONDS - 0.01, False), (GONE_SECONDS, True)):
        presence = Presence()
        presence.newly_shown(["A"], 0.0)
        for second in range(1, 21):
            assert presence.newly_shown(["A"], second * 0.5) == ()
        assert bool(presence.newly_shown(["A"], 10.0 + away)) is answered


def test_a_released_code_is_answered_when_it_is_shown_anew():
    """The turnstile did not turn, or companions follow: not while it is held up, but once it was lowered."""
    presence = Presence()
    presence.newly_shown(["A"], 0.0)
    presence.release(1.0)
    assert presence.newly_shown(["A"], 1.5) == ()
    assert presence.newly_shown(["A"], 2.4) == ()
    assert presence.newly_shown(["A"], 3.4) == ("A",)


def test_a_code_beside_one_that_was_not_read_waits_for_it():
    """The next frames may read it; after a while it is none of ours. At any hour of the monotonic clock."""
    for start in (0.0, 70_000.0):
        presence = Presence()
        assert presence.newly_shown(["A"], start, doubtful=True) == ()
        assert presence.newly_shown(["A"], start + DOUBT_SECONDS - 0.01, doubtful=True) == ()
        assert presence.newly_shown(["A"], start + DOUBT_SECONDS + 0.001, doubtful=True) == ("A",)


def test_a_doubt_about_one_code_is_none_about_another():
    """Each waits for itself, and one that was gone for a second waits anew."""
    presence = Presence()
    presence.newly_shown(["A"], 0.0, doubtful=True)
    assert presence.newly_shown(["B"], DOUBT_SECONDS + 0.01, doubtful=True) == ()
    presence = Presence()
    presence.newly_shown(["A"], 0.0, doubtful=True)
    assert presence.newly_shown(["A"], GONE_SECONDS, doubtful=True) == ("A",)
    presence = Presence()
    presence.newly_shown(["A"], 0.0, doubtful=True)
    assert presence.newly_shown(["A"], GONE_SECONDS + 0.01, doubtful=True) == ()


def test_another_visitor_is_answered_at_once():
    """R3: the quiet time is one text's, never another's."""
    presence = Presence()
    presence.newly_shown(["A"], 0.0)
    assert presence.newly_shown(["B"], 0.1) == ("B",)


def test_a_second_code_that_flickers_does_not_ask_the_first_again():
    """A, then A and B, then A alone: A was answered already."""
    presence = Presence()
    presence.newly_shown(["A"], 0.0)
    assert presence.newly_shown(["A", "B"], 0.1) == ("A", "B")
    assert presence.newly_shown(["A"], 0.2) == ()


def test_one_of_two_that_stays_is_answered():
    """Two at once were told "one at a time"; the one that remains is a visitor like any other."""
    presence = Presence()
    presence.newly_shown(["A", "B"], 0.0)
    assert presence.newly_shown(["A"], 0.5) == ("A",)


def test_nothing_in_view_asks_nothing():
    """The usual frame."""
    assert Presence().newly_shown([], 0.0) == ()


def test_a_pass_wins_over_any_other_text():
    """A poster behind the visitor is not what they show."""
    assert most_telling(["https://example.org", "VP1:X", "WIFI:…"]) == ("VP1:X",)


def test_two_passes_are_both_told():
    """The gate never chooses between two people."""
    assert most_telling(["VP1:X", "VP1:Y", "VP1:X"]) == ("VP1:X", "VP1:Y")


def test_of_other_texts_the_first_is_answered():
    """Somebody shows something: they get an answer."""
    assert most_telling(["one", "two"]) == ("one",)
    assert most_telling([]) == ()
