"""Cell types: CellTypist labels summed to lineages, checked by markers, kept unassigned where neither is sure."""

import re

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.errors import SampleSkipped, UserError
from compartments.core.files import read_tsv
from compartments.core.vocabulary import BLOOD, LABEL_COLUMNS, UNASSIGNED
from compartments.labels.model import probabilities

TARGET_SUM = 1e4
CHUNK = 2000
MIN_MARGIN = 0.2
MIN_PROBABILITY = 0.5
WARN_OVERLAP = 0.8
N_CONTROLS = 25
MIN_MARKERS = 2
ERYTHROID_GENES = ["HBB", "HBA1", "HBA2"]
ERYTHROID_SHARE = 0.05
CD3_GENES = ["CD3D", "CD3E", "CD3G"]
NK_GENES = ["FCER1G", "TYROBP", "KLRF1"]
PDC_GENES = ["LILRA4", "CLEC4C"]
PDC_DISAGREEMENT = 0.2
CSF = re.compile(r"csf|cerebrospinal", re.I)
ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}(\.\d+)?$")


def read_lineage_map(path):
    """The map from model labels to lineages.

    Returns
    -------
    DataFrame, index ``celltypist_low`` (the label)
        ``celltypist_high, lineage, lineage_broad, plausible_in`` (``both``, ``csf`` or ``implausible``).

    Raises
    ------
    UserError
        Missing column, a label twice, or a lineage in two broad lineages, with the row.
    """
    columns = ["celltypist_low", "lineage", "lineage_broad", "plausible_in"]
    table = read_tsv(path, required=columns, text=[*columns, "celltypist_high"])
    for column in columns:
        empty = table[column].isna()
        if empty.any():
            raise UserError(f"{path} row {empty.idxmax() + 2}, column {column}: empty")
    twice = table["celltypist_low"].duplicated()
    if twice.any():
        label = table["celltypist_low"][twice.idxmax()]
        raise UserError(f"{path} row {twice.idxmax() + 2}: label '{label}' is there twice")
    if "celltypist_high" not in table:
        table["celltypist_high"] = ""
    clash = table.groupby("lineage")["lineage_broad"].nunique()
    if (clash > 1).any():
        raise UserError(f"{path}: lineage '{clash.idxmax()}' has {clash.max()} values of lineage_broad; it needs one")
    return table.set_index("celltypist_low")


def broad_lineages(lineage_map):
    """Dict lineage -> lineage_broad; a broad lineage stands for itself, so that markers may name one."""
    broad = {name: name for name in lineage_map["lineage_broad"]}
    return broad | dict(zip(lineage_map["lineage"], lineage_map["lineage_broad"], strict=True))


def map_labels(labels, lineage_map):
    """Lineage, broad lineage and plausibility of model labels.

    A label is looked up in ``celltypist_low``, else taken as the name of a lineage or broad lineage, else looked up in
    ``celltypist_high`` where all its labels share a lineage (or at least a broad one).

    Returns
    -------
    DataFrame, index ``labels``
        ``lineage, lineage_broad, plausible_in``; missing where a label cannot be placed.
    """
    broad = broad_lineages(lineage_map)
    high = lineage_map.groupby("celltypist_high")
    rows = []
    for label in labels:
        if label in lineage_map.index:
            rows.append(tuple(lineage_map.loc[label, ["lineage", "lineage_broad", "plausible_in"]]))
        elif label in broad:
            rows.append((label, broad[label], "csf" if label == "Macrophage" else "both"))
        elif label in high.groups:
            group = high.get_group(label)
            lineages, broads = group["lineage"].unique(), group["lineage_broad"].unique()
            lineage = lineages[0] if len(lineages) == 1 else broads[0]
            rows.append((lineage, broads[0], "both") if len(broads) == 1 else (None, None, None))
        else:
            rows.append((None, None, None))
    return pd.DataFrame(rows, index=pd.Index(labels), columns=["lineage", "lineage_broad", "plausible_in"])


def read_markers(path, lineage_map):
    """Marker table: columns ``lineage, gene, sign`` (``+`` or ``-``); lineages must be in the map.

    Raises
    ------
    UserError
    """
    table = read_tsv(path, required=["lineage", "gene", "sign"], text=["lineage", "gene", "sign"])
    for column, known in (("sign", {"+", "-"}), ("lineage", broad_lineages(lineage_map))):
        wrong = ~table[column].isin(known)
        if wrong.any():
            value = table[column][wrong.idxmax()]
            raise UserError(
                f"{path} row {wrong.idxmax() + 2}, column {column}: '{value}' is not one of {', '.join(sorted(known))}"
            )
    return table


def normalise(counts):
    """Counts of some cells as ``log1p`` of counts per 10,000 over all genes: float64 CSR, a fresh copy.

    An empty cell stays empty. The sum of ``expm1`` is checked for every other cell.
    """
    total = np.asarray(counts.sum(axis=1)).ravel()
    factor = np.divide(TARGET_SUM, total, out=np.zeros(len(total)), where=total > 0)
    normalised = sparse.csr_matrix(counts, dtype=float, copy=True)
    normalised.data *= np.repeat(factor, np.diff(normalised.indptr))
    assert np.allclose(np.asarray(normalised.sum(axis=1)).ravel()[total > 0], TARGET_SUM), "normalisation failed"
    np.log1p(normalised.data, out=normalised.data)
    return normalised


def choose_gene_names(symbols, gene_ids, model, minimum, where):
    """The names by which data and model share most genes: symbols or Ensembl ids (without version).

    Returns
    -------
    names : array of str, shape (genes,)
    overlap : float
        Share of the model's genes that the data have.

    Raises
    ------
    SampleSkipped
        If the share is below ``minimum``, with the likely cause and the fix.
    """
    ids = np.array([name.split(".")[0] if ENSEMBL.match(name) else name for name in gene_ids], object)
    shares = [(float(pd.Index(model.genes).isin(names).mean()), names) for names in (np.asarray(symbols, object), ids)]
    overlap, names = max(shares, key=lambda pair: pair[0])
    if overlap < minimum:
        raise SampleSkipped(
            f"{where}: holds {overlap:.0%} of the {len(model.genes)} genes of model {model.name} "
            f"(at least {minimum:.0%} needed); {_why_no_overlap(symbols, model.genes)}"
        )
    return names, overlap


def _why_no_overlap(symbols, model_genes):
    """The likely cause of a low overlap, and the fix."""
    symbols = [str(name) for name in symbols]
    lower = {name.upper() for name in symbols} & {str(name).upper() for name in model_genes}
    if sum(bool(ENSEMBL.match(name)) for name in symbols) > len(symbols) / 2:
        return "the gene names are Ensembl ids: give a matrix whose features carry gene symbols too"
    if len(lower) > len(model_genes) / 2:
        return "the names agree but for upper and lower case, as between mouse and human: use a model of the species"
    return "use a model of the same species and gene names, or a matrix with all genes"


def marker_weights(genes, means, markers):
    """Weights that turn normalised expression into marker scores.

    Parameters
    ----------
    genes : array of str, shape (genes,)
    means : array, shape (genes,)
        Mean normalised expression over the sample's cells.
    markers : DataFrame
        From :func:`read_markers`.

    Returns
    -------
    lineages : list of str
        Those with at least ``MIN_MARKERS`` positive markers among the genes.
    weights : CSC matrix, shape (genes, lineages)
        ``1/m`` at each of m markers, minus the average of ``N_CONTROLS`` control genes of nearest mean per marker.
    positive, negative : CSC bool matrices, shape (genes, lineages)

    Notes
    -----
    Mean of markers minus matched controls, Tirosh et al. (2016) Science 352:189; controls are the nearest ranks in mean
    expression instead of a random draw from a bin, so no seed is needed.
    """
    index = pd.Index(genes)
    here = markers[markers["gene"].isin(index)]
    positive = here[here["sign"] == "+"].groupby("lineage", sort=False)["gene"].agg(list)
    positive = positive[positive.str.len() >= MIN_MARKERS]
    negative = here[here["sign"] == "-"].groupby("lineage")["gene"].agg(list)
    order = np.argsort(means, kind="stable")
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    free = order[~index.isin(markers["gene"])[order]]
    rank_free = rank[free]
    weights = np.zeros((len(genes), len(positive)))
    signs = {"+": np.zeros(weights.shape, bool), "-": np.zeros(weights.shape, bool)}
    for column, (lineage, names) in enumerate(positive.items()):
        own = index.get_indexer(names)
        for gene in own:
            middle = np.searchsorted(rank_free, rank[gene])
            start = max(0, min(middle - N_CONTROLS // 2, len(free) - N_CONTROLS))
            controls = free[start : start + N_CONTROLS]
            weights[gene, column] += 1 / len(own)
            weights[controls, column] -= 1 / len(own) / max(1, len(controls))
        signs["+"][own, column] = True
        signs["-"][index.get_indexer(negative.get(lineage, [])), column] = True
    return list(positive.index), sparse.csc_matrix(weights), *(sparse.csc_matrix(signs[s]) for s in "+-")


def choose_lineage(probability, mapped):
    """Label and lineage of each cell from the independent probabilities of the labels.

    Parameters
    ----------
    probability : array, shape (cells, labels)
    mapped : DataFrame, one row per label
        From :func:`map_labels`.

    Returns
    -------
    label : int array, shape (cells,)
        Position of the chosen label.
    by_lineage, by_broad : DataFrame, shape (cells, lineages), (cells, broad lineages)
        Summed probabilities, capped at 1.

    Notes
    -----
    The best label wins by a margin of at least ``MIN_MARGIN``. Below it, subtypes may have split the vote: the broad
    lineage of the largest sum wins, within it the lineage of the largest sum, within it the best label.
    """
    lineages, lineage_of = np.unique(mapped["lineage"].to_numpy(str), return_inverse=True)
    broads, broad_of = np.unique(mapped["lineage_broad"].to_numpy(str), return_inverse=True)
    by_lineage = probability @ np.eye(len(lineages))[lineage_of]
    by_broad = probability @ np.eye(len(broads))[broad_of]
    label = probability.argmax(axis=1)
    if probability.shape[1] > 1:
        top = -np.partition(-probability, 1, axis=1)[:, :2]
        close = top[:, 0] - top[:, 1] < MIN_MARGIN
        label[close] = _best_within(
            probability[close], by_lineage[close], by_broad[close].argmax(1), lineage_of, broad_of
        )
    return (
        label,
        pd.DataFrame(np.minimum(by_lineage, 1), columns=lineages),
        pd.DataFrame(np.minimum(by_broad, 1), columns=broads),
    )


def _best_within(probability, by_lineage, broad, lineage_of, broad_of):
    """Best label of the best lineage inside a given broad lineage (positions)."""
    inside = broad_of == broad[:, None]
    score = np.where(inside, by_lineage[:, lineage_of], -1)
    best = score >= score.max(axis=1, keepdims=True)
    return np.where(best & inside, probability, -1).argmax(axis=1)


def annotate(counts, symbols, gene_ids, models, lineage_map, markers, compartment, min_overlap=0.5, where="counts"):
    """Label every cell of one sample.

    Parameters
    ----------
    counts : CSR matrix, shape (cells, genes), integer
        Ambient-corrected counts.
    symbols, gene_ids : sequences of str, shape (genes,)
    models : list of celltypist_model.Model
        The first decides; the others are reported beside it.
    lineage_map, markers : DataFrame
        From :func:`read_lineage_map`, :func:`read_markers`.
    compartment : str
    min_overlap : float
        Least share of a model's genes that the data must have.
    where : str
        Named in messages.

    Returns
    -------
    labels : DataFrame, one row per cell
        ``celltypist_label, lineage, lineage_broad, probability, confidence, marker_lineage, marker_agrees,
        marker_pdc, display_label``, and ``label:<model>``, ``lineage:<model>`` for every further model.
    summary : dict
        Flat counts and shares.

    Raises
    ------
    SampleSkipped
        Too few shared genes.
    UserError
        Labels of the first model that the map does not place.
    """
    known = set(markers["gene"]).union(*(model.genes for model in models))
    symbols, gene_ids, fold = fold_repeats(np.asarray(symbols, object), np.asarray(gene_ids, object), known)
    prepared = [_prepare(model, symbols, gene_ids, lineage_map, min_overlap, where) for model in models]
    check_labels(models[0], prepared[0]["mapped"])
    n_cells = counts.shape[0]
    chunks = [slice(start, min(start + CHUNK, n_cells)) for start in range(0, n_cells, CHUNK)]
    means = np.zeros(len(symbols))
    for rows in chunks:
        means += np.asarray(normalise(counts[rows] @ fold).sum(axis=0)).ravel()
    weights = marker_weights(symbols, means / max(1, n_cells), markers)
    parts = [_annotate_chunk(counts[rows] @ fold, symbols, prepared, lineage_map, weights) for rows in chunks]
    labels = pd.concat(parts, ignore_index=True)
    _settle_macrophages(labels, compartment, broad_lineages(lineage_map))
    n_repeats = fold.shape[0] - fold.shape[1]
    return labels, _summary(labels, models, prepared, compartment) | {"n_genes_summed": n_repeats}


def check_labels(model, mapped):
    """Raise :class:`UserError` if the lineage map (``mapped`` of :func:`map_labels`) lacks labels of the model."""
    unplaced = mapped.index[mapped["lineage"].isna()]
    if len(unplaced):
        raise UserError(
            f"model {model.name}: {len(unplaced)} of its labels are not in the lineage map (first: "
            f"'{unplaced[0]}'); add rows with these labels to a copy of the map and give it with --lineage_map"
        )


def fold_repeats(symbols, gene_ids, known):
    """Genes with repeated symbols put together, where the symbol is one that a model or marker asks for.

    Parameters
    ----------
    symbols, gene_ids : arrays of str, shape (genes,)
        Symbols made unique: repeats are ``NAME-1``, ``NAME-2`` ...
    known : set of str
        Names that must stay as they are.

    Returns
    -------
    symbols, gene_ids : arrays of str, shape (genes left,)
    fold : CSR matrix of int32, shape (genes, genes left)
        Counts times this are the sums.
    """
    place = {name: number for number, name in enumerate(symbols)}
    target = np.arange(len(symbols))
    for number, name in enumerate(symbols):
        base, _, repeat = str(name).rpartition("-")
        if repeat.isdigit() and name not in known and base in known and base in place:
            target[number] = place[base]
    left = np.flatnonzero(target == np.arange(len(symbols)))
    ones = np.ones(len(symbols), np.int32)
    fold = sparse.csr_matrix((ones, (np.arange(len(symbols)), np.searchsorted(left, target))))
    return symbols[left], gene_ids[left], fold


def _prepare(model, symbols, gene_ids, lineage_map, min_overlap, where):
    names, overlap = choose_gene_names(symbols, gene_ids, model, min_overlap, where)
    return {"model": model, "names": names, "overlap": overlap, "mapped": map_labels(model.labels, lineage_map)}


def _annotate_chunk(counts, symbols, prepared, lineage_map, weights):
    """Labels of some cells; columns as :func:`annotate`, and ``rule``, ``plausible_in`` for the summary."""
    normalised = normalise(counts)
    first = prepared[0]
    mapped, labels = first["mapped"], first["model"].labels
    probability = probabilities(first["model"], normalised, first["names"])
    chosen, by_lineage, by_broad = choose_lineage(probability, mapped)

    evidence = marker_evidence(counts, normalised, symbols, weights, broad_lineages(lineage_map))
    rule = np.full(len(chosen), "", object)
    t_like = evidence["t_like"] & (mapped["lineage"].to_numpy()[chosen] == "NK")
    t_labels = np.flatnonzero(mapped["lineage_broad"] == "T")
    if len(t_labels) and t_like.any():
        lineage_of = by_lineage.columns.get_indexer(mapped["lineage"])
        chosen[t_like] = _best_within(
            probability[t_like],
            by_lineage.to_numpy()[t_like],
            np.ones(t_like.sum(), int),
            lineage_of,
            (mapped["lineage_broad"] == "T").to_numpy().astype(int),
        )
        rule[t_like] = "cd3"

    row = np.arange(len(chosen))
    frame = pd.DataFrame(
        {
            "celltypist_label": labels[probability.argmax(axis=1)],
            "lineage": mapped["lineage"].to_numpy(object)[chosen],
            "lineage_broad": mapped["lineage_broad"].to_numpy(object)[chosen],
            "display_label": labels[chosen].astype(object),
            "plausible_in": mapped["plausible_in"].to_numpy(object)[chosen],
        }
    )
    frame["model_lineage"] = frame["lineage"]
    frame["probability"] = by_lineage.to_numpy()[row, by_lineage.columns.get_indexer(frame["lineage"])]
    frame["probability_broad"] = by_broad.to_numpy()[row, by_broad.columns.get_indexer(frame["lineage_broad"])]
    frame["marker_lineage"] = evidence["lineage"]
    frame["marker_pdc"] = evidence["pdc"]
    if "Erythroid" in set(lineage_map["lineage"]):
        red = evidence["erythroid"]
        frame.loc[red, ["lineage", "display_label"]] = "Erythroid"
        frame.loc[red, "lineage_broad"] = broad_lineages(lineage_map)["Erythroid"]
        frame.loc[red, "plausible_in"] = "both"
        frame.loc[red, ["probability", "probability_broad"]] = 1.0
        rule[red] = "erythroid"
    frame["rule"] = rule
    named = pd.Series(evidence["lineage"]).map(broad_lineages(lineage_map))
    frame["marker_agrees"] = (named == frame["lineage_broad"]).to_numpy()
    supported = evidence["supported"].reindex(columns=list(by_broad.columns), fill_value=False).to_numpy()
    supported = supported[row, by_broad.columns.get_indexer(frame["lineage_broad"])]
    frame["confidence"] = np.select(
        [frame["probability_broad"] >= MIN_PROBABILITY, supported], ["high", "marker"], "low"
    )
    low = frame["confidence"] == "low"
    frame.loc[low, ["lineage", "lineage_broad", "display_label"]] = UNASSIGNED
    for other in prepared[1:]:
        p = probabilities(other["model"], normalised, other["names"])
        best = p.argmax(axis=1)
        stem = other["model"].name.removesuffix(".pkl")
        frame[f"label:{stem}"] = other["model"].labels[best]
        frame[f"lineage:{stem}"] = other["mapped"]["lineage_broad"].to_numpy(object)[best]
    return frame


def marker_evidence(counts, normalised, symbols, weights, broad):
    """What the markers alone say about some cells.

    Returns
    -------
    dict of arrays, shape (cells,)
        ``lineage`` (object, empty where no lineage is named), ``pdc`` (bool), ``t_like`` (bool: more CD3 than NK
        transcripts), ``erythroid`` (bool: haemoglobin at least 5 % of the UMIs).

    Notes
    -----
    A lineage can be named if at least two of its markers are seen, its score is above that of matched controls, and its
    positive markers have more transcripts than its negative ones; the best score names it. T and NK share NKG7, GNLY,
    KLRD1 and sterile CD3E transcripts, so between them CD3D/E/G are counted against FCER1G, TYROBP and KLRF1.
    """
    lineages, weight, positive, negative = weights
    if not lineages:
        score = np.full((counts.shape[0], 1), -np.inf)
        lineages, broad = [""], {"": ""}
    else:
        score = np.asarray((normalised @ weight).todense())
        seen = np.asarray(((counts > 0).astype(np.int32) @ positive.astype(np.int32)).todense())
        own = np.asarray((counts @ positive.astype(np.int32)).todense())
        against = np.asarray((counts @ negative.astype(np.int32)).todense())
        score *= seen / np.asarray(positive.sum(axis=0)).ravel()
        score = np.where((seen >= MIN_MARKERS) & (score > 0) & (own > against), score, -np.inf)
    cd3, nk = _total(counts, symbols, CD3_GENES), _total(counts, symbols, NK_GENES)
    t_like = (cd3 >= MIN_MARKERS) & (cd3 >= nk)
    of_t = np.array([broad.get(name) == "T" for name in lineages])
    of_nk = np.array([name == "NK" for name in lineages])
    score[np.ix_(t_like, of_nk)] = -np.inf
    score[np.ix_((nk > cd3) & (score[:, of_nk] > -np.inf).any(axis=1), of_t)] = -np.inf
    total = np.asarray(counts.sum(axis=1)).ravel()
    erythroid = (_total(counts, symbols, ERYTHROID_GENES) >= ERYTHROID_SHARE * total) & (total > 0)
    # both make MZB1 and JCHAIN in plenty
    of_pdc, of_plasma = (np.array([name == lineage for name in lineages]) for lineage in ("pDC", "Plasma"))
    pdc = (score[:, of_pdc] > -np.inf).any(axis=1) & (_total(counts, symbols, PDC_GENES) > 0)
    score[np.ix_(pdc, of_plasma)] = -np.inf
    # haemoglobin is what red cells leave in every droplet: a few transcripts name no lineage
    score[np.ix_(~erythroid, np.array([name == "Erythroid" for name in lineages]))] = -np.inf
    of = {name: [broad[lineage] == name for lineage in lineages] for name in sorted({broad[x] for x in lineages})}
    supported = pd.DataFrame({name: (score[:, columns] > -np.inf).any(axis=1) for name, columns in of.items()})
    best = score.argmax(axis=1)
    named = np.where(score.max(axis=1) > -np.inf, np.asarray(lineages, object)[best], "")
    return {
        "lineage": named,
        "supported": supported,
        "pdc": named == "pDC",
        "t_like": t_like,
        "erythroid": erythroid,
    }


def _total(counts, symbols, genes):
    """UMIs of some genes per cell (genes that are absent count as 0)."""
    return np.asarray(counts[:, np.flatnonzero(pd.Index(symbols).isin(genes))].sum(axis=1)).ravel()


def _settle_macrophages(labels, compartment, broad):
    """Macrophages outside blood, in place.

    Models trained on other tissues have no label for the macrophages of cerebrospinal fluid and spread them over
    monocytes, DC and macrophages of other organs, at times with confidence. Where the markers name Macrophage, a cell
    that the model is unsure of, or calls a monocyte or DC, is one; DC whose own markers weigh more stay DC.
    In cerebrospinal fluid they are shown under their own name; the lineage stays, so that compartments can be compared.
    """
    if "Macrophage" in broad and not BLOOD.search(compartment):
        found = (labels["confidence"] != "high") | labels["lineage_broad"].isin(["Mono_Mac", "cDC"])
        found &= (labels["marker_lineage"] == "Macrophage") & (labels["lineage"] != "Macrophage")
        labels.loc[found, ["lineage", "display_label"]] = "Macrophage"
        labels.loc[found, "lineage_broad"] = broad["Macrophage"]
        labels.loc[found, "confidence"] = "marker"
        labels.loc[found, "marker_agrees"] = True
        labels.loc[found, "rule"] = "macrophage"
    if CSF.search(compartment):
        labels.loc[labels["lineage"] == "Macrophage", "display_label"] = "CSF macrophage-like"


def apply_overrides(labels, barcodes, overrides, lineage_map):
    """Replace lineages by the user's; confidence becomes ``override``. Changes ``labels``, returns how many cells."""
    broad = broad_lineages(lineage_map) | {UNASSIGNED: UNASSIGNED}
    position = pd.Index(barcodes).get_indexer(overrides["barcode"])
    lineage = overrides["lineage"].to_numpy(object)
    for column, values in (
        ("lineage", lineage),
        ("display_label", lineage),
        ("lineage_broad", np.array([broad[name] for name in lineage], object)),
        ("confidence", "override"),
    ):
        labels.loc[position, column] = values
    labels["marker_agrees"] = (
        labels["marker_lineage"].map(broad_lineages(lineage_map)) == labels["lineage_broad"]
    ).to_numpy()
    return len(position)


def read_override_table(path, lineage_map, clusters=None, samples=None):
    """An override table, checked as far as that is possible without cells.

    Parameters
    ----------
    path : path
        TSV with ``sample, barcode, lineage``, or ``cluster`` in place of ``barcode`` (without ``sample``: in all).
    clusters : path, optional
        ``umap.tsv.gz`` of the run whose clusters are meant: ``sample, barcode, leiden``.
    samples : sequence of str, optional
        Names that ``sample`` may have.

    Returns
    -------
    table : DataFrame, ``sample, barcode, cluster, lineage``; text, empty where not given
    cells : DataFrame or None, ``sample, barcode, leiden`` of ``clusters``

    Raises
    ------
    UserError
        Missing column, a lineage that the map lacks, an unknown sample or cluster, a cell or cluster twice; with the
        row.
    """
    text = ["sample", "barcode", "cluster", "lineage"]
    table = read_tsv(path, required=["sample", "lineage"], text=text)
    if not {"barcode", "cluster"} & set(table):
        raise UserError(f"{path}: column 'barcode' is missing; it has {', '.join(table)}")
    table = table.reindex(columns=text).fillna("")
    known = {*lineage_map["lineage"], *lineage_map["lineage_broad"], UNASSIGNED}
    by_cluster = table["barcode"] == ""
    _refuse(path, table, "lineage", ~table["lineage"].isin(known), f"is no lineage; one of {', '.join(sorted(known))}")
    _refuse(path, table, "cluster", by_cluster & (table["cluster"] == ""), "is empty, and so is the barcode")
    if samples is not None:
        strange = ~table["sample"].isin(samples) & ~(by_cluster & (table["sample"] == ""))
        _refuse(path, table, "sample", strange, "is no sample of the samplesheet")
    twice = ~by_cluster & table.duplicated(["sample", "barcode"])
    _refuse(path, table, "barcode", twice, "is there twice for the same sample")
    _refuse(path, table, "cluster", by_cluster & table.duplicated(["sample", "cluster"]), "is there twice")
    cells = None
    if by_cluster.any():
        if clusters is None:
            raise UserError(
                f"{path} row {by_cluster.idxmax() + 2}: names a cluster; give the cohort/umap.tsv.gz of the run that "
                "made it with --label_clusters"
            )
        cells = read_tsv(clusters, required=["sample", "barcode", "leiden"], text=["sample", "barcode", "leiden"])
        unknown = by_cluster & ~table["cluster"].isin(cells["leiden"])
        _refuse(path, table, "cluster", unknown, f"is not a cluster of {clusters}")
    return table, cells


def read_overrides(path, sample, barcodes, lineage_map, clusters=None):
    """The rows of an override table that concern one sample.

    Parameters and errors are those of :func:`read_override_table`.

    Returns
    -------
    rows : DataFrame
        ``barcode, lineage`` of cells that are in ``barcodes``. A cell's own row goes before that of its cluster, a
        cluster's row for the sample before one for all samples.
    lost : list of str
        Barcodes that the table names and the sample lacks: removed by quality control, or mistyped.
    """
    table, cells = read_override_table(path, lineage_map, clusters)
    by_cluster = table["barcode"] == ""
    own = table[(table["sample"] == sample) & ~by_cluster]
    lost = own.loc[~own["barcode"].isin(barcodes), "barcode"].tolist()
    own = own[own["barcode"].isin(barcodes)]
    if cells is not None:
        named = table[by_cluster & table["sample"].isin([sample, ""])].sort_values("sample", ascending=False)
        named = named.drop_duplicates("cluster")
        cells = cells[(cells["sample"] == sample) & cells["barcode"].isin(barcodes)]
        expanded = cells[["barcode", "leiden"]].merge(named, left_on="leiden", right_on="cluster", suffixes=("", "_"))
        own = pd.concat([own, expanded[~expanded["barcode"].isin(own["barcode"])]])
    return own[["barcode", "lineage"]].reset_index(drop=True), lost


def _refuse(path, table, column, wrong, problem):
    """Raise :class:`UserError` for the first row of ``table`` (index: line of the file minus 2) that is wrong."""
    if wrong.any():
        row = wrong.idxmax()
        raise UserError(f"{path} row {row + 2}, column {column}: '{table.loc[row, column]}' {problem}")


def _summary(labels, models, prepared, compartment):
    implausible = labels["plausible_in"] == "implausible"
    if BLOOD.search(compartment):
        implausible |= labels["plausible_in"] == "csf"
    counted = labels.loc[implausible, "celltypist_label"].value_counts()
    n_pdc, n_marker = int((labels["lineage"] == "pDC").sum()), int(labels["marker_pdc"].sum())
    both = int(((labels["lineage"] == "pDC") & labels["marker_pdc"]).sum())
    either = n_pdc + n_marker - both
    disagreement = 1 - both / either if either else 0.0
    named = labels["marker_lineage"] != ""
    warnings = []
    summary = {"n_cells": len(labels)}
    for number, (model, ready) in enumerate(zip(models, prepared, strict=True), start=1):
        key = "model" if number == 1 else f"model_{number}"
        summary |= {
            key: model.name,
            f"{key}_version": model.description["version"] or None,
            f"{key}_date": model.description["date"] or None,
            f"{key}_source": model.description["source"] or None,
            f"{key}_sha256": model.sha256,
            f"{key}_labels": len(model.labels),
            f"{key}_genes": len(model.genes),
            f"{key}_gene_overlap": round(ready["overlap"], 4),
        }
        if ready["overlap"] < WARN_OVERLAP:
            warnings.append(f"only {ready['overlap']:.0%} of the genes of {model.name} are in the data")
        if number > 1:
            other = labels[f"lineage:{model.name.removesuffix('.pkl')}"]
            usable = other.notna() & (labels["lineage_broad"] != UNASSIGNED)
            same = float((other == labels["lineage_broad"])[usable].mean()) if usable.any() else None
            summary[f"{key}_broad_agreement"] = None if same is None else round(same, 4)
    if disagreement > PDC_DISAGREEMENT:
        warnings.append(f"pDC: {n_pdc} by the model, {n_marker} by markers, {both} by both")
    for value in ("high", "marker", "low"):
        summary[f"n_{value}_confidence"] = int((labels["confidence"] == value).sum())
    return summary | {
        "n_erythroid_rule": int((labels["rule"] == "erythroid").sum()),
        "n_nk_to_t_by_cd3": int((labels["rule"] == "cd3").sum()),
        "n_macrophage_by_markers": int((labels["rule"] == "macrophage").sum()),
        "n_implausible": int(implausible.sum()),
        "implausible_labels": "; ".join(f"{label}: {n}" for label, n in sorted(counted.items())),
        "n_csf_macrophage_like": int((labels["display_label"] == "CSF macrophage-like").sum()),
        "n_pdc": n_pdc,
        "n_pdc_marker": n_marker,
        "n_pdc_both": both,
        "n_marker_named": int(named.sum()),
        "marker_agreement": round(float(labels.loc[named, "marker_agrees"].mean()), 4) if named.any() else None,
        "warnings": "; ".join(warnings),
    }


def output_columns(labels):
    """Columns of ``labels.tsv.gz`` after the barcode, in order."""
    further = [c for c in labels.columns if c.startswith(("label:", "lineage:"))]
    return [*LABEL_COLUMNS[1:], "probability_broad", "model_lineage", "display_label", *further]
