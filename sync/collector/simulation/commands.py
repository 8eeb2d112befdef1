"""`collector simulate`: the command, its progress bar, and the table at the end."""

from __future__ import annotations

import statistics
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from sync.address import UnsafeAddress
from sync.collector.config import StateDir
from sync.collector.errors import Mistake
from sync.collector.simulation import grounds
from sync.collector.simulation.fleet import Fleet, Progress, Ways
from sync.collector.simulation.grounds import Ground, Town
from sync.collector.simulation.traffic import Period
from sync.collector.simulation.verification import disagreements
from sync.transport import HttpsTransport

INTERRUPTED = 130
_SHOWN = 5
_MOST_PASSAGES = 500_000_000
_LOOK_SECONDS = 0.2


class Result(msgspec.Struct, frozen=True):
    """What came of it. Seconds of an exchange as the gates saw them. wrong: one sentence for each disagreement."""

    gates: int
    passages: int
    records: int
    acknowledged: int
    sent_again: int
    urgent: int
    held_by_the_centre: int
    conflicts: int
    set_aside: int
    exchanges: int
    p50_milliseconds: float
    p99_milliseconds: float
    seconds: float
    records_a_second: float
    failures: dict[str, int]
    wrong: list[str]
    whole: bool


@click.command()
@click.option("--gates", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many gates.")
@click.option(
    "--rate",
    type=click.FloatRange(0, 100_000, min_open=True),
    default=2.0,
    show_default=True,
    help="Passages a second of the whole fleet, on the average of the hours.",
)
@click.option(
    "--hours",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=12.0,
    show_default=True,
    help="Hours of passages to bring in, the last ones before now.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="How much faster than life: 1 is as in life, 60 an hour a minute, 0 as fast as the centre takes it.",
)
@click.option(
    "--interval",
    type=click.FloatRange(1, 86_400),
    default=60.0,
    show_default=True,
    help="Seconds of passage time between a gate's contacts.",
)
@click.option(
    "--offline",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of the gates that lose their link for up to six hours, and drain afterwards.",
)
@click.option(
    "--resend",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Share of batches that come twice, whole or overlapping, as after a lost answer.",
)
@click.option(
    "--senders", type=click.IntRange(1, 64), default=8, show_default=True, help="Connections at the same time."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same passages.")
@click.option("--url", help="A centre that runs already, made by `init --simulation`; --state names its directory.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its authority, for https.")
@click.option("--database", help="A PostgreSQL database for the throw-away centre, of its own; it keeps what was sent.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def simulate(context: click.Context, /, **options: Any) -> None:
    """Send an honest fleet's records to a centre, and check that it holds each of them, once.

    The gates are simulated, what they send is not: signed and sealed batches, refusals first, over HTTP, from gates
    with and without a link, some of them twice. Without --url a throw-away centre is started for it and removed
    afterwards. Nothing is ever written into a real town's database.

    Exit code 0: the centre holds exactly what was sent. 1: it does not, or gates gave up. 130: interrupted.
    """
    asked = _Asked(**options)
    try:
        context.exit(_simulate(context, asked))
    except KeyboardInterrupt:  # while it was being prepared or compared
        context.exit(INTERRUPTED)
    except (Mistake, UnsafeAddress) as cause:
        raise click.UsageError(str(cause)) from cause


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options, as above."""

    gates: int
    rate: float
    hours: float
    speed: float
    interval: float
    offline: float
    resend: float
    senders: int
    seed: int
    url: str | None
    ca: Path | None
    database: str | None
    as_json: bool

    @property
    def period(self) -> Period:
        """It ends now."""
        return Period(time.time() - self.hours * 3600, self.hours, self.rate)


def _ground(context: click.Context, asked: _Asked) -> AbstractContextManager[Ground]:
    state: StateDir = context.obj
    parent = context.parent
    named = parent is not None and parent.get_parameter_source("state") is ParameterSource.COMMANDLINE
    if asked.url is not None:
        if asked.database is not None:
            raise Mistake("--database is for the throw-away centre: leave it out, or --url")
        HttpsTransport(asked.url, asked.ca).close()  # refuses an unsafe address
        return grounds.marked(state, asked.url)
    if named:
        raise Mistake("--state names the directory of a running centre: say its --url too, or leave --state out")
    return grounds.thrown_away(asked.database)


def _simulate(context: click.Context, asked: _Asked) -> int:
    numbers = (asked.rate, asked.hours, asked.speed, asked.interval, asked.offline, asked.resend)
    if not all(map(isfinite, numbers)):
        raise Mistake("rates, hours and shares are finite numbers")
    if not 1 <= asked.period.passages <= _MOST_PASSAGES:
        raise Mistake(
            f"--rate and --hours make {asked.period.passages} passages; 1 to {_MOST_PASSAGES} can be simulated"
        )
    console = Console(stderr=True, highlight=False)
    interrupted = False
    with _ground(context, asked) as ground, TemporaryDirectory(prefix="simulated-gates-") as directory:
        with _bar(console) as bar:
            making = bar.add_task("Gates", total=asked.gates, rate="")
            period = asked.period
            town = grounds.found(
                ground, Path(directory), asked.gates, period, asked.resend, asked.seed, lambda: bar.advance(making)
            )
            ways = Ways(asked.interval, asked.offline, asked.speed, min(asked.senders, asked.gates), asked.seed)
            fleet = Fleet(town.gates, period, ways, lambda: HttpsTransport(ground.url, asked.ca))
            began = time.monotonic()
            fleet.start()
            task = bar.add_task("Passages", total=period.passages, rate="")
            try:
                while not fleet.wait(_LOOK_SECONDS):
                    _show(bar, task, fleet.progress, time.monotonic() - began)
            except KeyboardInterrupt:
                interrupted = True
                fleet.stop()
                console.print("Stopping: the exchanges under way come to their end.")
                fleet.wait()
            took = time.monotonic() - began
            _show(bar, task, fleet.progress, took)
        console.print("Comparing with the centre's database …")
        result = _result(ground, town, fleet, took)
    if asked.as_json:
        click.echo(msgspec.json.encode(result))
    else:
        Console(highlight=False).print(_table(result))
    for sentence in result.wrong[:_SHOWN]:
        console.print(sentence, style="bold")
    if interrupted:
        return INTERRUPTED
    return 0 if result.whole and not result.wrong else 1


def _bar(console: Console) -> Bar:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
    )


def _show(bar: Bar, task: Any, progress: Progress, seconds: float) -> None:
    rate = f"{progress.sent / max(seconds, 0.001):,.0f} records/s"
    bar.update(task, completed=progress.passages, rate=rate)


def _result(ground: Ground, town: Town, fleet: Fleet, took: float) -> Result:
    tallies = [gate.tally for gate in town.gates]
    progress = fleet.progress
    is_whole = fleet.is_through and not progress.given_up
    held, wrong = disagreements(ground.centre.database, town.gates, town.venues, is_whole=is_whole)
    sent, records = sum(tally.sent for tally in tallies), sum(tally.records for tally in tallies)
    seconds = progress.seconds
    ranks = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [*seconds, 0.0] * 99
    return Result(
        gates=len(tallies),
        passages=sum(tally.passages for tally in tallies),
        records=sent,
        acknowledged=records,
        sent_again=sent - records,
        urgent=sum(tally.urgent for tally in tallies),
        held_by_the_centre=held,
        conflicts=sum(tally.conflicts for tally in tallies),
        set_aside=sum(tally.set_aside for tally in tallies),
        exchanges=progress.exchanges,
        p50_milliseconds=round(ranks[49] * 1000, 2),
        p99_milliseconds=round(ranks[98] * 1000, 2),
        seconds=round(took, 2),
        records_a_second=round(sent / max(took, 0.001), 1),
        failures=dict(progress.failures),
        wrong=[*progress.given_up, *wrong],
        whole=is_whole,
    )


def _table(result: Result) -> Table:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("gates", f"{result.gates:,}"),
        ("passages", f"{result.passages:,}"),
        ("records sent", f"{result.records:,}"),
        ("  acknowledged", f"{result.acknowledged:,}"),
        ("  sent again, recognized", f"{result.sent_again:,}"),
        ("  of them urgent, ahead of their turn", f"{result.urgent:,}"),
        ("records that the centre holds", f"{result.held_by_the_centre:,}"),
        ("conflicts", f"{result.conflicts:,}"),
        ("set aside", f"{result.set_aside:,}"),
        ("exchanges", f"{result.exchanges:,}"),
        ("  median", f"{result.p50_milliseconds:,.1f} ms"),
        ("  99 of 100 within", f"{result.p99_milliseconds:,.1f} ms"),
        ("  failed and tried again", ", ".join(f"{n} {name}" for name, n in result.failures.items()) or "0"),
        ("time", f"{result.seconds:,.1f} s"),
        ("records a second", f"{result.records_a_second:,.0f}"),
        ("the centre's word against the gates'", _verdict(result)),
    ):
        table.add_row(name, value)
    return table


def _verdict(result: Result) -> str:
    if result.wrong:
        return f"{len(result.wrong)} disagreements"
    return "they agree" if result.whole else "they agree, as far as it came"
