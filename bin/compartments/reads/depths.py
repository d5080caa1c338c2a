"""Figures of the reads of all samples side by side, and where compartments differ in them."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import median

APART = 0.15  # between medians of two compartments from which it is said
SAID = {
    "saturation": "deeper sequencing finds more of the rare transcripts, so genes detected and weakly expressed ones "
    "differ without biology; --downsample_reads evens it",
    "mapped": "reads that are not of the genome, or of another quality",
    "in_genes": "more intronic and intergenic reads in one of them: nuclei, dying cells, genomic DNA",
    "share_exonic": "more unspliced RNA in one of them: nuclei or dying cells",
}


def differing(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """What differs between compartments, a line each.

    Parameters
    ----------
    rows : sequence of dict
        Of each sample ``compartment`` and the figures of ``<sample>.reads.json``.
    """
    lines = []
    for figure, why in SAID.items():
        values: dict[str, list[float]] = {}
        for row in rows:
            values.setdefault(str(row["compartment"]), []).append(float(str(row[figure])))
        for (one, of_one), (other, of_other) in combinations(values.items(), 2):
            middle, second = median(of_one), median(of_other)
            if abs(middle - second) >= APART:
                values_said = f"{figure} is {middle:.2f} in {one} and {second:.2f} in {other}"
                of = f"medians of {len(of_one)} and {len(of_other)} samples"
                lines.append(f"reads: {values_said} ({of}): {why}")
    return lines
