"""``%%agents`` and ``%agents``: what a line or a cell may say."""

from __future__ import annotations

from argparse import ArgumentTypeError
from functools import partial
from keyword import iskeyword
from typing import Any

from IPython.core.magic import line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from agentpool_jupyter.jupyter.magics.usage import SessionMagics

from . import actions
from .cell import run_cell


def _variable(name: str) -> str:
    """Return a name that a run can be bound to; argparse turns the error into a usage error."""
    if not name.isidentifier() or iskeyword(name):
        message = f"{name!r} cannot name a variable"
        raise ArgumentTypeError(message)
    return name


def _help() -> str:
    """Return what IPython shows for ``%agents?``, with all keys of the parser's own tables."""
    from agentpool_jupyter.agents.team.parse import KEYS  # noqa: PLC0415 - loading the extension stays quick

    keys = "\n".join(f"    {what + ':':10} {', '.join(names)}" for what, names in KEYS.items())
    return f"{AgentsMagics.agents.__doc__}\nAll keys of a team's description:\n\n{keys}\n"


@magics_class
class AgentsMagics(SessionMagics):
    """``%%agents`` and ``%agents``."""

    @line_cell_magic
    @magic_arguments()
    @argument(
        "words",
        nargs="*",
        metavar="POOL | ACTION",
        help="a pool (default: the current one); on a line an action, and a run or pool",
    )
    @argument("--store", help="a folder, or kafka://host:port (default: $AGENTPOOL_STORE, else a folder of yours)")
    @argument("--bg", action="store_true", help="return at once; the team works on in the background")
    @argument(
        "--dry-run", action="store_true", help="print the exact prompts and the tokens they would reserve; call nothing"
    )
    @argument("--fresh", action="store_true", help="start from an empty document, on a new branch; nothing is deleted")
    @argument("--replace", action="store_true", help="stop the team that still runs in this pool, then start")
    @argument("--trust", action="store_true", help="resume: with the servers and keys that the pool names, as yours")
    @argument("--text", action="store_true", help="show lines of text, no widget")
    @argument("--model", help="the model of agents that name none, such as local")
    @argument("--budget", metavar="tokens=N", help="with resume: the run's new limits, such as tokens=40000,seconds=60")
    @argument("--turns", type=int, metavar="N", help="with resume: the most turns of an agent")
    @argument("--sizes", metavar="1,2,4,8", help="run the team at these sizes, and measure what larger ones gain")
    @argument("--repeat", type=int, metavar="N", help="with --sizes: how often each (default: 5)")
    @argument("--ways", metavar="W,W", help="with --tasks: some of alone, dealt, chosen, pool (default: all)")
    @argument("--tasks", metavar="NAME", help="with --sizes: the variable that holds the work, a list of ap.Task(…)")
    @argument("--tokens", type=int, metavar="N", help="with --sizes: what each run may take, whatever its size")
    @argument("--agent", metavar="A", help="grant: only for calls of this agent (default: of any); stop: only this one")
    @argument("--count", type=int, metavar="N", help="grant: for how many calls (default: 10)")
    @argument("--within", metavar="T", help="grant: for how long, such as 30min (default: 1h)")
    @argument("-o", "--out", type=_variable, metavar="NAME", help="bind the run to this variable")
    def agents(self, line: str, cell: str | None = None) -> Any:
        """Run a team of agents on a pool, live: every agent streams into it and reads the others there.

        The cell is a plain task, or a team in YAML::

            %%agents bakery
            task: Plan the opening of a neighbourhood bakery.
            turns: 2                       # most turns per agent
            budget: {tokens: 20000, seconds: 120}
            stride: 40                     # read the others again every 40 tokens, and go on with the sentence
            interrupt: true                # begin a turn anew when something was said that it has not read
            recall: {k: 3, threshold: 0.5, from: [pools, library]}    # be reminded of what resembles it
            context: 3000                  # most tokens of a prompt
            agents:
              planner: Drafts the plan, most important step first.
              critic:
                role: Names the weakest claim and says why.
                listens: [planner]         # default: everyone; []: only the task and people
                model: local               # or any name at any OpenAI-compatible base_url
              checker:
                python: check_plan         # a function of the notebook: (document) -> str | None
            tools: [search_stock, send_mail]      # functions of the notebook that agents may call
            gates:                                # who must agree before one is
              send_mail: {ask: [critic, you], policy: all, within: 5 min}

        ``stride``, ``interrupt`` and ``recall`` are off where they are left out, and may also stand at one agent. With
        ``interrupt: true`` a turn is begun anew when a person, or an agent that it ``listens`` to by name, says
        something that it has not read: twice at most. Who listens to everyone begins anew for anyone, but once a turn
        and only in its first half (of ``max_tokens``).

        A gate asks agents of the team, functions, and ``you``; functions first, and nobody else where they decide. It
        fails closed, but for what is marked with ⚠:

        ===========  ===================================================================================================
        ``policy``   ``all``, ``majority``, ``quorum`` (``need: 2``, ``weights: {critic: 3}``), ``first``, ``owner`` and
                     ``arbiter`` (``owner: critic``), ``confidence``, ``score`` (``margin: 0.1``), ``reputation``
        ``within``   how long votes count, such as ``5 min``
        ``absent``   who does not answer in time: ``no``, ⚠ ``abstain``, or ``ask`` (you answer in their place)
        ``stale``    what it rests on has changed: ``ask`` again, or ⚠ ``ok``
        ``stake``    what a voter pays who was wrong about what came of it, in whole units
        ``shadow``   ⚠ ``true`` lets all pass, and records what would have been decided
        ===========  ===================================================================================================

        How a team, or one agent of it, says which server answers and what is asked of it:

        =================  =============================================================================================
        ``model``          a name, ``local``, or a name with its server: ``ollama/llama3.2``, ``lmstudio/…``,
                           ``vllm@host:8000/…``, ``llamacpp/…``, ``sglang/…``, ``openrouter/…``, ``groq/…``,
                           ``mistral/…``, ``deepseek/…``, ``gemini/…``, ``together/…``
        ``base_url``       any OpenAI-compatible server's address, with Azure's ``?api-version=…`` where it wants one
        ``api_key_env``    the environment variable that holds the key
        ``headers_env``    more headers, each from a variable: ``{X-Gateway-Key: MY_VARIABLE}``
        ``ca_file``        certificates to trust
        ``options``        any other field of the request: ``{top_p: 0.9, reasoning_effort: low}``
        ``parallel``       most calls of the server at once
        ``price``          US$ per million tokens: ``{input: 0.15, output: 0.6, cached: 0.07}``
        =================  =============================================================================================

        With ``--sizes 1,2,4,8 --repeat 5`` the team runs at these sizes, each so often, in random order; the value has
        a row a run, and ``.scaling()``. Where ``--tasks work`` names a list of tasks with checks, success is verified.
        Finished runs are in the pool, and are not made again when the cell is run again.

        ``{{name}}`` is filled from the notebook's variables. On a line of its own::

            %agents status [RUN]     what the runs of this kernel do, and what they took
            %agents stop [RUN|POOL]  stop them, or one; also one of another notebook, by its pool's name
                                     (--agent A: only that agent of the team in a pool; the others go on)
            %agents attach [POOL]    show a pool's latest run, also after a kernel restart
            %agents resume [POOL]    go on with it where the pool has it; finished turns are not repeated, and
                                     ``--budget tokens=40000`` or ``--turns 4`` give it more
            %agents list [POOL]      all runs that a pool has seen
            %agents pending [POOL]   what agents want to do and may not before somebody agrees
            %agents approve ID [WHY] agree to it, in the current pool; ``reject ID [WHY]`` refuses it. Several ids, or
                                     the name that ``pending`` gives to those that are alike: all of them
            %agents grant TOOL       agree beforehand to its next calls: ``--count 10 --within 1h``, ``--agent A``
            %agents revoke ID        take a grant back; ``pending`` lists those that stand
            %agents ledger [POOL]    who earned what by which vote, where gates have a ``stake``
            %agents schema           what a cell may say, as a JSON schema
        """
        return self.answer(self.agents, line, actions.do if cell is None else partial(run_cell, cell=cell))

    agents.getdoc = _help
