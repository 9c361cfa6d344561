"""``%anonymize``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.errors import UserError

from .jobs import bar_in_cell, engine_options
from .usage import ENGINES, POOL, STORE, SessionMagics

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.jobs import Progress
    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.privacy import Anonymized


@magics_class
class AnonymizeMagics(SessionMagics):
    """``%anonymize``: a release that is safe to share."""

    @line_magic
    @magic_arguments()
    @argument("table", nargs="?", help="a variable, or a CSV or Parquet file (default: the turns of the current pool)")
    @argument("-k", "--k", type=int, default=5, metavar="K", help="rows that share what is published (default: 5)")
    @argument("--quasi", action="append", metavar="COLUMNS", help="by which somebody could be known: age,city")
    @argument("--sensitive", action="append", metavar="COLUMN", help="published as it is; may be repeated")
    @argument("--per", metavar="COLUMN", help="says whose each row is: k counts its values, and not rows")
    @argument("-l", "--l", type=int, metavar="L", help="different sensitive values in each class")
    @argument("-t", "--t", type=float, metavar="T", help="how far a class's sensitive values may be from all, 0 to 1")
    @argument(
        "--hierarchy",
        action="append",
        metavar="COLUMN=FILE",
        help="what its values are part of: a CSV file or a variable",
    )
    @argument(
        "--suppression", type=float, default=0.0, metavar="SHARE", help="of rows that may be left out (default: 0)"
    )
    @argument("--relaxed", action="store_true", help="rows of one value may be parted by it")
    @argument("--names", default="", metavar="MODEL", help="with --text redact: a model of spaCy for names and places")
    @argument("--text", choices=("drop", "redact"), default="drop", help="free text: left out (default), or made safer")
    @argument(
        "--with", dest="earlier", metavar="EARLIER", help="an earlier release of the same people: variable or file"
    )
    @argument("--out", metavar="FILE", help="write the table to a new CSV or Parquet file")
    @argument("--engine", help=f"make the classes by a MapReduce job: {ENGINES}")
    @argument("-O", "--option", action="append", metavar="NAME=VALUE", help="an option of the engine: num_cores=2")
    @POOL
    @STORE
    def anonymize(self, line: str) -> Any:
        """Make a release in which nobody is told apart from k - 1 others by the columns that are named.

        ::

            %anonymize patients.csv -k 10 --quasi age,zip,sex --sensitive diagnosis -l 3 --out release.csv
            %anonymize -k 5                            the turns of the current pool, by columns that it names
            %anonymize -k 5 --text redact              with texts that k runs or more share, without identifiers

        Columns that are neither quasi-identifiers nor sensitive are left out, and so is free text: columns do not make
        it anonymous. The value is the release: ``.table``, ``.report``, and for your eyes only ``.classes`` and
        ``.suppressed``.
        """
        return self.answer(self.anonymize, line, _anonymize)


def _anonymize(session: Session, arguments: Namespace) -> Anonymized:
    from agentpool_jupyter.privacy import anonymize  # noqa: PLC0415 - loading the extension stays quick

    given = _named(session, arguments.table)
    if given is None:
        given = session.pool(arguments.pool, arguments.store)
    how: dict[str, Any] = {}
    if arguments.engine:
        how = {"engine": arguments.engine, "options": engine_options(arguments.option or [])}
    release_of = partial(
        anonymize,
        given,
        k=arguments.k,
        quasi=_columns(arguments.quasi),
        sensitive=_columns(arguments.sensitive) or (),
        per=arguments.per,
        l=arguments.l,
        t=arguments.t,
        hierarchies=dict(_hierarchy(session, word) for word in arguments.hierarchy or ()),
        suppression=arguments.suppression,
        strict=not arguments.relaxed,
        text=arguments.text,
        names=arguments.names,
        earlier=_named(session, arguments.earlier),
        **how,
    )
    if arguments.engine:
        with bar_in_cell(f"classes on {arguments.engine}", widgets=session.widgets) as bar:

            def tell(now: Progress) -> None:
                bar.tell(now.share, now.note)

            release = release_of(progress=tell)
    else:
        release = release_of()
    if arguments.out:
        from IPython.display import display  # noqa: PLC0415 - only where it is shown

        display(Note(f"wrote {release.write(arguments.out)}"))
    return release


def _columns(given: list[str] | None) -> list[str] | None:
    return [name.strip() for word in given for name in word.split(",") if name.strip()] if given else None


def _named(session: Session, word: str | None) -> Any:
    """Return the notebook's variable of that name, or else the word, which is the path of a file."""
    return word if word is None else session.variables.get(word, word)


def _hierarchy(session: Session, word: str) -> tuple[str, Any]:
    column, equals, file = word.partition("=")
    if not equals:
        message = f"--hierarchy {word}: write COLUMN=FILE, as in --hierarchy city=cities.csv"
        raise UserError(message)
    return column, _named(session, file)
