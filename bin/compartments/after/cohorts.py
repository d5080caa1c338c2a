"""Results of several cohorts: can they be taken together, and is any donor in two of them?"""

import re
from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from compartments.after.before import Before
from compartments.after.settings import check_settings
from compartments.core.errors import UserError
from compartments.core.files import read_tsv

SAME_CELLS = 0.5  # of the smaller sample: barcodes with equal counts, which other cells do not share
LEAST_CELLS = 10
KINDS = ["contrast", "condition", "reference", "kind", "group", "group_reference"]


def check_together(cohorts: Sequence[Before]) -> list[str]:
    """Contrasts that all cohorts have.

    Raises
    ------
    UserError
        A folder given twice, cohorts of different species or reference compartments, with other settings
        (:func:`compartments.after.settings.check_settings`), without a common contrast, or with a donor in common.
    """
    for one, other in combinations(cohorts, 2):
        names = f"{one.root} and {other.root}"
        if one.root.resolve() == other.root.resolve():
            raise UserError(f"{names} are one folder; a cohort counts once: give each once")
        for what, values in (
            ("species", [species_of(each) for each in (one, other)]),
            ("reference compartment", [each.study.reference_compartment for each in (one, other)]),
        ):
            if values[0] != values[1]:
                raise UserError(f"{names} differ in {what} ({values[0]} and {values[1]}): they cannot be combined")
        check_settings(one, other)
        check_apart(one, other)
    contrasts = [set(cohort.study.contrasts[KINDS].itertuples(index=False, name=None)) for cohort in cohorts]
    common = set.intersection(*contrasts)
    found = [row[0] for row in cohorts[0].study.contrasts[KINDS].itertuples(index=False, name=None) if row in common]
    if not found:
        asked = "; ".join(f"{cohort.root}: {', '.join(cohort.study.contrasts['contrast'])}" for cohort in cohorts)
        raise UserError(f"no contrast is the same in all cohorts ({asked}); compare one again with --contrasts")
    return found


def check_apart(one: Before, other: Before) -> None:
    """Raise :class:`UserError` if a donor is in both cohorts: by name, by the digest of a file, or by the cells."""
    both = sorted(set(one.study.samples["donor"]) & set(other.study.samples["donor"]))
    advice = "a donor counts once: leave it out of one of them; of two people of one name, rename one"
    if both:
        raise UserError(f"donor '{both[0]}' is in {one.root} and in {other.root}; {advice}")
    digests = digests_of(one), digests_of(other)
    for digest in digests[0].keys() & digests[1].keys():
        raise UserError(
            f"sample '{digests[0][digest]}' of {one.root} and '{digests[1][digest]}' of {other.root} were given the "
            f"same file (SHA-256 {digest[:12]}...); {advice}"
        )
    for first, second, n in same_cells(cells_of(one), cells_of(other)):
        raise UserError(
            f"sample '{first}' of {one.root} and '{second}' of {other.root} have the same cells ({n:,} barcodes with "
            f"equal counts); {advice}"
        )


def species_of(cohort: Before) -> str:
    """``human``, ``mouse`` or the prefix of the Ensembl ids; by the spelling of the symbols where there are no ids."""
    genes = read_tsv(cohort.root / "cohort/genes.tsv", ["gene", "gene_id"], ["gene", "gene_id", "other_names"])
    prefixes = genes["gene_id"].astype(str).str.extract(r"^(ENS[A-Z]*?)G\d{6,}")[0].dropna()
    if len(prefixes) > len(genes) / 2:
        prefix = str(prefixes.mode()[0])
        return {"ENS": "human", "ENSMUS": "mouse"}.get(prefix, prefix)
    capitals = genes["gene"].astype(str).str.fullmatch(r"[A-Z0-9.\-_]+").mean()
    return "human" if capitals > 0.5 else "mouse"


def digests_of(cohort: Before) -> dict[str, str]:
    """SHA-256 of every input of counts -> its sample, from the run's record."""
    return {one["sha256"]: one["about"] for one in cohort.record() if one["@id"].startswith("#input/")}


def cells_of(cohort: Before) -> pd.DataFrame:
    """``sample, barcode, total_counts, n_genes`` of all cells; barcodes without what Cell Ranger adds."""
    names = ["sample", "barcode", "total_counts", "n_genes"]
    cells = read_tsv(cohort.root / "cohort/cells.tsv.gz", names, ["sample", "barcode"])[names]
    return cells.assign(barcode=[re.sub(r"-\d+$", "", name) for name in cells["barcode"]])


def same_cells(one: pd.DataFrame, other: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Pairs of samples most of whose cells are the same: barcodes, counts and numbers of genes."""
    shared = one.merge(other, on=["barcode", "total_counts", "n_genes"], suffixes=("_one", "_other"))
    n_cells = one["sample"].value_counts(), other["sample"].value_counts()
    found = []
    for (first, second), n in shared.groupby(["sample_one", "sample_other"]).size().items():
        smaller = min(n_cells[0][first], n_cells[1][second])
        if n >= max(LEAST_CELLS, SAME_CELLS * smaller):
            found.append((str(first), str(second), int(n)))
    return found
