"""What time it is on a Pi without a battery clock (R2, DESIGN 5). The machine is made of numbers."""

from __future__ import annotations

import pytest

from edge import credentials
from edge.clock import KEEP_SECONDS, NONCE_SECONDS, Clock, FloorKeeper, SystemSources, kept_floor
from edge.floor import Floor
from edge.holdover import JUMP_SECONDS, PROBATION_SECONDS, STEADY_SECONDS
from edge.verify import Finding, verify
from sync.wire.passes import PassKind
from sync.wire.receipt import Receipt
from sync.wire.record import ClockQuality

NOW = 1_650_000_000.0
DAY, YEAR = 86_400.0, 365 * 86_400.0
SYNCHRONIZED, HOLDOVER, FLOOR, UNKNOWN = ClockQuality


class Machine:
    """A Pi: its wall clock, its monotonic clock, and whether its kernel is synchronized (an error) or not (None)."""

    def __init__(self, wall: float, error: float | None = None, boot: str = "one") -> None:
        self.at, self.seconds, self.error, self.boot = wall, 10.0, error, boot

    def wall(self) -> float:
        return self.at

    def mono(self) -> float:
        return self.seconds

    def kernel_error(self) -> float | None:
        return self.error

    def pass_by(self, seconds: float) -> None:
        """Time goes on."""
        self.at += seconds
        self.seconds += seconds


def follow(machine: Machine, clock: Clock, seconds: float, step: float = 60.0) -> None:
    """The gate looks at its clock while time goes on."""
    for _ in range(int(seconds / step)):
        machine.pass_by(step)
        clock.now()


def receipt(centre_time: float, nonce: str = "00" * 16) -> Receipt:
    """What the centre signed."""
    return Receipt("g1", "o", 1, 1, centre_time, nonce)


def show(authority, clock: Clock, *issued_at: float) -> None:
    """Genuine passes, one after the other."""
    for issued in issued_at:
        clock.saw(authority.claims(issued_at=int(issued)), clock.now())


def test_a_synchronized_clock_is_believed():
    """With the kernel's own error bound."""
    now = Clock(Machine(NOW, 0.25)).now()
    assert (now.at, now.clock, now.error_seconds, now.floor) == (NOW, SYNCHRONIZED, 0.25, None)


def test_a_clock_that_nobody_vouches_for_is_unknown():
    """Its own reading, and no bound but the floor."""
    now = Clock(Machine(NOW), floor=NOW - DAY).now()
    assert (now.at, now.clock, now.error_seconds, now.floor) == (NOW, UNKNOWN, None, NOW - DAY)
    assert (now.earliest, now.latest) == (NOW - DAY, float("inf"))


def test_without_anything_proved_the_earliest_time_is_open():
    """A gate on its first day."""
    now = Clock(Machine(5.0)).now()
    assert (now.at, now.clock, now.floor, now.earliest) == (5.0, UNKNOWN, None, float("-inf"))


@pytest.mark.parametrize("wall", [0.0, NOW - 7 * DAY])
def test_a_boot_in_the_past_reads_the_floor_and_goes_on_from_there(wall):
    """1970, or last week: the clock never reads below what was proved."""
    machine = Machine(wall)
    clock = Clock(machine, floor=NOW)
    assert (clock.now().at, clock.now().clock, clock.now().earliest) == (NOW, FLOOR, NOW)
    machine.pass_by(3600)
    assert clock.now().at == pytest.approx(NOW + 3600, abs=0.2)
    assert clock.now().at < NOW + 3600  # a crystal may run fast: what is proved is a little less


def test_a_boot_in_2038_expires_nobody_for_good(authority):
    """What is expired only by that clock is not certainly expired; synchronized, all is well."""
    machine = Machine(NOW + 16 * YEAR)
    clock = Clock(machine, floor=NOW - 60)
    now = clock.now()
    assert now.clock is UNKNOWN
    claims = authority.claims(kind=PassKind.SAVED, expires_at=int(NOW + 5 * DAY))
    assert now.earliest < claims.expires_at < now.at
    machine.at, machine.error = NOW, 0.1
    assert (clock.now().at, clock.now().clock) == (NOW, SYNCHRONIZED)
    assert clock.floor() < NOW + 1


def test_one_bad_answer_of_a_time_server_is_ridden_out():
    """A clock that was steady for an hour is carried on; the floor does not move."""
    machine = Machine(NOW, 0.1)
    clock = Clock(machine)
    follow(machine, clock, STEADY_SECONDS + 120)
    machine.at += 12 * YEAR
    now = clock.now()
    assert (now.clock, now.at) == (HOLDOVER, pytest.approx(NOW + STEADY_SECONDS + 120, abs=1))
    follow(machine, clock, PROBATION_SECONDS - 60)
    assert clock.now().clock is HOLDOVER
    machine.at -= 12 * YEAR
    now = clock.now()
    assert (now.clock, now.at) == (SYNCHRONIZED, machine.at)
    assert clock.floor() <= machine.at


def test_a_correction_that_stays_is_believed_in_the_end():
    """After ten minutes; the floor follows only when it was steady for an hour."""
    machine = Machine(NOW, 0.1)
    clock = Clock(machine)
    follow(machine, clock, STEADY_SECONDS + 120)
    machine.at += DAY
    follow(machine, clock, PROBATION_SECONDS + 60)
    assert (clock.now().clock, clock.now().at) == (SYNCHRONIZED, machine.at)
    assert clock.floor() < NOW + 2 * 3600
    follow(machine, clock, STEADY_SECONDS + 60)
    assert clock.floor() == pytest.approx(machine.at, abs=1)


@pytest.mark.parametrize("running_for", [0.0, 50_000.0])
def test_a_bad_first_answer_is_put_right_at_once(running_for):
    """Before the clock was steady for an hour, the newest word of the kernel counts; however long the machine runs."""
    machine = Machine(NOW + 12 * YEAR, 0.1)
    machine.seconds += running_for
    clock = Clock(machine, floor=NOW - 60)
    follow(machine, clock, 300)
    machine.at = NOW + 300
    assert (clock.now().at, clock.now().clock) == (NOW + 300, SYNCHRONIZED)
    assert clock.floor() < NOW + 300


def test_without_the_network_time_goes_on_by_the_crystal():
    """Holdover: the bound grows by 50 ppm, whatever happens to the machine's own clock."""
    machine = Machine(NOW, 0.5)
    clock = Clock(machine)
    clock.now()
    machine.error = None
    for jump in (0.0, 40 * DAY, -90 * DAY):
        machine.at += jump
        machine.pass_by(100_000)
    now = clock.now()
    assert (now.clock, now.at) == (HOLDOVER, NOW + 300_000)
    assert now.error_seconds == pytest.approx(0.5 + 300_000 * 50e-6)
    assert now.earliest == pytest.approx(NOW + 300_000 - 15.5)


def test_slewing_is_no_jump():
    """A kernel that corrects itself smoothly is followed all the way."""
    machine = Machine(NOW, 0.1)
    clock = Clock(machine)
    follow(machine, clock, STEADY_SECONDS + 60)
    for _ in range(200):
        machine.pass_by(60)
        machine.at += 0.03
        assert clock.now().clock is SYNCHRONIZED
    machine.at += JUMP_SECONDS + 1
    assert clock.now().clock is HOLDOVER


def test_coming_back_after_a_long_holdover_is_no_jump():
    """A crystal may have drifted by as much as the bound says."""
    machine = Machine(NOW, 0.1)
    clock = Clock(machine)
    follow(machine, clock, STEADY_SECONDS + 60)
    machine.error = None
    machine.pass_by(10 * DAY)
    machine.at += 40.0
    machine.error = 0.1
    assert (clock.now().clock, clock.now().at) == (SYNCHRONIZED, machine.at)


@pytest.mark.parametrize("jump", [-30 * DAY, -3600.0, 3600.0, 30 * DAY])
def test_a_clock_that_jumps_while_people_pass_neither_unexpires_nor_expires(authority, jump):
    """Passes are judged as if it had not jumped: the same findings before and after."""
    machine = Machine(NOW + 1, 0.1)
    clock, snapshot = Clock(machine), authority.snapshot()
    follow(machine, clock, STEADY_SECONDS + 60)
    now = machine.at
    fresh = credentials.read(authority.pass_text(issued_at=int(now), expires_at=int(now + 120)))
    old = credentials.read(authority.pass_text(issued_at=int(now - 600), expires_at=int(now - 480)))

    def found() -> list[tuple[Finding, ...]]:
        return [verify(code, snapshot, clock.now()).findings for code in (fresh, old)]

    assert found() == [(), (Finding.EXPIRED,)]
    for error in (0.1, None):
        machine.error = error
        machine.at += jump
        machine.pass_by(1)
        assert found() == [(), (Finding.EXPIRED,)]
        machine.at -= jump
        machine.error = 0.1
        machine.pass_by(1)
        assert found() == [(), (Finding.EXPIRED,)]


def test_time_never_goes_back_below_the_floor_whatever_the_kernel_says():
    """A synchronized answer below what was proved is wrong: the floor is read, and said to be no more than that."""
    clock = Clock(Machine(NOW - DAY, 0.1), floor=NOW)
    assert (clock.now().at, clock.now().clock, clock.now().error_seconds) == (NOW, FLOOR, None)


def test_a_reading_that_is_slow_within_its_own_bound_is_only_corrected():
    """The floor lies within what the reading allows."""
    clock = Clock(Machine(NOW, 5.0), floor=NOW + 3)
    assert (clock.now().at, clock.now().clock, clock.now().error_seconds) == (NOW + 3, SYNCHRONIZED, 5.0)


def test_updates_and_receipts_raise_the_floor():
    """The centre signed them then."""
    clock = Clock(Machine(0.0), floor=NOW - 9 * DAY)
    clock.proved(NOW - DAY)
    assert clock.now().at == NOW - DAY
    clock.heard(receipt(NOW - 60))
    assert clock.now().at == NOW - 60
    clock.proved(NOW - DAY)
    clock.heard(receipt(NOW - 2 * DAY))
    assert clock.now().at == NOW - 60


def test_three_passes_raise_the_floor_and_one_odd_token_does_not(authority):
    """What three different passes agree on is proved: the third newest issue time."""
    clock = Clock(Machine(0.0), floor=NOW - DAY)
    show(authority, clock, NOW + 12 * YEAR, NOW - 100)
    assert clock.now().at == NOW - DAY
    show(authority, clock, NOW - 90)
    assert clock.now().at == NOW - 100
    show(authority, clock, NOW + 13 * YEAR)
    assert clock.now().at == NOW - 90


def test_the_same_odd_token_shown_again_and_again_is_one(authority):
    """By its serial."""
    clock = Clock(Machine(0.0), floor=NOW - DAY)
    odd = authority.claims(issued_at=int(NOW + YEAR))
    for _ in range(9):
        clock.saw(odd, clock.now())
    show(authority, clock, NOW - 5000, NOW - 4000)
    assert clock.now().at == NOW - 5000


def test_odd_tokens_of_different_days_do_not_add_up(authority):
    """Only the passes of the last hour are put together."""
    machine = Machine(0.0)
    clock = Clock(machine, floor=NOW - DAY)
    for _ in range(5):
        show(authority, clock, NOW + YEAR)
        machine.pass_by(3600)
    assert clock.now().at < NOW


def test_passes_never_push_a_clock_that_others_vouch_for(authority):
    """Also three odd ones: a synchronized clock is not moved by them."""
    machine = Machine(NOW, 0.1)
    clock = Clock(machine)
    show(authority, clock, *[NOW + 200] * 5)
    assert clock.now().at == NOW
    assert clock.floor() <= NOW + 0.1


def test_only_a_receipt_bound_to_our_nonce_lowers_the_floor():
    """So a wrong time, once believed, does not expire everybody for good."""
    machine = Machine(0.0)
    clock = Clock(machine, floor=NOW + YEAR)
    machine.pass_by(5)
    clock.heard(receipt(NOW))
    assert clock.now().at > NOW + YEAR
    nonce = clock.nonce
    clock.heard(receipt(NOW, nonce))
    now = clock.now()
    assert (now.clock, now.at, now.error_seconds) == (HOLDOVER, NOW + 2.5, 3.5)
    assert clock.floor() == NOW
    assert clock.nonce != nonce


def test_a_nonce_counts_once():
    """A receipt that is played back later lowers nothing."""
    clock = Clock(Machine(0.0), floor=NOW)
    old = receipt(NOW + 1, clock.nonce)
    clock.heard(old)
    clock.proved(NOW + 9 * DAY)
    clock.heard(old)
    assert clock.floor() == NOW + 9 * DAY


def test_a_bound_receipt_within_the_bounds_lowers_nothing():
    """The floor may be ahead of the time of signing by as much as has passed since the nonce was drawn."""
    machine = Machine(0.0)
    clock = Clock(machine, floor=NOW)
    machine.pass_by(10)
    clock.proved(NOW + 10)
    clock.heard(receipt(NOW + 4, clock.nonce))
    assert clock.floor() == NOW + 10


def test_a_bound_receipt_does_not_move_a_synchronized_clock():
    """The kernel's servers are better than one signed answer of unknown delay."""
    machine = Machine(NOW, 0.1)
    clock = Clock(machine)
    machine.pass_by(5)
    clock.heard(receipt(NOW - 9, clock.nonce))
    assert (clock.now().at, clock.now().clock) == (NOW + 5, SYNCHRONIZED)


def test_a_better_known_time_is_not_replaced_by_a_worse_one():
    """A second receipt with a longer delay leaves the first one's bound."""
    machine = Machine(0.0)
    clock = Clock(machine, floor=1.0)
    machine.pass_by(2)
    clock.heard(receipt(NOW, clock.nonce))
    machine.pass_by(100)
    clock.heard(receipt(NOW + 60, clock.nonce))
    assert clock.now().error_seconds == pytest.approx(2 + 100 * 50e-6, abs=0.01)


def test_a_time_that_contradicts_the_known_one_replaces_it():
    """However long its delay: the centre's signature on our own nonce is the better word."""
    machine = Machine(0.0)
    clock = Clock(machine, floor=1.0)
    machine.pass_by(2)
    clock.heard(receipt(NOW, clock.nonce))
    machine.pass_by(100)
    clock.heard(receipt(NOW - DAY, clock.nonce))
    assert clock.now().at == NOW - DAY + 50


def test_only_the_newest_passes_are_put_together(authority):
    """The memory of witnesses is bounded: old ones give way, new ones count."""
    clock = Clock(Machine(0.0), floor=NOW - DAY)
    show(authority, clock, *[NOW - 9_000] * 20, NOW - 10, NOW - 10)
    assert clock.now().at == NOW - 9_000
    show(authority, clock, NOW - 10)
    assert clock.now().at == NOW - 10


@pytest.mark.parametrize(("others", "counts"), [(13, True), (14, False)])
def test_sixteen_passes_are_remembered(others, counts):
    """The seventeenth pushes out the oldest."""
    floor = Floor(0.0, 0.0)
    for number, issued_at in enumerate([500.0, *[10.0] * others, 500.0, 500.0]):
        floor.witness(bytes([number]), issued_at, 0.0)
    assert (floor.at(0.0) == 500.0) is counts


@pytest.mark.parametrize(("later", "counts"), [(3_599.0, True), (3_600.0, False)])
def test_witnesses_count_for_an_hour(later, counts):
    """By the monotonic clock, however long the machine runs."""
    floor = Floor(0.0, 0.0)
    for number in range(2):
        floor.witness(bytes([number]), 900_000.0, 50_000.0)
    floor.witness(bytes([2]), 900_000.0, 50_000.0 + later)
    assert (floor.at(50_000.0 + later) >= 900_000.0) is counts


def test_a_nonce_that_is_old_is_drawn_anew():
    """An answer to it would say little about now."""
    machine = Machine(NOW)
    clock = Clock(machine)
    first = clock.nonce
    machine.pass_by(NONCE_SECONDS)
    clock.tend()
    assert clock.nonce == first
    machine.pass_by(1)
    clock.tend()
    assert clock.nonce != first


def test_the_floor_is_kept_every_ten_minutes_and_at_the_end(state):
    """For the next start, which may be in 1970."""
    machine = Machine(NOW)
    clock = Clock(machine, floor=NOW)
    keeper = FloorKeeper(state, clock)
    keeper.tend(machine.seconds)
    assert kept_floor(state) == NOW
    machine.pass_by(KEEP_SECONDS - 1)
    keeper.tend(machine.seconds)
    assert kept_floor(state) == NOW
    machine.pass_by(1)
    keeper.tend(machine.seconds)
    assert kept_floor(state) == pytest.approx(NOW + KEEP_SECONDS, abs=0.1)
    machine.pass_by(30)
    keeper.keep()
    next_boot = Clock(Machine(0.0, boot="two"), kept_floor(state))
    assert next_boot.now().at == pytest.approx(NOW + KEEP_SECONDS + 30, abs=0.1)


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b'{"floor":-5}', b'{"floor":1e300}', b"\xff\xfe"])
def test_a_damaged_file_is_no_floor(state, content):
    """The gate starts; the next signed word of the centre raises it."""
    assert kept_floor(state) == 0.0
    state.clock.write_bytes(content)
    assert kept_floor(state) == 0.0


def test_a_disk_that_takes_nothing_keeps_the_old_floor(state):
    """And keeps nobody from passing."""
    state.clock.mkdir()
    FloorKeeper(state, Clock(Machine(NOW), floor=NOW)).keep()


def test_the_machines_own_clocks_answer():
    """adjtimex(2) is asked, and nothing is set."""
    sources = SystemSources()
    error = sources.kernel_error()
    assert error is None or 0 <= error < 20
    assert sources.mono() > 0
    assert len(sources.boot) == 36
    assert Clock(sources).now().boot == sources.boot
