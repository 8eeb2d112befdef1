"""`make bench`: runs the suites, prints one table, writes build/bench/*.json. A name after it runs that suite only."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]  # the suites, and the tests whose parts they use

from rows import Options, Row, write  # noqa: E402 - the suites are modules beside this file, not a package

SUITES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
LONG = {"size"}  # a quarter of an hour: by name, and in make stress


def main(wanted: list[str]) -> int:
    """Run the wanted suites (all but the long ones unless named). Returns 2 for an unknown name, else 0.

    A goal that is missed fails nothing.
    """
    unknown = sorted(set(wanted) - set(SUITES))
    if unknown:
        print(f"no such suite: {', '.join(unknown)}. There are: {', '.join(SUITES)}", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 130)
    options = Options.from_environment()
    table = Table("suite", "what", "value", "unit", "goal", "holds")
    for name in wanted or sorted(set(SUITES) - LONG):
        suite = importlib.import_module(f"bench_{name}").suite
        with console.status(name) as status:
            rows = suite(options, lambda doing, name=name, status=status: status.update(f"{name}: {doing}"))
        write(Path("build/bench"), name, rows)
        for row in rows:
            table.add_row(name, row.name, f"{row.value:,.4g}", row.unit, row.goal or "", _holds(row))
    console.print(table)
    return 0


def _holds(row: Row) -> str:
    return "" if row.holds is None else "yes" if row.holds else "NO"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
