"""Captures become specimens: sums, shares of fractions, means, and how well replicates agree."""

from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort.pseudobulk import lineages, read_pseudobulk
from compartments.cohort.specimens import agreement, averaged, of_specimens, summed
from compartments.compare import composition
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.cohorts import cohort, long_counts
from tests.support.samples import cells_of, merge_all, write_sample


def sheet_of(*rows, columns="fraction,fraction_share"):
    """Rows ``sample,donor,compartment,condition`` and further columns."""
    header = f"sample,donor,compartment,condition,{columns},raw"
    return parse_samplesheet("\n".join([header, *(f"{row},{n}.h5" for n, row in enumerate(rows))]))


def counts_of(**samples):
    """Cells of lineages B and T per sample, at two levels."""
    rows = [
        (s, level, name, n) for level in ("lineage", "lineage_broad") for s, of in samples.items() for name, n in of
    ]
    return pd.DataFrame(rows, columns=["sample", "level", "lineage", "n_cells"])


def wide(table, level="lineage"):
    return table[table["level"] == level].pivot(index="sample", columns="lineage", values="n_cells")


def test_replicates_are_summed_under_the_name_of_the_first():
    sheet = sheet_of("A1,A,CSF,x,,", "B1,B,CSF,y,,", "A2,A,CSF,x,,")
    counts = counts_of(A1=[("B", 3), ("T", 10)], B1=[("B", 0), ("T", 7)], A2=[("B", 5), ("T", 0)])
    left_out = LeftOut("compare_composition")
    table = summed(counts, sheet, left_out)
    assert list(table) == list(counts) and table["n_cells"].dtype.kind == "i" and left_out.rows == []
    for level in ("lineage", "lineage_broad"):
        assert wide(table, level).to_dict("index") == {"A1": {"B": 8, "T": 10}, "B1": {"B": 0, "T": 7}}
    # the first capture was lost on the way: the specimen keeps its name
    lost = summed(counts[counts["sample"] != "A1"], sheet, left_out)
    assert wide(lost).loc["A1"].tolist() == [5, 0]
    single = sheet_of("A1,A,CSF,x,,", "B1,B,CSF,y,,")
    assert summed(counts, single, left_out) is counts


def test_fractions_with_shares_are_weighted_to_the_one_captured_least_deeply():
    # 100 cells are 80 % of the specimen, so its depth is 125, and CD4 cells are 25 of these: 1000 are thinned 40-fold
    sheet = sheet_of("A1,A,CSF,x,CD4,0.2", "A2,A,CSF,x,rest,0.8", "B1,B,CSF,y,,")
    counts = counts_of(A1=[("B", 0), ("T", 1000)], A2=[("B", 60), ("T", 40)], B1=[("B", 1), ("T", 2)])
    left_out = LeftOut("compare_composition")
    table = summed(counts, sheet, left_out)
    assert wide(table).loc["A1"].to_dict() == {"B": 60, "T": 65} and left_out.rows == []
    assert wide(table).loc["B1"].to_dict() == {"B": 1, "T": 2}  # unsorted and adding up to all cells: comparable


def test_replicates_within_a_fraction_are_summed_before_the_shares_weigh():
    sheet = sheet_of("A1,A,CSF,x,CD4,0.5", "A2,A,CSF,x,CD4,0.5", "A3,A,CSF,x,rest,0.5", "B1,B,CSF,y,,")
    of = {"A1": [("B", 0), ("T", 100)], "A2": [("B", 0), ("T", 300)], "A3": [("B", 50), ("T", 50)]}
    table = summed(counts_of(**of, B1=[("B", 1), ("T", 1)]), sheet, LeftOut("x"))
    assert wide(table).loc["A1"].to_dict() == {"B": 50, "T": 150}


def test_what_cannot_be_added_up_is_left_out_with_its_reason():
    cells = [("B", 10), ("T", 10)]
    sheet = sheet_of(
        *("A1,A,CSF,x,CD4,0.2", "A2,A,CSF,x,rest,", "B1,B,CSF,x,CD4,0.2", "B2,B,CSF,x,rest,0.8"),
        *("C1,C,CSF,y,CD4,0.2", "C2,C,CSF,y,rest,0.8", "D1,D,CSF,y,CD4,", "D2,D,CSF,y,,", "E1,E,CSF,y,CD4,"),
    )
    counts = counts_of(
        **{s: cells for s in sheet["sample"] if s not in ("C2", "D1")},
        C2=[("B", 0), ("T", 0)],
        D1=[("B", 99), ("T", 1)],
    )
    left_out = LeftOut("compare_composition")
    table = summed(counts, sheet, left_out)
    assert list(dict.fromkeys(table["sample"])) == ["B1", "D1"]
    # the unsorted capture is the specimen: the sorted one says nothing of its composition
    assert wide(table).loc["D1"].tolist() == [10, 10]
    reasons = {row["sample"]: row["reason"] for row in left_out.rows}
    assert set(reasons) == {"A1", "C1", "E1"}
    assert reasons["A1"].startswith("composition: fraction_share of CD4 and rest is not given for each")
    assert reasons["C1"].startswith("composition: fraction rest has no cells")
    assert reasons["E1"].startswith("composition: CD4, while most specimens of CSF are unsorted cells")


def test_fractions_of_a_specimen_whose_unsorted_capture_was_lost_are_said_or_added_up():
    sheet = sheet_of(
        *("A1,A,CSF,x,,", "A2,A,CSF,x,CD4,0.2", "B1,B,CSF,x,,", "C1,C,CSF,y,,", "D1,D,CSF,y,,"),
        *("D2,D,CSF,y,CD4,0.5", "D3,D,CSF,y,rest,0.5"),
    )
    cells = [("B", 10), ("T", 10)]
    left_out = LeftOut("compare_composition")
    table = summed(counts_of(A2=cells, B1=cells, C1=cells, D2=cells, D3=cells), sheet, left_out)
    assert wide(table).to_dict("index") == {"B1": dict(cells), "C1": dict(cells), "D1": {"B": 20, "T": 20}}
    (said,) = left_out.rows
    assert said["sample"] == "A1" and said["reason"].startswith("composition: CD4, while most specimens of CSF")


@pytest.mark.parametrize("turned", [False, True])
def test_of_fractions_that_as_many_have_the_order_of_rows_chooses_none(turned):
    rows = ["A1,A,CSF,x,CD4,", "B1,B,CSF,y,CD4,", "C1,C,CSF,x,,", "D1,D,CSF,y,,"]
    cells, left_out = [("B", 1), ("T", 9)], LeftOut("x")
    sheet = sheet_of(*(rows[::-1] if turned else rows))
    table = summed(counts_of(A1=cells, B1=cells, C1=cells, D1=cells), sheet, left_out)
    assert sorted(set(table["sample"])) == ["C1", "D1"]


def test_the_same_fractions_of_all_specimens_are_compared():
    rows = [f"{d}_{c},{d},{c},{'xy'[d > 'B']},{f}," for d in "ABCD" for c, f in (("CSF", ""), ("blood", "CD45"))]
    sheet = sheet_of(*rows)
    counts = counts_of(**{s: [("B", 1), ("T", 2)] for s in sheet["sample"]})
    left_out = LeftOut("x")
    assert summed(counts, sheet, left_out).equals(counts) and left_out.rows == []


def test_means_over_captures():
    sheet = sheet_of("A1,A,CSF,x,,", "A2,A,CSF,x,,", "B1,B,CSF,y,,")
    columns = ["sample", "network", "lineage", "n_cells", "share", "rank", "p_permutation"]
    rows = [
        ("A1", "all", "B", 5, 0.2, 2, 0.9), ("A1", "all", "T", 6, 0.8, 1, 0.01),
        ("A2", "all", "B", 7, 0.9, 1, 0.4), ("A2", "all", "T", 8, 0.1, 2, 0.03), ("A2", "all", "NK", 9, 0.3, 3, 1.0),
        ("B1", "all", "B", 1, 0.5, 1, 0.5),
    ]  # fmt: skip
    table = averaged(pd.DataFrame(rows, columns=columns), sheet, ["network", "lineage"]).set_index(
        ["sample", "lineage"]
    )
    assert table["n_cells"].to_dict() == {("A1", "B"): 12, ("A1", "T"): 14, ("A1", "NK"): 9, ("B1", "B"): 1}
    np.testing.assert_allclose(table["share"], [0.55, 0.45, 0.3, 0.5])
    assert table["rank"].tolist() == [1, 2, 3, 1]
    np.testing.assert_allclose(table["p_permutation"], [1, 0.04, 1, 0.5])
    alone = pd.DataFrame(rows[-1:], columns=columns)
    assert averaged(alone, sheet_of("B1,B,CSF,y,,", "C1,C,CSF,x,,"), ["network", "lineage"]) is alone


@pytest.fixture
def replicated(tmp_path):
    """Two donors of CSF and blood, one CSF specimen captured twice."""
    rows = ["D0_CSF,D0,CSF,treated", "D0_CSF2,D0,CSF,treated", "D0_blood,D0,blood,treated"]
    rows += ["D1_CSF,D1,CSF,untreated", "D1_blood,D1,blood,untreated"]
    header = "sample,donor,compartment,condition,raw\n"
    study = make_study(parse_samplesheet(header + "".join(f"{row},{n}.h5\n" for n, row in enumerate(rows))))
    for number, sample in enumerate(study.samples["sample"]):
        write_sample(tmp_path, sample, np.random.default_rng(number), donor=int(sample[1]))
    return tmp_path, study


def test_pseudobulks_of_a_specimen_are_sums_over_its_captures(replicated):
    folder, study = replicated
    merged, bulk = cells_of(folder, study), merge_all(folder, study)[2]
    bulk.write_h5ad(folder / "pseudobulk.h5ad")
    data = read_pseudobulk(folder / "pseudobulk.h5ad", study)
    plain = of_specimens(anndata.read_h5ad(folder / "pseudobulk.h5ad"), study.of_specimens().samples)
    assert plain.obs_names.tolist() == data.obs_names.tolist()  # names are categories there
    assert (plain.layers["corrected"] != data.layers["corrected"]).nnz == 0
    assert "D0_CSF2" not in set(data.obs["sample"]) and data.obs_names.is_unique
    cells = merged.obs["sample"].isin(["D0_CSF", "D0_CSF2"]) & (merged.obs["lineage"] == "B")
    row = data.obs_names.get_loc("D0_CSF:B")
    for layer in ("counts", "corrected"):
        np.testing.assert_array_equal(
            data.layers[layer][[row]].toarray()[0], merged.layers[layer][cells.to_numpy()].toarray().sum(0)
        )
        assert data.layers[layer].sum() == bulk.layers[layer].sum()
    assert data.obs["n_cells"].iloc[row] == cells.sum() and data.obs["n_cells"].sum() == merged.n_obs
    assert data.layers["ambient"].dtype == np.float32 and data.layers["ambient"].sum() == bulk.layers["ambient"].sum()
    assert data.layers["n_expressing"].sum() == bulk.layers["n_expressing"].sum()
    kept = next(x for x in lineages(data, 1, LeftOut("x"), min_counts=1) if x.name == "B")
    assert kept.samples["donor"].tolist() == ["D0", "D0", "D1", "D1"]  # one row per specimen, in the study's order


def bulk_of(*rows):
    """Pseudobulk of (sample, lineage, cells), one gene with as many counts."""
    obs = pd.DataFrame(rows, columns=["sample", "lineage", "n_cells"])
    obs.index = obs["sample"] + ":" + obs["lineage"]
    counts = sparse.csr_array(obs[["n_cells"]].to_numpy(np.int64))
    return anndata.AnnData(obs=obs, var=pd.DataFrame(index=["g"]), layers={"counts": counts})


def test_a_lineage_is_compared_within_the_fraction_that_most_specimens_have():
    rows = [f"{d}{f[0]},{d},{c},{'xy'[d > 'B']},{f}," for d in "ABCD" for f in ("CD4", "rest") for c in ("CSF",)]
    sheet = sheet_of(*rows)
    cells = {"T": {"C": 50, "r": 12}, "B": {"C": 2, "r": 40}}
    bulk = bulk_of(
        *((s, name, n[s[1]]) for s in sheet["sample"] for name, n in cells.items() if s != "AC" or name == "B")
    )
    left_out = LeftOut("compare_expression")
    data = of_specimens(bulk, sheet, left_out)
    of_t = data.obs[data.obs["lineage"] == "T"]
    # in the rest four specimens have ten T cells, in the sorted ones three: one lacks its sample
    assert of_t["n_cells"].tolist() == [12] * 4 and of_t["sample"].tolist() == ["AC", "BC", "CC", "DC"]
    assert data.obs.loc[data.obs["lineage"] == "B", "n_cells"].tolist() == [40] * 4
    assert data.layers["counts"].toarray().ravel().tolist() == data.obs["n_cells"].tolist()
    reason = "expression is compared within one fraction, rest (CSF): other cells are left out"
    assert {row["lineage"]: row["reason"] for row in left_out.rows} == dict.fromkeys("BT", reason)


def test_fractions_are_chosen_in_each_compartment():
    rows = [f"{d}_{c},{d},{c},{'xy'[d > 'B']},{f}," for d in "ABCD" for c, f in (("CSF", ""), ("blood", "CD45"))]
    sheet = sheet_of(*rows)
    left_out = LeftOut("x")
    data = of_specimens(bulk_of(*((s, "T", 20) for s in sheet["sample"])), sheet, left_out)
    assert data.obs["sample"].tolist() == sheet["sample"].tolist() and left_out.rows == []


def test_agreement_of_replicates(replicated):
    folder, study = replicated
    sheet = study.samples
    cells = pd.DataFrame(
        {
            "sample": ["D0_CSF"] * 10 + ["D0_CSF2"] * 5 + ["D1_CSF"] * 3,
            "lineage": ["T"] * 6 + ["B"] * 2 + ["NK", "unassigned"] + ["T"] * 3 + ["B", "unassigned"] + ["B"] * 3,
            "n_genes": [*range(100, 110), *range(200, 205), 1, 2, 3],
        }
    )
    table = agreement(cells, sheet).set_index("sample")
    assert list(table.index) == ["D0_CSF", "D0_CSF2"] and set(table["specimen"]) == {"D0_CSF"}
    assert table["n_cells"].tolist() == [10, 5] and table["median_genes"].tolist() == [104.5, 202]
    # of 9 and 4 named cells: T 6/9 and 3/4, B 2/9 and 1/4, NK 1/9 and 0
    np.testing.assert_allclose(table["largest_difference"], [1 / 9, -1 / 9])
    assert table["lineage"].tolist() == ["NK", "NK"]
    expected = np.corrcoef([6 / 9, 2 / 9, 1 / 9], [3 / 4, 1 / 4, 0])[0, 1]
    np.testing.assert_allclose(table["correlation"], [expected] * 2)
    assert agreement(cells[cells["sample"] != "D0_CSF2"], sheet).empty


def test_a_specimen_captured_twice_is_compared_as_if_it_were_once():
    study, counts, _ = cohort(arms=(3, 3), seed=1)
    whole = composition.compare(study, long_counts(counts))
    one = counts.iloc[[0]]
    first = pd.DataFrame(np.random.default_rng(0).binomial(one.astype(int), 0.4), one.index, one.columns)
    second = (one - first).set_axis(["second"])
    rows = study.samples.iloc[[0]].assign(sample="second", row=99)
    captured = replace(study, samples=pd.concat([study.samples, rows], ignore_index=True))
    split = composition.compare(captured, long_counts(pd.concat([first, counts.iloc[1:], second])))
    pd.testing.assert_frame_equal(split.effects, whole.effects)
    pd.testing.assert_frame_equal(split.donors, whole.donors)
