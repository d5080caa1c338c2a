"""A cohort of real cells: PBMC 4k as blood, its droplets rebuilt from the measured soup, and a CSF sample."""

import anndata
import numpy as np
import scipy.sparse as sp

from compartments.core.tenx import write_10x_h5

SHEET = ["sample", "donor", "compartment", "condition", "raw", "filtered", "cellbender"]


def write_real_cohort(data, outdir, n_empty=6000, seed=0):
    """Write samplesheet and inputs; three blood donors (raw droplets), two with CSF (CellBender output, called cells).

    Parameters
    ----------
    data : Path
        Folder of the real data sets.
    outdir : Path

    Returns
    -------
    Path of the samplesheet.
    """
    rng = np.random.default_rng(seed)
    outdir.mkdir(parents=True, exist_ok=True)
    blood = anndata.read_h5ad(data / "pbmc4k" / "pbmc4k_2170_cells.h5ad")
    genes = np.array(blood.var_names)
    gene_ids = np.array([f"ENSG{number:011d}" for number in range(len(genes))])
    rows = []
    for donor, cells in zip(("r1", "r2", "r3"), np.array_split(rng.permutation(blood.n_obs), 3), strict=True):
        empty = draw_empties(blood, n_empty, rng)
        counts = sp.vstack([sp.csr_matrix(blood.X[np.sort(cells)]).astype(np.int32), empty]).tocsr()
        path = outdir / f"{donor}_blood_raw.h5"
        write_10x_h5(path, counts, np.array(barcodes(counts.shape[0], rng)), genes, gene_ids)
        rows.append([f"{donor}_blood", donor, "blood", "ms" if donor == "r1" else "control", path.name, "", ""])

    csf = data / "csf" / "csf_cellbender_v3_filtered.h5"
    rows.append(["r1_CSF", "r1", "CSF", "ms", "", "", str(csf.resolve())])
    rows.append(["r2_CSF", "r2", "CSF", "control", "", thin_csf(csf, outdir / "r2_CSF.h5ad", rng).name, ""])
    sheet = outdir / "samplesheet.csv"
    sheet.write_text("\n".join(",".join(row) for row in [SHEET, *rows]) + "\n")
    return sheet


def draw_empties(blood, n, rng):
    """``n`` empty droplets: totals from the measured histogram (1 to 100 UMIs), genes from the measured soup."""
    totals, weights = blood.uns["nDropUMIs_hist_x"], blood.uns["nDropUMIs_hist_n"].astype(float)
    empty = (totals >= 1) & (totals <= 100)
    drawn = rng.choice(totals[empty].astype(int), n, p=weights[empty] / weights[empty].sum())
    soup = blood.var["soup_counts"].to_numpy(float)
    picked = rng.choice(len(soup), drawn.sum(), p=soup / soup.sum())
    droplet = np.repeat(np.arange(n), drawn)
    return sp.coo_matrix((np.ones(len(picked), np.int32), (droplet, picked)), shape=(n, len(soup))).tocsr()


def thin_csf(path, out, rng):
    """Every cell of the CSF sample with 80 % of its counts, as an h5ad of called cells."""
    import h5py

    with h5py.File(path) as handle:
        group = handle["matrix"]
        shape = tuple(group["shape"][:])
        matrix = sp.csc_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=shape).T.tocsr()
        names = [name.decode() for name in group["features"]["name"][:]]
        ids = [name.decode() for name in group["features"]["id"][:]]
        cells = [name.decode() for name in group["barcodes"][:]]
    matrix = matrix.astype(np.int32)
    matrix.data = rng.binomial(matrix.data, 0.8).astype(np.int32)
    matrix.eliminate_zeros()
    thinned = anndata.AnnData(matrix)
    thinned.obs_names, thinned.var_names = cells, ids
    thinned.var["gene_symbols"] = names
    thinned.write_h5ad(out)
    return out


def barcodes(n, rng):
    """``n`` different barcodes of 16 bases."""
    found = set()
    while len(found) < n:
        found.add("".join(rng.choice(list("ACGT"), 16)) + "-1")
    return sorted(found)
