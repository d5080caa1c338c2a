"""Pseudobulk differential expression: the condition within each compartment, and its difference between compartments.

Each lineage is analysed on its own. Within a compartment donors are compared between conditions; the interaction
compares within-donor differences, with one column per donor, so what a donor shares in all compartments cancels.
"""

import difflib
import math
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import polygamma

from compartments.cohort.pseudobulk import MIN_AMBIENT_COUNTS, log_cpm
from compartments.core.errors import UserError
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.study import arms as designs
from compartments.study.arms import tier

STAGE = "compare_expression"
MIN_DONORS = 2  # per arm; fewer leave the effect to one donor
MIN_GENES = 20  # fewer cannot carry a dispersion trend
MIN_SIZE_FACTOR = 0.05
LOW_CELLS = 20
WALD_RIDGE = 1e-6  # PyDESeq2's own, on the information matrix
ROBUST_Q, ROBUST_TOP, ROBUST_LOG2FC = 0.1, 100, 0.5
CALL_Q = 0.05
CALL_MARGIN = 0.58  # log2: the reference compartment's effect is excluded from 1.5-fold upwards
RED_CELL_PLATELET = re.compile(r"HB[AB]\d*|PPBP")
IG_SEGMENT = re.compile(r"IG[HKL][VDJ](\d|I|\()")
TR_SEGMENT = re.compile(r"TR[ABDG][VDJ]\d")
B_LINEAGE = re.compile(r"B($|[^a-z])|.*plasma", re.IGNORECASE)
T_LINEAGE = re.compile(r"T($|[^a-z]|reg|fh)|.*[^A-Z]T($|[^A-Za-z])|gdT|MAIT|NKT")
COLUMNS = (
    "contrast lineage gene term compartment base_mean log2fc log2fc_shrunken se stat p_value q_value q_global "
    "n_condition n_reference tier robust call call_p call_q p_other_engine low_cells"
).split()
TARGET_COLUMNS = (
    "gene lineage compartment condition n_samples n_cells mean_log2_cpm sd_log2_cpm percent_expressing".split()
)
RELATION_COLUMNS = "gene contrast compartment scale measure n_lineages rho".split()
EDGER_MISSING = (
    "--de_engine edger_ql needs the Python package 'edgepython' (GPL-3), which is not part of this pipeline's "
    "environment: install it where the tasks run, or use --de_engine pydeseq2"
)


@dataclass(frozen=True)
class Options:
    """Settings of :func:`compare_lineage`: engine, highest ambient share, and whether the other engine runs as well."""

    engine: str = "pydeseq2"
    ambient_share_max: float = 0.2
    second_engine: bool = False


def filter_by_expression(counts, groups, min_count=10, min_total_count=15, large_n=10, min_prop=0.7):
    """Genes with enough counts in enough samples to be tested.

    Parameters
    ----------
    counts : array, shape (samples, genes)
    groups : array, shape (samples,)
        Labels; the smallest group says in how many samples a gene must be expressed.
    min_count, min_total_count, large_n, min_prop
        As in edgeR's ``filterByExpr`` (Chen, Lun and Smyth 2016, F1000Research 5:1438).

    Returns
    -------
    bool array, shape (genes,)
    """
    library = counts.sum(1)
    smallest = np.unique(groups, return_counts=True)[1].min()
    if smallest > large_n:
        smallest = large_n + (smallest - large_n) * min_prop
    cutoff = min_count / np.median(library) * 1e6
    cpm = counts / library[:, None] * 1e6
    tolerance = 1e-14
    return ((cpm >= cutoff).sum(0) >= smallest - tolerance) & (counts.sum(0) >= min_total_count - tolerance)


def ambient_genes(counts, ambient, groups, share_max):
    """Genes of which more than ``share_max`` of the raw counts were ambient in any group with at least 15 raw counts.

    Parameters
    ----------
    counts, ambient : sparse arrays, shape (samples, genes)
    groups : array, shape (samples,)
        Condition x compartment.

    Returns
    -------
    bool array, shape (genes,)
    """
    found = np.zeros(counts.shape[1], bool)
    for group in dict.fromkeys(groups):
        rows = np.flatnonzero(groups == group)
        raw = np.asarray(counts[rows].sum(0)).ravel()
        soup = np.asarray(ambient[rows].sum(0)).ravel()
        found |= (raw >= MIN_AMBIENT_COUNTS) & (soup > share_max * raw)
    return found


def foreign_genes(genes, lineage):
    """Genes that only contamination brings to a lineage: red cells', platelets', and receptor segments of B or T cells.

    Immunoglobulin V, D and J segments stay in B and plasma cells, T-cell receptor segments in T cells (by the name of
    the lineage).

    Returns
    -------
    bool array, shape (genes,)
    """
    ig, tr = not B_LINEAGE.match(lineage), not T_LINEAGE.match(lineage)
    return np.array(
        [
            bool(
                RED_CELL_PLATELET.fullmatch(gene) or (ig and IG_SEGMENT.match(gene)) or (tr and TR_SEGMENT.match(gene))
            )
            for gene in genes
        ]
    )


def interaction_design(pairs):
    """Design of the within-donor comparison of a compartment and the reference compartment.

    Parameters
    ----------
    pairs : DataFrame
        ``Study.units("interaction", compartment)``: index donor, with ``sample, reference_sample, condition``.

    Returns
    -------
    design : DataFrame, shape (2 x donors, donors + conditions)
        Index sample. One column per donor, ``compartment``, and ``compartment:<condition>`` for every condition but the
        first: the multi-level parametrisation of the edgeR user's guide (section 3.5).
    vectors : callable
        ``vectors(contrast)`` gives the contrast vector, shape (coefficients,).
    """
    levels = list(dict.fromkeys(pairs["condition"]))
    samples = [*pairs["reference_sample"], *pairs["sample"]]
    own = np.repeat([0.0, 1.0], len(pairs))
    donors, conditions = np.tile(pairs.index, 2), np.tile(pairs["condition"], 2)
    columns = {f"donor:{donor}": (donors == donor).astype(float) for donor in pairs.index}
    columns["compartment"] = own
    columns |= {f"compartment:{level}": own * (conditions == level) for level in levels[1:]}
    design = pd.DataFrame(columns, index=samples)

    def vectors(contrast):
        vector = np.zeros(design.shape[1])
        for level, sign in ((contrast.condition, 1), (contrast.reference, -1)):
            if level != levels[0]:
                vector[design.columns.get_loc(f"compartment:{level}")] = sign
        return vector

    return design, vectors


def one_coefficient(design, vector):
    """The same model with the contrast as one coefficient.

    Parameters
    ----------
    design : array, shape (samples, coefficients)
    vector : array, shape (coefficients,)

    Returns
    -------
    design : array, shape (samples, coefficients)
    transform : array, shape (coefficients, coefficients)
        New coefficients are ``transform @ old``; row ``index`` of it is the contrast.
    index : int
    """
    index = int(np.argmax(np.abs(vector)))
    transform = np.eye(len(vector))
    transform[index] = vector
    return design @ np.linalg.inv(transform), transform, index


def average_over_dispersion(stat, share, centre, variance):
    """Two-sided p of Wald statistics whose standard errors rest on estimated dispersions.

    Parameters
    ----------
    stat : array, shape (genes,)
    share : array, shape (genes,)
        Share of the effect's variance that is proportional to the dispersion; the rest is Poisson noise.
    centre, variance : array, shape (genes,)
        Of the log of the dispersion over its estimate, given the data.

    Returns
    -------
    array, shape (genes,)

    Notes
    -----
    A Wald test takes the dispersion as known, so that p-values of a few replicates are too small far in the tail. Here
    p is averaged over the dispersion's posterior, normal on the log scale (a posterior predictive p-value, Meng 1994,
    Ann Stat 22:1142; Gauss-Hermite quadrature). With normal data and an inverse gamma posterior the same average is the
    moderated t test (Smyth 2004).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    ratio = np.exp(np.asarray(centre)[:, None] + np.sqrt(variance)[:, None] * nodes)
    z = np.abs(np.asarray(stat, float))[:, None] / np.sqrt(1 + np.asarray(share)[:, None] * (ratio - 1))
    return 2 * stats.norm.sf(z) @ weights / weights.sum()


def fit_pydeseq2(counts, design, vectors, inference=None):
    """Negative binomial Wald tests of several contrasts of one fit.

    Parameters
    ----------
    counts : DataFrame of int, shape (samples, genes)
    design : DataFrame, shape (samples, coefficients)
        Full column rank.
    vectors : dict
        Contrast name -> array, shape (coefficients,).
    inference : pydeseq2.inference.Inference, optional
        Default: :class:`BatchedInference`.

    Returns
    -------
    tables : dict of DataFrame
        Per contrast, index gene: ``base_mean, log2fc, log2fc_shrunken, se, stat, p_value``.
    fit : dict
        ``size_factors`` (samples,), ``dispersions`` (genes,), ``trend`` (``parametric`` or ``mean``).

    Raises
    ------
    ValueError
        A size factor that is not finite or at most .05: that sample does not share enough genes with the others.

    Notes
    -----
    Love, Huber and Anders (2014) Genome Biol 15:550, with ``poscounts`` size factors, without Cook's and independent
    filtering: in these designs nearly every row is unique, so Cook's distance says nothing. Shrinkage is apeGLM's (Zhu,
    Ibrahim and Love 2019) on the contrast as one coefficient. ``stat`` is PyDESeq2's; ``p_value`` allows for the
    uncertainty of the dispersion, see :func:`average_over_dispersion`: its variance is that of the prior and of the
    data together, for genes outside the prior that of the data (trigamma of half the residual df, as for the prior).
    """
    import warnings

    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats

    from compartments.compare.batched import BatchedInference

    inference = inference or BatchedInference()
    with warnings.catch_warnings():
        # a failed trend fit is reported through 'trend', few residual df through the tier
        warnings.simplefilter("ignore")
        data = DeseqDataSet(
            counts=counts,
            metadata=pd.DataFrame(index=counts.index),
            design=design,
            size_factors_fit_type="poscounts",
            refit_cooks=False,
            inference=inference,
            quiet=True,
            low_memory=True,
        )
        data.fit_size_factors()
        factors = data.obs["size_factors"].to_numpy(float)
        if not (np.isfinite(factors).all() and factors.min() > MIN_SIZE_FACTOR):
            worst = counts.index[int(np.argmin(np.nan_to_num(factors, nan=0.0)))]
            raise ValueError(f"size factor of sample {worst} is {np.nanmin(factors):.3g}, below {MIN_SIZE_FACTOR}")
        data.fit_genewise_dispersions()
        data.fit_dispersion_trend()
        data.fit_dispersion_prior()
        data.fit_MAP_dispersions()
        data.fit_LFC()
        dispersions = data.var["dispersions"].to_numpy(float)
        sampling = polygamma(1, (len(design) - design.shape[1]) / 2)
        shrunken = 1 / (1 / sampling + 1 / float(data.uns["prior_disp_var"]))
        outlier = data.var["_outlier_genes"].to_numpy(bool)
        log_variance = np.where(outlier, sampling, shrunken)
        # the prior is centred on the trend, a mean; the median of a log-normal prior lies half its variance below,
        # which moves the posterior by half of its own variance
        centre = np.where(outlier, 0.0, -shrunken / 2)
        tables = {}
        for name, vector in vectors.items():
            test = DeseqStats(
                data, contrast=vector, cooks_filter=False, independent_filter=False, inference=inference, quiet=True
            )
            test.summary()
            raw = test.results_df.copy()  # lfc_shrink writes into results_df
            doubled = _standard_errors(test, 2 * dispersions)
            share = np.clip((doubled / test.SE.to_numpy()) ** 2 - 1, 0, 1)
            rotated, transform, index = one_coefficient(design.to_numpy(), vector)
            test.design_matrix = pd.DataFrame(rotated, index=design.index, columns=design.columns)
            test.LFC = pd.DataFrame(test.LFC.to_numpy() @ transform.T, index=test.LFC.index, columns=design.columns)
            test.lfc_shrink(design.columns[index])
            tables[name] = pd.DataFrame(
                {
                    "base_mean": raw["baseMean"],
                    "log2fc": raw["log2FoldChange"],
                    "log2fc_shrunken": test.LFC.iloc[:, index] / math.log(2),
                    "se": raw["lfcSE"],
                    "stat": raw["stat"],
                    "p_value": average_over_dispersion(raw["stat"], share, centre, log_variance),
                }
            )
    fit = {
        "size_factors": factors,
        "dispersions": dispersions,
        "trend": data.uns["disp_function_type"],
    }
    return tables, fit


def _standard_errors(test, dispersions):
    """Standard errors (natural log) of a fitted ``DeseqStats`` with other dispersions, shape (genes,)."""
    design = test.design_matrix.to_numpy(float)
    mu = np.exp(design @ test.LFC.to_numpy().T) * test.dds.obs["size_factors"].to_numpy(float)[:, None]
    ridge = np.diag(np.full(design.shape[1], WALD_RIDGE))
    return test.inference.wald_test(design, dispersions, test.LFC.to_numpy(), mu, ridge, test.contrast_vector, 0.0)[2]


def fit_edger_ql(counts, design, vectors):
    """Quasi-likelihood F tests by edgepython; arguments and results as :func:`fit_pydeseq2`.

    ``stat`` is the signed root of F, ``se`` the log2 fold change over it; ``log2fc_shrunken`` is missing.

    Raises
    ------
    UserError
        If edgepython is not installed.
    """
    try:
        import edgepython
    except ModuleNotFoundError as error:
        raise UserError(EDGER_MISSING) from error

    data = edgepython.calc_norm_factors(edgepython.make_dgelist(counts=counts.to_numpy(float).T))
    fit = edgepython.glm_ql_fit(data, design.to_numpy(float))
    factors = np.asarray(edgepython.get_norm_lib_sizes(data), float)
    factors = factors / np.exp(np.log(factors).mean())
    tables = {}
    for name, vector in vectors.items():
        result = edgepython.glm_ql_ftest(fit, contrast=np.asarray(vector, float))["table"]
        log2fc = result["logFC"].to_numpy(float)
        stat = np.sign(log2fc) * np.sqrt(np.maximum(result["F"].to_numpy(float), 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            se = log2fc / stat
        tables[name] = pd.DataFrame(
            {
                "base_mean": (counts.to_numpy() / factors[:, None]).mean(0),
                "log2fc": log2fc,
                "log2fc_shrunken": np.nan,
                "se": se,
                "stat": stat,
                "p_value": result["PValue"].to_numpy(float),
            },
            index=counts.columns,
        )
    dispersions = np.broadcast_to(np.asarray(fit["dispersion"], float), (counts.shape[1],))
    return tables, {"size_factors": factors, "dispersions": dispersions, "trend": "edger_ql"}


ENGINES = {"pydeseq2": fit_pydeseq2, "edger_ql": fit_edger_ql}


def leave_one_donor_out(counts, design, vector, donors, size_factors, dispersions):
    """Log2 fold changes with each donor left out in turn, size factors and dispersions of the full fit held.

    Parameters
    ----------
    counts : int array, shape (samples, genes)
    design : array, shape (samples, coefficients)
    vector : array, shape (coefficients,)
    donors : array, shape (samples,)
    size_factors : array, shape (samples,)
    dispersions : array, shape (genes,)

    Returns
    -------
    array, shape (donors, genes)
        NaN where the contrast rests on the donor left out.
    """
    from compartments.compare.batched import BatchedInference

    refits = []
    for donor in dict.fromkeys(donors):
        rows = donors != donor
        columns = np.abs(design[rows]).sum(0) > 0
        reduced = design[rows][:, columns]
        estimable = not vector[~columns].any() and np.linalg.matrix_rank(reduced) == reduced.shape[1]
        if not estimable:
            refits.append(np.full(counts.shape[1], np.nan))
            continue
        beta = BatchedInference().irls(counts[rows], size_factors[rows], reduced, dispersions, 0.5, 1e-8)[0]
        refits.append(beta @ vector[columns] / math.log(2))
    return np.array(refits)


def robust_genes(table, q_value, refit):
    """Whether sign and size of the effect survive leaving out any one donor.

    Parameters
    ----------
    table : DataFrame
        With ``log2fc, p_value``.
    q_value : array, shape (genes,)
    refit : callable
        ``refit(positions)`` gives :func:`leave_one_donor_out` for these genes.

    Returns
    -------
    nullable boolean array, shape (genes,)
        Missing where not looked at: only genes with q < .1 and the 100 smallest p are refitted.
    """
    p = table["p_value"].to_numpy(float)
    order = np.argsort(np.nan_to_num(p, nan=2.0), kind="stable")[:ROBUST_TOP]
    chosen = np.union1d(order, np.flatnonzero(q_value < ROBUST_Q))
    chosen = chosen[np.isfinite(p[chosen])]
    robust = pd.array([pd.NA] * len(table), dtype="boolean")
    if len(chosen):
        refits = refit(chosen)
        sign = np.sign(table["log2fc"].to_numpy()[chosen])
        robust[chosen] = ((refits * sign) > ROBUST_LOG2FC).all(0)
    return robust


def one_sided(table, sign=1):
    """One-sided p of an effect above zero (below with ``sign=-1``), from a two-sided one."""
    half = table["p_value"].to_numpy(float) / 2
    return np.where(sign * table["log2fc"].to_numpy(float) > 0, half, 1 - half)


def call_elevated(interaction, within, within_reference, compartment):
    """Genes raised by the condition in a compartment, and there only or there more.

    Parameters
    ----------
    interaction, within, within_reference : DataFrame
        Index gene; ``log2fc, se, p_value``. The last is the effect within the reference compartment, or None.
    compartment : str

    Returns
    -------
    DataFrame, index as ``interaction``
        ``call_p``: intersection-union p of an effect above zero in the compartment and an interaction above zero;
        ``call_q``: BH over genes; ``call``: ``<compartment>_only`` if the upper 95 % bound of the reference
        compartment's effect is below .58 log2, else ``<compartment>_higher``; empty unless ``call_q`` < .05.
    """
    aligned = within.reindex(interaction.index)
    p = np.maximum(one_sided(aligned), one_sided(interaction))
    q = benjamini_hochberg(p)
    only = np.zeros(len(p), bool)
    if within_reference is not None:
        reference = within_reference.reindex(interaction.index)
        only = (reference["log2fc"] + stats.norm.ppf(0.975) * reference["se"] < CALL_MARGIN).to_numpy()
    call = np.where(q < CALL_Q, np.where(only, f"{compartment}_only", f"{compartment}_higher"), "")
    return pd.DataFrame({"call": call, "call_p": p, "call_q": q}, index=interaction.index)


def compare_lineage(lineage, study, options):
    """All terms of all contrasts in one lineage.

    Parameters
    ----------
    lineage : pseudobulk.Lineage
    study : Study
    options : Options

    Returns
    -------
    tables : list of DataFrame
        ``COLUMNS`` but ``q_global``, one per contrast and term tested.
    fits : list of dict
        What each table rests on.
    skipped : list of dict
    """
    groups = (lineage.samples["condition"] + " " + lineage.samples["compartment"]).to_numpy()
    soup = ambient_genes(lineage.counts, lineage.ambient, groups, options.ambient_share_max)
    foreign = foreign_genes(lineage.genes, lineage.name)
    own = study.subset(lineage.samples.index)
    tables, fits, skipped = {}, [], []
    terms = {}
    for contrast, term, compartment in study.terms():
        terms.setdefault((term, compartment), []).append(contrast)
    for (term, compartment), contrasts in terms.items():
        units = own.units(term, compartment)
        usable = []
        for contrast in contrasts:
            reason = _too_few(units, contrast, "pair" if term == "interaction" else "sample")
            if reason:
                where = f"{contrast.contrast} {term}" + (f" {compartment}" if term == "interaction" else "")
                skipped.append(_skip(lineage.name, where, reason))
            else:
                usable.append(contrast)
        if not usable:
            continue
        where = term + (f" {compartment}" if term == "interaction" else "")
        try:
            found, fit, notes = _compare_term(lineage, study, units, term, usable, soup | foreign, options)
        except UserError:
            raise
        except Exception as error:  # whatever a fit dies of, the other lineages and terms go on
            reason = f"not fitted: {type(error).__name__}: {error}"
            skipped += [_skip(lineage.name, f"{contrast.contrast} {where}", reason) for contrast in usable]
            continue
        skipped += [_skip(lineage.name, where, note) for note in notes]
        for contrast in usable:
            table = found[contrast.contrast]
            n_condition, n_reference = designs.donors_per_arm(units, contrast)
            level = tier(n_condition, n_reference, fit["residual_df"])
            low = units["sample"] if term != "interaction" else pd.concat([units["sample"], units["reference_sample"]])
            table["contrast"], table["lineage"], table["gene"] = contrast.contrast, lineage.name, table.index
            table["term"], table["compartment"] = term, compartment
            table["n_condition"], table["n_reference"], table["tier"] = n_condition, n_reference, level
            table["low_cells"] = int((lineage.samples.loc[low, "n_cells"] < LOW_CELLS).sum())
            table["call"], table["call_p"], table["call_q"] = "", np.nan, np.nan
            tables[contrast.contrast, term, compartment] = table
            fits.append(
                {
                    "contrast": contrast.contrast,
                    "lineage": lineage.name,
                    "term": term,
                    "compartment": compartment,
                    "tier": level,
                    "n_condition": n_condition,
                    "n_reference": n_reference,
                    "n_genes_significant": int((table["q_value"] < 0.05).sum()),
                    "median_se": float(table["se"].median()),
                    "mde80_log2": float((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * table["se"].median()),
                    **fit,
                }
            )
    for (name, term, compartment), table in tables.items():
        within = tables.get((name, f"within:{compartment}", compartment))
        if term == "interaction" and within is not None:
            base = study.reference_compartment
            calls = call_elevated(table, within, tables.get((name, f"within:{base}", base)), compartment)
            table[calls.columns] = calls
    return list(tables.values()), fits, skipped


def _skip(lineage, contrast, reason):
    return {"stage": STAGE, "lineage": lineage, "contrast": contrast, "reason": reason}


def _too_few(units, contrast, noun):
    counts = designs.donors_per_arm(units, contrast)
    for level, n in zip((contrast.condition, contrast.reference), counts, strict=True):
        if n < MIN_DONORS:
            return f"not_testable: {n} {noun}{'' if n == 1 else 's'} with condition '{level}', needs {MIN_DONORS}"
    return ""


def _compare_term(lineage, study, units, term, contrasts, excluded, options):
    """Fit one term and test its contrasts: tables by contrast name, description of the fit, covariates left out."""
    if term == "interaction":
        design, vector_of = interaction_design(units)
        vectors = {contrast.contrast: vector_of(contrast) for contrast in contrasts}
        notes = []
    else:
        vectors = {}
        for contrast in contrasts:
            design, vectors[contrast.contrast], notes = designs.arm_design(units, contrast, study.covariates)
    residual_df = len(design) - design.shape[1]
    if residual_df < 1:
        raise ValueError(f"{len(design)} samples leave no residual df for {design.shape[1]} coefficients")
    rows = lineage.samples.index.get_indexer(design.index)
    samples, counts = lineage.samples.iloc[rows], lineage.corrected[rows]
    groups = (samples["condition"] + " " + samples["compartment"]).to_numpy()
    expressed = filter_by_expression(counts, groups)
    keep = expressed & ~excluded
    if keep.sum() < MIN_GENES:
        raise ValueError(f"only {keep.sum()} genes are expressed enough, needs {MIN_GENES}")
    counts = pd.DataFrame(counts[:, keep], index=design.index, columns=lineage.genes[keep])
    tables, fit = ENGINES[options.engine](counts, design, vectors)
    others = None
    if options.second_engine:
        other = next(fit_other for name, fit_other in ENGINES.items() if name != options.engine)
        try:
            others = other(counts, design, vectors)[0]
        except Exception as error:  # the column for comparison is missing, the result is not
            notes = [*notes, f"p_other_engine is missing: {type(error).__name__}: {error}"]
    for name, table in tables.items():
        table["q_value"] = benjamini_hochberg(table["p_value"])
        table["robust"] = robust_genes(
            table,
            table["q_value"].to_numpy(),
            lambda genes, vector=vectors[name]: leave_one_donor_out(
                counts.to_numpy()[:, genes],
                design.to_numpy(),
                vector,
                samples["donor"].to_numpy(),
                fit["size_factors"],
                fit["dispersions"][genes],
            ),
        )
        table["p_other_engine"] = others[name]["p_value"] if others else np.nan
    summary = {
        "residual_df": residual_df,
        "n_genes": int(keep.sum()),
        "n_genes_ambient": int((expressed & excluded).sum()),
        "size_factor_min": float(fit["size_factors"].min()),
        "size_factor_max": float(fit["size_factors"].max()),
        "dispersion_trend": fit["trend"],
        "median_dispersion": float(np.nanmedian(fit["dispersions"])),
    }
    return tables, summary, notes


def compare_expression(lineages, study, options, cpus=1):
    """Every lineage, in parallel processes.

    Parameters
    ----------
    lineages : list of pseudobulk.Lineage
    study : Study
    options : Options
    cpus : int

    Returns
    -------
    tables : dict of DataFrame
        Per contrast, ``COLUMNS``; a contrast without any test has an empty table.
    fits, skipped : list of dict

    Notes
    -----
    ``q_value``: Benjamini-Hochberg over genes within lineage x contrast x term x compartment; ``q_global``, interaction
    only: over genes of all lineages.
    """
    if options.engine == "pydeseq2":
        import pydeseq2.ds  # noqa: F401  imported before the fork, once for all processes
    # the largest first, so that no process is left alone with it; results come back in the order given
    order = sorted(range(len(lineages)), key=lambda i: -lineages[i].corrected.size)
    results = [None] * len(lineages)
    if cpus > 1 and len(lineages) > 1:
        with ProcessPoolExecutor(min(cpus, len(lineages)), mp_context=get_context("fork")) as pool:
            futures = {i: pool.submit(compare_lineage, lineages[i], study, options) for i in order}
            for i, future in futures.items():
                results[i] = future.result()
    else:
        for i in order:
            results[i] = compare_lineage(lineages[i], study, options)
    fits = [fit for result in results for fit in result[1]]
    skipped = [row for result in results for row in result[2]]
    tables = {}
    for name in study.contrasts["contrast"]:
        own = [table for result in results for table in result[0] if table["contrast"].iloc[0] == name]
        if not own:
            tables[name] = pd.DataFrame(columns=COLUMNS)
            continue
        table = pd.concat(own, ignore_index=True)
        table["q_global"] = np.nan
        interaction = table["term"] == "interaction"
        for compartment in study.compartments[1:]:
            rows = interaction & (table["compartment"] == compartment)
            table.loc[rows, "q_global"] = benjamini_hochberg(table.loc[rows, "p_value"])
        tables[name] = table[COLUMNS]
    return tables, fits, skipped


def target_expression(data, lineages, gene):
    """Expression of one gene per lineage, compartment and condition: means over donors.

    Parameters
    ----------
    data : AnnData
        From :func:`pseudobulk.read_pseudobulk`.
    lineages : list of pseudobulk.Lineage
    gene : str

    Returns
    -------
    DataFrame
        ``gene, lineage, compartment, condition, n_samples, n_cells, mean_log2_cpm, sd_log2_cpm, percent_expressing``.

    Raises
    ------
    KeyError
        The gene is not among the genes measured; the message names similar ones.
    """
    names = data.var_names
    if gene not in names:
        close = difflib.get_close_matches(gene.upper(), names, 3)
        hint = f"; similar: {', '.join(close)}" if close else ""
        raise KeyError(f"target gene '{gene}' is not among the {len(names)} genes measured{hint}")
    position = names.get_loc(gene)
    expressing = pd.Series(
        data.layers["n_expressing"][:, [position]].toarray().ravel() / data.obs["n_cells"].to_numpy() * 100,
        index=pd.MultiIndex.from_frame(data.obs[["lineage", "sample"]]),
    )
    tables = []
    for lineage in lineages:
        table = lineage.samples.assign(
            log2_cpm=log_cpm(lineage.corrected)[:, position],
            percent=expressing.loc[lineage.name].loc[lineage.samples.index],
            lineage=lineage.name,
        )
        tables.append(table)
    grouped = pd.concat(tables).groupby(["lineage", "compartment", "condition"], sort=True)
    result = grouped.agg(
        n_samples=("n_cells", "size"),
        n_cells=("n_cells", "sum"),
        mean_log2_cpm=("log2_cpm", "mean"),
        sd_log2_cpm=("log2_cpm", "std"),
        percent_expressing=("percent", "mean"),
    ).reset_index()
    result.insert(0, "gene", gene)
    return result


def target_relation(target, effects, contrasts):
    """Whether lineages with more of the target gene are depleted more: Spearman correlations, descriptive.

    Parameters
    ----------
    target : DataFrame
        From :func:`target_expression`.
    effects : DataFrame
        Composition effects: ``level, lineage, contrast, term, compartment, scale, log2fc``.
    contrasts : DataFrame
        ``contrast, condition, reference``.

    Returns
    -------
    DataFrame
        ``gene, contrast, compartment, scale, measure, n_lineages, rho``: over lineages, the gene's expression with the
        reference condition against the change in abundance within the same compartment.
    """
    rows = []
    within = effects[(effects["level"] == "lineage") & effects["term"].str.startswith("within:")]
    for contrast in contrasts.itertuples(index=False):
        baseline = target[target["condition"] == contrast.reference]
        for (compartment, scale), change in within[within["contrast"] == contrast.contrast].groupby(
            ["compartment", "scale"], sort=True
        ):
            joined = baseline[baseline["compartment"] == compartment].merge(change[["lineage", "log2fc"]], on="lineage")
            joined = joined.dropna(subset=["log2fc"])
            for measure in ("mean_log2_cpm", "percent_expressing"):
                varies = len(joined) >= 3 and joined[measure].nunique() > 1 and joined["log2fc"].nunique() > 1
                rows.append(
                    {
                        "gene": target["gene"].iloc[0],
                        "contrast": contrast.contrast,
                        "compartment": compartment,
                        "scale": scale,
                        "measure": measure,
                        "n_lineages": len(joined),
                        "rho": stats.spearmanr(joined[measure], joined["log2fc"]).statistic if varies else np.nan,
                    }
                )
    return pd.DataFrame(rows, columns=RELATION_COLUMNS)


def summarise(options, min_cells, lineages, fits):
    """Content of ``expression.json``: settings, counts, and one record per table in ``fits``."""
    return {
        "de_engine": options.engine,
        "second_engine": options.second_engine,
        "min_cells": min_cells,
        "ambient_share_max": options.ambient_share_max,
        "n_lineages": len(lineages),
        "n_lineages_tested": len({fit["lineage"] for fit in fits}),
        "fits": [{key: None if value != value else value for key, value in fit.items()} for fit in fits],
    }
