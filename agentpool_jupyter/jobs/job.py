"""What a MapReduce job is made of: steps (:mod:`.step`), and the options that they have.

A job counts words, for example, like this::

    class Count(Job):
        def chain(self):
            return [Step(mapper=self.words, reducer=self.count)]

        def words(self, line):
            for word in line.split():
                yield word, b"1"

        def count(self, word, ones):
            yield b"%s %d" % (word, len(list(ones)))

The module that a job stands in is imported by the workers: see :mod:`.code`. It must not be imported by whoever only
starts jobs, because it loads mrjob.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar

from mrjob.job import MRJob
from mrjob.protocol import BytesProtocol, BytesValueProtocol
from mrjob.step import MRStep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .step import Pairs, Step

_ALONE = b"alone:"


class Job(MRJob):  # type: ignore[misc]  # mrjob has no types
    """A job; what it is made of is said by :meth:`chain`."""

    INPUT_PROTOCOL = BytesValueProtocol
    INTERNAL_PROTOCOL = BytesProtocol
    OUTPUT_PROTOCOL = BytesValueProtocol

    OWN_OPTIONS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """By their switches, what ``ArgumentParser.add_argument`` takes; what was given is in ``self.options``."""

    def chain(self) -> Sequence[Step]:
        """Return the steps, first to last."""
        raise NotImplementedError

    def configure_args(self) -> None:
        """Tell mrjob of the job's own options."""
        super().configure_args()
        for switch, how in self.OWN_OPTIONS.items():
            self.add_passthru_arg(switch, **how)

    def steps(self) -> list[Any]:
        """Return the steps as mrjob has them."""
        return list(map(_step, self.chain()))


def _step(step: Step) -> Any:
    end = step.end
    return MRStep(
        mapper_init=step.begin,
        mapper=lambda _, line: _keyed(step.mapper(line)),
        mapper_final=end and (lambda: _keyed(end())),
        reducer=lambda key, lines: (
            (key, line) for line in (lines if key.startswith(_ALONE) else step.reducer(key, lines))
        ),
    )


def _keyed(pairs: Pairs) -> Iterator[tuple[bytes, bytes]]:
    """Give each line that has no key one that no other line has."""
    for key, line in pairs:
        yield (_ALONE + blake2b(line, digest_size=16).hexdigest().encode() if key is None else key), line
