"""Programs that agents may run: by name, on a fresh checkout of the team's files, within limits.

This is no sandbox. A program runs as the user whose notebook it is: it can reach the network, and read and write
whatever that user can. What it is given is little: an empty folder with the files, and an environment without secrets.
What it takes is bounded (:class:`.ChildLimits`, `run_limits:` of a team): 60 seconds, 2 GiB of memory for each of 64
processes, files of 64 MiB where nothing else is said.
Memory and files are bounded where the system can do that, which Windows cannot. To keep it from more, run the notebook
in a container.

In reading order::

    limits     ChildLimits: what a program may take
    launcher   the first thing that a child runs: it sets its own limits, then becomes the program
    child      a child process with all that it starts, to its end
    program    a program on a checkout, as a function and as a tool
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .child import ChildEnd
    from .limits import ChildLimits
    from .program import run_program

__all__ = ["ChildEnd", "ChildLimits", "run_program"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "child": ["ChildEnd"],
        "limits": ["ChildLimits"],
        "program": ["run_program"],
    },
)
