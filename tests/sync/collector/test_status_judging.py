"""How somebody stands by the register (R3): each row is one person at NOW."""

from __future__ import annotations

import pytest

from sync.collector.visitors.status.judging import Answered, Declared, Entry, Evidence, Result, judge
from sync.collector.visitors.status.port import Health, LastTest, Reason, Source, worst
from sync.collector.visitors.status.settings import DAY_SECONDS, Default, StatusSettings
from sync.wire.passes import Status

NOW = 1_790_000_000.0
DAY = DAY_SECONDS
G, Y, R, U = Status.GREEN, Status.YELLOW, Status.RED, Status.UNKNOWN


def entry(status: Status, set_days_ago: float, for_days: float, ended_days_ago: float | None = None) -> Entry:
    at = NOW - set_days_ago * DAY
    ended = None if ended_days_ago is None else NOW - ended_days_ago * DAY
    return Entry(status, Reason.OTHER, at, at + for_days * DAY, ended)


def positive(taken: float, known: float | None = None) -> Result:
    return Result(NOW - taken * DAY, False, NOW - (taken if known is None else known) * DAY)


def negative(taken: float) -> Result:
    return Result(NOW - taken * DAY, True, NOW - taken * DAY)


def declared(days_ago: float, looked: float | None = None) -> Declared:
    return Declared(NOW - days_ago * DAY, None if looked is None else NOW - looked * DAY)


def said(status: Status, test: LastTest | None = None) -> Answered:
    return Answered(status, NOW - 60, NOW - 600, test)


# entries, results, declared, the platform's word → status, reason, since and until in days from NOW
TABLE = {
    "nothing is known": ([], [], [], None, U, Reason.NOTHING_KNOWN, None, None),
    "red for two weeks": ([entry(R, 1, 14)], [], [], None, R, Reason.OTHER, -1, 13),
    "its term is over this very moment": ([entry(R, 14, 14)], [], [], None, U, Reason.NOTHING_KNOWN, 0, None),
    "taken back": ([entry(R, 2, 14, 1)], [], [], None, U, Reason.NOTHING_KNOWN, -1, None),
    "the newest word holds, not the worst": ([entry(R, 3, 14), entry(G, 1, 7)], [], [], None, G, Reason.OTHER, -1, 6),
    "the earlier word again": ([entry(G, 9, 30), entry(R, 8, 7)], [], [], None, G, Reason.OTHER, -1, 21),
    "a positive test": ([], [positive(1)], [], None, R, Reason.TEST_POSITIVE, -1, 13),
    "a positive test of long ago": ([], [positive(14)], [], None, U, Reason.NOTHING_KNOWN, None, None),
    "negative since": ([], [positive(2), negative(1)], [], None, U, Reason.NOTHING_KNOWN, None, None),
    "positive after all": ([], [negative(2), positive(1)], [], None, R, Reason.TEST_POSITIVE, -1, 13),
    "positive in spite of a green word": ([entry(G, 2, 9)], [positive(1)], [], None, R, Reason.TEST_POSITIVE, -1, 13),
    "the authority knew the test": ([entry(Y, 1, 3)], [positive(2)], [], None, Y, Reason.OTHER, -1, 2),
    "a test that came late": ([entry(G, 2, 9)], [positive(3, known=1)], [], None, R, Reason.TEST_POSITIVE, -3, 11),
    "symptoms": ([entry(G, 2, 9)], [], [declared(1)], None, Y, Reason.DECLARED, -1, 13),
    "symptoms that were looked at": ([entry(G, 2, 9)], [], [declared(1, 0.5)], None, G, Reason.OTHER, -2, 7),
    "symptoms that nobody looked at": ([], [], [declared(14)], None, U, Reason.NOTHING_KNOWN, None, None),
    "symptoms of somebody red": ([entry(R, 1, 3)], [], [declared(1)], None, R, Reason.OTHER, -1, 2),
    "yellow twice ends with the later": ([entry(Y, 1, 3)], [], [declared(1)], None, Y, Reason.DECLARED, -1, 13),
    "the platform's green": ([], [], [], said(G), G, Reason.PLATFORM, -600 / DAY, None),
    "the platform's red over our green": ([entry(G, 1, 3)], [], [], said(R), R, Reason.PLATFORM, -600 / DAY, None),
    "our red over the platform's green": ([entry(R, 1, 3)], [], [], said(G), R, Reason.OTHER, -1, 2),
    "the platform does not know them": ([entry(G, 1, 3)], [], [], said(U), G, Reason.OTHER, -1, 2),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_register_judges(name: str) -> None:
    """The most severe that holds, since when, and when that ends by itself."""
    entries, results, declarations, answered, status, reason, since, until = TABLE[name]
    for rows in (entries, entries[::-1]):  # in whatever order they come
        found = judge(Evidence(True, rows, results, declarations, answered), StatusSettings(), NOW)
        days = [None if at is None else pytest.approx((at - NOW) / DAY) for at in (found.since, found.until)]
        assert (found.status, found.reason, *days) == (status, reason, since, until)


def test_the_town_may_call_those_green_of_whom_nothing_is_known() -> None:
    """Those who registered; nobody else, ever."""
    green = StatusSettings(default=Default.GREEN)
    assert judge(Evidence(True), green, NOW).status is G
    assert judge(Evidence(False), green, NOW).status is U
    assert judge(Evidence(True, answered=said(U)), green, NOW).status is U
    assert judge(Evidence(True, declared=[declared(1)]), green, NOW).status is Y
    assert judge(Evidence(False, [entry(G, 1, 3)]), green, NOW).status is G


def test_the_newest_test_is_told_and_the_worse_of_two_on_one_sample() -> None:
    """Of laboratories and the platform alike; it makes nobody green."""
    found = judge(Evidence(True, results=[negative(1), positive(3)]), StatusSettings(), NOW)
    assert (found.test, found.status) == (LastTest(NOW - DAY, True), U)
    both = Evidence(True, results=[negative(1)], answered=said(G, LastTest(NOW - DAY, False)))
    assert judge(both, StatusSettings(), NOW).test == LastTest(NOW - DAY, False)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [([G, Y], Y), ([R, Y, G], R), ([G, U], U), ([U, Y], Y), ([G], G)],
)
def test_of_several_people_the_most_severe_counts(statuses: list[Status], expected: Status) -> None:
    """Unknown is worse than green, and hides no yellow."""
    people = [Health(status, Reason.OTHER, Source.REGISTER, NOW) for status in statuses]
    assert worst(people).status is expected


def test_of_several_people_the_worst_test_and_the_earliest_end_count() -> None:
    """One without a test: no test."""

    def of(at: float | None, negative: bool = True, until: float | None = None) -> Health:
        test = None if at is None else LastTest(at, negative)
        return Health(G, Reason.OTHER, Source.REGISTER, NOW - (at or 0), None, until, test)

    assert worst([of(1, until=9), of(2, until=5)]).test == LastTest(1, True)
    assert worst([of(1, until=9), of(2, until=5), of(3)]).until == 5
    assert worst([of(1), of(None)]).test is None
    assert worst([of(1), of(None), of(2, negative=False)]).test == LastTest(2, False)
    assert worst([of(1), of(2)]).asserted_at == NOW - 2
