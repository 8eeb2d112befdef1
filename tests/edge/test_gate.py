"""The story on real parts: real outbox on a real disk, gpiozero's pins, scripted camera and reader (R2, R3)."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest

from edge import history
from edge.clock import Clock as GateClock
from edge.clock import SystemSources, kept_floor
from edge.commissioning import Commissioning
from edge.faults import Faults
from edge.gate import Devices, Gate
from edge.heart import Heart
from edge.ledger import Ledger
from edge.results import ResultBoard
from edge.trust import Trust
from edge.turnstile import Turnstile
from edge.upkeep import Upkeep
from hardware.barrier import RelayBarrier
from hardware.errors import CameraError, PinsError, ReaderError, ThermometerError
from hardware.indicator import LampIndicator, LampPins
from hardware.passage import NoPassageSensor, SimulatedPassageSensor
from hardware.pins import make_factory
from hardware.ports import Frame, Hint, PassageSensor, Sight, Symbol, Turn
from hardware.simulated_sensors import SimulatedSwitch
from sync.outbox import Outbox, readers
from sync.outbox.errors import AppendFailed
from sync.wire import jsonform
from sync.wire.passes import PassKind, Status
from sync.wire.policy import Policy, read_policy
from sync.wire.record import Adopted, Folded, Outcome, Passage, Passed, Record, Scan, Started
from sync.wire.status import Fault, GateStatus

NOW = 1_650_000_000
UNREAD = "a code that is located and not read"


class Sources(SystemSources):
    """The test's own time in the machine's own boot."""

    def __init__(self) -> None:
        super().__init__()
        # The sensors tell the machine's own monotonic time: on one that has just started it is small.
        self.at, self.seconds, self.error = NOW + 1.0, time.monotonic(), 0.01

    def wall(self) -> float:
        return self.at

    def mono(self) -> float:
        return self.seconds

    def kernel_error(self) -> float | None:
        return self.error

    def pass_by(self, seconds: float) -> None:
        self.at += seconds
        self.seconds += seconds


class Script:
    """Camera, reader and thermometer in one: what the test puts into `frames` is seen, an exception is raised."""

    def __init__(self) -> None:
        self.frames: deque[list[str] | Exception] = deque()
        self.celsius: float | Exception | None = 36.5

    def capture(self, timeout_seconds: float) -> Frame | None:
        if not self.frames:
            return None
        if isinstance(self.frames[0], CameraError):
            raise self.frames.popleft()
        return Frame(np.zeros((2, 2), np.uint8), 1, 0.0)

    def read(self, frame: Frame) -> Sight:
        seen = self.frames.popleft()
        if isinstance(seen, Exception):
            raise seen
        return Sight(tuple(Symbol(text, "script") for text in seen if text != UNREAD), UNREAD in seen, Hint.CLOSER)

    def measure(self) -> float | None:
        if isinstance(self.celsius, Exception):
            raise self.celsius
        return self.celsius

    def close(self) -> None:
        pass


class Bench:
    """A gate on the bench, and what can be seen of it from outside."""

    def __init__(
        self,
        authority,
        state,
        outbox: Outbox,
        on_pin: Callable[[str, bool], None],
        sensor: PassageSensor | None = None,
    ) -> None:
        self.authority, self.state, self.outbox = authority, state, outbox
        self.sources, self.script, self.faults = Sources(), Script(), Faults()
        self.clock, self.passage = GateClock(self.sources), sensor or NoPassageSensor()
        self.heart, self.fire_loop = Heart(), SimulatedSwitch(active=True)
        self.openings, self.button = 0, SimulatedSwitch()
        self.commissioning = Commissioning(state, self.button)
        self._on_pin = on_pin
        factory = make_factory("mock", self._pin_changed)
        self.barrier = RelayBarrier(factory, 17, open_seconds=60)
        self.indicator = LampIndicator(factory, LampPins(22, 27, 23, 24, 25))
        self.trust = Trust(state)
        self.ledger = Ledger(outbox)
        self.results = ResultBoard(self.indicator, 2.0)
        self.upkeep = Upkeep(
            state,
            self.ledger,
            self.trust,
            self.clock,
            self.barrier,
            self.indicator,
            self.results,
            self.faults,
            self.heart,
            self.fire_loop,
            self.commissioning,
        )
        devices = Devices(self.script, self.script, self.script, self.barrier, self.passage)
        self.gate = Gate(
            *(devices, self.ledger, self.trust, self.clock, self.results, self.upkeep, self.faults, self.heart),
            self.commissioning,
        )
        self.upkeep.start(self.clock.now())

    def _pin_changed(self, pin: str, level: bool) -> None:
        self.openings += pin == "GPIO17" and level
        self._on_pin(pin, level)

    def show(self, *texts: str) -> None:
        """Hold codes up for one frame, and let the barrier fall again."""
        self.script.frames.append(list(texts))
        self.step()

    def step(self) -> None:
        self.gate.step()
        self.close_barrier()

    def close_barrier(self) -> None:
        if self.barrier.is_open:
            self.barrier._drop()  # the end of the pulse, without waiting for it

    def records(self) -> list[Record]:
        """What another process reads from the disk."""
        (reader,) = readers(self.state.outbox)
        extract = reader.read(reader.first(), 500, 1_000_000)
        return [jsonform.decode(data, Record, "record") for data in extract.records]

    def scans(self) -> list[Scan]:
        return [record for record in self.records() if isinstance(record, Scan)]

    def status(self) -> GateStatus:
        return jsonform.decode(self.state.status.read_bytes(), GateStatus, "status")


@pytest.fixture
def bench(authority, state):
    authority.install(state)
    watchers: list[Callable[[str, bool], None]] = []
    with Outbox(state.outbox, "board:card") as outbox:
        made = Bench(authority, state, outbox, lambda pin, level: [watch(pin, level) for watch in watchers])
        made.watchers = watchers
        yield made
        made.barrier.close()
        made.indicator.close()


@pytest.fixture
def turning(authority, state):
    """A gate whose turnstile tells what happened."""
    authority.install(state, policy=Policy(companions=Outcome.PASS))
    with Outbox(state.outbox, "board:card") as outbox:
        made = Bench(authority, state, outbox, lambda pin, level: None, SimulatedPassageSensor())
        yield made
        made.barrier.close()
        made.indicator.close()


def test_the_record_is_on_disk_before_the_relay_moves(bench):
    """R2: at the very edge of the pin, another reader finds the record already."""
    found: list[int] = []

    def watch(pin: str, level: bool) -> None:
        if pin == "GPIO17" and level:
            found.append(len(bench.scans()))

    bench.watchers.append(watch)
    bench.show(bench.authority.pass_text())
    assert found == [1]


def test_a_green_pass_opens_once_and_shows_pass(bench):
    """R3."""
    bench.script.frames.append([bench.authority.pass_text()])
    bench.gate.step()
    assert bench.openings == 1
    assert bench.indicator.lamps().lit["pass"]
    bench.close_barrier()
    (scan,) = bench.scans()
    assert (scan.outcome, scan.reasons, scan.temperature) == (Outcome.PASS, ["green"], 36.5)
    assert (scan.place.venue, scan.place.checkpoint) == (7, 3)


@pytest.mark.parametrize(
    ("claims", "celsius", "outcome", "reason"),
    [
        ({"status": Status.RED}, 36.5, Outcome.DENY, "red"),
        ({"status": Status.YELLOW}, 36.5, Outcome.REFER, "yellow"),
        ({"expires_at": NOW}, 36.5, Outcome.DENY, "expired"),
        ({"kind": PassKind.PAPER}, 36.5, Outcome.REFER, "paper"),
        ({}, 38.0, Outcome.DENY, "fever"),
    ],
)
def test_whoever_may_not_pass_is_recorded_and_the_gate_stays_closed(bench, claims, celsius, outcome, reason):
    """R7, R8: a refusal leaves its trail, with the reason."""
    bench.script.celsius = celsius
    bench.show(bench.authority.pass_text(**claims))
    (scan,) = bench.scans()
    assert (scan.outcome, scan.reasons[0], bench.openings) == (outcome, reason, 0)


def test_a_code_that_is_not_genuine_opens_nothing_and_fills_no_disk(bench):
    """DESIGN 3: fifty forged codes, one record, and the next honest visitor passes."""
    stranger = type(bench.authority)()
    for _ in range(50):
        bench.show(stranger.pass_text())
    bench.sources.pass_by(61)
    bench.step()
    folded = [record for record in bench.records() if isinstance(record, Folded)]
    assert [(record.reason, record.count) for record in folded] == [("unknown_key", 50)]
    assert bench.openings == 0
    bench.show(bench.authority.pass_text(issued_at=NOW + 60, expires_at=NOW + 180))
    assert bench.openings == 1


def test_a_scan_result_opens_once_also_after_a_restart(bench):
    """The memory of uses is rebuilt from the outbox."""
    text = bench.authority.pass_text()
    bench.show(text)
    bench.sources.pass_by(10)
    bench.show(text)
    assert [scan.reasons for scan in bench.scans()] == [["green"], ["already_used"]]
    bench.gate._ledger = Ledger(bench.outbox, history.newest(bench.state.outbox, 500))
    bench.sources.pass_by(10)
    bench.show(text)
    assert bench.scans()[-1].reasons == ["already_used"]
    assert bench.openings == 1


def test_a_phone_held_still_passes_once(bench):
    """Thirty frames with the same code are one passage."""
    text = bench.authority.pass_text()
    for _ in range(30):
        bench.show(text)
        bench.sources.pass_by(0.07)
    assert (bench.openings, len(bench.scans())) == (1, 1)


def test_two_passes_in_view_open_for_neither(bench):
    """One at a time, please: never a coin toss."""
    bench.show(bench.authority.pass_text(), bench.authority.pass_text())
    assert bench.openings == 0
    assert bench.scans() == []
    assert bench.status().signal != "pass"
    assert bench.results.shown.codes == ["two_codes"]


def test_a_pass_beside_a_code_that_is_not_read_yet_waits_for_it(bench):
    """Never a coin toss: the second code turns out to be another pass, and neither opens."""
    first, second = bench.authority.pass_text(), bench.authority.pass_text()
    bench.show(first, UNREAD)
    bench.sources.pass_by(0.07)
    assert bench.openings == 0
    bench.show(first, second)
    assert bench.openings == 0
    assert bench.results.shown.codes == ["two_codes"]


def test_a_code_that_is_never_read_holds_up_nobody_for_long(bench):
    """A torn poster behind the visitor is not a second person."""
    text = bench.authority.pass_text()
    for _ in range(8):
        bench.show(text, UNREAD)
        bench.sources.pass_by(0.07)
    assert bench.openings == 1


def test_what_is_seen_and_not_read_is_told_until_it_is_gone(bench):
    """R5: the visitor learns that the gate sees something, and what would help."""
    bench.show(UNREAD)
    bench.step()
    assert (bench.status().signal, bench.status().hint) == ("reading", "closer")
    bench.sources.pass_by(2)
    bench.step()
    assert (bench.status().signal, bench.status().hint) == ("ready", None)


def test_nobody_is_answered_while_the_turnstile_is_open(bench):
    """One opening, one person: the next is read when this one is through, and then gets an opening of their own."""
    first, second = bench.authority.pass_text(), bench.authority.pass_text()
    bench.script.frames.extend([[first], [second]])
    bench.gate.step()
    bench.gate.step()
    assert len(bench.scans()) == 1
    bench.close_barrier()
    bench.step()
    assert (bench.openings, len(bench.scans())) == (2, 2)


def test_a_record_that_cannot_be_kept_opens_nothing(bench):
    """R2: no entry opens without its durable record; the visitor is told, and the gate tries again with the next."""

    class FullDisk:
        """The outbox on a disk that takes nothing; everything else is the real one."""

        def __getattr__(self, name):
            return getattr(bench.outbox, name)

        def append(self, record: bytes, *, allow_reserve: bool = False) -> int:
            raise AppendFailed("no space left on the device")

    bench.ledger.outbox = FullDisk()
    bench.show(bench.authority.pass_text())
    assert bench.openings == 0
    assert bench.results.shown.codes == ["not_recorded"]
    bench.step()
    assert Fault.OUTBOX in bench.faults.standing
    bench.ledger.outbox = bench.outbox
    bench.show(bench.authority.pass_text())
    assert bench.openings == 1
    bench.step()
    assert bench.faults.standing == []


@pytest.mark.parametrize("permitted", [True, False])
def test_the_policy_says_whether_people_pass_on_the_reserve(bench, permitted):
    """DESIGN 6.7: full means closed, unless the policy permits opening as long as the reserve lasts."""
    asked: list[bool] = []

    class Watched:
        """The real outbox, and what it was asked for."""

        def __getattr__(self, name):
            return getattr(bench.outbox, name)

        def append(self, record: bytes, *, allow_reserve: bool = False) -> int:
            asked.append(allow_reserve)
            return bench.outbox.append(record, allow_reserve=allow_reserve)

    bench.authority.install(bench.state, number=2, policy=Policy(open_when_disk_full=permitted))
    bench.sources.pass_by(2)
    bench.step()
    bench.ledger.outbox = Watched()
    bench.show(bench.authority.pass_text())
    assert asked == [permitted]


def test_a_lost_camera_is_a_state_and_the_gate_goes_on_when_it_is_back(bench):
    """R26: shown on the lamps, no restart."""
    bench.gate.stop.set()  # so that the pause between two attempts takes no time
    bench.script.frames.append(CameraError("unplugged"))
    bench.step()
    bench.step()
    assert bench.results.signal.value == "out_of_order"
    bench.show(bench.authority.pass_text())
    assert bench.openings == 1
    bench.sources.pass_by(3)
    bench.step()
    assert bench.results.signal.value == "ready"


def test_decoders_that_fail_on_every_frame_are_out_of_order(bench):
    """R26: nobody is asked to show a pass that cannot be read; one odd frame is no alarm, and it recovers by itself."""
    for seconds, signal in ((0.1, "ready"), (4.0, "ready"), (2.0, "out_of_order")):
        bench.script.frames.append(ReaderError("the decoder's process does not start"))
        bench.step()
        bench.sources.pass_by(seconds)
        bench.upkeep.tend(bench.clock.now())
        assert bench.results.signal.value == signal
    bench.show()
    bench.step()
    assert bench.results.signal.value == "ready"


def test_a_decoder_that_throws_costs_that_frame_only(bench):
    """The next frame is read as if nothing had happened."""
    bench.script.frames.append(ReaderError("odd frame"))
    bench.step()
    bench.show(bench.authority.pass_text())
    assert bench.openings == 1


def test_a_thermometer_that_fails_means_not_measured(bench):
    """R4: not measured is not normal; the policy says what it is worth."""
    bench.script.celsius = ThermometerError("no answer on the bus")
    bench.show(bench.authority.pass_text())
    (scan,) = bench.scans()
    assert (scan.temperature, scan.reasons) == (None, ["green", "not_measured"])
    assert Fault.THERMOMETER in bench.faults.standing


def test_a_relay_that_does_not_move_is_shown_as_out_of_order(bench):
    """The record stays: it says what was decided; the lamps say what went wrong."""

    class Stuck:
        is_open = False

        def open(self) -> None:
            raise PinsError("the relay does not move")

        def close(self) -> None: ...

    bench.gate._turnstile = Turnstile(Stuck(), NoPassageSensor())
    bench.show(bench.authority.pass_text())
    assert Fault.BARRIER in bench.faults.standing
    bench.sources.pass_by(3)
    bench.step()
    assert bench.results.signal.value == "out_of_order"


def test_a_gate_without_keys_refers_everybody(authority, state):
    """R26: it starts all the same, says what is missing, and works as soon as the keys are there."""
    state.identity.write_text("{}")  # it is a gate; one that is none answers nobody (test_commissioning.py)
    with Outbox(state.outbox, "board:card") as outbox:
        bench = Bench(authority, state, outbox, lambda pin, level: None)
        bench.show(authority.pass_text())
        assert bench.results.shown.codes == ["no_trust"]
        assert bench.openings == 0
        authority.install(state)
        bench.sources.pass_by(2)
        bench.show(authority.pass_text())
        assert bench.openings == 1
        assert bench.records()[-1].place.venue == 7
        bench.barrier.close()
        bench.indicator.close()


def test_a_genuine_receipt_shrinks_the_backlog_and_no_other_does(bench):
    """DESIGN 1: the gate checks signature, gate, outbox and range before it forgets anything."""
    for _ in range(3):
        bench.show(bench.authority.pass_text())
    receipts = bench.state.receipt(bench.outbox.id)
    receipts.parent.mkdir(exist_ok=True)
    stranger = type(bench.authority)()
    wrong = [
        stranger.receipt(bench.outbox.id, 4),
        bench.authority.receipt("ff" * 16, 4),
        bench.authority.receipt(bench.outbox.id, 4, gate="g2"),
        b"<html>login</html>",
        b"",
    ]
    for data in wrong:
        receipts.write_bytes(data)
        bench.sources.pass_by(2)
        bench.step()
        assert bench.outbox.acknowledged == 1
    receipts.write_bytes(bench.authority.receipt(bench.outbox.id, 4))
    bench.sources.pass_by(2)
    bench.step()
    assert bench.outbox.acknowledged == 4
    assert bench.status().backlog == 2  # the start, the policy and three passages were 1 … 5; 4 and 5 still wait


def test_what_a_restored_centre_asks_for_again_waits_again(bench):
    """DESIGN 7: a higher epoch may lower what is acknowledged; a late receipt of the same epoch may not."""
    for _ in range(3):
        bench.show(bench.authority.pass_text())
    receipts = bench.state.receipt(bench.outbox.id)
    receipts.parent.mkdir(exist_ok=True)
    for number, epoch, acknowledged in ((5, 1, 5), (2, 1, 5), (2, 2, 2), (6, 2, 6)):
        receipts.write_bytes(bench.authority.receipt(bench.outbox.id, number, epoch=epoch))
        bench.sources.pass_by(2)
        bench.step()
        assert bench.outbox.acknowledged == acknowledged


def test_a_cleared_run_directory_comes_back(bench):
    """The page would stay "out of order" until a restart."""
    shutil.rmtree(bench.state.run)
    for _ in range(2):
        bench.sources.pass_by(2)
        bench.show()
    assert bench.status().signal == "ready"


def test_the_status_says_what_the_gate_does(bench):
    """R25, R26: for the panel and for the fleet page."""
    bench.script.frames.append([bench.authority.pass_text()])
    bench.gate.step()
    bench.gate.step()
    status = bench.status()
    assert (status.signal, status.shown.codes, status.lamps["relay"]) == ("pass", ["green"], True)
    assert (status.gate, status.venue_name, status.next_sequence) == ("g1", "西南镇农贸市场", 4)
    assert status.counts.passed == 1


def test_the_start_is_recorded(bench):
    """R8: a gap in the passages before it may be a power cut, not an empty doorway."""
    assert isinstance(bench.records()[0], Started)


def after(bench, seconds: float = 6.0, *turns: Turn) -> None:
    """So much later, with what the turnstile did meanwhile; nobody is in view."""
    for turn in turns:
        bench.passage.turn(turn)
    bench.script.frames.append([])
    bench.step()
    bench.sources.pass_by(seconds)


def test_a_pass_opens_once_more_when_the_turnstile_did_not_turn(turning):
    """DESIGN 3: the use does not count; within half a minute the same pass opens again, once."""
    text = turning.authority.pass_text(kind=PassKind.SAVED, venue=0, checkpoint=0, expires_at=NOW + 9_000)
    turning.show(text)
    after(turning, 6.0, Turn.NOT_PASSED)
    turning.show(text)
    after(turning, 6.0, Turn.NOT_PASSED)
    turning.show(text)
    assert turning.openings == 2
    assert [scan.reasons[0] for scan in turning.scans()] == ["green", "green", "already_used"]
    passages = [record for record in turning.records() if isinstance(record, Passage)]
    assert [(record.scan, record.result) for record in passages] == [(3, Passed.NOT_PASSED), (5, Passed.NOT_PASSED)]


def test_a_pass_whose_turnstile_turned_is_used(turning):
    """And the record says so."""
    text = turning.authority.pass_text()
    turning.show(text)
    after(turning, 6.0, Turn.PASSED)
    turning.show(text)
    assert [scan.reasons for scan in turning.scans()] == [["green"], ["already_used"]]
    assert turning.records()[3] == Passage(turning.records()[3].when, turning.scans()[0].place, Passed.PASSED, 3)


def test_what_was_not_used_is_known_after_a_restart(turning):
    """The turnstile's word is read back with the scans."""
    text = turning.authority.pass_text()
    turning.show(text)
    after(turning, 3.0, Turn.NOT_PASSED)
    turning.gate._ledger = Ledger(turning.outbox, history.newest(turning.state.outbox, 500))
    turning.sources.pass_by(3)
    turning.show(text)
    assert turning.openings == 2


def test_companions_enter_one_by_one_and_each_is_measured(turning):
    """R6: as many as the pass says, each with a record and a temperature of their own."""
    text = turning.authority.pass_text(companions=2)
    for celsius in (36.4, 36.6, 36.5, 36.5):
        turning.script.celsius = celsius
        turning.show(text)
        after(turning, 6.0, Turn.PASSED)
    scans = turning.scans()
    assert [(scan.person, scan.temperature) for scan in scans[:3]] == [(1, 36.4), (2, 36.6), (3, 36.5)]
    assert (turning.openings, scans[3].reasons[0]) == (3, "already_used")


def test_a_companion_need_not_wait_until_the_pass_is_forgotten(turning):
    """As soon as the first is through and the code was lowered."""
    text = turning.authority.pass_text(companions=1)
    turning.show(text)
    after(turning, 1.5, Turn.PASSED)
    turning.show(text)
    assert turning.openings == 2


def test_companions_with_fever_stay_out(turning):
    """The others' measurements say nothing about them."""
    text = turning.authority.pass_text(companions=1)
    turning.show(text)
    after(turning, 6.0, Turn.PASSED)
    turning.script.celsius = 38.0
    turning.show(text)
    assert (turning.openings, turning.scans()[1].reasons[0]) == (1, "fever")


def test_nobody_is_answered_while_somebody_stands_in_the_turnstile(turning):
    """Also after the relay has dropped."""
    turning.passage.busy = True
    turning.show(turning.authority.pass_text())
    assert turning.scans() == []
    turning.passage.busy = False
    turning.show(turning.authority.pass_text())
    assert turning.openings == 1


def test_a_lost_passage_sensor_cannot_tell_and_people_pass(turning):
    """R26: the use counts, nothing is recorded that nobody knows, and the gate does not wait for it."""
    turning.passage.busy = turning.passage.lost = True
    text = turning.authority.pass_text()
    turning.show(text)
    after(turning)
    turning.show(text)
    assert [scan.reasons for scan in turning.scans()] == [["green"], ["already_used"]]
    assert not any(isinstance(record, Passage) for record in turning.records())


@pytest.mark.parametrize("turn", [Turn.FORCED, Turn.HELD_OPEN, Turn.RELEASED])
def test_a_forced_or_held_turnstile_leaves_its_trail(turning, turn):
    """R8: with no opening to belong to."""
    after(turning, 1.0, turn)
    told = turning.records()[-1]
    assert (told.result.value, told.scan) == (turn.value, None)


def test_the_policy_in_force_is_recorded_with_its_scans(bench):
    """R9: which policy decided can be read from the records alone, also where it changed in between."""
    bench.show(bench.authority.pass_text())
    bench.authority.install(bench.state, number=2, policy=Policy(yellow=Outcome.PASS))
    bench.sources.pass_by(2)
    bench.show(bench.authority.pass_text(status=Status.YELLOW))
    adopted = [record for record in bench.records() if isinstance(record, Adopted)]
    assert [record.policy for record in adopted] == [scan.policy for scan in bench.scans()] == ["1.1", "1.2"]
    assert read_policy(bytes(adopted[1].document)) == Policy(yellow=Outcome.PASS)


def test_a_thousand_hostile_codes_a_minute_leave_the_next_visitor_alone(bench):
    """DESIGN 3: a record for each reason and minute, no urgent one, and the next honest visitor passes at once."""
    stranger = type(bench.authority)()
    forged = [stranger.pass_text() for _ in range(900)] + [f"code {number}" for number in range(100)]
    before = bench.outbox.next
    for text in forged:
        bench.script.frames.append([text])
        bench.step()
        bench.sources.pass_by(0.06)
    assert bench.outbox.next == before
    bench.sources.at = NOW + 30.0
    bench.show(bench.authority.pass_text())
    assert bench.openings == 1
    bench.sources.pass_by(61)
    bench.step()
    folded = [record for record in bench.records() if isinstance(record, Folded)]
    assert sum(record.count for record in folded) == 1000
    assert len(folded) == 2
    assert len(bench.gate._presence._answered) < 100


def test_a_proved_time_outlives_the_gate(bench):
    """DESIGN 5: the floor is kept at the end, and no restart goes back behind it."""
    bench.upkeep.finish(bench.clock.now())
    assert kept_floor(bench.state) == pytest.approx(NOW, abs=5)
