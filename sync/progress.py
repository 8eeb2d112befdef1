"""`gate-sync now` on a terminal: the progress bar, what would be sent, and how it ended, in plain words."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from sync import mailbox
from sync.mailbox import NotProvisioned
from sync.now import End, Watch
from sync.now import Progress as Sent
from sync.picture import gather
from sync.telling import CONNECTED, IN_TROUBLE, NOT_RUNNING, TROUBLE, Say, speaker
from sync.wire.batch import MAX_RECORDS
from sync.wire.statedir import StateDir

INTERRUPTED = 130
_EXIT = {End.DONE: CONNECTED, End.TROUBLE: IN_TROUBLE, End.NOT_RUNNING: NOT_RUNNING}


def ask_now(state: StateDir, lang: str) -> int:
    """Ask, show, say how it ended; the exit code. Raises OSError when nobody can be asked."""
    say, console = speaker(lang), Console(highlight=False, soft_wrap=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        _Rate(say),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task(say("上传", "Sending"), total=0)

        def show(sent: Sent) -> None:
            bar.update(task, completed=sent.sent, total=sent.sent + sent.waiting)

        watch = Watch(state, show)
        try:
            end = watch.run()
        except KeyboardInterrupt:
            end = None
    console.print(_outcome(watch, end, say))
    return INTERRUPTED if end is None else _EXIT[end]


def foresee(state: StateDir, lang: str) -> int:
    """Print what `ask_now` would make the service send; touches nothing. The exit code."""
    say, console = speaker(lang), Console(highlight=False, soft_wrap=True)
    try:
        collector = mailbox.read_provision(state).identity.collector
    except NotProvisioned as missing:
        console.print(str(missing))
        return IN_TROUBLE
    picture = gather(state)
    waiting = sum(queue.waiting for queue in picture.queues)
    batches = sum(-(-queue.waiting // MAX_RECORDS) for queue in picture.queues)
    console.print(
        say(
            f"将向 {collector} 发送 {waiting:,} 条记录，约 {batches:,} 批。未发送任何内容。",
            f"{waiting:,} records in about {batches:,} batches would go to {collector}. Nothing was sent.",
        )
    )
    if not picture.is_running:
        console.print(_not_running(say))
    return CONNECTED if picture.is_running else NOT_RUNNING


def _outcome(watch: Watch, end: End | None, say: Say) -> str:
    sent = watch.progress.sent if watch.progress else 0
    waiting = watch.progress.waiting if watch.progress else 0
    if end is End.DONE:
        return say(f"已全部送达中心（本次 {sent:,} 条）。", f"Everything is at the centre ({sent:,} records just now).")
    if end is End.NOT_RUNNING:
        return _not_running(say)
    goes_on = say(
        f"还有 {waiting:,} 条待传；服务会自行继续。", f"{waiting:,} records wait; the service goes on by itself."
    )
    status = watch.status
    if end is None or status is None or status.trouble is None:
        return goes_on
    detail = f" ({status.detail})" if status.detail else ""
    return f"{say(*TROUBLE[status.trouble])}{detail}. {goes_on}"


def _not_running(say: Say) -> str:
    return say("gate-sync 服务未运行：systemctl start gate-sync", "gate-sync is not running: systemctl start gate-sync")


class _Rate(ProgressColumn):
    """Records a second."""

    def __init__(self, say: Say) -> None:
        self._say = say
        super().__init__()

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else self._say(f"{speed:,.0f} 条/秒", f"{speed:,.0f} records/s"))
