"""Pseudobulk differential expression: designs, filters, robustness, calls, and the executable."""

import importlib.util
import types

import anndata
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import sparse, stats

from compartments.cohort import pseudobulk
from compartments.compare import expression
from compartments.core import files
from compartments.simulate.studies import pseudobulk_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import make_study

TREATED = types.SimpleNamespace(contrast="treated_vs_untreated", condition="treated", reference="untreated")


def write_inputs(folder, simulated, sheet=None):
    """``study.json`` and ``pseudobulk.h5ad`` of {lineage: PseudobulkStudy} with the same samples."""
    blocks, obs = [], []
    for lineage, study in simulated.items():
        samples = study.samples.assign(lineage=lineage)
        obs.append(samples.set_index(samples["sample"] + ":" + lineage).rename_axis(None))
        blocks.append(study.counts.to_numpy())
    counts = sparse.csr_matrix(np.vstack(blocks).astype(np.int64))
    obs = pd.concat(obs).assign(total_counts=np.asarray(counts.sum(1)).ravel())
    text = ["sample", "donor", "compartment", "condition", "lineage"]
    genes = pd.Index(study.counts.columns.to_numpy(), dtype=object)
    anndata.AnnData(
        obs=obs.astype(dict.fromkeys(text, object)),
        var=pd.DataFrame({"gene_id": genes}, index=genes),
        layers={
            "counts": counts,
            "corrected": counts,
            "n_expressing": counts.minimum(10).astype(np.int32),
            "ambient": sparse.csr_matrix(counts.shape, dtype=np.float32),
        },
    ).write_h5ad(folder / "pseudobulk.h5ad")
    sheet = study.samples.drop(columns="n_cells").assign(filtered="x.h5") if sheet is None else sheet
    made = make_study(parse_samplesheet(sheet.to_csv(index=False)))
    made.save(folder / "study.json")
    return made


def lineage_of(study, name="T", keep=None):
    """Lineage of a simulated study, optionally of some of its samples."""
    samples = study.samples.set_index("sample").rename_axis(None)
    rows = np.ones(len(samples), bool) if keep is None else samples.index.isin(keep)
    counts = study.counts.to_numpy()[rows]
    empty = sparse.csr_array(counts.shape, dtype=np.float32)
    return pseudobulk.Lineage(
        name, samples[rows], pd.Index(study.counts.columns), counts, sparse.csr_array(counts), empty
    )


def study_of(simulated):
    sheet = simulated.samples.drop(columns="n_cells").assign(filtered="x.h5")
    return make_study(parse_samplesheet(sheet.to_csv(index=False)))


@pytest.fixture(scope="module")
def simulated():
    return pseudobulk_study(
        np.random.default_rng(1), 3, 4, n_genes=400, fraction_interaction=0.1, log2fc=2.5, sd_donor=1
    )


@pytest.fixture(scope="module")
def compared(simulated):
    return expression.compare_lineage(lineage_of(simulated), study_of(simulated), expression.Options())


def test_filter_equals_decoupler():
    decoupler = pytest.importorskip("decoupler")
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.gamma(0.4, 20, 500) * rng.lognormal(0, 0.7, (9, 1)))
    groups = np.array(list("aaabbbccc"))
    data = anndata.AnnData(counts.astype(float), obs=pd.DataFrame({"g": groups}, index=[f"s{i}" for i in range(9)]))
    data.var_names = [f"g{i}" for i in range(500)]
    decoupler.pp.filter_by_expr(data, group="g", min_count=10, min_total_count=15, large_n=10, min_prop=0.7)
    found = expression.filter_by_expression(counts, groups)
    assert 50 < found.sum() < 450
    np.testing.assert_array_equal(found, np.isin([f"g{i}" for i in range(500)], data.var_names))


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=25, deadline=None)
def test_filter_is_stricter_with_more_counts_asked(seed, more):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.4, 30, 60), (6, 60)) + 1
    groups = np.array(list("aabbbb"))
    loose = expression.filter_by_expression(counts, groups)
    strict = expression.filter_by_expression(counts, groups, min_count=10 + more)
    assert not (strict & ~loose).any()


def pairs_of(conditions):
    donors = [f"D{i}" for i in range(len(conditions))]
    frame = {"donor": donors, "condition": conditions, "sample": [f"{d}_csf" for d in donors]}
    return pd.DataFrame(frame | {"reference_sample": [f"{d}_blood" for d in donors]}, index=donors)


@given(st.lists(st.sampled_from(["treated", "untreated", "other"]), min_size=4, max_size=10), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_interaction_design_is_a_difference_in_differences(conditions, seed):
    """Of full rank; least squares on it gives the difference of mean within-donor differences, for any pair of arms."""
    conditions = ["treated", "untreated", *conditions]
    pairs = pairs_of(conditions)
    matrix, vectors = expression.interaction_design(pairs)
    assert np.linalg.matrix_rank(matrix) == matrix.shape[1] == len(pairs) + len(set(conditions))
    value = pd.Series(np.random.default_rng(seed).normal(size=len(matrix)), index=matrix.index)
    beta = np.linalg.lstsq(matrix.to_numpy(), value.to_numpy(), rcond=None)[0]
    difference = (
        pd.Series(value[pairs["sample"]].to_numpy() - value[pairs["reference_sample"]].to_numpy())
        .groupby(np.array(conditions))
        .mean()
    )
    assert beta @ vectors(TREATED) == pytest.approx(difference["treated"] - difference["untreated"])
    swapped = types.SimpleNamespace(condition="untreated", reference="treated")
    np.testing.assert_array_equal(vectors(swapped), -vectors(TREATED))


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_one_coefficient_keeps_the_fit(seed):
    rng = np.random.default_rng(seed)
    matrix, vectors = expression.interaction_design(pairs_of(["treated"] * 2 + ["untreated"] * 3 + ["other"] * 2))
    vector = vectors(types.SimpleNamespace(condition="other", reference="untreated"))
    rotated, transform, index = expression.one_coefficient(matrix.to_numpy(), vector)
    beta = rng.normal(size=len(vector))
    np.testing.assert_allclose(rotated @ (transform @ beta), matrix.to_numpy() @ beta, atol=1e-9)
    assert (transform @ beta)[index] == pytest.approx(vector @ beta)


def test_ambient_genes():
    counts = sparse.csr_array(np.array([[20, 100, 5, 100], [20, 100, 5, 100]]))
    ambient = sparse.csr_array(np.array([[9, 5, 5, 0], [0, 5, 5, 41]], dtype=np.float32))
    groups = np.array(["a", "b"])
    # the third gene is all ambient but too rare to say so; the fourth is only in one group
    assert list(expression.ambient_genes(counts, ambient, groups, 0.2)) == [True, False, False, True]
    assert not expression.ambient_genes(counts, ambient, groups, 1.0).any()


@pytest.mark.parametrize(
    ("lineage", "kept"),
    [
        ("CD4_T", {"TRBV7-2", "IGKC", "CD3E"}),
        ("Treg", {"TRBV7-2", "IGKC", "CD3E"}),
        ("gdT", {"TRBV7-2", "IGKC", "CD3E"}),
        ("MAIT", {"TRBV7-2", "IGKC", "CD3E"}),
        ("CD8 T cells", {"TRBV7-2", "IGKC", "CD3E"}),
        ("B", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("B_prog", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("Plasma", {"IGHV3-23", "IGLJ1", "IGKC", "CD3E"}),
        ("cMono", {"IGKC", "CD3E"}),
        ("Mast_Baso", {"IGKC", "CD3E"}),
        ("NK", {"IGKC", "CD3E"}),
        ("pDC", {"IGKC", "CD3E"}),
    ],
)
def test_foreign_genes(lineage, kept):
    genes = np.array(["TRBV7-2", "IGHV3-23", "IGLJ1", "IGKC", "HBB", "HBA1", "PPBP", "CD3E"])
    assert set(genes[~expression.foreign_genes(genes, lineage)]) == kept


def test_effects_are_recovered(compared, simulated):
    found, fits, skipped = compared
    assert not skipped and len(found) == 3
    interaction = next(table for table in found if table["term"].iloc[0] == "interaction")
    truth = simulated.truth["interaction_log2fc"].reindex(interaction["gene"]).to_numpy()
    changed = truth != 0
    assert np.median(interaction["log2fc"][changed] / truth[changed]) == pytest.approx(1, abs=0.15)
    assert (interaction["q_value"][changed] < 0.05).mean() > 0.6
    assert (interaction["q_value"][~changed] < 0.05).mean() < 0.02
    # shrinkage pulls effects that are not there towards zero
    assert (interaction["log2fc_shrunken"].abs() <= interaction["log2fc"].abs() + 0.05)[~changed].mean() > 0.9
    assert set(interaction["tier"]) == {"inferential"}
    assert {fit["residual_df"] for fit in fits} == {5}


def test_robust_marks_what_one_donor_does_not_carry():
    """An effect of one treated donor is not robust, nor is a small one; one that all treated donors share is."""
    conditions = np.array(["treated"] * 3 + ["untreated"] * 4)
    matrix = np.column_stack([conditions == "treated", conditions == "untreated"]).astype(float)
    base = np.full(7, 200)
    shared, single, small = base.copy(), base.copy(), base.copy()
    shared[:3], single[0], small[:3] = 1600, 20_000, 250
    counts = np.column_stack([shared, single, small, base])
    vector, dispersions = np.array([1.0, -1]), np.full(4, 0.05)

    def refit(genes):
        donors = np.arange(7)
        return expression.leave_one_donor_out(counts[:, genes], matrix, vector, donors, np.ones(7), dispersions[genes])

    table = pd.DataFrame({"log2fc": [3.0, 5, 0.3, 0], "p_value": [0.01, 0.01, 0.01, np.nan]})
    found = expression.robust_genes(table, np.full(4, np.nan), refit)
    assert list(found[:3]) == [True, False, False] and found[3] is pd.NA


def test_leave_one_donor_out_equals_refits(simulated):
    from compartments.compare.batched import BatchedInference

    pairs = study_of(simulated).units("interaction", "CSF")
    matrix, vectors = expression.interaction_design(pairs)
    counts = simulated.counts.loc[matrix.index].to_numpy()[:, :20]
    donors = np.array([*pairs["donor"], *pairs["donor"]])
    factors, dispersions = np.linspace(0.7, 1.4, len(counts)), np.full(20, 0.1)
    found = expression.leave_one_donor_out(counts, matrix.to_numpy(), vectors(TREATED), donors, factors, dispersions)
    assert found.shape == (7, 20)
    left = pairs.index[2]
    smaller, smaller_vectors = expression.interaction_design(pairs.drop(left))
    rows = matrix.index.get_indexer(smaller.index)
    beta = BatchedInference().irls(counts[rows], factors[rows], smaller.to_numpy(), dispersions, 0.5, 1e-8)[0]
    np.testing.assert_allclose(found[2], beta @ smaller_vectors(TREATED) / np.log(2), rtol=1e-5, atol=1e-6)


def test_leave_one_donor_out_without_an_arm():
    matrix = np.array([[1, 0], [0, 1], [0, 1]], float)
    found = expression.leave_one_donor_out(
        np.full((3, 2), 50), matrix, np.array([1.0, -1]), np.array(["a", "b", "c"]), np.ones(3), np.full(2, 0.1)
    )
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all()


def test_calls():
    def frame(log2fc, p, se=0.1):
        return pd.DataFrame({"log2fc": log2fc, "p_value": p, "se": se}, index=list("abcd"))

    interaction = frame([2, 2, -2, 2], [1e-9, 1e-9, 1e-9, 0.5])
    within = frame([2, 2, 2, 2], [1e-9] * 4)
    reference = frame([0, 1, 0, 0], [0.9] * 4)
    found = expression.call_elevated(interaction, within, reference, "csf")
    assert list(found["call"]) == ["csf_only", "csf_higher", "", ""]
    assert found.loc["a", "call_p"] == pytest.approx(5e-10)
    assert list(expression.call_elevated(interaction, within, None, "csf")["call"][:2]) == ["csf_higher"] * 2
    absent = expression.call_elevated(interaction, within.drop("a"), reference.drop("b"), "csf")
    assert list(absent["call"][:2]) == ["", "csf_higher"]


def test_three_conditions_and_unpaired_donors():
    """Three arms share one fit; a donor without blood counts in CSF only; an arm of one donor is refused by name."""
    made = pseudobulk_study(np.random.default_rng(2), 4, 5, n_genes=200)
    samples = made.samples
    samples.loc[samples["donor"].isin(["D03", "D04"]), "condition"] = "other"
    changed = types.SimpleNamespace(counts=made.counts, samples=samples)
    study = study_of(changed)
    keep = set(samples["sample"]) - {"D01_blood", "D09_blood"}
    found, fits, skipped = expression.compare_lineage(lineage_of(changed, keep=keep), study, expression.Options())
    tested = {
        (fit["contrast"], fit["term"]): (fit["n_condition"], fit["n_reference"], fit["residual_df"]) for fit in fits
    }
    assert tested["treated_vs_untreated", "within:CSF"] == (2, 5, 6)
    assert tested["other_vs_untreated", "within:blood"] == (2, 4, 4)
    assert tested["other_vs_untreated", "interaction"] == (2, 4, 4)
    assert ("treated_vs_untreated", "interaction") not in tested
    reasons = {row["contrast"]: row["reason"] for row in skipped}
    assert reasons["treated_vs_untreated interaction CSF"].startswith("not_testable: 1 pair with condition 'treated'")
    assert "treated_vs_untreated within:blood" in reasons


def test_a_failing_lineage_loses_only_itself(simulated):
    broken = lineage_of(simulated, "broken")
    counts = broken.corrected.copy()
    counts[0] = 0
    counts[0, :3] = 10_000  # shares no size with the other samples
    broken = pseudobulk.Lineage("broken", broken.samples, broken.genes, counts, broken.counts, broken.ambient)
    options = expression.Options()
    results, fits, skipped = expression.compare_expression(
        [broken, lineage_of(simulated, "good")], study_of(simulated), options
    )
    assert {fit["lineage"] for fit in fits} >= {"good"}
    assert len([fit for fit in fits if fit["lineage"] == "good"]) == 3
    assert all(row["lineage"] == "broken" and row["reason"] for row in skipped)
    assert set(results["treated_vs_untreated"]["lineage"]) >= {"good"}


def test_size_factors_follow_tmm(simulated):
    lineage = lineage_of(simulated)
    matrix, vectors = expression.interaction_design(study_of(simulated).units("interaction", "CSF"))
    counts = simulated.counts.loc[matrix.index]
    _, fit = expression.fit_pydeseq2(counts, matrix, {"x": vectors(TREATED)})
    library = lineage.corrected.sum(1) * pseudobulk.tmm_factors(lineage.corrected)
    tmm = pd.Series(library, index=lineage.samples.index)[matrix.index].to_numpy()
    ratio = np.log(fit["size_factors"]) - np.log(tmm)
    assert np.ptp(ratio) < 0.4
    assert np.corrcoef(np.log(fit["size_factors"]), np.log(tmm))[0, 1] > 0.98


def test_covariate_that_does_not_fit_is_named(simulated):
    sheet = simulated.samples.drop(columns="n_cells").assign(filtered="x.h5")
    sheet["batch"] = np.where(sheet["condition"] == "treated", "one", "two")
    study = make_study(parse_samplesheet(sheet.to_csv(index=False)))
    _, fits, skipped = expression.compare_lineage(lineage_of(simulated), study, expression.Options())
    assert len(fits) == 3
    assert any("batch is collinear with" in row["reason"] for row in skipped)


def test_target_relation():
    target = pd.DataFrame(
        {
            "gene": "CD52",
            "lineage": ["T", "B", "pDC"],
            "compartment": "blood",
            "condition": "untreated",
            "mean_log2_cpm": [9.0, 8, 4],
            "percent_expressing": [90.0, 95, 10],
        }
    )
    effects = pd.DataFrame({"level": "lineage", "lineage": ["T", "B", "pDC"], "log2fc": [-3.0, -2, -0.5]})
    effects = effects.assign(contrast="c", term="within:blood", compartment="blood", scale="abs")
    contrasts = pd.DataFrame({"contrast": ["c"], "condition": ["treated"], "reference": ["untreated"]})
    found = expression.target_relation(target, effects, contrasts).set_index("measure")
    assert found.loc["mean_log2_cpm", "rho"] == pytest.approx(-1)
    assert found.loc["percent_expressing", "rho"] == pytest.approx(-0.5)
    assert (found["n_lineages"] == 3).all()


def test_executable(tmp_path, execute):
    rng = np.random.default_rng(4)
    lineages = {name: pseudobulk_study(rng, 2, 4, n_genes=150, fraction_interaction=0.2) for name in ("B", "NK")}
    lineages["unassigned"] = pseudobulk_study(rng, 2, 4, n_genes=150)
    write_inputs(tmp_path, lineages)
    arguments = ("--study", tmp_path / "study.json", "--pseudobulk", tmp_path / "pseudobulk.h5ad")
    for folder, cpus in (("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        done = execute(
            "compare_expression", *arguments, "--cpus", cpus, "--target_gene", "gene00003", cwd=tmp_path / folder
        )
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [
        "expression.json",
        "skipped.tsv",
        "target_gene.tsv",
        "target_relation.tsv",
        "treated_vs_untreated.parquet",
        "treated_vs_untreated.tsv.gz",
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    table = pd.read_parquet(tmp_path / "one" / "treated_vs_untreated.parquet")
    assert list(table.columns) == expression.COLUMNS
    assert set(table["lineage"]) == {"B", "NK"}
    assert table.loc[table["term"] == "interaction", "q_global"].notna().all()
    assert table.loc[table["term"] != "interaction", "q_global"].isna().all()
    assert ((table["p_value"] >= 0) & (table["p_value"] <= 1)).all()
    assert len(files.read_tsv(tmp_path / "one" / "treated_vs_untreated.tsv.gz")) == len(table)
    target = files.read_tsv(tmp_path / "one" / "target_gene.tsv")
    assert list(target.columns) == expression.TARGET_COLUMNS and len(target) == 8
    assert "unassigned" in (tmp_path / "one" / "skipped.tsv").read_text()


def test_executable_reasons_and_bad_input(tmp_path, execute):
    made = pseudobulk_study(np.random.default_rng(5), 2, 3, n_genes=100)
    write_inputs(tmp_path, {"B": made})
    arguments = ("--study", tmp_path / "study.json", "--pseudobulk", tmp_path / "pseudobulk.h5ad")
    done = execute("compare_expression", *arguments, "--min_cells_pb", 100_000, "--target_gene", "Gene00003x")
    assert done.returncode == 0, done.stderr
    skipped = (tmp_path / "skipped.tsv").read_text()
    assert "below 100000" in skipped and "no sample has enough cells" in skipped and "'Gene00003x'" in skipped
    assert len(pd.read_parquet(tmp_path / "treated_vs_untreated.parquet")) == 0

    (tmp_path / "broken.h5ad").write_bytes(b"not hdf5")
    cases = [
        ([*arguments[:2], "--pseudobulk", tmp_path / "broken.h5ad"], "broken.h5ad"),
        ([*arguments, "--min_cells_pb", 0], "--min_cells_pb"),
        ([*arguments, "--ambient_share_max", 2], "--ambient_share_max"),
    ]
    if importlib.util.find_spec("edgepython") is None:
        cases.append(([*arguments, "--de_engine", "edger_ql"], "edgepython"))
    for command, expected in cases:
        done = execute("compare_expression", *command)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("ERROR: ") and done.stderr.count("\n") == 1 and expected in done.stderr


def test_edger_quasi_likelihood(tmp_path, execute):
    """The optional engine through the executable: the library's own numbers, and planted effects found."""
    edgepython = pytest.importorskip("edgepython", reason="edgepython (GPL-3) is not part of the environment")
    made = pseudobulk_study(np.random.default_rng(3), 3, 4, n_genes=500, fraction_interaction=0.1, log2fc=2.5)
    study = write_inputs(tmp_path, {"T": made})
    arguments = ("--study", tmp_path / "study.json", "--pseudobulk", tmp_path / "pseudobulk.h5ad")
    tables_of = {}
    for engine in ("edger_ql", "pydeseq2"):
        done = execute("compare_expression", *arguments, "--de_engine", engine)
        assert done.returncode == 0, done.stderr
        assert len(files.read_tsv(tmp_path / "skipped.tsv")) == 0
        table = pd.read_parquet(tmp_path / "treated_vs_untreated.parquet")
        tables_of[engine] = table[table["term"] == "interaction"].set_index("gene")
    edger, deseq = tables_of["edger_ql"], tables_of["pydeseq2"]
    np.testing.assert_allclose(deseq["p_other_engine"], edger["p_value"].reindex(deseq.index), rtol=1e-12)
    assert edger["p_other_engine"].isna().all() and edger["log2fc_shrunken"].isna().all()

    pairs = study.units("interaction", "CSF")
    matrix, vectors = expression.interaction_design(pairs)
    counts = made.counts.loc[matrix.index, edger.index].to_numpy(float)
    data = edgepython.calc_norm_factors(edgepython.make_dgelist(counts=counts.T))
    fit = edgepython.glm_ql_fit(data, matrix.to_numpy())
    found = edgepython.glm_ql_ftest(fit, contrast=vectors(TREATED))["table"]
    np.testing.assert_allclose(edger["p_value"], found["PValue"].to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(edger["log2fc"], found["logFC"].to_numpy(), rtol=1e-12)
    truth = made.truth["interaction_log2fc"].reindex(edger.index)
    called = edger["q_value"] < 0.05
    assert (called & (truth != 0)).sum() > 10 and (truth[called] == 0).mean() < 0.2
    assert edger.loc[called, "robust"].notna().all()


def test_a_failing_second_engine_costs_only_its_column(simulated, monkeypatch):
    def broken(counts, design, vectors):
        raise ValueError("no luck")

    monkeypatch.setitem(expression.ENGINES, "edger_ql", broken)
    options = expression.Options(second_engine=True)
    found, _, skipped = expression.compare_lineage(lineage_of(simulated), study_of(simulated), options)
    assert len(found) == 3 and all(table["p_other_engine"].isna().all() for table in found)
    assert {row["reason"] for row in skipped} == {"p_other_engine is missing: ValueError: no luck"}


def test_p_averaged_over_the_dispersion():
    """Without uncertainty the Wald test; with it the average over draws; a small share leaves Poisson noise alone."""
    z, ones = np.array([0.5, -2.0, 4.0, 6.0]), np.ones(4)
    known = expression.average_over_dispersion(z, ones, 0 * ones, 0 * ones)
    np.testing.assert_allclose(known, 2 * stats.norm.sf(np.abs(z)), rtol=1e-10)
    np.testing.assert_allclose(expression.average_over_dispersion(z, 0 * ones, ones, ones), known, rtol=1e-10)
    log_ratio = np.random.default_rng(0).normal(-0.1, np.sqrt(0.2), 200_000)
    drawn = [2 * stats.norm.sf(abs(v) / np.sqrt(0.3 + 0.7 * np.exp(log_ratio))).mean() for v in z]
    found = expression.average_over_dispersion(z, 0.7 * ones, -0.1 * ones, 0.2 * ones)
    np.testing.assert_allclose(found[:3], drawn[:3], rtol=0.02)
    assert found[3] > 10 * known[3]


def test_p_far_in_the_tail_is_calibrated():
    """Three donors against three, no effect: about 1 in 1,000 genes has p < .001, where a Wald test gives several."""
    rng = np.random.default_rng(12)
    rates = {"averaged": [], "wald": []}
    for _ in range(4):
        dispersion = 0.1 * rng.lognormal(-0.125, 0.5, 3000)
        mean = rng.lognormal(5.5, 0.8, 3000)
        counts = rng.negative_binomial(1 / dispersion, 1 / (1 + mean * dispersion), (6, 3000))
        samples = [f"s{i}" for i in range(6)]
        table = pd.DataFrame(counts, index=samples, columns=[f"g{i}" for i in range(3000)])
        design = pd.DataFrame({"one": 1.0, "treated": [0.0, 0, 0, 1, 1, 1]}, index=samples)
        fitted = expression.fit_pydeseq2(table, design, {"c": np.array([0.0, 1.0])})[0]["c"]
        rates["averaged"].append((fitted["p_value"] < 0.001).mean())
        rates["wald"].append((2 * stats.norm.sf(fitted["stat"].abs()) < 0.001).mean())
    assert 0.0003 < np.mean(rates["averaged"]) < 0.002 < np.mean(rates["wald"])
