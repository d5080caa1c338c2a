"""Samples that look wrong are named, others are not."""

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort import suspects
from compartments.core.files import write_json
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.samples import make_study_of, merge_all, write_sample


def warnings_of(folder, study):
    gathered, merged, bulk, _ = merge_all(folder, study)
    return suspects.sample_warnings(gathered, bulk, study, merged.obs)


def test_no_warning_without_reason(written):
    folder, study, _ = written
    found = warnings_of(folder, study)
    assert not found["warning"].str.contains("swapped|sex|XIST").any(), found.to_string()
    first = folder / f"{study.samples['sample'][0]}.filtered.h5ad"
    data = ad.read_h5ad(first)
    data.uns["count_warnings"] = "barcodes of 2 wells\nno mitochondrial genes"
    data.write_h5ad(first)
    told = warnings_of(folder, study)
    assert told["warning"].str.startswith("counts: ").sum() == 2 and len(told) == len(found) + 2


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ("D0_CSF", "D1_CSF", "differ in sex"),
        ("D0_CSF", "D2_CSF", "donor-specific expression"),
        ("D0_CSF", "D0_blood", "its expression is that of"),
    ],
)
def test_a_swap_is_named(tmp_path, a, b, expected):
    study, rng = make_study_of(), np.random.default_rng(1)
    for row in study.samples.itertuples():
        write_sample(tmp_path, row.sample, rng, n=200, donor=int(row.donor[1:]))
    for path in sorted(tmp_path.glob(f"{a}.*")):
        other = path.with_name(path.name.replace(a, b))
        path.rename(tmp_path / "spare")
        other.rename(path)
        (tmp_path / "spare").rename(other)
    for sample in (a, b):
        with h5py.File(tmp_path / f"{sample}.filtered.h5ad", "r+") as file:
            file["uns/sample"][()] = sample
    found = warnings_of(tmp_path, study)
    said = found[found["warning"].str.contains(expected)]
    assert set(said["sample"]) >= {a, b}, found.to_string()
    assert set(said.index) <= set(suspects.of_identity(found).index)


def test_a_sample_of_few_cells_hides_no_swap_of_others(tmp_path):
    rows = [f"D{d}_{c},D{d},{c},{'ab'[d > 1]},x" for d in range(5) for c in ("CSF", "blood")]
    study = make_study(parse_samplesheet("sample,donor,compartment,condition,raw\n" + "\n".join(rows)), "", "b")
    rng = np.random.default_rng(1)
    for sample in study.samples["sample"]:
        donor = {"D0_CSF": 2, "D2_CSF": 0}.get(sample, int(sample[1]))
        write_sample(tmp_path, sample, rng, n=30 if sample == "D1_CSF" else 200, donor=donor)
    found = warnings_of(tmp_path, study)
    named = set(found.loc[found["warning"].str.contains("swapped"), "sample"])
    assert named and named <= {"D0_CSF", "D2_CSF"}, found.to_string()


@pytest.mark.parametrize("second", [("post", "post"), ("pre", "again")], ids=["before and after", "replicates"])
@pytest.mark.parametrize("mistyped", [False, True])
def test_a_mistyped_donor_among_several_samples_is_named(tmp_path, second, mistyped):
    """Four donors with two blood samples each; one sample may be of another donor than the samplesheet says."""
    condition, name = second
    rows = [f"D{d}_{n},D{d},blood,{c},x" for d in range(4) for c, n in (("pre", "pre"), (condition, name))]
    rows += ["E_pre,E,blood,post,x", "F_pre,F,blood,post,x"]
    study = make_study(parse_samplesheet("sample,donor,compartment,condition,raw\n" + "\n".join(rows)), "", "pre")
    rng = np.random.default_rng(1)
    for sample in study.samples["sample"]:
        donor = int(sample[1]) if sample[0] == "D" else 8 + "EF".index(sample[0])
        write_sample(tmp_path, sample, rng, n=200, donor=2 if mistyped and sample == f"D0_{name}" else donor)
    found = warnings_of(tmp_path, study)
    named = found.loc[found["warning"].str.contains("donor-specific expression"), "sample"]
    assert (f"D0_{name}" in set(named)) == mistyped and set(named) <= {f"D0_{name}", "D0_pre"}, found.to_string()


def test_low_complexity_is_named(written):
    """One sample whose cells find a third of the genes that the other samples' cells find with as many counts."""
    folder, study, _ = written
    path = folder / "D2_CSF.filtered.h5ad"
    poor = ad.read_h5ad(path)
    dense = poor.layers["counts"].toarray()
    total = dense.sum(1)
    dense[:, 60:150] = 0
    dense[:, 0] += total - dense.sum(1)
    poor.layers["counts"] = poor.layers["corrected"] = sparse.csr_matrix(dense.astype(np.int32))
    poor.write_h5ad(path)
    # the made-up cells have few genes altogether; what tells the sample apart is its difference to the others
    found = warnings_of(folder, study)
    low = found[found["warning"].str.contains("less than in the other CSF samples")]
    assert set(low["sample"]) <= {"D2_CSF"}
    few = found[found["warning"].str.contains("low complexity")]
    assert "D2_CSF" in set(few["sample"]) and suspects.of_identity(few).empty


def test_cells_of_two_people_and_a_wrong_sex_are_named(written):
    folder, study, _ = written
    totals = suspects.sample_sums(merge_all(folder, study)[2])
    assert dict(suspects.sex_of_samples(totals)) == {s: "MF"[s[1] in "02"] for s in totals.index}
    totals.loc["D0_CSF", "RPS4Y1"] = totals.loc["D0_CSF", "XIST"]
    totals.loc["D1_CSF", ["RPS4Y1", "DDX3Y"]] = 2
    totals.loc["D2_CSF", ["RPS4Y1", "XIST"]] = [500, 0]
    assert list(suspects.sex_of_samples(totals)[["D0_CSF", "D1_CSF", "D2_CSF"]]) == ["mixed", "unclear", "M"]
    assert all(suspects.IDENTITY.search(text) for _, text in suspects._sex_warnings(totals, study))
    words = {(sample, text.split(":")[0][:30]) for sample, text in suspects._sex_warnings(totals, study)}
    assert {sample for sample, text in words if text.startswith("XIST and Y genes are both")} == {"D0_CSF"}
    assert {sample for sample, text in words if "donor D2 differ" in text} == {"D2_CSF", "D2_blood"}
    assert {sample for sample, text in words if text.startswith("stated sex is F")} == {"D2_CSF"}


@pytest.mark.parametrize("swapped", [False, True])
def test_a_condition_that_empties_both_compartments_is_no_swap(swapped):
    """T cells are most of CSF and fewer in blood; both lose them, and a CSF with few T cells stays a CSF."""
    rng = np.random.default_rng(3)
    of_t, of_other, of_csf = rng.gamma(0.5, 2, (3, 300))
    share_of_t = {("CSF", 0): 0.8, ("blood", 0): 0.6, ("CSF", 1): 0.3, ("blood", 1): 0.05}
    study = make_study_of(6)
    sheet = study.samples.set_index("sample")
    shares = {name: share_of_t[row.compartment, int(row.donor[1:]) % 2] for name, row in sheet.iterrows()}
    shares["D4_CSF"] = 0.68
    rates = {
        name: share * of_t + (1 - share) * of_other + 0.1 * of_csf * (sheet.loc[name, "compartment"] == "CSF")
        for name, share in shares.items()
    }
    sums = pd.DataFrame({name: rng.poisson(3000 * rate) for name, rate in rates.items()}).T
    if swapped:
        sums = sums.rename(index={"D4_CSF": "D4_blood", "D4_blood": "D4_CSF"})
    found = [sample for sample, _words in suspects._compartment_warnings(sums.loc[sheet.index], study)]
    assert found == (["D4_CSF", "D4_blood"] if swapped else [])


def test_a_model_that_may_not_fit_is_warned_of_behind_the_rest(tmp_path):
    for sample, doubt in (("a", ""), ("b", "m.pkl may not know this tissue")):
        write_json({"sample": sample, "model_doubt": doubt}, tmp_path / f"{sample}.labels.json")
    rest = pd.DataFrame({"stage": ["merge_samples"], "sample": ["a"], "warning": ["swapped?"]})
    table = suspects.with_doubts(rest, sorted(tmp_path.glob("*.json")))
    assert table.to_numpy().tolist() == [
        ["merge_samples", "a", "swapped?"], ["annotate_cells", "b", "m.pkl may not know this tissue"],
    ]  # fmt: skip
    assert suspects.with_doubts(rest, []).equals(rest)
