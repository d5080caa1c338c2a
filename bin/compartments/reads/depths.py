"""Figures of the reads of all samples side by side, and where compartments differ in them."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import median

APART = 0.15  # between medians of shares in two compartments from which it is said
TIMES = 2.0  # the same of numbers
SHARES = {
    "saturation": "deeper sequencing finds more of the rare transcripts, so genes detected and weakly expressed ones "
    "differ without biology; --downsample_reads evens it",
    "mapped": "reads that are not of the genome, or of another quality",
    "in_genes": "more intronic and intergenic reads in one of them: nuclei, dying cells, genomic DNA",
    "share_exonic": "more unspliced RNA in one of them: nuclei or dying cells",
    "q30_rna": "more errors of sequencing in one of them, of which some reads are lost",
}
NUMBERS = {
    "reads_per_cell": "deeper sequenced cells show more of their genes without biology; --downsample_reads evens it",
}


def differing(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """What differs between compartments, a line each.

    Parameters
    ----------
    rows : sequence of dict
        Of each sample ``compartment`` and figures of ``<sample>.reads.json``, ``reads_per_cell`` once cells are known.
    """
    lines = []
    for figure, why in (SHARES | NUMBERS).items():
        values: dict[str, list[float]] = {}
        for row in rows:
            if figure in row:
                values.setdefault(str(row["compartment"]), []).append(float(str(row[figure])))
        for (one, of_one), (other, of_other) in combinations(values.items(), 2):
            middle, second = median(of_one), median(of_other)
            low, high = sorted((middle, second))
            if high >= TIMES * low if figure in NUMBERS else high - low >= APART:
                form = ",.0f" if figure in NUMBERS else ".2f"
                values_said = f"{figure} is {middle:{form}} in {one} and {second:{form}} in {other}"
                of = f"medians of {len(of_one)} and {len(of_other)} samples"
                lines.append(f"reads: {values_said} ({of}): {why}")
    return lines
