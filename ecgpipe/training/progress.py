"""How a training goes: a bar on a terminal, else a line every few seconds."""

import time
from typing import Any, Protocol, cast

import pytorch_lightning as pl
from rich import get_console
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

EVERY_S = 5.0  # between lines
BAR_EVERY_S = 0.5


class Trained(Protocol):
    """A module that knows how far its training is."""

    def progress(self) -> float: ...


class ShowProgress(pl.Callback):
    """Shows step, loss, steps a second and time left of the training called `title`; on the first process only.

    The bar is drawn on standard output's terminal. Without a terminal, lines go to standard error (or `lines`), which
    leaves piped output alone. The loss is fetched only when it is shown, as fetching it waits for the GPU.
    """

    def __init__(self, title: str, *, every_s: float = EVERY_S, lines: Console | None = None):
        self.title, self.every_s, self.lines = title, every_s, lines
        self._bar: Progress | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = self._shown = time.monotonic()
        self._first, self._share = trainer.global_step, cast(Trained, pl_module).progress()
        if trainer.is_global_zero and self.lines is None and get_console().is_terminal:
            self._bar, self._task = _bar(self.title)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        now, share = time.monotonic(), cast(Trained, pl_module).progress()
        pause = self.every_s if self._bar is None else min(self.every_s, BAR_EVERY_S)
        if not trainer.is_global_zero or (now - self._shown < pause and share < 1):
            return
        self._shown = now
        rate = (trainer.global_step - self._first) / max(now - self._started, 1e-9)
        loss = float(trainer.callback_metrics["loss"])
        if self._bar is not None:
            said = f"step {trainer.global_step}, loss {loss:.4g}, {rate:.3g} steps/s"
            self._bar.update(self._task, completed=share, said=said)
            return
        gained = max(share - self._share, 1e-9)
        left = (now - self._started) * (1 - share) / gained
        (self.lines or Console(stderr=True)).print(
            f"{self.title}: step {trainer.global_step}, {share:.0%}, loss {loss:.4g}, {rate:.3g} steps/s, "
            f"{clock(left)} left",
            highlight=False,
            soft_wrap=True,
        )

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def clock(seconds: float) -> str:
    """A time as h:mm:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _bar(title: str) -> tuple[Progress, TaskID]:
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.percentage:.0f}%"), TimeRemainingColumn())
    bar = Progress(*columns, TextColumn("{task.fields[said]}"), transient=True)
    bar.start()
    return bar, bar.add_task(title, total=1.0, said="")
