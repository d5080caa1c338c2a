"""Time, memory and page size of the report: 24 samples, 100,000 cells, 20 lineages, 12,000 genes, 42,000 pairs each."""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.timed import timed
from compartments.core.files import write_parquet, write_tsv
from tests.support import results as synthetic_results
from tests.support.tables import LINEAGES

PLACES = ["sample", "donor", "compartment", "condition"]


def widen(lineages):
    """Give the synthetic results as many lineages."""
    for i in range(len(LINEAGES), lineages):
        LINEAGES[f"Lineage {i}"] = ("Other", 0.01, -0.5, -0.5)


def write_expression(folder, study, lineages, genes, rng):
    """One row per lineage, gene and term; replaces the small table."""
    names = np.array([f"GENE{i}" for i in range(genes)])
    for contrast in study.contrasts["contrast"]:
        parts = []
        for _, term, compartment in (t for t in study.terms() if t[0].contrast == contrast):
            for lineage in lineages:
                p = rng.uniform(size=genes)
                columns = {"log2fc": rng.normal(size=genes), "se": rng.uniform(0.3, 0.8, genes), "p_value": p}
                place = {"contrast": contrast, "lineage": lineage, "term": term, "compartment": compartment}
                parts.append(pd.DataFrame(place | {"gene": names} | columns | {"q_value": p, "q_global": p}))
        table = pd.concat(parts, ignore_index=True).assign(
            engine="pydeseq2",
            base_mean=10.0,
            log2fc_shrunken=0.1,
            stat=1.0,
            n_condition=6,
            n_reference=6,
            tier="inferential",
            robust=True,
            call="",
            call_p=np.nan,
            call_q=np.nan,
            low_cells=False,
        )
        write_parquet(table, folder / "expression" / f"{contrast}.parquet")
        write_tsv(table, folder / "expression" / f"{contrast}.tsv.gz")


def write_interactions(folder, study, lineages, pairs, rng):
    """LIANA's rows of all samples, and the compared pairs; the rows that the top pairs point to are kept."""
    names = [f"LIGAND{i}" for i in range(pairs // len(lineages) ** 2)]
    edges = pd.MultiIndex.from_product([lineages, lineages, names], names=["source", "target", "ligand_complex"])
    edges = edges.to_frame(index=False)
    edges["receptor_complex"] = edges["ligand_complex"].str.replace("LIGAND", "RECEPTOR")
    strength = rng.normal(size=len(edges))
    parts = []
    for sample in study.samples[PLACES].to_dict("records"):
        rank = pd.Series(-strength + rng.normal(0, 0.3, len(edges))).rank(pct=True)
        parts.append(edges.assign(**sample, magnitude_rank=rank, present=True, expr_prod=rank, lr_means=rank))
    write_parquet(pd.concat(parts, ignore_index=True), folder / "interactions" / "liana.parquet")
    file = folder / "interactions" / "effects.tsv"
    small = pd.read_csv(file, sep="\t")
    row = small.iloc[[0]].drop(columns=["source", "target", "ligand", "receptor"])
    tested = edges.set_axis(["source", "target", "ligand", "receptor"], axis=1)
    terms = [
        tested.merge(row.assign(term=term, compartment=compartment, log2fc=0.1), how="cross")
        for _, term, compartment in study.terms()
    ]
    write_tsv(pd.concat([small, *terms], ignore_index=True), file)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--donors", type=int, nargs=2, default=[6, 6], metavar=("CONDITION", "REFERENCE"))
    parser.add_argument("--cells", type=int, default=100_000, help="of all samples together")
    parser.add_argument("--lineages", type=int, default=20)
    parser.add_argument("--genes", type=int, default=12_000)
    parser.add_argument("--pairs", type=int, default=42_000, help="rows of LIANA per sample")
    options = parser.parse_args()
    samples = 2 * sum(options.donors)
    widen(options.lineages)
    lineages, rng = list(LINEAGES), np.random.default_rng(0)
    arms = (("treated", options.donors[0]), ("untreated", options.donors[1]))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "results"
        study = synthetic_results.make(folder, cells=options.cells // samples, arms=arms)
        synthetic_results.make_pseudobulk(folder, study, rng, options.genes)
        write_expression(folder, study, lineages, options.genes, rng)
        write_interactions(folder, study, lineages, options.pairs, rng)
        spent = timed(folder, "write_findings", "--results", ".")
        wall, cpu, peak = timed(Path(temporary), "make_report", "--results", "results", "--paper", "false")
        size = (Path(temporary) / "report.html").stat().st_size
        page = (Path(temporary) / "report.html").read_text()
    if "did not finish" in page:
        sys.exit("a section of the page is missing: the figures would be too good")
    print(f"{samples} samples, {options.cells:,} cells, {len(lineages)} lineages, {options.genes:,} genes")
    print(f"findings: wall {spent[0]:.1f} s, CPU {spent[1]:.1f} s, peak memory {spent[2]:.2f} GiB")
    print(f"report: wall {wall:.1f} s (at most 60), CPU {cpu:.1f} s, peak memory {peak:.2f} GiB (at most 2)")
    print(f"page: {size / 1e6:.1f} MB (at most 15), {page.count('<figure ')} figures")


if __name__ == "__main__":
    main()
