"""`/metrics`: how the gates are and what intake did, right with several workers, for whoever may ask."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from sync.collector.app import create_app
from sync.collector.centre import Centre
from sync.collector.problems import Kind
from sync.collector.tally import BATCHES, STORED, Rows, Tally
from tests.sync.collector.gateside import NOW, Gate, Served, Site

FAR = {"REMOTE_ADDR": "192.0.2.7"}
TOKEN = "t0ken-of-sixteen"


def told(body: bytes) -> dict[str, float]:
    """Samples by name and labels: gates{severity=fine}."""
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('venue_gate_centre_')}{{{labels}}}"] = sample.value
    return found


def test_gates_and_what_came_in_are_told(serve: Callable[..., Served], gate: Gate, site: Site) -> None:
    """Gauges from the database, counters from the workers; what is not known of a gate is left out."""
    now = [NOW]
    served = serve(lambda: now[0])
    site.gate("2号闸机")
    batch = gate.batch(1, [gate.record(1), gate.record(2), b'"poison"'], report=gate.report(10), sent_at=NOW + 40)
    for body in (batch, batch):
        served.post(body).answer()
    served.post(b"nonsense")
    now[0] += 1000
    seen = told(served.request("GET", "/metrics").body)
    for name, value in {
        "database_up{}": 1,
        "batches_total{}": 2,
        "records_total{result=stored}": 2,
        "records_total{result=known}": 3,
        "records_total{result=set_aside}": 2,
        "refused_total{kind=not-a-message}": 1,
        "refused_total{kind=unavailable}": 0,
        "gates{severity=broken}": 1,
        "gates{severity=attention}": 1,
        "gates{severity=fine}": 0,
        "gates_link{link=never}": 1,
        "gate_contact_age_seconds{gate=gate-1}": 1000,
        "gate_backlog{gate=gate-1}": 7,
        "gate_clock_error_seconds{gate=gate-1}": 40,
        "gate_condition{condition=silent,gate=gate-1,severity=broken}": 1,
        "gate_condition{condition=never_heard,gate=gate-2,severity=attention}": 1,
        "kept_records{why=set_aside}": 1,
    }.items():
        assert seen.get(name) == value, name
    assert "gate_backlog{gate=gate-2}" not in seen


def test_this_machine_reads_them_and_elsewhere_whoever_has_the_token(site: Site) -> None:
    """Nobody else; a proxy on this machine speaks for others."""
    settings = msgspec.structs.replace(site.centre.settings, metrics_token=TOKEN)
    open_, closed = (
        create_app(Centre(site.centre.state, chosen, site.centre.database, site.centre.keys), lambda: NOW).test_client()
        for chosen in (settings, site.centre.settings)
    )
    assert closed.get("/metrics").status_code == 200
    refused = closed.get("/metrics", environ_overrides=FAR)
    assert (refused.status_code, refused.json["type"]) == (403, "/v1/problems/not-local")
    assert closed.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 403
    for said, status in ((None, 401), (f"Bearer {TOKEN}x", 401), (TOKEN, 401), (f"Bearer {TOKEN}", 200)):
        headers = {} if said is None else {"Authorization": said}
        answer = open_.get("/metrics", headers=headers, environ_overrides=FAR)
        assert answer.status_code == status, said
        assert status == 200 or answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in open_.get("/metrics").text


def test_a_database_in_trouble_is_told_and_does_not_silence_the_counts(
    served: Served, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is when somebody looks."""
    served.post(b"nonsense")

    def gone(*_: object) -> None:
        raise OperationalError("", {}, Exception("disk I/O error"))

    monkeypatch.setattr(site.centre.database._look_engine, "begin", gone)
    seen = told(served.request("GET", "/metrics").body)
    assert (seen["database_up{}"], seen["refused_total{kind=not-a-message}"]) == (0, 1)
    assert not any(name.startswith("gates") for name in seen)


def test_workers_count_together_and_a_new_one_goes_on_from_a_dead_ones_row() -> None:
    """Forked processes, each in a row of its own."""
    tally, rows = Tally(rows=3), Rows(3)
    for worker in range(5):
        row = rows.take(worker)
        if (child := os.fork()) == 0:
            tally.use(row)
            tally.add(BATCHES)
            tally.add(STORED, 10**6)
            tally.refused(Kind.UNAVAILABLE.code)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        if worker != 1:
            rows.give_back(worker)
            rows.give_back(worker)
    assert [tally.total(name) for name in (BATCHES, STORED, "refused unavailable")] == [5, 5 * 10**6, 5]


def test_every_kind_of_problem_can_be_counted() -> None:
    """A kind without a cell would be a 500 in place of its own answer."""
    tally = Tally()
    for kind in Kind:
        tally.refused(kind.code)
        assert tally.total(f"refused {kind.code}") == 1
