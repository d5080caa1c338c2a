"""The step compare_expression, and contrasts of the same donors that differ in what they can be adjusted for."""

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.expression_designs import counts_of
from benchmarks.studies import pseudobulk_study
from compartments.compare import expression
from compartments.core import files
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.pseudobulks import lineage_of, write_inputs


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
    names = sorted(str(path.relative_to(tmp_path / "one")) for path in (tmp_path / "one").rglob("*.*"))
    assert names == [
        "expression/donors/log2_cpm.parquet",
        "expression/expression.json",
        "expression/target_gene.tsv",
        "expression/target_relation.tsv",
        "expression/treated_vs_untreated.parquet",
        "expression/treated_vs_untreated.tsv.gz",
        "skipped.tsv",
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    public = tmp_path / "one" / "expression"
    table = pd.read_parquet(public / "treated_vs_untreated.parquet")
    contract = Contract.of("compare_expression")
    assert list(table.columns) == contract.names("expression/treated_vs_untreated.parquet")
    assert set(table["lineage"]) == {"B", "NK"}
    assert table.loc[table["term"] == "interaction", "q_global"].notna().all()
    assert table.loc[table["term"] != "interaction", "q_global"].isna().all()
    assert ((table["p_value"] >= 0) & (table["p_value"] <= 1)).all()
    assert len(files.read_tsv(public / "treated_vs_untreated.tsv.gz")) == len(table)
    values = pd.read_parquet(public / "donors/log2_cpm.parquet").set_index(["lineage", "gene"])
    assert set(values.index) == set(zip(table["lineage"], table["gene"], strict=True))
    assert list(values.columns) == list(lineages["B"].samples["sample"]) and values.notna().all().all()
    target = files.read_tsv(public / "target_gene.tsv")
    assert list(target.columns) == contract.names("expression/target_gene.tsv") and len(target) == 8
    skipped = (tmp_path / "one" / "skipped.tsv").read_text()
    assert "unassigned" in skipped and "no ambient RNA was removed from 12 samples" in skipped


def test_executable_reasons_and_bad_input(tmp_path, execute):
    made = pseudobulk_study(np.random.default_rng(5), 2, 3, n_genes=100)
    write_inputs(tmp_path, {"B": made})
    arguments = ("--study", tmp_path / "study.json", "--pseudobulk", tmp_path / "pseudobulk.h5ad")
    done = execute("compare_expression", *arguments, "--min_cells_pb", 100_000, "--target_gene", "Gene00003x")
    assert done.returncode == 0, done.stderr
    skipped = (tmp_path / "skipped.tsv").read_text()
    assert "below 100000" in skipped and "no sample has enough cells" in skipped and "'Gene00003x'" in skipped
    empty = pd.read_parquet(tmp_path / "expression" / "treated_vs_untreated.parquet")
    contract = Contract.of("compare_expression")
    assert len(empty) == 0 and list(empty) == contract.names("expression/treated_vs_untreated.parquet")
    for name in ("target_gene", "target_relation"):
        table = files.read_tsv(tmp_path / "expression" / f"{name}.tsv")
        assert len(table) == 0 and list(table) == contract.names(f"expression/{name}.tsv")

    (tmp_path / "broken.h5ad").write_bytes(b"not hdf5")
    cases = [
        ([*arguments[:2], "--pseudobulk", tmp_path / "broken.h5ad"], "broken.h5ad"),
        ([*arguments, "--min_cells_pb", 0], "--min_cells_pb"),
        ([*arguments, "--ambient_share_max", 2], "--ambient_share_max"),
        ([*arguments, "--de_engine", "edger_ql"], "--de_engine"),
    ]
    for command, expected in cases:
        done = execute("compare_expression", *command)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("ERROR: ") and done.stderr.count("\n") == 1 and expected in done.stderr


def compare_one(lineage, study):
    """Tables, what they rest on, and the reasons for what has none, of one lineage."""
    left_out = LeftOut("compare_expression")
    return *expression.compare_lineage(lineage, study, left_out), left_out.rows


def sites_of(sites):
    """Study of donors by condition, each at a site (``batch``), and its counts of one lineage; C is the reference."""
    rows = [(f"{t}{i}", c, t, site) for t in sites for i, site in enumerate(sites[t]) for c in ("CSF", "blood")]
    samples = pd.DataFrame(rows, columns=["donor", "compartment", "condition", "batch"])
    samples.insert(0, "sample", samples["donor"] + "_" + samples["compartment"])
    study = make_study(
        parse_samplesheet(samples.assign(filtered=samples["sample"] + ".h5").to_csv(index=False)),
        reference_condition="C",
    )
    return study, lineage_of(counts_of(np.random.default_rng(5), samples, n_genes=120))


def test_a_contrast_that_cannot_be_adjusted_leaves_the_others_as_they_are():
    """B has a site of its own, which A and C have not: A is compared adjusted for sites, B is not, as each alone."""
    study, lineage = sites_of({"A": ["s1", "s1", "s3", "s3"], "B": ["s2"] * 3, "C": ["s1", "s1", "s3", "s3"]})
    tables, _, skipped = compare_one(lineage, study)
    found = {(table["contrast"].iloc[0], table["term"].iloc[0]): table for table in tables}
    assert len(found) == 6
    said = {row["contrast"] for row in skipped if "batch is collinear" in row["reason"]}
    assert said == {f"B_vs_C {term}" for term in ("within:CSF", "within:blood", "interaction CSF")}
    for contrast, rows in study.contrasts.groupby("contrast"):
        for alone in compare_one(lineage, replace(study, contrasts=rows))[0]:
            pd.testing.assert_frame_equal(found[contrast, alone["term"].iloc[0]], alone)


def test_a_covariate_left_out_is_named_with_its_contrast():
    """The design is the same for both: sites add nothing to the conditions, but B cannot be told from its own."""
    study, lineage = sites_of({"A": ["s1"] * 3, "B": ["s2"] * 3, "C": ["s1"] * 3})
    _, fits, skipped = compare_one(lineage, study)
    assert len(fits) == 6
    said = {row["contrast"] for row in skipped if "batch is collinear" in row["reason"]}
    assert said == {f"B_vs_C {term}" for term in ("within:CSF", "within:blood", "interaction CSF")}


def test_arms_that_vary_alike_are_not_said_to_differ():
    """A third condition, fitted with the two, may be the one that varies more."""
    of_fit = {"lineage": "T", "term": "within:CSF", "compartment": "CSF", "engine": "voom", "spread_differs": True}
    fits = [of_fit | {"contrast": f"{name}_vs_C", "spread_ratio": ratio} for name, ratio in (("A", 1.1), ("B", 0.2))]
    assert [line.partition(";")[0] for line in expression.Compared({}, fits).warnings()] == [
        "A_vs_C, within:CSF: donors of other arms than the two compared vary more or less than these in T",
        "B_vs_C, within:CSF: the donors of one arm vary more than those of the other in T (variance 0.2 times)",
    ]
