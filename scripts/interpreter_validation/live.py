"""What a person at a terminal sees while the canary runs: a bar, the counts, and what did not pass."""

from types import TracebackType
from typing import Self

from rich import live
from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from .result import Canary
from .verdict import Verdict

_ROWS = 10


class Live:
    """Nothing at all where there is no terminal; gone when the run ends, as the report follows."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (TextColumn("canary"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, TextColumn("{task.description}"), console=console)
        self._task = self._progress.add_task("", total=total)
        self._counts = dict.fromkeys(Verdict, 0)
        self._notable: list[Canary] = []
        self._live = live.Live(self.view(), console=console, transient=True, refresh_per_second=8)
        self._shown = console.is_terminal

    def __enter__(self) -> Self:
        if self._shown:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._live.stop()

    def done(self, canary: Canary) -> None:
        """One more interpreter is finished."""
        self._counts[canary.verdict] += 1
        if canary.verdict is not Verdict.PASS:
            self._notable.append(canary)
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self._counts.items() if count)
        self._progress.update(self._task, advance=1, description=counts)
        if self._shown:
            self._live.update(self.view())

    def view(self) -> Group:
        """The bar, and a table of the last that did not pass."""
        table = Table.grid(padding=(0, 2))
        for canary in self._notable[-_ROWS:]:
            table.add_row(
                canary.record.base,
                str(canary.verdict),
                Text(canary.detail, overflow="ellipsis", no_wrap=True),
            )
        return Group(self._progress, table)
