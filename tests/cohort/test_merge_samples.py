"""The step that merges samples: mistakes and samples left out."""

import anndata
import h5py
import numpy as np

from compartments.core.contract import Contract
from compartments.core.files import read_tsv
from compartments.core.vocabulary import OWN_COLUMNS, OWN_PATTERN
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.terms import terms_of
from tests.support.samples import N_GENES, arguments_of, make_study_of, write_sample


def test_user_mistakes(written, execute):
    folder, _, _ = written
    with h5py.File(folder / "D1_CSF.filtered.h5ad", "r+") as file:
        del file["uns/ambient_method"]
        file["uns"].create_dataset("ambient_method", data="cellbender").attrs.update(
            {"encoding-type": "string", "encoding-version": "0.2.0"}
        )
    done = execute("merge_samples", *arguments_of(folder))
    assert done.returncode == 2 and "cellbender: D1_CSF" in done.stderr and not (folder / "merged.h5ad").exists()
    assert execute("merge_samples", *arguments_of(folder), "--allow_mixed_ambient").returncode == 0
    of_rows = anndata.read_h5ad(folder / "cohort" / "pseudobulk.h5ad").obs.groupby("sample", observed=True)
    methods = of_rows["ambient_method"].agg("unique").map(list)
    assert methods.pop("D1_CSF") == ["cellbender"] and all(method == ["none"] for method in methods)
    for path in folder.glob("D[13]_*"):
        path.unlink()
    done = execute("merge_samples", *arguments_of(folder))
    assert done.returncode == 2 and "nothing to compare" in done.stderr and done.stderr.count("\n") == 1
    given = arguments_of(folder)
    for name, said in (("D9_CSF", "no sample of the study"), ("D1_CSF", "holds sample 'D0_CSF'")):
        renamed = (folder / "D0_CSF.sums.h5ad").replace(folder / f"{name}.sums.h5ad")
        done = execute("merge_samples", *given[:3], renamed)
        assert done.returncode == 2 and name in done.stderr and said in done.stderr and done.stderr.count("\n") == 1
        renamed.rename(folder / "D0_CSF.sums.h5ad")


def test_captures_of_a_specimen_stay_apart_and_their_agreement_is_told(tmp_path, execute):
    """One compartment, before and after, one specimen captured twice."""
    rows = [f"D{d}_{t},D{d},CSF,{t}" for d in range(2) for t in ("pre", "post")] + ["D0_more,D0,CSF,pre"]
    sheet = "sample,donor,compartment,condition,filtered\n" + "\n".join(f"{row},{n}.h5" for n, row in enumerate(rows))
    study = make_study(parse_samplesheet(sheet), reference_condition="pre")
    study.save(tmp_path / "study.json")
    for number, sample in enumerate(study.samples["sample"]):
        donor = 0 if sample == "D1_post" else int(sample[1])  # a swapped tube
        write_sample(tmp_path, sample, np.random.default_rng(number), donor=donor)
    done = execute("merge_samples", *arguments_of(tmp_path))
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "doubts.txt").read_text().splitlines()
    assert said and all("the samples of donor D1 differ in sex" in line or "swapped?" in line for line in said)
    agreement = read_tsv(tmp_path / "cohort/replicates.tsv", text=("specimen", "sample", "fraction"))
    assert agreement[["specimen", "sample", "n_cells"]].to_numpy().tolist() == [
        ["D0_pre", "D0_pre", 57], ["D0_pre", "D0_more", 57]
    ]  # fmt: skip
    counts = read_tsv(tmp_path / "composition/counts.tsv")
    counts = counts[(counts["level"] == "lineage") & (counts["lineage"] != "unassigned")]
    assert set(counts["sample"]) == set(study.samples["sample"])
    wide = counts.pivot(index="lineage", columns="sample", values="n_cells")[["D0_pre", "D0_more"]]
    np.testing.assert_allclose(agreement["correlation"], wide.corr().iloc[0, 1])
    assert read_tsv(tmp_path / "skipped.tsv").empty


def test_a_sample_that_could_not_be_cleaned_is_left_out(tmp_path, execute):
    study = make_study_of()
    study.save(tmp_path / "study.json")
    for donor in range(4):
        for compartment in ("CSF", "blood"):
            method = "none" if (donor, compartment) == (3, "CSF") else "soupem"
            write_sample(tmp_path, f"D{donor}_{compartment}", np.random.default_rng(donor), donor=donor, method=method)
    done = execute("merge_samples", *arguments_of(tmp_path))
    assert done.returncode == 0, done.stderr
    skipped = read_tsv(tmp_path / "skipped.tsv")
    assert list(skipped["sample"].fillna("")) == ["D3_CSF", "", ""] and "ambient RNA" in skipped["reason"][0]
    assert skipped["reason"][1].startswith("within:CSF: 1 treated and 2 untreated donors are left of 2 and 2")
    assert "D3_CSF" not in set(read_tsv(tmp_path / "composition/counts.tsv")["sample"])


def test_columns_of_the_samplesheet_never_stand_for_the_pipelines(written, execute):
    """Tables of a sheet whose columns are all named like own ones are those without them, and nothing is lost."""
    folder, study, _ = written
    tables = ("composition/counts.tsv", "cohort/doublets.tsv", "cohort/depth.tsv", "cohort/warnings.tsv")

    def made(sheet):
        sheet.save(folder / "study.json")
        done = execute("merge_samples", *arguments_of(folder))
        assert done.returncode == 0, done.stderr
        return [(folder / path).read_bytes() for path in tables], anndata.read_h5ad(folder / "merged.h5ad").obs

    named = sorted(OWN_COLUMNS)
    plain, cells = made(study)
    assert set(cells) - set(study.samples) - {"cell"} <= {
        *OWN_COLUMNS,
        "label:Other",
        "lineage:Other",
        "lineage_broad:Other",
    }
    sheet = study.samples.drop(columns=["row", "raw", "cellbender", "fastq_1", "fastq_2"])
    text = sheet.assign(**{name: [f"x{n}" for n in range(len(sheet))] for name in named}).to_csv(index=False)
    again, obs = made(make_study(parse_samplesheet(text)))
    assert again == plain
    assert obs[list(cells)].astype(str).equals(cells.astype(str))
    assert (
        obs["sheet_lineage"].astype(str)
        == obs["sample"].map(dict(zip(sheet["sample"], [f"x{n}" for n in range(8)], strict=True))).astype(str)
    ).all()
    written_columns = read_tsv(folder / "cohort/cells.tsv.gz").columns
    assert written_columns.is_unique and {f"sheet_{name}" for name in named} <= set(written_columns)


def test_own_columns_are_those_that_are_written():
    """What the dictionary says of cells and what terms add to specimens is kept from the samplesheet; nothing else."""
    places = {
        "filter_cells": "samples/*/*.qc_cells.tsv.gz",
        "score_doublets": "samples/*/*.doublets.tsv.gz",
        "annotate_cells": "samples/*/*.labels.tsv.gz",
        "merge_samples": "cohort/cells.tsv.gz",
        "embed_cohort": "cohort/umap.tsv.gz",
    }
    cells = {name for step, place in places.items() for name, _need in Contract.of(step).columns(place)}
    study = make_study_of()
    compared = {column for term in terms_of(study) for column in term.units}
    left_there = {"passes", "fails", "coexpression_score"}
    assert left_there < cells
    own = (cells | compared) - left_there - {*study.samples, "*", "*:*"} | {"row"}
    assert {name for name in own if not OWN_PATTERN.fullmatch(name)} == OWN_COLUMNS


def test_files_of_two_references_and_chemistries(tmp_path, execute):
    """Samples are joined by id, what a file does not list is marked in the sums, and the mixture is said."""
    study, rng = make_study_of(), np.random.default_rng(0)
    study.save(tmp_path / "study.json")
    newer = {f"G{k}" for k in range(5, N_GENES)} | {"XIST", "RPS4Y1", "DDX3Y"}
    for row in study.samples.itertuples():
        treated, path = row.condition == "treated", tmp_path / f"{row.sample}.filtered.h5ad"
        data = write_sample(tmp_path, row.sample, rng, donor=int(row.donor[1:]), genes=newer if treated else None)
        ids = [
            f"ENSG{int(name[1:]):011d}" if name[0] == "G" else f"ENSG9{k:010d}" for k, name in enumerate(data.var_names)
        ]
        ids[-3:] = [f"ENSG{k:011d}" for k in range(900, 903)]
        # one gene has another name in the newer reference
        data.var = data.var.assign(gene_id=ids).rename(index={"G7": "G7NEW"} if treated else {})
        data.uns["chemistry"] = "Single Cell 5' PE" if treated else "Single Cell 3' v3"
        data.write_h5ad(path)
    done = execute("merge_samples", *arguments_of(tmp_path))
    assert done.returncode == 0, done.stderr
    genes = read_tsv(tmp_path / "cohort/genes.tsv").set_index("gene")
    assert list(genes.index) == ["G0", "G1", "G2", "G3", "G4", "G7"] and genes.loc["G7", "other_names"] == "G7NEW"
    assert (
        set(genes["n_samples_without"][:5]) == {4}
        and genes["samples_without"].iloc[0] == "D1_CSF;D1_blood;D3_CSF;D3_blood"
    )
    references = read_tsv(tmp_path / "cohort/references.tsv").set_index("sample")
    assert references.loc["D1_CSF"].tolist() == [2, N_GENES - 2, 5, 5, True, "5'"]
    assert references.loc["D0_CSF"].tolist() == [1, N_GENES + 3, 0, 0, True, "3' v3"]
    bulk = anndata.read_h5ad(tmp_path / "cohort/pseudobulk.h5ad")
    absent = bulk.layers["absent"].toarray()
    treated = bulk.obs["condition"].to_numpy() == "treated"
    assert (absent[np.ix_(treated, bulk.var_names.isin(list(genes.index[:5])))] == 1).all()
    assert absent.sum() == 5 * treated.sum() and bulk.n_vars == N_GENES + 3
    assert (bulk.layers["counts"][:, bulk.var_names.get_loc("G7")].toarray() > 0).any(1)[treated].any()
    warnings = read_tsv(tmp_path / "cohort/warnings.tsv")
    said = warnings.loc[warnings["sample"].isna(), "warning"].tolist()
    assert said[0].startswith("samples differ in the genes that their files list: list 1 of 153 genes in D0_CSF,")
    assert "5 of 153 genes (G0, G1, G2 ...) are not in every file" in said[0]
    assert any(
        line.startswith("genes that files name otherwise, joined by Ensembl id: 1 (") and "G7, G7NEW" in line
        for line in said
    )
    assert any(
        line.startswith("in CSF chemistry goes with condition (treated: 5' (2); untreated: 3' v3 (2))") for line in said
    )
    assert warnings["sample"].isna().iloc[: len(said)].all() and not warnings["warning"].str.contains("swapped").any()
