"""The embedded broker: kombu's files, whose tables of queues several processes may make at once.

kombu empties a table before it locks it. Workers that start together on a new data folder read half
of one and end (github.com/treeverse/dvc-task/issues/73), or bind a queue that the other's table
lacks. Here one lock is held around every look at the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem


class Channel(filesystem.Channel):  # type: ignore[misc]
    """A channel that looks at the tables alone."""

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        with self._locked(filesystem.LOCK_EX):
            try:
                super()._queue_bind(exchange, *binding)
            except ValueError:
                # Its writer was killed. Whoever needs a queue binds it again when it starts.
                (self.control_folder / f"{exchange}.exchange").unlink()
                super()._queue_bind(exchange, *binding)

    def get_table(self, exchange: str) -> Any:
        with self._locked(filesystem.LOCK_SH):
            return super().get_table(exchange)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self.control_folder / "lock").open("a") as file:
            filesystem.lock(file, how)
            yield


class Transport(filesystem.Transport):  # type: ignore[misc]
    """What `filesystem://` means in Sheaf."""

    Channel = Channel


def register() -> None:
    """Let addresses that begin with filesystem:// have this transport."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
