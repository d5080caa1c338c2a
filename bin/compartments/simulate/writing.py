"""Files of a simulated sample."""

from pathlib import Path

import pandas as pd
from scipy import sparse

from compartments.core.files import replacing
from compartments.core.matrix import totals
from compartments.core.tenx import write_10x_h5
from compartments.simulate.droplets import Sample
from compartments.simulate.sources import Source


def write_sample(outdir: Path, name: str, sample: Sample, source: Source) -> None:
    """Write raw and filtered matrix into the sample's folder, the truth as ``truth/<sample>.h5ad``."""
    (outdir / name).mkdir(parents=True, exist_ok=True)
    (outdir / "truth").mkdir(exist_ok=True)
    seen = totals(sample.counts) > 0
    for kind, counts, barcodes in (
        ("raw", sample.counts[seen], sample.barcodes[seen]),
        ("filtered", sample.native + sample.ambient, sample.cells["barcode"]),
    ):
        path = outdir / name / f"{kind}_feature_bc_matrix.h5"
        write_10x_h5(path, counts, barcodes, genes=source.genes, gene_ids=source.gene_ids)
    write_truth(outdir / "truth" / f"{name}.h5ad", sample, source)


def write_truth(path: Path, sample: Sample, source: Source) -> None:
    """Write the droplets with cells as h5ad: truth in obs, ``layers['native']`` and ``['ambient']``, soup in var."""
    import anndata

    adata = anndata.AnnData(
        obs=sample.cells.set_index("barcode").rename_axis(None).astype({"lineage": str, "partner_lineage": str}),
        var=pd.DataFrame({"gene_id": source.gene_ids, "soup": sample.soup}, index=list(source.genes)),
        layers={"native": sparse.csr_matrix(sample.native), "ambient": sparse.csr_matrix(sample.ambient)},
    )
    for frame in (adata.obs, adata.var):
        for column in [name for name in frame if pd.api.types.is_string_dtype(frame[name])]:
            frame[column] = frame[column].astype(object)
        frame.index = frame.index.astype(object)
    with replacing(path) as temporary:
        adata.write_h5ad(temporary, compression="gzip")
