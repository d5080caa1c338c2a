"""Do interactions change with the condition? Edges, groups of pairs and centrality, tested on donors.

Every observation is a sample (within a compartment) or a donor (difference of two compartments); cells enter only
through pseudobulks and the per-sample networks. Scores are in natural-log units inside and log2 in tables.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import norm

from compartments.compare.centrality import shares
from compartments.compare.liana import COLUMNS
from compartments.compare.moderated import fit_moderated, interval, minimum_detectable_effect
from compartments.core.files import replacing
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.pairs import Pairs
from compartments.core.vocabulary import UNASSIGNED
from compartments.study.arms import arm_design, donors_per_arm, tier

CPM_OFFSET = 10.0
NEEDED_SAMPLES = 2  # in which both partners are expressed, of some arm and compartment
TOP_RANK = 3  # of a hub, in every sample of the condition
ALPHA = 0.05
LN2 = np.log(2)
TEST_COLUMNS = ["log2fc", "se", "df", "ci_low", "ci_high", "p_value", "q_value", "p_plain", "mde80"]
DESIGN_COLUMNS = ["n_condition", "n_reference", "tier"]
PARTNERS = {"ligand": "source", "receptor": "target"}


@dataclass(frozen=True)
class Scores:
    """Ligands and receptors of all samples and lineages.

    Arrays have the shape (samples, lineages, pairs).

    Attributes
    ----------
    samples, lineages : Index
    pairs : DataFrame
        ``ligand, receptor``; index: row numbers of the resource.
    valid : bool array, shape (samples, lineages)
        Enough cells.
    ligand, receptor : float arrays
        log(CPM + offset), natural, of the weakest subunit; only meaningful where ``valid``.
    v_ligand, v_receptor : float arrays
        Their sampling variances.
    expresses_ligand, expresses_receptor : bool arrays
        All subunits detected in at least ``expr_prop`` of the cells, and ``valid``.
    counts_ligand, counts_receptor, ambient_ligand, ambient_receptor : float arrays, (..., subunits) last
        Raw counts and the ambient part of them.
    """

    samples: pd.Index
    lineages: pd.Index
    pairs: pd.DataFrame
    valid: np.ndarray
    ligand: np.ndarray
    receptor: np.ndarray
    v_ligand: np.ndarray
    v_receptor: np.ndarray
    expresses_ligand: np.ndarray
    expresses_receptor: np.ndarray
    counts_ligand: np.ndarray
    counts_receptor: np.ndarray
    ambient_ligand: np.ndarray
    ambient_receptor: np.ndarray


def score_pseudobulk(pseudobulk, samples, resource, min_cells=10, expr_prop=0.1):
    """Ligand and receptor scores from pseudobulk counts.

    Parameters
    ----------
    pseudobulk : AnnData, shape (samples x lineages, genes)
        ``layers`` counts, corrected, n_expressing, ambient; ``obs`` sample, lineage, n_cells.
    samples : sequence of str
        Order of the first axis.
    resource : DataFrame
        ``ligand, receptor``.
    min_cells : int
        Pseudobulks of fewer cells are missing, not zero.
    expr_prop : float

    Returns
    -------
    Scores

    Notes
    -----
    The score of a gene with corrected count k in a pseudobulk of N counts is log(1e6 k / N + 10). A constant offset in
    CPM (edgeR's prior count scaled to library size) keeps the scores of deep and shallow pseudobulks comparable, which
    an offset in counts would not. Its sampling variance is the delta method on a Poisson count:
    (k + 1/2) / (k + 10 N / 1e6)^2. Variation between cells and donors beyond that is what the fit adds as its excess
    variance.
    """
    obs = pseudobulk.obs
    kept = obs["sample"].isin(set(samples)).to_numpy() & (obs["lineage"] != UNASSIGNED).to_numpy()
    obs = obs[kept]
    samples = pd.Index(samples)
    lineages = pd.Index(np.unique(obs["lineage"].to_numpy(str)))
    pairs = Pairs.of(resource, pd.Index(pseudobulk.var_names))
    genes = np.unique(np.concatenate([pairs.ligand.ravel(), pairs.receptor.ravel()]))
    place = samples.get_indexer(obs["sample"]) * len(lineages) + lineages.get_indexer(obs["lineage"].astype(str))
    n_rows = len(samples) * len(lineages)

    def spread(values):
        full = np.zeros((n_rows, *values.shape[1:]), values.dtype)
        full[place] = values
        return full

    def layer(name):
        return spread(np.asarray(sparse.csr_matrix(pseudobulk.layers[name])[kept][:, genes].toarray(), float))

    corrected = sparse.csr_matrix(pseudobulk.layers["corrected"])[kept]
    size = spread(np.asarray(corrected.sum(1), float).ravel())[:, None]
    n_cells = spread(obs["n_cells"].to_numpy(float))[:, None]
    counts = layer("corrected")
    scale = 1e6 / np.maximum(size, 1)
    score = np.log(scale * counts + CPM_OFFSET)
    variance = (counts + 0.5) / (counts + CPM_OFFSET / scale) ** 2
    expressed = layer("n_expressing") / np.maximum(n_cells, 1) >= expr_prop
    expressed &= n_cells >= min_cells
    raw, ambient = layer("counts"), layer("ambient")
    shape = (len(samples), len(lineages), len(pairs.table))

    parts = {}
    for role, subunits in (("ligand", pairs.ligand), ("receptor", pairs.receptor)):
        at = np.searchsorted(genes, subunits)
        weakest = score[:, at].argmin(2)[..., None]
        parts[role] = np.take_along_axis(score[:, at], weakest, 2).reshape(shape)
        parts[f"v_{role}"] = np.take_along_axis(variance[:, at], weakest, 2).reshape(shape)
        parts[f"expresses_{role}"] = expressed[:, at].all(2).reshape(shape)
        parts[f"counts_{role}"] = raw[:, at].reshape(*shape, -1).astype(np.float32)
        parts[f"ambient_{role}"] = ambient[:, at].reshape(*shape, -1).astype(np.float32)
    valid = (n_cells >= min_cells).reshape(shape[:2])
    return Scores(samples, lineages, pairs.table, valid, **parts)


def compare_units(values, units, contrast, covariates, adjust, v=None, names=None, unit=1.0):
    """Compare two conditions on donors, with words for how far to trust it.

    Parameters
    ----------
    values, v : array, shape (units, features)
        No missing values; ``v`` sampling variances for weights (natural-log units).
    units : DataFrame
        From ``Study.units``, possibly fewer rows, in the order of ``values``.
    contrast : named tuple ``contrast, condition, reference``
    covariates, adjust
        As for :func:`compartments.study.arms.arm_design`.
    names : Index, optional
    unit : float
        Estimates are divided by it (log 2 turns natural-log into log2).

    Returns
    -------
    DataFrame, shape (features, ...)
        ``TEST_COLUMNS`` (``q_value`` empty) and ``DESIGN_COLUMNS``. Without residual degrees of freedom only the
        estimate; p-values only where both arms have two donors.

    Raises
    ------
    ValueError
        If an arm has no unit.
    """
    design, vector, _ = arm_design(units, contrast, covariates, adjust)
    n_condition, n_reference = donors_per_arm(units, contrast)
    residual_df = len(units) - design.shape[1]
    word = tier(n_condition, n_reference, residual_df)
    design = design.to_numpy(float)
    result = pd.DataFrame(np.nan, index=range(values.shape[1]) if names is None else names, columns=TEST_COLUMNS)
    if residual_df < 1:
        result["log2fc"] = vector @ np.linalg.lstsq(design, values, rcond=None)[0] / unit
    else:
        fit = fit_moderated(values, design, v, vector, result.index)
        result["log2fc"], result["se"], result["df"] = fit["estimate"] / unit, fit["se"] / unit, fit["df"]
        result["ci_low"], result["ci_high"] = interval(result["log2fc"], result["se"], result["df"])
        mde = {df: minimum_detectable_effect(1.0, df) for df in result["df"].unique()}
        result["mde80"] = result["se"] * result["df"].map(mde)
        if word != "descriptive":
            result["p_value"], result["p_plain"] = fit["p_value"], fit["p_plain"]
    return result.assign(n_condition=n_condition, n_reference=n_reference, tier=word)


def _unit_samples(scores, units):
    """Positions of the samples of each unit: (of the compartment, of the reference or None)."""
    own = scores.samples.get_indexer(units["sample"])
    base = scores.samples.get_indexer(units["reference_sample"]) if "reference_sample" in units else None
    return own, base


def _having(scores, own, base):
    """Which lineages each unit has, in both of its samples where there are two: bool, shape (units, lineages)."""
    return scores.valid[own] if base is None else scores.valid[own] & scores.valid[base]


def _in_units(array, own, base):
    """Values of units: of the sample, or the difference to the reference sample."""
    return array[own] if base is None else array[own] - array[base]


def edge_status(scores, units, contrast, ambient_share_max):
    """Which edges a term can test, and why others not.

    Parameters
    ----------
    scores : Scores
    units : DataFrame
        Of the two conditions of the contrast.
    contrast : named tuple
    ambient_share_max : float

    Returns
    -------
    candidates : tuple of int arrays
        Source, target, pair of edges expressed in enough samples of some arm and compartment.
    status : array of str
        ``tested``, ``ambient``, ``absent_in_<condition>`` (both, joined by a comma).
    ambient : dict of str to float array
        By role: largest share of the counts of the ligand in the source (receptor in the target) that was removed as
        ambient in an arm and compartment where the edge counts as expressed.

    Notes
    -----
    Ambient: a share above the allowed one. Absent: the source or the target
    lacks cells in more than half of the arm's units, so that depletion itself explains the edge.
    """
    own, base = _unit_samples(scores, units)
    n_lineages, n_pairs = len(scores.lineages), len(scores.pairs)
    shape = (n_lineages, n_lineages, n_pairs)
    candidate = np.zeros(shape, bool)
    ambient = {role: np.zeros(shape, np.float32) for role in PARTNERS}
    absent = {}
    for condition in (contrast.condition, contrast.reference):
        arm = (units["condition"] == condition).to_numpy()
        lacking = np.zeros((arm.sum(), n_lineages), bool)
        for positions in [own] if base is None else [own, base]:
            rows = positions[arm]
            lacking |= ~scores.valid[rows]
            found = np.zeros(shape, np.int16)
            for row in rows:
                found += scores.expresses_ligand[row][:, None] & scores.expresses_receptor[row][None]
            expressed = found >= min(NEEDED_SAMPLES, max(len(rows), 1))
            candidate |= expressed
            for role, highest in ambient.items():
                total = getattr(scores, f"counts_{role}")[rows].sum(0)
                removed = getattr(scores, f"ambient_{role}")[rows].sum(0)
                share = (removed / np.maximum(total, 1)).max(-1)
                share = share[:, None] if role == "ligand" else share[None]
                np.maximum(highest, share, out=highest, where=expressed)
        missing = lacking[:, :, None] | lacking[:, None, :]
        absent[condition] = missing.mean(0) > 0.5 if arm.any() else np.ones(shape[:2], bool)
    s, t, p = np.nonzero(candidate)
    ambient = {role: highest[s, t, p] for role, highest in ambient.items()}
    high = np.maximum(*ambient.values()) > ambient_share_max
    status = np.where(high, "ambient", "tested").astype(object)
    lost = [np.where(absent[c][s, t], f"absent_in_{c}", "") for c in absent]
    words = np.array([",".join(filter(None, pair)) for pair in zip(*lost, strict=True)], object)
    return (s, t, p), np.where(words != "", words, status), ambient


def _arms(units, contrast):
    return units[units["condition"].isin((contrast.condition, contrast.reference))]


def compare_edges(study, scores, ambient_share_max=0.2):
    """Test every edge in every contrast and term.

    Parameters
    ----------
    study : Study
    scores : Scores
    ambient_share_max : float

    Returns
    -------
    effects : DataFrame
        ``source, target, ligand, receptor, contrast, term, compartment``, ``TEST_COLUMNS``, ``DESIGN_COLUMNS``,
        ``confident_log2fc`` (end of the interval nearer to zero), ``ligand_log2fc, receptor_log2fc`` (of the partner
        alone, over the donors that have its lineage), ``evidence, p_both``, ``ligand_ambient, receptor_ambient`` and
        ``status`` (both from :func:`edge_status`). Effects are log2 of the edge score, the mean of ligand (in the
        source) and receptor (in the target).
    skipped : list of dict

    Notes
    -----
    Edges with the same donors share one fit, with variances moderated over them and weights from sampling variances;
    Benjamini-Hochberg over the edges of a contrast and term. Conditions beside the two compared keep their own mean
    and share the variance.

    A single gene that changes raises the score of every edge that it is part of, so the largest changes of the mean are
    mostly one gene repeated. Rows are therefore sorted by what both partners' own tests say together: ``evidence`` is
    (z_ligand + z_receptor) / sqrt 2 of their signed normal scores (Stouffer 1949), which one gene alone cannot make
    large, because few donors bound each z, and which opposite changes cancel. ``p_both`` is the p that both change: the
    larger of the two where they change in the same direction, else 1 (intersection-union, Berger 1982). Edges of a
    lineage to itself follow those between lineages, as the networks leave them out; then what was not tested.
    """
    tables, skipped = [], []
    for contrast, term, compartment in study.terms():
        units = study.units(term, compartment)
        units = units[units["sample"].isin(scores.samples)]
        (s, t, p), status, ambient = edge_status(scores, _arms(units, contrast), contrast, ambient_share_max)
        table = pd.DataFrame(np.nan, index=range(len(s)), columns=TEST_COLUMNS).assign(
            n_condition=0, n_reference=0, tier="not_testable"
        )
        own, base = _unit_samples(scores, units)
        usable = _having(scores, own, base)
        complete = usable[:, s] & usable[:, t]
        tested = np.flatnonzero(status == "tested")
        patterns, members = np.unique(complete[:, tested].T, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            edges = tested[members.ravel() == number]
            if min(donors_per_arm(units[pattern], contrast)) == 0:
                status[edges] = "not_testable"
                continue
            z, v = _edge_values(
                scores, own[pattern], None if base is None else base[pattern], s[edges], t[edges], p[edges]
            )
            result = compare_units(
                z, units[pattern], contrast, study.covariates, term != "interaction", v, edges, unit=LN2
            )
            table.loc[edges, result.columns] = result
        table["q_value"] = benjamini_hochberg(table["p_value"])
        table["confident_log2fc"] = _nearest_to_zero(table["ci_low"], table["ci_high"])
        tested = np.flatnonzero(status == "tested")
        partners = [
            _compare_partner(study, scores, units, contrast, term, role, lineage[tested], p[tested])
            for role, lineage in zip(PARTNERS, (s, t), strict=True)
        ]
        table = table.join(_both_change(*partners).set_axis(tested))
        keys = pd.DataFrame(
            {
                "source": scores.lineages[s],
                "target": scores.lineages[t],
                "ligand": scores.pairs["ligand"].to_numpy()[p],
                "receptor": scores.pairs["receptor"].to_numpy()[p],
                "contrast": contrast.contrast,
                "term": term,
                "compartment": compartment,
            }
        )
        lesser = table.pop("lesser").fillna(-1)
        shares_removed = {f"{role}_ambient": np.round(share.astype(float), 4) for role, share in ambient.items()}
        table = pd.concat([keys, table], axis=1).assign(**shares_removed, status=status)
        tables.append(table.iloc[_by_evidence(table, lesser)])
        for word, n in tables[-1]["status"].value_counts().items():
            if word != "tested":
                skipped.append({"contrast": contrast.contrast, "reason": f"{term} {compartment}: {n} edges {word}"})
    effects = pd.concat(tables, ignore_index=True)
    return effects.astype({"n_condition": int, "n_reference": int}), skipped


def _nearest_to_zero(low, high):
    """End of an interval that is nearer to zero; 0 where the interval holds zero, missing where there is none."""
    return np.where(np.isnan(low), np.nan, np.maximum(low, 0) + np.minimum(high, 0))


def _compare_partner(study, scores, units, contrast, term, role, lineages, p):
    """Change of the ligand (receptor) of edges alone, over all units that have its lineage.

    Parameters
    ----------
    role : str
        ``ligand`` or ``receptor``.
    lineages, p : int arrays, shape (edges,)
        Lineage and pair.

    Returns
    -------
    DataFrame, shape (edges, ...)
        ``log2fc, ci_low, ci_high, p_value``. Each gene of a lineage is fitted once, those with the same units together.
    """
    own, base = _unit_samples(scores, units)
    usable = _having(scores, own, base)
    entity = pd.factorize(scores.pairs[role])[0]
    _, first, partner = np.unique(np.stack([lineages, entity[p]]), axis=1, return_index=True, return_inverse=True)
    found = pd.DataFrame(np.nan, index=range(len(first)), columns=["log2fc", "ci_low", "ci_high", "p_value"])
    k, pair = lineages[first], p[first]
    patterns, members = np.unique(usable[:, k].T, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if min(donors_per_arm(units[pattern], contrast)) == 0:
            continue
        at = np.flatnonzero(members.ravel() == number)
        rows = [own[pattern], None if base is None else base[pattern]]
        z = _in_units(getattr(scores, role), *rows)[:, k[at], pair[at]]
        v = sum(getattr(scores, f"v_{role}")[row][:, k[at], pair[at]] for row in rows if row is not None)
        result = compare_units(z, units[pattern], contrast, study.covariates, term != "interaction", v, at, unit=LN2)
        found.loc[at, :] = result[found.columns]
    return found.iloc[partner.ravel()].reset_index(drop=True)


def _both_change(ligand, receptor):
    """Changes of both partners, their evidence together, the p that both change alike, the lesser confident change."""
    z = [np.sign(x["log2fc"]) * norm.isf(x["p_value"] / 2) for x in (ligand, receptor)]
    p = np.maximum(ligand["p_value"], receptor["p_value"])
    same = np.sign(ligand["log2fc"]) == np.sign(receptor["log2fc"])
    confident = [np.abs(_nearest_to_zero(x["ci_low"], x["ci_high"])) for x in (ligand, receptor)]
    return pd.DataFrame(
        {
            "ligand_log2fc": ligand["log2fc"],
            "receptor_log2fc": receptor["log2fc"],
            "evidence": sum(z) / np.sqrt(2),
            "p_both": p.where(same | p.isna(), 1.0),
            "lesser": np.where(same, np.minimum(*confident), 0.0),
        }
    )


def _by_evidence(table, lesser):
    """Order of rows: tested, between lineages, evidence of both partners (where there is no p, the lesser change)."""
    ties = [-table["log2fc"].abs().fillna(-1), -table["confident_log2fc"].abs().fillna(-1), -lesser]
    evidence = -table["evidence"].abs().fillna(-1)
    return np.lexsort([*ties, evidence, table["source"] == table["target"], table["status"] != "tested"])


def _edge_values(scores, own, base, s, t, p):
    """Edge scores of units and their sampling variances, shape (units, edges), natural log."""
    z = (_in_units(scores.ligand, own, base)[:, s, p] + _in_units(scores.receptor, own, base)[:, t, p]) / 2
    v = (scores.v_ligand[own][:, s, p] + scores.v_receptor[own][:, t, p]) / 4
    if base is not None:
        v = v + (scores.v_ligand[base][:, s, p] + scores.v_receptor[base][:, t, p]) / 4
    return z, v


def list_untested(study, pseudobulk, scores, unknown, resource, effects, min_cells, ambient_share_max):
    """What could not be tested and why: a lineage that is missing is not a signal of zero.

    Parameters
    ----------
    study : Study
    pseudobulk : AnnData
        As for :func:`score_pseudobulk`.
    scores : Scores
    unknown : sequence of str
        Symbols of the resource that are not among the genes.
    resource : DataFrame
        ``ligand, receptor``.
    effects : DataFrame
        From :func:`compare_edges`.
    min_cells : int
    ambient_share_max : float

    Returns
    -------
    DataFrame
        ``kind, contrast, term, compartment, sample, lineage, source, target, gene, n_edges, reason``. Kinds:
        ``few_cells`` (a lineage of a sample), ``unknown_gene`` (``n_edges`` are pairs of the resource), and of edges
        ``lost_lineage``, ``ambient`` (``gene`` in ``lineage``) and ``few_donors``.
    """
    columns = ["kind", "contrast", "term", "compartment", "sample", "lineage", "source", "target", "gene", "n_edges"]
    rows = []
    n_cells = pseudobulk.obs.set_index(["sample", "lineage"])["n_cells"].to_dict()
    places = study.samples.set_index("sample")["compartment"]
    for i, k in np.argwhere(~scores.valid):
        sample, lineage = scores.samples[i], scores.lineages[k]
        reason = f"{n_cells.get((sample, lineage), 0)} cells, fewer than {min_cells}: its edges are missing, not zero"
        row = {"kind": "few_cells", "compartment": places[sample], "sample": sample, "lineage": lineage}
        rows.append(row | {"reason": reason})
    symbols = [set(f"{ligand}_{receptor}".split("_")) for ligand, receptor in resource.to_numpy()]
    for gene in unknown:
        n = sum(gene in members for members in symbols)
        reason = "not among the genes of the counts: its pairs are left out"
        rows.append({"kind": "unknown_gene", "gene": gene, "n_edges": n, "reason": reason})
    place = ["contrast", "term", "compartment"]
    having = _donors_having(study, scores)
    for (*where, status, source, target), edges in effects[~effects["status"].isin(["tested", "ambient"])].groupby(
        [*place, "status", "source", "target"], sort=False
    ):
        kind, reason = "few_donors", "no donor of one arm has both lineages"
        if status != "not_testable":
            lost = [word.removeprefix("absent_in_") for word in status.split(",")]
            arms = [
                f"{condition}: "
                + ", ".join(f"{k} in {having[*where, condition, k]} donors" for k in dict.fromkeys((source, target)))
                for condition in lost
            ]
            kind, reason = "lost_lineage", f"{'; '.join(arms)}: the loss explains the edges"
        row = dict(zip(place, where, strict=True)) | {"source": source, "target": target, "n_edges": len(edges)}
        rows.append(row | {"kind": kind, "reason": reason})
    ambient = effects[effects["status"] == "ambient"]
    for role, end in PARTNERS.items():
        high = ambient[ambient[f"{role}_ambient"] > ambient_share_max]
        for (*where, lineage, gene), edges in high.groupby([*place, end, role], sort=False):
            share = edges[f"{role}_ambient"].max()
            reason = f"{role}: {share:.0%} of its counts were ambient, more than {ambient_share_max:.0%}"
            row = dict(zip(place, where, strict=True)) | {"lineage": lineage, "gene": gene, "n_edges": len(edges)}
            rows.append(row | {"kind": "ambient", "reason": reason})
    table = pd.DataFrame(rows, columns=[*columns, "reason"]).astype({"n_edges": "Int64"})
    order = ["lost_lineage", "ambient", "few_donors", "few_cells", "unknown_gene"]
    return table.sort_values("kind", key=lambda kind: kind.map(order.index), kind="stable", ignore_index=True)


def _donors_having(study, scores):
    """(contrast, term, compartment, condition, lineage) -> "2 of 4", donors that have the lineage."""
    found = {}
    for contrast, term, compartment in study.terms():
        units = study.units(term, compartment)
        units = _arms(units[units["sample"].isin(scores.samples)], contrast)
        own, base = _unit_samples(scores, units)
        usable = _having(scores, own, base)
        for condition in (contrast.condition, contrast.reference):
            arm = usable[(units["condition"] == condition).to_numpy()]
            for lineage, n in zip(scores.lineages, arm.sum(0), strict=True):
                found[contrast.contrast, term, compartment, condition, lineage] = f"{n} of {len(arm)}"
    return found


TOP_EDGES = 25  # of a contrast and compartment, whose scores are written donor by donor


def score_top_edges(study, scores, effects):
    """Scores of single samples for the edges that differ most between compartments.

    Parameters
    ----------
    study : Study
    scores : Scores
    effects : DataFrame
        From :func:`compare_edges`.

    Returns
    -------
    DataFrame
        ``source, target, ligand, receptor, contrast, compared`` (compartment of the interaction row), ``sample, donor,
        compartment, condition, score`` (log2 of the edge score), for samples of the two conditions and the two
        compartments that have both lineages; edges in the order of ``effects``.
    """
    keys = ["source", "target", "ligand", "receptor", "contrast"]
    rows = effects[(effects["term"] == "interaction") & (effects["status"] == "tested")]
    rows = rows.groupby(["contrast", "compartment"], sort=False).head(TOP_EDGES)
    s, t = (scores.lineages.get_indexer(rows[end]) for end in ("source", "target"))
    pairs = pd.MultiIndex.from_frame(scores.pairs[["ligand", "receptor"]])
    p = pairs.get_indexer(pd.MultiIndex.from_frame(rows[["ligand", "receptor"]]))
    value = (scores.ligand[:, s, p] + scores.receptor[:, t, p]) / (2 * LN2)
    has = scores.valid[:, s] & scores.valid[:, t]
    arms = study.contrasts.set_index("contrast")[["condition", "reference"]]
    place = study.samples.set_index("sample")[["donor", "compartment", "condition"]]
    tables = []
    for edge, row in enumerate(rows[[*keys, "compartment"]].itertuples(index=False)):
        chosen = place.loc[scores.samples[has[:, edge]]]
        chosen = chosen.assign(score=value[has[:, edge], edge])
        chosen = chosen[chosen["condition"].isin(arms.loc[row.contrast])]
        chosen = chosen[chosen["compartment"].isin([row.compartment, study.reference_compartment])]
        values = dict(zip([*keys, "compared"], row, strict=True))
        tables.append(chosen.reset_index(names="sample").assign(**values))
    columns = [*keys, "compared", "sample", "donor", "compartment", "condition", "score"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def compare_groups(study, scores, groups, ambient_share_max=0.2):
    """Test groups of pairs (pathways): the mean standardised edge score of a sample, compared between donors.

    Parameters
    ----------
    study : Study
    scores : Scores
    groups : dict of str to bool array, shape (pairs of the resource,)
    ambient_share_max : float

    Returns
    -------
    effects : DataFrame
        ``group, source, target`` (``all`` where summed over), ``level`` (all, source, target, pair), ``contrast, term,
        compartment, n_edges, estimate`` (units: z-score points) with se, interval, p, BH q (within level), and
        ``log2fc``, the same difference of the mean edge score.
    skipped : list of dict

    Notes
    -----
    Edges are standardised over all samples that have them. A row rests on the units that have its source and target,
    and on the edges between lineages that all these units have, so that no score changes by a lineage coming or going.
    All weights are 1: a mean over edges has little sampling variance beside that between donors.
    """
    names = [*scores.lineages]
    everywhere = [("all", None, None)]
    everywhere += [("source", k, None) for k in range(len(names))] + [("target", None, k) for k in range(len(names))]
    everywhere += [("pair", k, j) for k in range(len(names)) for j in range(len(names))]
    tables, skipped = [], []
    for contrast, term, compartment in study.terms():
        units = study.units(term, compartment)
        units = units[units["sample"].isin(scores.samples)]
        (s, t, p), status, _ = edge_status(scores, _arms(units, contrast), contrast, ambient_share_max)
        tested = status == "tested"
        s, t, p = s[tested], t[tested], p[tested]
        own, base = _unit_samples(scores, units)
        usable = _having(scores, own, base)
        z, mean = _standardised(scores, s, t, p)
        rows = {}
        for group, members in groups.items():
            inside = np.asarray(members)[scores.pairs.index][p]
            for level, source, target in everywhere:
                fixed = [k for k in (source, target) if k is not None]
                present = usable[:, fixed].all(1)
                if min(donors_per_arm(units[present], contrast)) == 0:
                    continue
                common = usable[present].all(0)
                chosen = inside & common[s] & common[t]
                chosen &= (s == source) if source is not None else True
                chosen &= (t == target) if target is not None else True
                if not chosen.any():
                    continue
                row = (group, *("all" if k is None else names[k] for k in (source, target)), level, int(chosen.sum()))
                scored = [_in_units(x[:, chosen].mean(1), own, base)[present] for x in (z, mean)]
                rows.setdefault(present.tobytes(), []).append((row, *scored))
            if not any(row[0][0] == group for found in rows.values() for row in found):
                reason = f"group '{group}', {term} {compartment}: none of its pairs is testable"
                skipped.append({"contrast": contrast.contrast, "reason": reason})
        found = []
        for present, members in rows.items():
            present = np.frombuffer(present, bool)
            keys = pd.DataFrame([m[0] for m in members], columns=["group", "source", "target", "level", "n_edges"])
            arguments = (units[present], contrast, study.covariates, term != "interaction")
            result = compare_units(np.array([m[1] for m in members]).T, *arguments)
            result = result.rename(columns={"log2fc": "estimate"})
            raw = compare_units(np.array([m[2] for m in members]).T, *arguments, unit=LN2)
            found.append(pd.concat([keys, result.assign(log2fc=raw["log2fc"])], axis=1))
        if found:
            table = pd.concat(found, ignore_index=True)
            table["q_value"] = table.groupby("level")["p_value"].transform(benjamini_hochberg)
            table.insert(4, "contrast", contrast.contrast)
            table.insert(5, "term", term)
            table.insert(6, "compartment", compartment)
            tables.append(table)
    columns = ["group", "source", "target", "level", "contrast", "term", "compartment", "n_edges", "estimate"]
    columns += ["log2fc", *TEST_COLUMNS[1:], *DESIGN_COLUMNS]
    if not tables:
        return pd.DataFrame(columns=columns), skipped
    table = pd.concat(tables, ignore_index=True)
    order = pd.Categorical(table["level"], ["all", "source", "target", "pair"])
    return table.assign(level=order).sort_values(
        ["contrast", "term", "compartment", "level", "group", "source", "target"], kind="stable", ignore_index=True
    )[columns], skipped


def _standardised(scores, s, t, p):
    """Edge scores of all samples, standardised over the samples that have source and target, and as they are."""
    value = (scores.ligand[:, s, p] + scores.receptor[:, t, p]) / 2
    has = scores.valid[:, s] & scores.valid[:, t]
    n = has.sum(0)
    centred = np.where(has, value - np.where(has, value, 0).sum(0) / n, 0)
    sd = np.sqrt((centred**2).sum(0) / np.maximum(n - 1, 1))
    return centred / np.where(sd > 0, sd, np.inf), value


def compare_centrality(study, nodes, edges, min_share=1e-6):
    """Test whether lineages become more central: logit of their share of the network, compared between donors.

    Parameters
    ----------
    study : Study
    nodes : DataFrame
        All ``centrality.tsv`` of the samples.
    edges : DataFrame
        All ``network.tsv`` of the samples.
    min_share : float
        Shares are kept this far from 0 and 1 for the logit.

    Returns
    -------
    effects : DataFrame
        ``network, lineage, contrast, term, compartment, estimate`` (logit share, natural log) with its test,
        ``estimate_downsampled`` (at most 20 cells per lineage), ``loo_low, loo_high`` (range of estimates without one
        donor), ``loo_same_sign``, ``worst_rank`` (in the condition's samples of the compartment), ``call``.
    skipped : list of dict

    Notes
    -----
    A lineage is compared over the units that have it, in the network of the lineages that all these units have. The
    call ``hub_gained_in_<compartment>`` stands on interaction rows and needs three things: within the compartment the
    share is up, more so than in the other compartment (an intersection-union test: both two-sided p < .05, neither row
    descriptive), and the lineage is among the top 3 in every sample of the condition there. It is made for the
    reference compartment on the same row, with the sign of the interaction reversed.
    """
    rows, skipped = [], []
    for network, network_edges in edges.groupby("network", sort=False):
        strengths = _matrices(network_edges)
        ranks = nodes[nodes["network"] == network].set_index(["sample", "lineage"])["rank"]
        for contrast, term, compartment in study.terms():
            units = study.units(term, compartment)
            columns = [c for c in ("sample", "reference_sample") if c in units]
            units = units[units[columns].isin(list(strengths)).all(axis=1)]
            lineages = sorted(
                {name for sample in units[columns].to_numpy().ravel() for name in strengths[sample].index}
            )
            has = pd.DataFrame(
                {k: [all(k in strengths[x].index for x in r) for r in units[columns].to_numpy()] for k in lineages},
                index=units.index,
            )
            found = []
            for lineage in lineages:
                reason = _lost(has[lineage], units, contrast)
                if reason:
                    reason = f"network '{network}', {term} {compartment}: {reason}"
                    skipped.append({"lineage": lineage, "contrast": contrast.contrast, "reason": reason})
                    continue
                present = has[lineage].to_numpy()
                common = [k for k in lineages if has.loc[present, k].all()]
                if len(common) < 2:
                    continue
                values = [
                    _logit_shares(strengths, units[present], columns, common, lineage, kind, min_share)
                    for kind in ("strength", "strength_downsampled")
                ]
                found.append((lineage, present, values))
            rows += _centrality_rows(study, units, found, ranks, network, contrast, term, compartment)
    if not rows:
        return pd.DataFrame(columns=CENTRALITY_COLUMNS), skipped
    table = pd.concat(rows, ignore_index=True)
    return _call_hubs(table, study)[CENTRALITY_COLUMNS], skipped


CENTRALITY_COLUMNS = [
    *["network", "lineage", "contrast", "term", "compartment", "estimate", *TEST_COLUMNS[1:], *DESIGN_COLUMNS],
    *["estimate_downsampled", "loo_low", "loo_high", "loo_same_sign", "worst_rank", "call"],
]


def _matrices(edges):
    """Sample -> DataFrame with columns (kind, target), rows source; symmetric in its lineages, zero diagonal."""
    found = {}
    for sample, rows in edges.groupby("sample", sort=False):
        wide = rows.pivot(index="source", columns="target", values=["strength", "strength_downsampled"])
        found[sample] = wide.fillna(0.0)
    return found


def _lost(has, units, contrast):
    """Why a lineage is not compared, or an empty string."""
    for condition in (contrast.condition, contrast.reference):
        arm = has[units["condition"] == condition]
        if not len(arm) or (~arm).mean() > 0.5:
            return f"absent in {condition} ({int(arm.sum())} of {len(arm)} donors have it)"
    return ""


def _logit_shares(strengths, units, columns, common, lineage, kind, margin):
    """Logit share of one lineage per unit; for pairs the difference; NaN where the network is empty."""
    values = []
    for samples in units[columns].to_numpy():
        share = [
            shares(strengths[sample][kind].loc[common, common].to_numpy())[common.index(lineage)] for sample in samples
        ]
        share = np.clip(share, margin, 1 - margin)
        logit = np.log(share / (1 - share))
        values.append(logit[0] - logit[1] if len(logit) == 2 else logit[0])
    return np.array(values)


def _centrality_rows(study, units, found, ranks, network, contrast, term, compartment):
    """Tables of the lineages of one term, those with the same units fitted together."""
    found = [(k, present, v) for k, present, v in found if np.isfinite(v[0]).all()]
    patterns = {}
    for k, present, values in found:
        patterns.setdefault(present.tobytes(), []).append((k, present, values))
    tables = []
    for members in patterns.values():
        chosen = units[members[0][1]]
        arguments = (contrast, study.covariates, term != "interaction")
        names = [k for k, _, _ in members]
        z, fewer = (np.array([v[i] for _, _, v in members]).T for i in (0, 1))
        table = compare_units(z, chosen, *arguments, names=names).rename(columns={"log2fc": "estimate"})
        table["estimate_downsampled"] = compare_units(np.nan_to_num(fewer), chosen, *arguments, names=names)["log2fc"]
        left_out = []
        for unit in range(len(chosen)):
            rest = chosen.drop(chosen.index[unit])
            if min(donors_per_arm(rest, contrast)):
                left_out.append(compare_units(np.delete(z, unit, 0), rest, *arguments, names=names)["log2fc"])
        left_out = pd.concat(left_out, axis=1) if left_out else pd.DataFrame(np.nan, index=names, columns=[0])
        table["loo_low"], table["loo_high"] = left_out.min(axis=1), left_out.max(axis=1)
        table["loo_same_sign"] = (np.sign(left_out).eq(np.sign(table["estimate"]), axis=0)).all(axis=1)
        treated = study.samples.query("compartment == @compartment and condition == @contrast.condition")["sample"]
        table["worst_rank"] = [max((ranks.get((x, k), np.inf) for x in treated), default=np.inf) for k in names]
        tables.append(table.rename_axis("lineage").reset_index())
    if not tables:
        return []
    table = pd.concat(tables, ignore_index=True).sort_values("lineage", ignore_index=True)
    table["q_value"] = benjamini_hochberg(table["p_value"], table["lineage"].isin(study.primary_lineages))
    table["worst_rank"] = table["worst_rank"].replace(np.inf, np.nan).astype("Int64")
    return [table.assign(network=network, contrast=contrast.contrast, term=term, compartment=compartment)]


def _call_hubs(table, study):
    """Fill ``call`` on interaction rows: hub gained in its compartment, in the reference, or inconclusive."""
    within = table[table["term"].str.startswith("within:")]
    gained = (within["estimate"] > 0) & (within["p_value"] < ALPHA) & within["worst_rank"].le(TOP_RANK).fillna(False)
    keys = ["network", "lineage", "contrast", "compartment"]
    hubs = set(within.loc[gained, keys].itertuples(index=False, name=None))
    calls = []
    for row in table.itertuples(index=False):
        if row.term != "interaction":
            calls.append("")
            continue
        compartment = row.compartment if row.estimate > 0 else study.reference_compartment
        hub = row.p_value < ALPHA and (row.network, row.lineage, row.contrast, compartment) in hubs
        calls.append(f"hub_gained_in_{compartment}" if hub else "inconclusive")
    return table.assign(call=calls)


def cross_compartments(study, scores, groups, min_donors=2):
    """Ligands of one compartment with receptors of cells in another: hypotheses, not findings.

    Parameters
    ----------
    study : Study
    scores : Scores
    groups : dict of str to bool array, shape (pairs of the resource,)
        Only their pairs are looked at (migration).
    min_donors : int
        A receiving lineage traffics if so many donors have it in both compartments.

    Returns
    -------
    DataFrame
        ``group, contrast, ligand_compartment, receptor_compartment, source, target, ligand, receptor, mean_condition,
        mean_reference`` (log2 of the edge score), ``log2fc, se, df, ci_low, ci_high, n_condition, n_reference, tier``.
        ``tier`` is ``hypothesis_generating`` and there is no p-value: cells of two compartments were never seen side by
        side, and the two scores of a row come from different samples of a donor.
    """
    tables = []
    for contrast in study.contrasts.itertuples(index=False):
        for other in study.compartments[1:]:
            units = study.units("interaction", other)
            units = units[units["sample"].isin(scores.samples) & units["reference_sample"].isin(scores.samples)]
            own, base = _unit_samples(scores, units)
            traffics = _having(scores, own, base).sum(0) >= min_donors
            for sending, receiving, names in (
                (own, base, (other, study.reference_compartment)),
                (base, own, (study.reference_compartment, other)),
            ):
                tables += _cross(scores, groups, units, contrast, sending, receiving, names, traffics)
    columns = ["group", "contrast", "ligand_compartment", "receptor_compartment", "source", "target", "ligand"]
    columns += ["receptor", "mean_condition", "mean_reference", "log2fc", "se", "df", "ci_low", "ci_high"]
    columns += DESIGN_COLUMNS
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]


def _cross(scores, groups, units, contrast, sending, receiving, names, traffics):
    """Rows of one contrast and direction."""
    tables = []
    for group, members in groups.items():
        inside = np.asarray(members)[scores.pairs.index]
        shape = (len(scores.lineages), len(scores.lineages), inside.sum())
        found = np.zeros(shape, np.int16)
        complete = np.ones((len(units), *shape[:2]), bool)
        for i, (a, b) in enumerate(zip(sending, receiving, strict=True)):
            found += scores.expresses_ligand[a][:, None, inside] & scores.expresses_receptor[b][None, :, inside]
            complete[i] = scores.valid[a][:, None] & scores.valid[b][None]
        arms = [(units["condition"] == c).to_numpy() for c in (contrast.condition, contrast.reference)]
        testable = complete[arms[0]].any(0) & complete[arms[1]].any(0) & traffics[None, :]
        s, t, p = np.nonzero((found >= min(NEEDED_SAMPLES, max(len(units), 1))) & testable[..., None])
        p = np.flatnonzero(inside)[p]
        patterns, codes = np.unique(complete[:, s, t].T, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            e = codes.ravel() == number
            a, b = sending[pattern], receiving[pattern]
            z = (scores.ligand[a][:, s[e], p[e]] + scores.receptor[b][:, t[e], p[e]]) / 2
            v = (scores.v_ligand[a][:, s[e], p[e]] + scores.v_receptor[b][:, t[e], p[e]]) / 4
            result = compare_units(z, units[pattern], contrast, (), False, v, unit=LN2)
            tables.append(
                result.assign(
                    group=group,
                    contrast=contrast.contrast,
                    ligand_compartment=names[0],
                    receptor_compartment=names[1],
                    source=scores.lineages[s[e]],
                    target=scores.lineages[t[e]],
                    ligand=scores.pairs["ligand"].to_numpy()[p[e]],
                    receptor=scores.pairs["receptor"].to_numpy()[p[e]],
                    mean_condition=z[arms[0][pattern]].mean(0) / LN2,
                    mean_reference=z[arms[1][pattern]].mean(0) / LN2,
                    tier="hypothesis_generating",
                )
            )
    return tables


def write_liana(paths, study, path):
    """Join the LIANA tables of all samples, one sample in memory at a time.

    Parameters
    ----------
    paths : sequence of path
        ``<sample>.liana.parquet``.
    study : Study
        Gives the order, and ``donor, compartment, condition`` of each sample.
    path : path
        Parquet with one row group per sample; written with columns only if there is no sample.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = study.samples.set_index("sample")
    by_sample = {str(Path(given).name).removesuffix(".liana.parquet"): given for given in paths}
    text = ["sample", "donor", "compartment", "condition", *COLUMNS[:4]]
    schema = pa.schema(
        [(c, pa.string()) for c in text] + [(c, pa.float64()) for c in COLUMNS[4:]] + [("present", pa.bool_())]
    )
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for sample in place.index[place.index.isin(by_sample)]:
            table = pq.read_table(by_sample[sample])
            for column in ("donor", "compartment", "condition"):
                table = table.append_column(column, pa.array([place.at[sample, column]] * len(table)))
            writer.write_table(table.select(schema.names).cast(schema), row_group_size=max(len(table), 1))
