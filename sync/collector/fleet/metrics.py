"""`/metrics` for Prometheus: how the gates are, from the database at the moment of asking; what intake did, counted.

For this machine, or for whoever has the token of collector.toml. Nothing about a visitor is in them.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence

from flask import Blueprint, Request, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sync.collector import tally as counts
from sync.collector.access import is_local
from sync.collector.centre import Centre
from sync.collector.errors import DatabaseUnavailable
from sync.collector.fleet.conditions import Severity
from sync.collector.fleet.overview import SOFTWARE, GateState, Link, gate_states
from sync.collector.problems import Kind, Problem
from sync.collector.tally import Tally

PATH = "/metrics"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_BEARER = "Bearer "


def blueprint(centre: Centre, clock: Callable[[], float], tally: Tally) -> Blueprint:
    """clock: seconds since 1970. tally: what the workers counted."""
    metrics = Blueprint("metrics", __name__)

    @metrics.get(PATH)
    def exposition() -> Response:
        _check(request, centre.settings.metrics_token)
        now = clock()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Moment(_states(centre, now), tally, now))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE)

    return metrics


def _check(asked: Request, token: str | None) -> None:
    """Raises Problem."""
    if is_local(asked):
        return
    if token is None:
        raise Problem(Kind.NOT_LOCAL, "set metrics_token in collector.toml to ask from elsewhere")
    said = asked.headers.get("Authorization", "")
    if not said.startswith(_BEARER) or not hmac.compare_digest(said[len(_BEARER) :].encode(), token.encode()):
        raise Problem(Kind.NO_TOKEN, "send the metrics_token of collector.toml: Authorization: Bearer …")


def _states(centre: Centre, now: float) -> Sequence[GateState] | None:
    try:
        with centre.database.read() as session:
            return gate_states(session, now, centre.settings)
    except DatabaseUnavailable:
        return None


class _Moment(Collector):
    """states: None when the database does not answer; the counts are told all the same."""

    def __init__(self, states: Sequence[GateState] | None, tally: Tally, now: float) -> None:
        self._states, self._tally, self._now = states, tally, now

    def collect(self) -> Iterator[Metric]:
        yield _gauge("info", "This centre.", [({"software": SOFTWARE}, 1)])
        yield _gauge("database_up", "Whether the database answered.", [({}, self._states is not None)])
        yield from _counted(self._tally)
        if self._states is not None:
            yield from _gates(self._states, self._now)


def _counted(tally: Tally) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "venue_gate_centre_batches", "Batches taken in since the service started.", tally.total(counts.BATCHES)
    )
    records = CounterMetricFamily(
        "venue_gate_centre_records", "Records that came, by what became of them.", labels=["result"]
    )
    for name in counts.RECEIVED[1:]:
        records.add_metric([name], tally.total(name))
    yield records
    refused = CounterMetricFamily("venue_gate_centre_refused", "Requests refused, by kind of problem.", labels=["kind"])
    for kind in Kind:
        refused.add_metric([kind.code], tally.total(f"refused {kind.code}"))
    yield refused


def _gates(states: Sequence[GateState], now: float) -> Iterator[Metric]:
    """What is not known of a gate is left out, never zero."""
    severities = [gate.severity for gate in states]
    yield _gauge(
        "gates",
        "Gates by their worst condition.",
        [({"severity": one.value}, severities.count(one)) for one in Severity],
    )
    links = [gate.link for gate in states]
    yield _gauge("gates_link", "Gates by their link.", [({"link": link.value}, links.count(link)) for link in Link])
    heard = [(gate, {"gate": gate.id}) for gate in states if gate.last_contact is not None]
    yield _gauge(
        "gate_contact_age_seconds",
        "Since a gate was last heard of.",
        [(named, now - (gate.last_contact or 0)) for gate, named in heard],
    )
    yield _gauge("gate_backlog", "Records that wait on a gate.", [(named, gate.backlog or 0) for gate, named in heard])
    yield _gauge(
        "gate_clock_error_seconds",
        "A gate's clock minus the centre's.",
        [(named, gate.clock_error_seconds or 0) for gate, named in heard],
    )
    yield _gauge(
        "gate_condition",
        "What is the matter with a gate; 1 while it is.",
        [
            ({"gate": gate.id, "condition": each.key, "severity": each.severity.value}, 1)
            for gate in states
            for each in gate.conditions
        ],
    )
    kept = [({"why": "set_aside"}, sum(gate.set_aside for gate in states))]
    kept.append(({"why": "conflict"}, sum(gate.conflicts for gate in states)))
    yield _gauge("kept_records", "Records that wait for somebody's decision.", kept)


def _gauge(name: str, meaning: str, values: Sequence[tuple[dict[str, str], float]]) -> Metric:
    labels = list(values[0][0]) if values else []
    family = GaugeMetricFamily(f"venue_gate_centre_{name}", meaning, labels=labels)
    for named, value in values:
        family.add_metric(list(named.values()), float(value))
    return family
