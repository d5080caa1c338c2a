"""Simulated studies: truth agrees with the files, same seed same bytes, presets differ as they say, clear refusals."""

import json
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from compartments.core.errors import UserError
from compartments.labels.training import read_reference, train_model
from compartments.simulate import droplets, studies
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import make_study
from tests.support.runs import step

SMALL = ["--scale", 0.15, "--genes", 2000, "--empties", 600]


def read_10x(path):
    with h5py.File(path) as handle:
        matrix = handle["matrix"]
        shape = tuple(matrix["shape"][:])
        counts = sparse.csc_matrix(
            (matrix["data"][:], matrix["indices"][:], matrix["indptr"][:]), shape=shape
        ).T.tocsr()
        text = {key: matrix["features"][key][:].astype(str) for key in ("id", "name", "feature_type")}
        return counts, matrix["barcodes"][:].astype(str), text


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, root):
    """A small alemtuzumab cohort, made by the executable."""
    import subprocess

    folder = tmp_path_factory.mktemp("simulated")
    command = step("simulate_cohort", "--outdir", folder / "cohort", "--seed", 3, *SMALL)
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "cohort"


# ---------- counts for the statistics


def test_count_study_recovers_its_effects():
    rng = np.random.default_rng(0)
    effects = studies.preset_effects("alemtuzumab")
    differences = []
    for _ in range(150):
        study = studies.count_study(rng, 3, 3, effects["CSF"], effects["blood"])
        assert study.counts.index.tolist() == study.samples["sample"].tolist()
        shares = (study.counts + 0.5).div(study.counts.sum(axis=1) + 0.5 * study.counts.shape[1], axis=0)
        z = np.log2(shares.mul(study.samples["cells_per_ul"].to_numpy(), axis=0))
        csf, treated = study.samples["compartment"] == "CSF", study.samples["condition"] == "treated"
        within = {
            arm: z[(csf & flag).to_numpy()].mean() - z[(~csf & flag).to_numpy()].mean()
            for arm, flag in ((1, treated), (0, ~treated))
        }
        differences.append(within[1] - within[0])
    found = pd.concat(differences, axis=1).mean(axis=1)
    # 5 standard errors of the mean of 150 studies with SD .5 log2; rare lineages have a small-count bias on top
    frequent = study.truth.index[
        [studies.CSF_BASE[x] > 0.015 and studies.BLOOD_BASE[x] > 0.015 for x in study.truth.index]
    ]
    assert np.abs(found - study.truth["interaction"])[frequent].max() < 0.25
    assert found["pDC"] == pytest.approx(3.0, abs=0.4)


def test_count_study_null_and_determinism():
    one = studies.count_study(np.random.default_rng(5), 2, 4)
    two = studies.count_study(np.random.default_rng(5), 2, 4)
    pd.testing.assert_frame_equal(one.counts, two.counts)
    assert (one.truth == 0).all(axis=None)
    assert one.samples["donor"].nunique() == 6 and len(one.samples) == 12


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_count_study_shapes(n_condition, n_reference, seed):
    study = studies.count_study(np.random.default_rng(seed), n_condition, n_reference)
    csf = (study.samples["compartment"] == "CSF").to_numpy()
    totals = study.counts.sum(axis=1).to_numpy()
    assert (totals[csf] >= 300).all() and (totals[csf] <= 2500).all()
    assert (totals[~csf] >= 2499).all() and (totals[~csf] <= 7000).all()
    assert (study.samples.groupby("condition")["donor"].nunique()).to_dict() == {
        "treated": n_condition,
        "untreated": n_reference,
    }


def test_pseudobulk_study_recovers_its_interaction():
    rng = np.random.default_rng(1)
    study = studies.pseudobulk_study(rng, 40, 40, n_genes=400, fraction_interaction=0.2, set_size=30, set_log2fc=0.8)
    log = np.log2(study.counts.div(study.counts.sum(axis=1), axis=0) * 1e6 + 1)
    csf = (study.samples["compartment"] == "CSF").to_numpy()
    treated = (study.samples["condition"] == "treated").to_numpy()
    found = (log[csf & treated].mean() - log[~csf & treated].mean()) - (
        log[csf & ~treated].mean() - log[~csf & ~treated].mean()
    )
    truth = study.truth["interaction_log2fc"]
    assert np.corrcoef(found, truth)[0, 1] > 0.9
    assert study.truth["in_set"].sum() == 30
    assert np.polyfit(truth, found, 1)[0] == pytest.approx(1.0, abs=0.1)


def test_presets_differ_as_they_say():
    effects = {preset: studies.preset_effects(preset) for preset in studies.PRESETS}
    assert (effects["null"] == 0).all(axis=None)
    for preset in ("synchronous", "decoys"):
        assert (effects[preset]["CSF"] == effects[preset]["blood"]).all() and (effects[preset] < 0).all(axis=None)
    assert (effects["uncoupled"]["CSF"] == 0).all() and (effects["uncoupled"]["blood"] < 0).all()
    differs = effects["alemtuzumab"]["CSF"] != effects["alemtuzumab"]["blood"]
    assert differs.index[differs].tolist() == ["pDC"]


@pytest.mark.parametrize("arms", [(0, 4), (2, 0), (-1, 3)])
def test_no_donors_is_refused(arms):
    with pytest.raises(UserError, match="at least one donor per arm"):
        studies.count_study(np.random.default_rng(0), *arms)
    with pytest.raises(UserError, match="at least one donor per arm"):
        studies.pseudobulk_study(np.random.default_rng(0), *arms)


def test_unknown_lineage_names_the_valid_ones():
    with pytest.raises(UserError, match=r"unknown lineage 'CD4T' \(did you mean 'CD4_T'\?\); valid are CD4_T, CD8_T"):
        studies.count_study(np.random.default_rng(0), 2, 2, {"CD4T": -1})


# ---------- profiles


def test_profiles_are_what_the_readme_says(root):
    table = pd.read_csv(root / "assets" / "profiles.tsv.gz", sep="\t", index_col="gene", keep_default_na=False)
    lineages = table.columns[1:]
    valid = set(pd.read_csv(root / "assets" / "celltypist_immune_all_low_lineage.tsv", sep="\t")["lineage"])
    assert len(lineages) >= 20 and set(lineages) <= valid
    assert len(table) >= 6000 and table.index.is_unique
    values = table[lineages].astype(float)
    assert values.notna().all(axis=None) and np.allclose(values.sum(), 1e6, rtol=2e-3)
    # sharpened at 5 % of the maximum; normalising to a million afterwards moves columns against each other a little
    sorted_ones = values.drop(columns=["T_cycling", "Platelet_MK", "Erythroid", "HSPC"]).drop(index="LYVE1")
    lowest = sorted_ones.where(sorted_ones > 0).min(axis=1) / sorted_ones.max(axis=1)
    assert lowest.min() > 0.025
    highest = values.idxmax(axis=1)
    for gene, lineage in {
        "LILRA4": "pDC",
        "FOXP3": "Treg",
        "MS4A1": "B",
        "CD14": "cMono",
        "SLC4A10": "MAIT",
        "CLEC9A": "cDC1",
        "HBB": "Erythroid",
        "PPBP": "Platelet_MK",
        "LYVE1": "Macrophage",
        "CD34": "HSPC",
    }.items():
        assert highest[gene] == lineage
    core = droplets.read_gene_sets(root / "assets" / "migration_sets.gmt")["CSF_MIGRATION_CORE"]
    assert set(core) <= set(table.index[table["core"].astype(int) == 1])
    assert {"CD52", "XIST", "RPS4Y1", "HBA1", "MT-CO1", "RPS2"} <= set(table.index)


def test_too_few_genes_is_refused(root):
    with pytest.raises(UserError, match="--genes 10: give a number from"):
        droplets.ProfileSource(root / "assets" / "profiles.tsv.gz", 10)


# ---------- the cohort


def test_samplesheet_is_accepted(cohort):
    sheet = parse_samplesheet((cohort / "samplesheet.csv").read_text())
    study = make_study(sheet)
    assert study.reference_compartment == "blood" and study.absolute
    assert study.contrasts[["condition", "reference"]].values.tolist() == [["alemtuzumab", "untreated"]]
    assert (sheet["simulated"] == "true").all() and (sheet["filtered"] == "").all()
    assert len(sheet) == 12 and all((cohort / path).is_file() for path in sheet["raw"])


def test_truth_agrees_with_the_files(cohort):
    import anndata

    cells = pd.read_csv(cohort / "truth" / "cells.tsv.gz", sep="\t", keep_default_na=False)
    composition = pd.read_csv(cohort / "truth" / "composition.tsv", sep="\t")
    for sample, own in cells.groupby("sample"):
        raw, barcodes, features = read_10x(cohort / sample / "raw_feature_bc_matrix.h5")
        filtered, kept, _ = read_10x(cohort / sample / "filtered_feature_bc_matrix.h5")
        truth = anndata.read_h5ad(cohort / "truth" / f"{sample}.h5ad")
        assert len(set(barcodes)) == len(barcodes) and all(len(b) == 18 and b.endswith("-1") for b in barcodes)
        assert set(features["feature_type"]) == {"Gene Expression"} and len(set(features["id"])) == 2000
        assert list(kept) == list(truth.obs_names) == own["barcode"].tolist() and len(barcodes) > len(kept) + 500
        position = pd.Index(barcodes).get_indexer(kept)
        assert (position >= 0).all()
        total = sparse.csr_matrix(truth.layers["native"]) + sparse.csr_matrix(truth.layers["ambient"])
        assert abs(raw[position] - total).nnz == 0 and abs(filtered - total).nnz == 0
        assert (np.asarray(truth.layers["ambient"].sum(axis=1)).ravel() == own["ambient_umi"]).all()
        assert truth.var["soup"].sum() == pytest.approx(1)
        assert (own["doublet"].astype(str) == "True").eq(own["partner_lineage"] != "").all()
        counted = composition[composition["sample"] == sample].set_index("lineage")["n_cells"]
        assert counted[counted > 0].sort_index().to_dict() == own["lineage"].value_counts().sort_index().to_dict()
        # empty droplets hold soup only
        empty = np.setdiff1d(np.arange(len(barcodes)), position)
        profile = np.asarray(raw[empty].sum(axis=0)).ravel() / raw[empty].sum()
        assert np.abs(profile - truth.var["soup"].to_numpy()).sum() < 0.2


def test_planted_effects_are_in_the_cells(cohort):
    """Migration genes up in treated CSF, in lineages that migrate; not in blood."""
    import anndata

    planted = pd.read_csv(cohort / "truth" / "migration_genes.tsv", sep="\t")
    samples = pd.read_csv(cohort / "truth" / "samples.tsv", sep="\t")
    assert set(planted["compartment"]) == {"CSF"}
    rows = []
    for row in samples.itertuples():
        truth = anndata.read_h5ad(cohort / "truth" / f"{row.sample}.h5ad")
        genes = truth.var_names.isin(planted["gene"])
        counts = truth.layers["native"][(truth.obs["lineage"] == "CD4_T").to_numpy()]
        rows.append((row.compartment, row.condition, counts[:, genes].sum() / counts.sum()))
    share = (
        pd.DataFrame(rows, columns=["compartment", "condition", "share"])
        .groupby(["compartment", "condition"])["share"]
        .mean()
    )
    assert np.log2(share["CSF", "alemtuzumab"] / share["CSF", "untreated"]) == pytest.approx(0.9, abs=0.4)
    assert abs(np.log2(share["blood", "alemtuzumab"] / share["blood", "untreated"])) < 0.4


def test_interactions_and_decoys(cohort):
    true = pd.read_csv(cohort / "truth" / "interactions.tsv", sep="\t")
    decoys = pd.read_csv(cohort / "truth" / "decoys.tsv", sep="\t")
    assert len(true) == 15 and len(decoys) == 15
    assert ((true["source"] == "pDC") | (true["target"] == "pDC")).all()

    def genes(table):
        return {gene for column in ("ligand", "receptor") for name in table[column] for gene in name.split("_")}

    assert not genes(true) & genes(decoys)
    effects = pd.read_csv(cohort / "truth" / "expression_effects.tsv", sep="\t")
    where = effects.groupby("kind")["compartment"].agg(set)
    assert (
        where["interaction"] == {"CSF"}
        and where["decoy"] == {"CSF", "blood"}
        and where["de_common"] == {"CSF", "blood"}
    )
    assert not effects.duplicated(["gene", "lineage", "compartment"]).any()


def test_same_seed_same_bytes_and_other_seed_not(execute, tmp_path):
    arms = ["--treated", 1, "--untreated", 1, "--scale", 0.1, "--genes", 600, "--empties", 200]
    for folder, seed in (("one", 7), ("two", 7), ("other", 8)):
        assert execute("simulate_cohort", "--outdir", folder, "--seed", seed, *arms).returncode == 0
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 4 * 3 + 11 + 2  # three per sample, truth tables, samplesheet and reference
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
    different = [(tmp_path / "one" / p).read_bytes() != (tmp_path / "other" / p).read_bytes() for p in files]
    assert sum(different) > len(files) // 2


def test_traumatic_tap_and_decoys_preset(execute, tmp_path):
    done = execute("simulate_cohort", "--preset", "decoys", "--outdir", "decoys", "--filtered", *SMALL)
    assert done.returncode == 0, done.stderr
    samples = pd.read_csv(tmp_path / "decoys" / "truth" / "samples.tsv", sep="\t").set_index("sample")
    assert samples.index[samples["admixture"] > 0].tolist() == ["D01_CSF"]
    import anndata

    red = {
        sample: anndata.read_h5ad(tmp_path / "decoys" / "truth" / f"{sample}.h5ad")
        .var["soup"][["HBB", "HBA1", "HBA2"]]
        .sum()
        for sample in ("D01_CSF", "D02_CSF", "D02_blood")
    }
    assert red["D01_CSF"] == pytest.approx(0.6, abs=0.06) and red["D02_CSF"] == pytest.approx(0.3, abs=0.06)
    assert red["D02_blood"] < 0.12
    effects = pd.read_csv(tmp_path / "decoys" / "truth" / "expression_effects.tsv", sep="\t")
    wide = effects.pivot(index=["gene", "lineage"], columns="compartment", values="log2fc")
    assert len(wide) and (wide["CSF"] == wide["blood"]).all()
    sheet = parse_samplesheet((tmp_path / "decoys" / "samplesheet.csv").read_text())
    assert all((tmp_path / "decoys" / path).is_file() for path in sheet["filtered"])


def test_memory_does_not_grow_with_samples(cohort, root, tmp_path):
    """12 samples must not need much more than 2: samples are made and written one by one."""
    import subprocess

    # the kernel's ru_maxrss would count what the process that started it held
    program = (
        "import sys\nfrom compartments.core import door\n"
        "try: door.call(sys.argv[1], sys.argv[2:])\n"
        "finally: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)"
    )
    peaks = []
    for donors in (1, 5):
        command = [
            sys.executable,
            "-c",
            program,
            "simulate_cohort",
            "--treated",
            1,
            "--untreated",
            donors,
            "--outdir",
            tmp_path / str(donors),
            "--genes",
            1000,
            "--empties",
            2000,
            "--scale",
            0.3,
        ]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stderr.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 100 and peaks[1] < 1024  # MiB


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--treated", 0], "0 donors in the condition arm: give at least one donor per arm"),
        (["--untreated", 0], "0 donors in the reference arm"),
        (
            ["--preset", "nul"],
            "--preset 'nul' is unknown; it is one of alemtuzumab, null, synchronous, uncoupled, decoys",
        ),
        (["--genes", 99999], "--genes 99999: give a number from"),
        (["--effects", "effects.tsv"], "unknown lineage 'CD4'; valid are CD4_T, CD8_T"),
        (["--effects", "where.tsv"], "unknown compartment 'lymph'; valid are CSF, blood"),
        (["--effects", "absent.tsv"], "absent.tsv: no such file"),
        (["--outlier", "D99"], "--outlier 'D99' is not a donor; the donors are D01, D02"),
        (["--cells_per_sample", "CSF=many"], "write COMPARTMENT=N"),
        (["--mode", "resample"], "--mode resample needs --cells"),
        (["--scale", 0], "--scale 0: give a positive number"),
    ],
)
def test_bad_input_is_one_line(execute, tmp_path, arguments, message):
    (tmp_path / "effects.tsv").write_text("lineage\tcompartment\tlog2fc\nCD4\tCSF\t-1\n")
    (tmp_path / "where.tsv").write_text("lineage\tcompartment\tlog2fc\nCD4_T\tlymph\t-1\n")
    done = execute("simulate_cohort", "--outdir", "out", *SMALL, *arguments)
    assert done.returncode == 2 and message in done.stderr
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "samplesheet.csv").exists()


def test_own_compartments_and_effects(execute, tmp_path):
    base = "lineage\tsynovia\tpleura\tblood\nCD4_T\t.5\t.4\t.6\ncMono\t.4\t.5\t.3\npDC\t.1\t.1\t.1\n"
    (tmp_path / "base.tsv").write_text(base)
    (tmp_path / "effects.tsv").write_text("lineage\tcompartment\tlog2fc\npDC\tsynovia\t2\n")
    done = execute(
        "simulate_cohort",
        "--outdir",
        "out",
        "--base",
        "base.tsv",
        "--effects",
        "effects.tsv",
        "--treated",
        1,
        "--untreated",
        1,
        "--genes",
        600,
        "--empties",
        200,
        "--scale",
        0.2,
        "--cells_per_sample",
        "pleura=300",
    )
    assert done.returncode == 0, done.stderr
    sheet = parse_samplesheet((tmp_path / "out" / "samplesheet.csv").read_text())
    assert sheet["compartment"].tolist() == ["synovia", "pleura", "blood"] * 2
    effects = pd.read_csv(tmp_path / "out" / "truth" / "lineage_effects.tsv", sep="\t", index_col="lineage")
    assert effects.loc["pDC"].to_dict() == {"synovia": 2, "pleura": 0, "blood": 0, "interaction": 2}
    assert json.loads((tmp_path / "out" / "truth" / "study.json").read_text())["simulated"] is True


def test_resampled_real_cells(execute, real_data, tmp_path):
    import anndata

    path = real_data / "pbmc4k" / "pbmc4k_2170_cells.h5ad"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    (tmp_path / "effects.tsv").write_text("lineage\tcompartment\tlog2fc\nT_CD4\tCSF\t-3\nT_CD4\tblood\t-3\n")
    resample = ["--mode", "resample", "--cells", path, "--labels", "Annotation", "--empties", 500, "--scale", 0.3]
    done = execute("simulate_cohort", "--outdir", "out", "--effects", "effects.tsv", *resample)
    assert done.returncode == 0, done.stderr
    cells = pd.read_csv(tmp_path / "out" / "truth" / "cells.tsv.gz", sep="\t")
    share = (cells["lineage"] == "T_CD4").groupby(cells["sample"]).mean()
    assert share[["D01_CSF", "D02_blood"]].max() < share[["D03_CSF", "D04_blood"]].min()
    truth = anndata.read_h5ad(tmp_path / "out" / "truth" / "D03_blood.h5ad")
    real = anndata.read_h5ad(path)
    assert list(truth.var_names) == list(real.var_names)
    umi = np.asarray(truth.layers["native"].sum(axis=1)).ravel()
    depth = np.median(np.asarray(real.X.sum(axis=1)).ravel())
    assert 0.4 * depth < np.median(umi) <= depth
    raw, barcodes, features = read_10x(tmp_path / "out" / "D03_blood" / "raw_feature_bc_matrix.h5")
    assert raw.shape == (len(barcodes), real.n_vars) and len(barcodes) > truth.n_obs + 400


def test_resampling_refuses_labels_that_no_preset_changes(execute, tmp_path):
    import anndata

    obs = pd.DataFrame({"type": ["x", "y"] * 20}, index=[f"c{i}" for i in range(40)])
    anndata.AnnData(sparse.csr_matrix(np.ones((40, 20), np.float32)), obs=obs).write_h5ad(tmp_path / "cells.h5ad")
    done = execute(
        "simulate_cohort", "--outdir", "out", "--mode", "resample", "--cells", "cells.h5ad", "--labels", "type"
    )
    assert done.returncode == 2 and "the presets change none of x, y; give --effects or --preset null" in done.stderr


def test_thinning_plants_the_exact_effect():
    """A gene raised fourfold keeps all its counts there and a quarter elsewhere."""
    rng = np.random.default_rng(0)
    counts = sparse.csr_matrix(rng.poisson(20, (500, 3)))
    pool = droplets.PoolSource(counts, ["a"] * 500, ["x", "y", "z"], ["1", "2", "3"])
    ceiling, ones = np.array([4.0, 1.0, 1.0]), np.ones(3)
    raised = pool.draw(rng, "a", 500, ones, np.array([4.0, 1.0, 0.5]), ceiling, 0).mean(axis=0)
    plain = pool.draw(rng, "a", 500, ones, ones, ceiling, 0).mean(axis=0)
    assert np.asarray(raised / plain).ravel() == pytest.approx([4.0, 1.0, 0.5], rel=0.05)


# ---------- the model


def test_model_is_deterministic_and_knows_its_lineages(root, tmp_path):
    import anndata

    source = droplets.ProfileSource(root / "assets" / "profiles.tsv.gz", 600)
    plain = droplets.Settings(seed=4)
    droplets.draw_reference(plain, source, 4, 12).write_h5ad(tmp_path / "reference.h5ad")
    values, labels, genes = read_reference(tmp_path / "reference.h5ad", "lineage")
    for name in ("one.pkl", "two.pkl"):
        model = train_model(values, labels, genes, top_genes=50)
        model.write(str(tmp_path / name))
    assert (tmp_path / "one.pkl").read_bytes() == (tmp_path / "two.pkl").read_bytes()
    assert set(model.cell_types) == set(source.lineages)

    droplets.draw_reference(droplets.Settings(seed=5), source, 1, 20).write_h5ad(tmp_path / "unseen.h5ad")
    values, labels, genes = read_reference(tmp_path / "unseen.h5ad", "lineage")
    import celltypist

    adata = anndata.AnnData(values, var=pd.DataFrame(index=genes))
    result = celltypist.annotate(adata, model=model)
    assert (result.predicted_labels["predicted_labels"].to_numpy(str) == labels).mean() > 0.95
    assert (result.probability_matrix.max(axis=1) > 0.5).mean() > 0.8


def test_training_refuses_bad_references(execute, tmp_path):
    import anndata

    counts = sparse.csr_matrix(np.random.default_rng(0).poisson(1.0, (40, 20)).astype(np.float32))
    adata = anndata.AnnData(
        counts, obs=pd.DataFrame({"type": ["a"] * 20 + ["b"] * 20}, index=[f"c{i}" for i in range(40)])
    )
    adata.write_h5ad(tmp_path / "good.h5ad")
    adata.X = adata.X * 0.37
    adata.write_h5ad(tmp_path / "scaled.h5ad")
    for arguments, message in (
        (
            ["--reference", "good.h5ad", "--labels", "lineage"],
            "--labels 'lineage' is not in obs of good.h5ad; it has type",
        ),
        (["--reference", "good.h5ad", "--labels", "type", "--min_cells", 30], "fewer than two labels"),
        (["--reference", "scaled.h5ad", "--labels", "type"], "neither whole-number counts nor log1p"),
        (["--reference", "absent.h5ad", "--labels", "type"], "absent.h5ad: cannot be read"),
    ):
        done = execute("train_model", *arguments)
        assert done.returncode == 2 and message in done.stderr.splitlines()[-1], done.stderr
        assert not (tmp_path / "model.pkl").exists() and "Traceback" not in done.stderr
