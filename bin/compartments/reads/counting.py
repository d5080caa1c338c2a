"""The counters of reads, and what each can do."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from compartments.reads import alevin_fry, star, starsolo
from compartments.reads.chemistries import Chemistry
from compartments.reads.counted import Asked, Counted, Ways
from compartments.reads.genome import Genome, Needs
from compartments.reads.programs import Program


class Counter(NamedTuple):
    """A counter.

    Attributes
    ----------
    programs : tuple of Program
    needs : callable
        What an index of a genome takes.
    suffix : str
        Of the name of an index among those of other counters.
    build : callable
        Makes the folder ``index`` of a genome.
    copies_in : callable
        Names of genes of X that an index has on Y, too: their reads count for none.
    both_ways : callable
        Reads of a part of a sample that are in genes, either way.
    molecules : callable
        All reads of a sample.
    log : str
        File that counting leaves.
    """

    programs: tuple[Program, ...]
    needs: Callable[[Genome], Needs]
    suffix: str
    build: Callable[[Genome, Path, Path, int], None]
    copies_in: Callable[[str], list[str]]
    both_ways: Callable[[str, str, str, Chemistry, int], Ways]
    molecules: Callable[[Asked, str, int], Counted]
    log: str


COUNTERS = {
    "starsolo": Counter(
        (star.STAR,), star.needs, "", star.build, star.copies_in, star.both_ways, starsolo.count, starsolo.LOG
    ),
    alevin_fry.NAME: Counter(
        (alevin_fry.SALMON, alevin_fry.GFFREAD, alevin_fry.ALEVIN_FRY),
        alevin_fry.needs,
        "_salmon",
        alevin_fry.build,
        lambda _index: [],  # always made here, of a masked genome
        alevin_fry.both_ways,
        alevin_fry.count,
        alevin_fry.LOG,
    ),
}
