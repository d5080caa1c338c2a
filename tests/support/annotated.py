"""A sample after annotation, as the steps of interactions read it, and pairs of its genes."""

import warnings

import numpy as np
import pandas as pd
from scipy import sparse


def write_sample(folder, counts, genes, lineages, sample="S1"):
    """The three files of an annotated sample; gives the arguments that name them."""
    import anndata

    barcodes = [f"cell{i}-1" for i in range(counts.shape[0])]
    matrix = sparse.csr_matrix(counts, dtype=np.int32)
    anndata.AnnData(
        obs=pd.DataFrame(index=barcodes),
        var=pd.DataFrame({"gene_id": list(genes)}, index=list(genes)),
        layers={"counts": matrix, "corrected": matrix},
        uns={"sample": sample},
    ).write_h5ad(folder / f"{sample}.filtered.h5ad")
    doublets = {"barcode": barcodes, "doublet_score": 0.1, "predicted_doublet": False}
    pd.DataFrame(doublets).to_csv(folder / f"{sample}.doublets.tsv.gz", sep="\t", index=False)
    labels = {"barcode": barcodes, "celltypist_label": lineages, "lineage": lineages, "lineage_broad": lineages}
    labels |= {"probability": 0.9, "confidence": "high", "marker_lineage": "", "marker_agrees": True}
    pd.DataFrame(labels | {"marker_pdc": False}).to_csv(folder / f"{sample}.labels.tsv.gz", sep="\t", index=False)
    return [
        *("--filtered", folder / f"{sample}.filtered.h5ad"),
        *("--doublets", folder / f"{sample}.doublets.tsv.gz"),
        *("--labels", folder / f"{sample}.labels.tsv.gz"),
    ]


def toy(seed=0, sizes=(30, 25, 12)):
    """Counts of a few lineages over the genes of ``PAIRS``, cells x genes."""
    rng = np.random.default_rng(seed)
    genes = ["L1", "L2", "R1", "R2", "R3", *(f"G{i}" for i in range(15))]
    rate = rng.gamma(1.0, 2.0, (len(sizes), len(genes)))
    codes = np.repeat(np.arange(len(sizes)), sizes)
    return rng.poisson(rate[codes]), genes, np.array([f"T{k}" for k in codes], object)


def published_liana(x, genes, lineages, pairs, **options):
    """The table of LIANA itself at its defaults, but for ``options``."""
    import anndata
    import liana

    obs = pd.DataFrame({"lineage": lineages.astype(str)}, index=[f"cell{i}" for i in range(len(lineages))])
    adata = anndata.AnnData(x.copy(), obs=obs, var=pd.DataFrame(index=list(genes)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return liana.mt.rank_aggregate(
            adata, groupby="lineage", resource=pairs.copy(), use_raw=False, inplace=False, **options
        )


PAIRS = pd.DataFrame({"ligand": ["L1", "L2", "L1_L2", "L1"], "receptor": ["R1", "R2", "R1", "R2_R3"]})
