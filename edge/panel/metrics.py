"""PURE: what the gate and gate-sync say about themselves, as Prometheus metrics in the text format.

Nothing about a visitor is in them: counts, ages and states of the machine. What is not known is left out, never zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edge.panel.freshness import Now, Readings, Silence
from sync.wire.record import ClockQuality
from sync.wire.status import WITHIN, Fault, GateStatus, SyncStatus, Work

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition(readings: Readings, now: Now) -> bytes:
    """Every metric at one moment."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Moment(readings, now))
    return generate_latest(registry)


class _Moment(Collector):
    def __init__(self, readings: Readings, now: Now) -> None:
        self._readings, self._now = readings, now

    def collect(self) -> Iterator[Metric]:
        gate, sync = self._readings.gate, self._readings.sync
        yield _gauge("venue_gate_up", "Whether the gate program answers.", not isinstance(gate, Silence))
        yield _gauge("venue_gate_sync_up", "Whether gate-sync answers.", not isinstance(sync, Silence))
        if not isinstance(gate, Silence):
            yield from _gate(gate, self._now)
        if not isinstance(sync, Silence):
            yield from _sync(sync, self._now)


def _gate(gate: GateStatus, now: Now) -> Iterator[Metric]:
    yield InfoMetricFamily("venue_gate", "Which gate this is.", {"gate": gate.gate or "", "software": gate.software})
    yield _gauge("venue_gate_status_age_seconds", "Age of what the gate said.", now.mono - gate.mono)
    counts = gate.counts
    results = CounterMetricFamily("venue_gate_results", "Results since the gate started.", labels=["outcome"])
    for outcome in ("passed", "denied", "referred", "refused"):
        results.add_metric([outcome], getattr(counts, outcome))
    yield results
    yield CounterMetricFamily("venue_gate_records", "Number that the next record takes.", gate.next_sequence)
    yield _gauge("venue_gate_records_waiting", "Records that the centre does not hold yet.", gate.backlog)
    yield CounterMetricFamily("venue_gate_records_damaged", "Records that a damaged card cost.", gate.queue.damaged)
    yield _gauge("venue_gate_signal", "The signal on the lamps.", 1, signal=gate.signal)
    faults = GaugeMetricFamily("venue_gate_fault", "Whether this part is missing or sick.", labels=["part"])
    for fault in Fault:
        faults.add_metric([fault.value], fault in gate.faults)
    yield faults
    yield from _work(gate.work)
    synchronized = gate.clock is ClockQuality.SYNCHRONIZED
    yield _gauge("venue_gate_clock_synchronized", "Whether the gate's clock is synchronized.", synchronized)
    if gate.trust_issued_at is not None:
        age = gate.wall - gate.trust_issued_at
        yield _gauge("venue_gate_trust_age_seconds", "Age of the keys, policy and status in force.", age)
    if gate.disk_used is not None:
        yield _gauge("venue_gate_disk_used_ratio", "Used share of the card.", gate.disk_used)
    if gate.board_celsius is not None:
        yield _gauge("venue_gate_board_celsius", "Temperature of the processor.", gate.board_celsius)


def _work(work: Work) -> Iterator[Metric]:
    """Rates follow by `rate()`: frames a second, the share that is read, seconds by stage for each opening."""
    yield CounterMetricFamily("venue_gate_frames", "Frames looked at.", work.frames)
    yield CounterMetricFamily("venue_gate_frames_read", "Frames in which a code was read.", work.read)
    buckets = [(str(bound), float(count)) for bound, count in zip(WITHIN, work.within, strict=True)]
    latency = HistogramMetricFamily("venue_gate_frame_to_relay_seconds", "From the newest frame to the open relay.")
    latency.add_metric([], [*buckets, ("+Inf", float(work.openings))], work.seconds)
    yield latency
    stages = CounterMetricFamily(
        "venue_gate_frame_to_relay_stage_seconds", "Where that time went, by stage of the loop.", labels=["stage"]
    )
    for stage, seconds in work.stages.items():
        stages.add_metric([stage], seconds)
    yield stages


def _sync(sync: SyncStatus, now: Now) -> Iterator[Metric]:
    yield _gauge("venue_gate_sync_connected", "Whether the newest exchange brought a genuine receipt.", sync.connected)
    yield _gauge("venue_gate_sync_failures", "Exchanges that failed since the last that did not.", sync.failures)
    if sync.last_contact is not None:
        yield _gauge("venue_gate_sync_contact_age_seconds", "Age of the last contact.", now.wall - sync.last_contact)


def _gauge(name: str, meaning: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=list(labels))
    family.add_metric(list(labels.values()), float(value))
    return family
