"""CPU time and peak memory of LIANA: one task per sample here, against one ``liana.mt.rank_aggregate.by_sample``.

    python -m benchmarks.compare.speed_interactions [--samples 24] [--cells 5000] [--lineages 15] [--perms 1000]
        [--plain 4]

Each side runs in processes of its own, imports and reading included. ``--plain`` limits the samples of the plain call,
which is slow; its time per sample is what is compared. The tables of the common samples are compared number by number.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.timed import timed

KEYS = ["source", "target", "ligand_complex", "receptor_complex"]


def write_sample(folder, seed, n_cells, n_lineages, n_genes=12_000):
    """One sample of random counts with lineage-specific expression, as the pipeline's files."""
    import anndata
    import numpy as np
    import pandas as pd
    from scipy import sparse

    from compartments.core.pairs import read_resource

    rng = np.random.default_rng(seed)
    entities = read_resource("consensus").to_numpy().ravel()
    genes = sorted({gene for entity in entities for gene in entity.split("_")})
    genes += [f"BACKGROUND{i}" for i in range(n_genes - len(genes))]
    profile = rng.lognormal(0, 2.2, n_genes) * rng.lognormal(0, 1.2, (n_lineages, n_genes))
    profile /= profile.sum(1, keepdims=True)
    lineage = np.sort(np.append(np.repeat(np.arange(n_lineages), 20), rng.integers(0, n_lineages, n_cells))[:n_cells])
    size = rng.lognormal(np.log(3000), 0.4, (n_cells, 1))
    blocks = [
        sparse.csr_matrix(rng.poisson(profile[lineage[a : a + 500]] * size[a : a + 500]).astype(np.int32))
        for a in range(0, n_cells, 500)
    ]
    counts = sparse.vstack(blocks, format="csr")
    names = [f"L{k:02d}" for k in lineage]
    barcodes = [f"{name}_{i}" for i, name in enumerate(names)]
    sample = f"S{seed:02d}"
    anndata.AnnData(
        obs=pd.DataFrame(index=barcodes),
        var=pd.DataFrame(index=genes),
        layers={"counts": counts, "corrected": counts},
        uns={"sample": sample},
    ).write_h5ad(folder / f"{sample}.filtered.h5ad")
    doublets = {"barcode": barcodes, "doublet_score": 0.0, "predicted_doublet": False}
    pd.DataFrame(doublets).to_csv(folder / f"{sample}.doublets.tsv.gz", sep="\t", index=False)
    labels = {"barcode": barcodes, "celltypist_label": names, "lineage": names, "lineage_broad": names}
    labels |= {"probability": 1.0, "confidence": "high", "marker_lineage": "", "marker_agrees": True}
    pd.DataFrame(labels | {"marker_pdc": False}).to_csv(folder / f"{sample}.labels.tsv.gz", sep="\t", index=False)
    return sample


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("samples", 24), ("cells", 5000), ("lineages", 15), ("perms", 1000), ("plain", 4)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()

    import numpy as np
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        samples = [write_sample(folder, seed, options.cells, options.lineages) for seed in range(options.samples)]
        ends = {"filtered": "h5ad", "doublets": "tsv.gz", "labels": "tsv.gz"}
        inputs = {s: [f"--{kind}={folder / s}.{kind}.{end}" for kind, end in ends.items()] for s in samples}
        ours = [timed(folder, "run_liana", *inputs[s], "--n_perms", options.perms) for s in samples]
        wall, cpu, peak = (float(f([row[i] for row in ours])) for i, f in enumerate((sum, sum, max)))
        print(
            f"run_liana             {len(samples)} samples: {cpu:.0f} CPU s, {wall:.0f} s, peak {peak:.2f} GiB a task"
        )
        (folder / "ambient_genes.tsv").write_text("lineage\tgene\n")
        inputs = [*inputs[samples[0]], f"--ambient_genes={folder / 'ambient_genes.tsv'}"]
        wall, network, peak = timed(folder, "score_centrality", *inputs, "--n_perms", options.perms)
        print(f"score_centrality      1 sample: {network:.0f} CPU s, {wall:.0f} s, peak {peak:.2f} GiB", flush=True)

        plain = samples[: options.plain]
        table_path = folder / "plain.parquet"
        files = [folder / f"{s}.filtered.h5ad" for s in plain]
        wall, plain_cpu, peak = timed(folder, "benchmarks.compare.plain_liana", options.perms, table_path, *files)
        print(f"plain by_sample       {len(plain)} samples: {plain_cpu:.0f} CPU s, {wall:.0f} s, peak {peak:.2f} GiB")
        print(f"CPU per sample, plain / here: {plain_cpu / len(plain) / (cpu / len(samples)):.1f}")
        reference = pd.read_parquet(table_path).astype(dict.fromkeys([*KEYS, "sample"], str))
        worst = 0.0
        for s in plain:
            mine = pd.read_parquet(folder / f"{s}.liana.parquet").astype(dict.fromkeys(KEYS, str))
            theirs = reference[reference["sample"] == s]
            both = mine.merge(theirs, on=KEYS, suffixes=("", "_plain"))
            if not len(mine) == len(theirs) == len(both):
                sys.exit(f"{s}: the tables have different edges")
            numbers = [c for c in theirs if f"{c}_plain" in both and c != "sample"]
            worst = max(worst, *(np.abs(both[c] - both[f"{c}_plain"]).max() for c in numbers))
        print(f"largest difference of any number: {worst:.2g}")


if __name__ == "__main__":
    main()
