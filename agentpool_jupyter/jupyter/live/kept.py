"""What a saved notebook holds of a run, whoever saves it and when."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agentpool_jupyter.display.still import Still

if TYPE_CHECKING:
    from .feed import Feed
    from .widget import TeamWidget

_KEPT_UP = 2.0
"""Seconds between two looks whether the picture of a run that goes on has fallen behind."""
_BEHIND = 1.5
"""It has when so many times as much was said: what is sent of pictures stays linear in the text."""


class KeptPicture:
    """The still picture below a widget: what a saved notebook holds of a run, at every moment."""

    def __init__(self, widget: TeamWidget, feed: Feed) -> None:
        from IPython.display import display  # noqa: PLC0415 - where it is needed there is a notebook

        self._widget = widget
        self._feed = feed
        self._lock = threading.Lock()
        first, self._chars = Still(feed.state()), feed.said
        self._final = False  # a state may say so too early: of a run that ended, and was resumed
        self._handle = display(widget.stand_in(first), raw=True, display_id=True)
        # Not in the caller's context: pages find the output by its id, but who runs a notebook headless (nbclient,
        # papermill) listens to nothing that does not belong to the cell that runs now.
        threading.Thread(target=self._keep_up, name=f"agentpool-picture-{widget.mark}", daemon=True).start()

    def update(self, times: float | None = None) -> None:
        """Show how it stands now; with ``times`` only where so many times as much was said as is shown."""
        with self._lock:
            if self._final:
                return
            ended = self._feed.ended.is_set()
            said = self._feed.said
            if ended or times is None or said > times * self._chars:
                self._chars, self._final = said, ended
                self._handle.update(self._widget.stand_in(Still(self._feed.state())), raw=True)

    def _keep_up(self) -> None:
        while not self._feed.ended.wait(_KEPT_UP):
            self.update(_BEHIND)
        self.update()
