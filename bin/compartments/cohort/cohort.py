"""All samples in one object: merged counts, pseudobulks, counts per lineage, and what looks wrong with a sample."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort.pseudobulk import MIN_AMBIENT_COUNTS
from compartments.cohort.sample import read_annotated, without_doublets
from compartments.core.errors import UserError
from compartments.core.vocabulary import UNASSIGNED
from compartments.study.plan import design_table
from compartments.study.samplesheet import INPUTS

LAYERS = ("counts", "corrected")
PDC = "pDC"
Y_GENES = ["RPS4Y1", "DDX3Y", "EIF1AY", "KDM5D", "UTY", "USP9Y", "ZFY"]
MIN_SEX_UMIS = 20
SEX_SHARE = 0.8
MIN_REFERENCES = 2
SWAP_MARGIN = 0.1
OUTLIER_MADS = 5
LINEAGE_GENES = 1500
MOST_DOUBLETS = 0.1
# genes that no single cell should express together (T with B, T with monocyte, T with pDC)
EXCLUSIVE = (("CD3E", "MS4A1"), ("CD3E", "CD14"), ("CD3E", "LILRA4"))
REVIEWED = ("pDC", "Plasma", "T_cycling")  # what doublet scores take for doublets by mistake


@dataclass
class Gathered:
    """Samples that arrived, in samplesheet order.

    Attributes
    ----------
    names : list of str
    obs : list of DataFrame
    layers : dict of lists of CSR matrices
        Columns as in the sample's own file; emptied layer by layer by :func:`merge`.
    var : list of DataFrame
        Index symbol; ``gene_id, soup_fraction``.
    doublets : list of DataFrame
        Of :func:`doublets_by_lineage`.
    methods : dict
        Sample -> ``uns['ambient_method']``.
    ambient_warnings : dict
        Sample -> ``uns['ambient_warning']``, where there is one.
    """

    names: list
    obs: list
    layers: dict
    var: list
    doublets: list
    methods: dict
    ambient_warnings: dict


def match_files(study, filtered, doublets, labels):
    """Sort the files of all samples by sample.

    Parameters
    ----------
    study : design.Study
    filtered, doublets, labels : list of Path
        Named ``<sample>.filtered.h5ad``, ``<sample>.doublets.tsv.gz``, ``<sample>.labels.tsv.gz``.

    Returns
    -------
    files : dict, sample -> (filtered, doublets, labels)
    skipped : list of dict
        One row per sample of the study that lacks files.

    Raises
    ------
    UserError
        A file of a sample that the study does not have, or two of one kind for a sample.
    """
    by_kind = []
    for kind, paths in ((".filtered.h5ad", filtered), (".doublets.tsv.gz", doublets), (".labels.tsv.gz", labels)):
        found = {}
        for path in paths:
            sample = path.name.removesuffix(kind)
            if sample == path.name or sample not in set(study.samples["sample"]):
                raise UserError(f"{path}: no sample of the study has this name; expected <sample>{kind}")
            if sample in found:
                raise UserError(f"{path}: sample '{sample}' has two such files ({found[sample]})")
            found[sample] = path
        by_kind.append(found)
    files, skipped = {}, []
    for sample in study.samples["sample"]:
        lacking = [
            kind
            for kind, found in zip(("filtered counts", "doublet scores", "labels"), by_kind, strict=True)
            if sample not in found
        ]
        if lacking:
            reason = (
                f"no {', '.join(lacking)}: dropped by an earlier step (see its row of that stage), or that step failed "
                "(see pipeline_info/trace.tsv)"
            )
            skipped.append({"stage": "merge_samples", "sample": sample, "reason": reason})
        else:
            files[sample] = tuple(found[sample] for found in by_kind)
    return files, skipped


def gather(files):
    """Load every sample without its doublets.

    Returns
    -------
    gathered : Gathered
    skipped : list of dict
        Samples without a cell left.

    Raises
    ------
    UserError
        If a file holds another sample than its name says.
    """
    gathered, skipped = Gathered([], [], {layer: [] for layer in LAYERS}, [], [], {}, {}), []
    for sample, (filtered, doublets, labels) in files.items():
        data = read_annotated(filtered, doublets, labels)
        if str(data.uns.get("sample", sample)) != sample:
            raise UserError(f"{filtered}: holds sample '{data.uns['sample']}', not '{sample}'; rename the file")
        tally = doublets_by_lineage(sample, data)
        data = without_doublets(data)
        if not data.n_obs:
            skipped.append({"stage": "merge_samples", "sample": sample, "reason": "no cell left after doublets"})
            continue
        gathered.names.append(sample)
        gathered.obs.append(data.obs)
        gathered.var.append(data.var)
        gathered.doublets.append(tally)
        gathered.methods[sample] = str(data.uns.get("ambient_method", "none"))
        if data.uns.get("ambient_warning"):
            gathered.ambient_warnings[sample] = str(data.uns["ambient_warning"])
        for layer in LAYERS:
            gathered.layers[layer].append(sparse.csr_matrix(data.layers[layer]))
    return gathered, skipped


def doublets_by_lineage(sample, data):
    """What the doublets of one sample were called before they were taken out.

    Parameters
    ----------
    sample : str
    data : AnnData
        From :func:`samples.read_annotated`.

    Returns
    -------
    DataFrame
        ``sample, lineage, n_cells, n_doublets, share``, and how many of the doublets and of the other cells express
        both genes of a pair in ``EXCLUSIVE``: ``n_doublets_two_lineages, n_others_two_lineages``.
    """
    counts = sparse.csc_matrix(data.layers["counts"])
    column = {gene: number for number, gene in enumerate(data.var_names)}
    two = np.zeros(data.n_obs, bool)
    for pair in EXCLUSIVE:
        if set(pair) <= set(column):
            two |= np.asarray((counts[:, [column[gene] for gene in pair]] > 0).sum(axis=1)).ravel() == 2
    called = data.obs["predicted_doublet"].to_numpy(bool)
    cells = pd.DataFrame(
        {
            "lineage": data.obs["lineage"].astype(str).to_numpy(),
            "n_cells": 1,
            "n_doublets": called.astype(int),
            "n_doublets_two_lineages": (called & two).astype(int),
            "n_others_two_lineages": (~called & two).astype(int),
        }
    )
    table = cells.groupby("lineage").sum().reset_index()
    table.insert(0, "sample", sample)
    table.insert(4, "share", table["n_doublets"] / table["n_cells"])
    return table


def drop_uncleaned(gathered):
    """Take out the few samples whose ambient RNA could not be removed while that of most others was.

    Returns
    -------
    list of dict
        Rows of ``skipped.tsv``.
    """
    uncleaned = [sample for sample in gathered.names if gathered.methods[sample] == "none"]
    if 2 * len(uncleaned) >= len(gathered.names):
        return []
    for sample in uncleaned:
        position = gathered.names.index(sample)
        for column in (gathered.names, gathered.obs, gathered.var, gathered.doublets, *gathered.layers.values()):
            del column[position]
        del gathered.methods[sample]
    reason = "its ambient RNA could not be removed (see its ambient.json), that of other samples was: not comparable"
    fix = "; keep it with --allow_mixed_ambient"
    return [{"stage": "merge_samples", "sample": sample, "reason": reason + fix} for sample in uncleaned]


def unite_genes(variables):
    """Genes of all samples in order of first appearance.

    Parameters
    ----------
    variables : list of DataFrame
        Index symbol, column ``gene_id``.

    Returns
    -------
    genes : DataFrame, index symbol, column ``gene_id``
    positions : list of int arrays
        For every sample, the position of each of its genes among the united ones.
    """
    seen = {}
    for var in variables:
        for symbol, gene_id in zip(var.index, var["gene_id"].astype(str), strict=True):
            seen.setdefault(symbol, gene_id)
    genes = pd.DataFrame({"gene_id": list(seen.values())}, index=pd.Index(list(seen), dtype=object))
    return genes, [genes.index.get_indexer(var.index) for var in variables]


def stack(matrices, positions, n_genes):
    """Put CSR matrices of different genes below each other; ``matrices`` is emptied on the way.

    Parameters
    ----------
    matrices : list of CSR matrices, shape (cells of a sample, genes of that sample), integer
    positions : list of int arrays
        From :func:`unite_genes`.
    n_genes : int

    Returns
    -------
    CSR matrix, shape (all cells, n_genes), int32
        Sorted indices, int64 ones where the non-zeros need them. Zeros are not stored.

    Raises
    ------
    AssertionError
        If cells, non-zeros or totals of a sample are not those that went in.
    """
    for matrix in matrices:
        matrix.eliminate_zeros()
    cells = [matrix.shape[0] for matrix in matrices]
    nonzeros = [matrix.nnz for matrix in matrices]
    totals = [int(matrix.sum(dtype=np.int64)) for matrix in matrices]
    kind = sparse.get_index_dtype(maxval=max(sum(nonzeros), n_genes))
    data, indices = np.empty(sum(nonzeros), np.int32), np.empty(sum(nonzeros), kind)
    indptr = np.zeros(sum(cells) + 1, kind)
    row = start = 0
    for position in positions:
        matrix = matrices.pop(0)
        stop = start + matrix.nnz
        assert matrix.nnz == 0 or matrix.data.max() <= np.iinfo(np.int32).max, "counts beyond int32"
        data[start:stop] = matrix.data
        indices[start:stop] = position[matrix.indices]
        indptr[row + 1 : row + matrix.shape[0] + 1] = start + matrix.indptr[1:].astype(kind)
        row, start = row + matrix.shape[0], stop
    stacked = sparse.csr_matrix((data, indices, indptr), shape=(sum(cells), n_genes))
    stacked.sort_indices()
    bounds = np.concatenate([[0], np.cumsum(cells)])
    got = [
        int(stacked.data[indptr[a] : indptr[b]].sum(dtype=np.int64)) for a, b in zip(bounds, bounds[1:], strict=False)
    ]
    assert stacked.shape[0] == sum(cells), "cells were lost in the merge"
    assert list(np.diff(indptr[bounds])) == nonzeros, "non-zeros of a sample changed in the merge"
    assert got == totals, "counts of a sample changed in the merge"
    return stacked


def cell_table(study, gathered):
    """Metadata of all cells, index ``<sample>:<barcode>``, no column of nullable type.

    Columns: samplesheet (without file columns), then those of the samples; where only some samples have a column, the
    others have empty text or NaN.
    """
    sheet = study.samples.drop(columns=[c for c in (*INPUTS, "row") if c in study.samples]).set_index("sample")
    parts = []
    for sample, obs in zip(gathered.names, gathered.obs, strict=True):
        own = obs.drop(columns=["predicted_doublet"])
        own.insert(0, "barcode", own.index.astype(str))
        front = pd.DataFrame({"sample": sample} | sheet.loc[sample].to_dict(), index=own.index)
        joined = pd.concat([front, own[[c for c in own if c not in front]]], axis=1)
        joined.index = pd.Index([f"{sample}:{barcode}" for barcode in own["barcode"]], dtype=object)
        parts.append(joined)
    cells = pd.concat(parts)
    for column in cells:
        cells[column] = _plain(cells[column])
    assert cells.index.is_unique, "cell names are not unique"
    return cells


def _plain(values):
    """A column as bool, float, int or categorical of text: what every reader of h5ad files knows."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if pd.api.types.is_bool_dtype(values.dtype) and not values.isna().any():
        return values.to_numpy(bool)
    if pd.api.types.is_numeric_dtype(values.dtype):
        whole = pd.api.types.is_integer_dtype(values.dtype) and not values.isna().any()
        return values.to_numpy(np.int64 if whole else float, na_value=0 if whole else np.nan)
    text = values.astype(object).where(values.notna(), "").map(str)
    if text.nunique() > len(text) / 2:
        return text.to_numpy(object)
    return pd.Categorical(text, categories=pd.Index(sorted(text.unique()), dtype=object))


def merge(study, gathered, ambient_method):
    """One AnnData of all samples; consumes ``gathered.layers``.

    Returns
    -------
    AnnData, shape (cells, genes)
        As ``merged.h5ad`` of the contracts.
    """
    import anndata

    genes, positions = unite_genes(gathered.var)
    for sample, var, position in zip(gathered.names, gathered.var, positions, strict=True):
        soup = np.zeros(len(genes), np.float32)
        if "soup_fraction" in var:
            soup[position] = var["soup_fraction"].to_numpy(float)
        genes[f"soup:{sample}"] = soup
    cells = cell_table(study, gathered)
    layers = {layer: stack(gathered.layers[layer], positions, len(genes)) for layer in LAYERS}
    merged = anndata.AnnData(obs=cells, var=genes, layers=layers)
    merged.uns["ambient_method"] = ambient_method
    merged.uns["reference_compartment"] = study.reference_compartment
    return merged


def pseudobulk(merged):
    """Sums per sample and lineage.

    Returns
    -------
    AnnData, shape (samples x lineages with a cell, genes)
        As ``pseudobulk.h5ad`` of the contracts; samples in cohort order, lineages sorted, ``unassigned`` among them.
    """
    import anndata

    sample, lineage = merged.obs["sample"].astype(str), merged.obs["lineage"].astype(str)
    order = {name: i for i, name in enumerate(dict.fromkeys(sample))}
    rows = pd.DataFrame({"sample": sample, "lineage": lineage}).drop_duplicates()
    rows = rows.sort_values(["sample", "lineage"], key=lambda c: c.map(order) if c.name == "sample" else c)
    names = rows["sample"] + ":" + rows["lineage"]
    group = pd.Index(names).get_indexer(sample + ":" + lineage)
    parts = {name: [] for name in ("counts", "corrected", "n_expressing")}
    # sample by sample: the sums are small, and no widened copy of all counts is needed
    for name in order:
        cells = np.flatnonzero((sample == name).to_numpy())
        own = np.flatnonzero((rows["sample"] == name).to_numpy())
        indicator = sparse.csr_matrix(
            (np.ones(len(cells), np.int64), (group[cells] - own[0], np.arange(len(cells)))), (len(own), len(cells))
        )
        corrected = merged.layers["corrected"][cells]
        parts["counts"].append(indicator @ merged.layers["counts"][cells])
        parts["corrected"].append(indicator @ corrected)
        parts["n_expressing"].append((indicator @ (corrected > 0)).astype(np.int32))
    layers = {name: sparse.csr_matrix(sparse.vstack(matrices, format="csr")) for name, matrices in parts.items()}
    for layer in LAYERS:
        assert layers[layer].sum() == merged.layers[layer].sum(dtype=np.int64), "pseudobulk lost counts"
    layers["ambient"] = sparse.csr_matrix(layers["counts"] - layers["corrected"], dtype=np.float32)
    layers["ambient"].eliminate_zeros()
    by_sample = merged.obs.drop_duplicates("sample").set_index(merged.obs["sample"].astype(str).drop_duplicates())
    obs = pd.DataFrame(
        {
            "sample": rows["sample"].to_numpy(object),
            **{
                c: by_sample.loc[rows["sample"], c].astype(str).to_numpy(object)
                for c in ("donor", "compartment", "condition")
            },
            "lineage": rows["lineage"].to_numpy(object),
            "n_cells": np.bincount(group, minlength=len(rows)),
            "total_counts": np.asarray(layers["counts"].sum(axis=1)).ravel().astype(np.int64),
        },
        index=pd.Index(names.to_numpy(object)),
    )
    return anndata.AnnData(obs=obs, var=merged.var.copy(), layers=layers)


def marker_lineage_level(obs):
    """Lineages with pDC as the markers see them.

    Every cell that the pDC markers confirm is pDC, one that only the model calls pDC is unassigned, so each cell counts
    once. Cells that the user labelled stay as they are.
    """
    lineage = obs["lineage"].astype(str).to_numpy(object)
    by_user = (obs["confidence"].astype(str) == "override").to_numpy()
    confirmed = obs["marker_pdc"].to_numpy(bool)
    lineage = np.where(confirmed & ~by_user, PDC, lineage)
    return np.where((lineage == PDC) & ~confirmed & ~by_user, UNASSIGNED, lineage)


def lineage_counts(obs):
    """Cells per sample and lineage, zeros included.

    Returns
    -------
    DataFrame
        ``sample, level, lineage, n_cells``; at every level the cells of a sample add up to all its cells.
    """
    sample = obs["sample"].astype(str).to_numpy()
    levels = {
        "lineage": obs["lineage"].astype(str).to_numpy(object),
        "lineage_broad": obs["lineage_broad"].astype(str).to_numpy(object),
        "lineage_marker": marker_lineage_level(obs),
    }
    # a lineage that only one of the two pDC definitions leaves without cells still has its row of zeros
    known = sorted({*levels["lineage"], *levels["lineage_marker"]})
    parts = []
    for level, lineage in levels.items():
        columns = sorted(set(lineage)) if level == "lineage_broad" else known
        table = pd.crosstab(sample, lineage).reindex(columns=columns, fill_value=0).loc[list(dict.fromkeys(sample))]
        assert table.to_numpy().sum() == len(obs), "cells were lost in counting"
        long = table.rename_axis("sample").reset_index().melt("sample", var_name="lineage", value_name="n_cells")
        long.insert(1, "level", level)
        long["sample"] = pd.Categorical(long["sample"], categories=list(dict.fromkeys(sample)))
        parts.append(long.sort_values(["sample", "lineage"], kind="stable").astype({"sample": str}))
    return pd.concat(parts, ignore_index=True)


def compare_models(obs):
    """What further models call the cells, beside the labels that stand.

    Parameters
    ----------
    obs : DataFrame
        Of :func:`merge`; ``label:<model>`` and ``lineage:<model>`` for every further model.

    Returns
    -------
    DataFrame
        ``model, level (lineage_broad | label), compartment, name, other_name, n_cells, share (of the cells of name in
        the compartment), agrees``; ``other_name`` is empty where the lineage map lacks the model's label, ``agrees`` at
        level ``lineage_broad`` only. No row with one model.
    """
    parts = []
    for column in obs:
        kind, _, model = column.partition(":")
        own = {"lineage": "lineage_broad", "label": "celltypist_label"}.get(kind)
        if not model or own is None:
            continue
        frame = obs[["compartment", own, column]].astype(str).set_axis(["compartment", "name", "other_name"], axis=1)
        table = frame.value_counts(sort=False).rename("n_cells").reset_index()
        table = table.sort_values(["compartment", "name", "n_cells", "other_name"], ascending=[True, True, False, True])
        table["share"] = table["n_cells"] / table.groupby(["compartment", "name"])["n_cells"].transform("sum")
        table["agrees"] = (table["name"] == table["other_name"]).astype(object) if kind == "lineage" else ""
        table.insert(0, "level", "lineage_broad" if kind == "lineage" else "label")
        table.insert(0, "model", model)
        parts.append(table)
    columns = ["model", "level", "compartment", "name", "other_name", "n_cells", "share", "agrees"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def check_left(study, names):
    """Raise :class:`UserError` if the samples that are left allow no comparison."""
    if not len(names):
        raise UserError("no sample has a cell left: there is nothing to compare; skipped.tsv names the reasons")
    if not (design_table(study.subset(names))["tier"] != "not_testable").any():
        raise UserError(
            f"only {', '.join(names)} are left, and no compartment has donors of both conditions of a contrast: "
            "there is nothing to compare; skipped.tsv names the reasons"
        )


def ambient_shares(bulk):
    """How much of each gene's counts was ambient, by condition, compartment and lineage.

    These are the sums by which expression and interactions leave out genes that soup may explain.

    Parameters
    ----------
    bulk : AnnData
        From :func:`pseudobulk`.

    Returns
    -------
    DataFrame
        ``condition, compartment, lineage, gene, counts, ambient_counts, share``: genes of at least
        ``MIN_AMBIENT_COUNTS`` raw counts of which some were ambient, the largest share of a group first.
    """
    groups = bulk.obs.groupby(["condition", "compartment", "lineage"], sort=False, observed=True).indices
    parts = []
    for (condition, compartment, lineage), rows in groups.items():
        counts, ambient = (np.asarray(bulk.layers[name][rows].sum(0)).ravel() for name in ("counts", "ambient"))
        shown = np.flatnonzero((counts >= MIN_AMBIENT_COUNTS) & (ambient > 0))
        part = pd.DataFrame({"gene": bulk.var_names[shown], "counts": counts[shown].astype(int)})
        part["ambient_counts"] = ambient[shown].astype(int)
        part["share"] = part["ambient_counts"] / part["counts"]
        part.insert(0, "lineage", lineage)
        part.insert(0, "compartment", compartment)
        part.insert(0, "condition", condition)
        parts.append(part.sort_values("share", ascending=False, kind="stable"))
    return pd.concat(parts, ignore_index=True)


def sample_warnings(merged, bulk, study, ambient=None, doublets=()):
    """Samples that look swapped, mislabelled or poor, or whose ambient RNA was not removed as asked.

    Parameters
    ----------
    merged, bulk : AnnData
        From :func:`merge` and :func:`pseudobulk`.
    study : Study
    ambient : dict, optional
        ``Gathered.ambient_warnings``.
    doublets : list of DataFrame, optional
        ``Gathered.doublets``.

    Returns
    -------
    DataFrame
        ``stage, sample, warning``; sorted by sample as in the study.
    """
    totals = _sample_sums(bulk)
    rows = [
        *_sex_warnings(totals, bulk.var_names, study),
        *_compartment_warnings(totals, study),
        *_donor_warnings(bulk, study),
        *_complexity_warnings(merged, study),
        *_pdc_warnings(merged.obs),
        *_doublet_warnings(doublets),
        *((sample, f"ambient RNA: {why}") for sample, why in (ambient or {}).items()),
    ]
    table = pd.DataFrame(rows, columns=["sample", "warning"])
    table.insert(0, "stage", "merge_samples")
    order = {name: i for i, name in enumerate(study.samples["sample"])}
    return table.sort_values("sample", key=lambda c: c.map(order), kind="stable").reset_index(drop=True)


def _sample_sums(bulk):
    """Corrected counts per sample: DataFrame, shape (samples, genes)."""
    names = list(dict.fromkeys(bulk.obs["sample"]))
    rows = pd.Index(names).get_indexer(bulk.obs["sample"])
    indicator = sparse.csr_matrix((np.ones(len(rows)), (rows, np.arange(len(rows)))))
    return pd.DataFrame((indicator @ bulk.layers["corrected"]).toarray(), index=names, columns=bulk.var_names)


def sex_of_samples(totals):
    """Sex as expressed: ``F``, ``M``, ``mixed`` or ``unclear`` per sample.

    Parameters
    ----------
    totals : DataFrame, shape (samples, genes)

    Notes
    -----
    XIST against genes of the male-specific part of chromosome Y; at least 20 UMIs of them, 80 % on one side.
    """
    xist = totals["XIST"] if "XIST" in totals else pd.Series(0.0, totals.index)
    y = totals[[gene for gene in Y_GENES if gene in totals]].sum(axis=1)
    enough = (xist + y >= MIN_SEX_UMIS) & ("XIST" in totals) & any(gene in totals for gene in Y_GENES)
    share = xist / (xist + y).where(xist + y > 0, 1)
    sex = np.select([~enough, share >= SEX_SHARE, share <= 1 - SEX_SHARE], ["unclear", "F", "M"], "mixed")
    return pd.Series(sex, index=totals.index)


def _sex_warnings(totals, genes, study):
    sex = sex_of_samples(totals)
    sheet = study.samples.set_index("sample").loc[sex.index]
    for donor, own in sex.groupby(sheet["donor"], sort=False):
        if {"F", "M"} <= set(own):
            seen = ", ".join(f"{sample} {value}" for sample, value in own.items())
            for sample in own.index:
                yield sample, f"the samples of donor {donor} differ in sex by XIST and Y genes ({seen}): swapped?"
    for sample, value in sex.items():
        if value == "mixed":
            yield sample, "XIST and Y genes are both expressed: cells of two people, or a transplant?"
        stated = str(sheet["sex"].get(sample, ""))[:1].upper() if "sex" in sheet else ""
        if stated in ("F", "M") and value in ("F", "M") and stated != value:
            yield sample, f"stated sex is {stated}, XIST and Y genes say {value}"


def _log_cpm(sums):
    total = sums.sum(axis=1)
    return np.log2(1e6 * sums.div(total.where(total > 0, 1), axis=0) + 10)


def _compartment_warnings(totals, study):
    """A sample whose expression is that of another compartment (nearest centroid of the other samples)."""
    compartment = study.samples.set_index("sample")["compartment"].loc[totals.index]
    expression = _log_cpm(totals)
    expression = expression.loc[:, expression.std().sort_values(ascending=False, kind="stable").index[:LINEAGE_GENES]]
    for sample in expression.index:
        others = expression.drop(index=sample)
        groups = compartment.drop(index=sample)
        if groups.value_counts().reindex(compartment.unique(), fill_value=0).min() < MIN_REFERENCES:
            continue
        centre = others.groupby(groups).mean()
        centred = centre - centre.mean()
        likeness = centred.T.corrwith(expression.loc[sample] - centre.mean())
        best, own = likeness.idxmax(), compartment[sample]
        if best != own and likeness[best] - likeness[own] > SWAP_MARGIN:
            yield sample, f"its expression is that of {best}, not of {own}: swapped?"


def donor_likeness(bulk, study, a, b):
    """Correlation of the donors' own expression between two compartments.

    Within each lineage and compartment, log expression minus the mean of the samples of the same condition leaves what
    is peculiar to the donor; it is shared by the donor's samples.

    Returns
    -------
    DataFrame, shape (samples of a, samples of b); empty with fewer than 3 samples in either.
    """
    sheet = study.samples.set_index("sample")
    peculiar = {}
    for compartment in (a, b):
        names = [s for s in dict.fromkeys(bulk.obs["sample"]) if sheet.loc[s, "compartment"] == compartment]
        parts = []
        for lineage in sorted(bulk.obs["lineage"].unique()):
            rows = bulk.obs[
                (bulk.obs["lineage"] == lineage) & bulk.obs["sample"].isin(names) & (bulk.obs["n_cells"] >= 20)
            ]
            if lineage == UNASSIGNED or rows["sample"].nunique() < len(names) or len(names) < 3:
                continue
            sums = pd.DataFrame(
                bulk[rows.index].layers["corrected"].toarray(), index=rows["sample"], columns=bulk.var_names
            )
            sums = sums.loc[names]
            groups = sheet.loc[names, "condition"]
            log = _log_cpm(sums).loc[:, (sums >= 5).all()]
            centre = np.tile(log.to_numpy().mean(0), (len(log), 1))
            for condition, size in groups.value_counts().items():
                if size > 1:
                    same = (groups == condition).to_numpy()
                    centre[same] = log.to_numpy()[same].mean(0)
            log = log - centre
            log.columns = [f"{lineage}:{gene}" for gene in log]
            parts.append(log)
        peculiar[compartment] = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=names)
    shared = peculiar[a].columns.intersection(peculiar[b].columns)
    if len(shared) < 100:
        return pd.DataFrame()
    x, y = (peculiar[c][shared].to_numpy() for c in (a, b))
    x, y = ((m - m.mean(1, keepdims=True)) / m.std(1, keepdims=True) for m in (x, y))
    return pd.DataFrame(x @ y.T / len(shared), index=peculiar[a].index, columns=peculiar[b].index)


def _donor_warnings(bulk, study):
    """A sample that shares more with another donor's sample than with its own donor's."""
    donor = study.samples.set_index("sample")["donor"]
    for other in study.compartments[1:]:
        likeness = donor_likeness(bulk, study, study.reference_compartment, other)
        for sample in likeness.columns:
            own = [s for s in likeness.index if donor[s] == donor[sample]]
            if not own:
                continue
            best = likeness[sample].idxmax()
            back = likeness.loc[best].idxmax()
            # both ways round: an odd sample is like none, a swapped one is like its true partner
            if (
                best != own[0]
                and back == sample
                and likeness.loc[best, sample] - likeness.loc[own[0], sample] > SWAP_MARGIN
            ):
                yield (
                    sample,
                    (
                        f"shares donor-specific expression with {best} (correlation {likeness.loc[best, sample]:.2f}), "
                        f"not with {own[0]} of its own donor ({likeness.loc[own[0], sample]:.2f}): swapped?"
                    ),
                )


def _complexity_warnings(merged, study):
    """Samples with far fewer genes per cell, at their depth, than the others of their compartment."""
    counts = merged.layers["counts"]
    genes, umis = np.diff(counts.indptr), np.asarray(counts.sum(axis=1)).ravel()
    frame = pd.DataFrame({"sample": merged.obs["sample"].astype(str).to_numpy(), "genes": genes, "umis": umis})
    frame["complexity"] = np.log10(np.maximum(genes, 1)) / np.log10(np.maximum(umis, 10))
    median = frame.groupby("sample", sort=False).median()
    compartment = study.samples.set_index("sample")["compartment"].loc[median.index]
    for sample, row in median.iterrows():
        peers = median.loc[(compartment == compartment[sample]) & (median.index != sample), "complexity"]
        if row["genes"] < 200:
            yield sample, f"low complexity: {row['genes']:.0f} genes in the median cell"
        elif len(peers) >= 3:
            spread = max(1.4826 * (peers - peers.median()).abs().median(), 0.005)
            if row["complexity"] < peers.median() - OUTLIER_MADS * spread:
                yield (
                    sample,
                    (
                        f"low complexity: {row['genes']:.0f} genes from {row['umis']:.0f} UMIs in the median cell, "
                        f"less than in the other {compartment[sample]} samples"
                    ),
                )


def _doublet_warnings(tables):
    """One line per sample that names the lineages of which more than ``MOST_DOUBLETS`` were called doublets."""
    for table in tables:
        heavy = table[(table["share"] > MOST_DOUBLETS) & (table["lineage"] != UNASSIGNED)]
        words = []
        for row in heavy.itertuples():
            word = f"{row.lineage} ({row.n_doublets} of {row.n_cells}"
            if row.lineage in REVIEWED:
                word += f", {row.n_doublets_two_lineages} of them with markers of two lineages"
            words.append(f"{word})")
        if words:
            yield heavy["sample"].iloc[0], f"doublets took more than {MOST_DOUBLETS:.0%} of {', '.join(words)}"


def _pdc_warnings(obs):
    model = (obs["lineage"].astype(str) == PDC).groupby(obs["sample"].astype(str)).sum()
    marker = obs["marker_pdc"].groupby(obs["sample"].astype(str)).sum()
    both = ((obs["lineage"].astype(str) == PDC) & obs["marker_pdc"]).groupby(obs["sample"].astype(str)).sum()
    for sample in model.index:
        either = model[sample] + marker[sample] - both[sample]
        if either >= 5 and both[sample] < 0.8 * either:
            yield sample, f"pDC: {model[sample]} by the model, {marker[sample]} by markers, {both[sample]} by both"


def cohort_method(methods, allow_mixed=False):
    """The one ambient RNA method of a cohort.

    Samples corrected by different methods differ by method, which looks like an effect of compartment or condition.

    Parameters
    ----------
    methods : dict
        Sample -> method (``uns['ambient_method']``).
    allow_mixed : bool

    Returns
    -------
    str
        The method, or ``mixed`` where that is allowed.

    Raises
    ------
    UserError
        If methods differ and that is not allowed; it names the samples of each.
    """
    by_method = {}
    for sample, method in sorted(methods.items()):
        by_method.setdefault(method, []).append(sample)
    if len(by_method) == 1:
        return next(iter(by_method))
    if allow_mixed:
        return "mixed"
    listed = "; ".join(f"{method}: {', '.join(samples)}" for method, samples in sorted(by_method.items()))
    raise UserError(
        f"ambient RNA was removed by different methods ({listed}): choose with --ambient_method one that all samples "
        "can have, or accept the mixture with --allow_mixed_ambient"
    )
