"""Questions to the donors of every kind: values of their units, and what composition and coupling make of them."""

import numpy as np
import pandas as pd
import pytest

from compartments.compare import composition
from compartments.study.terms import terms_of
from tests.support.cohorts import cohort, coupled, long_counts, study_of
from tests.support.results import design


def test_every_term_names_itself_and_its_samples():
    study, _, _ = cohort(arms=(2, 2))
    labels = [term.label for term in terms_of(study)]
    assert labels == [f"treated_vs_untreated {x}" for x in ("within:blood", "within:CSF", "interaction CSF")]
    *within, between = terms_of(study)
    assert between.across and between.sample_columns == ["sample", "reference_sample"]
    assert between.keys == {"contrast": "treated_vs_untreated", "term": "interaction", "compartment": "CSF"}
    assert not any(term.across for term in within) and within[0].sample_columns == ["sample"]
    assert between.has("treated").sum() == 2 and between.in_arms().all()
    assert len(between.of(between.has("treated")).units) == 2


def test_values_are_of_a_sample_or_differences_of_two():
    study, _, _ = cohort(arms=(2, 2))
    table = pd.DataFrame({"a": np.arange(8.0), "b": 1.0}, index=study.samples["sample"])
    for term in terms_of(study):
        own = table.loc[term.units["sample"]].to_numpy()
        base = table.loc[term.units["reference_sample"]].to_numpy() if term.across else 0
        np.testing.assert_array_equal(term.values(table), own - base)
        np.testing.assert_array_equal(term.variances(table), own + base)


def test_the_samples_of_a_question_are_those_of_its_donors():
    """Of a contrast within a group no sample of another group; of donors as their own controls both conditions."""
    *_, within, between = terms_of(design("in_group"))
    names = {"treated": ["D1", "D2"], "untreated": ["D3", "D4"]}
    assert within.samples == {arm: [f"{donor}_CSF_{arm}" for donor in of] for arm, of in names.items()}
    assert between.samples == {
        arm: [f"{donor}_{place}_{arm}" for donor in of for place in ("CSF", "blood")] for arm, of in names.items()
    }
    *_, own, _ = terms_of(design("within"))
    assert own.samples == {arm: [f"D{i}_CSF_{arm}" for i in range(1, 6)] for arm in ("after", "before")}
    (apart,) = terms_of(design("one_condition"))
    assert {place: len(names) for place, names in apart.samples.items()} == {"CSF": 5, "blood": 5}


def test_a_unit_needs_all_of_its_samples():
    study, _, _ = cohort(arms=(2, 2))
    samples = study.samples["sample"]
    lost = samples[samples.str.endswith("_blood")].iloc[0]
    blood, csf, between = terms_of(study, samples[samples != lost])
    assert (len(blood.units), len(csf.units), len(between.units)) == (3, 4, 3)
    assert lost not in set(between.units["reference_sample"])


# ------------------------------------------------- every kind of contrast, to composition and coupling

SHARES = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.03, 0.015, 0.005])
NAMES = [f"L{i}" for i in range(len(SHARES))]
LOST, KEPT = "L3", "L2"  # lost everywhere; lost from blood alone
SIZE = -2.0  # log2
TIMES = ("before", "m1", "m6")


def cohort_of(seed, donors=8, conditions=TIMES, compartments=("blood", "CSF", "lung"), group=None):
    """Samplesheet and cells of donors with all samples; ``group`` of a donor tells whether anything changes."""
    rng, rows, cells = np.random.default_rng(seed), [], []
    for d in range(donors):
        own, of = rng.normal(0, 0.4, len(SHARES)), group(d) if group else ""
        for compartment in compartments:
            for condition in conditions:
                shift = own + rng.normal(0, 0.2, len(SHARES))
                if condition != "before" and of != "control":
                    shift[NAMES.index(LOST)] += SIZE * np.log(2)
                    shift[NAMES.index(KEPT)] += SIZE * np.log(2) * (compartment == "blood")
                abundance = SHARES * np.exp(shift)
                n = int(rng.integers(500, 6000))
                cells.append(rng.multinomial(n, abundance / abundance.sum()))
                place = {"donor": f"d{d}", "compartment": compartment, "condition": condition, "group": of}
                rows.append({"sample": f"d{d}_{compartment}_{condition}", **place, "cells_per_ul": abundance.sum()})
    sheet = pd.DataFrame(rows)
    return sheet, pd.DataFrame(cells, sheet["sample"], NAMES)


def analysed(sheet, cells, **options):
    study = study_of(sheet if sheet["group"].any() else sheet.drop(columns="group"), **options)
    return study, composition.compare(study, long_counts(cells.loc[sheet["sample"]]))


def rows_of(found, contrast, lineage):
    rows = found.effects[(found.effects["contrast"] == contrast) & (found.effects["lineage"] == lineage)]
    return rows.set_index(["term", "compartment"])


def incomplete(sheet):
    """Without some samples: a donor's CSF after one month, another's lung, two donors' time before."""
    gone = ["d0_CSF_m1", "d1_lung_before", *(f"d{d}_{c}_before" for d in (2, 3) for c in ("blood", "CSF", "lung"))]
    return sheet[~sheet["sample"].isin(gone)]


@pytest.mark.parametrize("kind", ["within", "mixed", "trend"])
def test_planted_changes_within_donors_are_found_in_every_compartment(kind):
    sheet, cells = cohort_of(1)
    given = {"condition_order": "before,m1,m6", "trend": True}
    study, found = analysed(incomplete(sheet) if kind == "mixed" else sheet, cells, **given)
    kinds = study.contrasts.set_index("contrast")["kind"]
    contrast = "trend_before_to_m6" if kind == "trend" else "m6_vs_before"
    assert kinds[contrast] == kind
    lost, kept = rows_of(found, contrast, LOST), rows_of(found, contrast, KEPT)
    assert set(lost.index) == {
        ("within:blood", "blood"), ("within:CSF", "CSF"), ("within:lung", "lung"), ("interaction", "CSF"),
        ("interaction", "lung"),
    }  # fmt: skip
    within = lost[lost.index.get_level_values("term") != "interaction"]
    assert (within["ci_high"] < 0).all() and (within["ci_low"] < SIZE + 0.6).all() and (within["q_value"] < 0.05).all()
    for compartment in ("CSF", "lung"):
        difference = kept.loc[("interaction", compartment)]
        assert difference["ci_low"] > 0 and difference["call"].startswith(("discordant", "maintained"))
        assert lost.loc[("interaction", compartment), "call"] == "depleted_both"
    table, drivers, _ = coupled(study, found)
    words = table[table["contrast"] == contrast].set_index("compartment")["verdict"]
    assert set(words.index) == {"CSF", "lung"} and (words == "partly_uncoupled").all()
    assert {"d4", "d5"} <= set(drivers.loc[drivers["kind"] == "donor", "left_out"])


def test_the_donors_with_one_condition_count_where_some_have_both():
    sheet, cells = cohort_of(2, conditions=("before", "m6"), compartments=("blood", "CSF"))
    mixed = incomplete(sheet)
    _, found = analysed(mixed, cells)
    _, forced = analysed(mixed, cells, contrasts="condition,reference,kind\nm6,before,within\n")
    both, own = (rows_of(each, "m6_vs_before", LOST).loc[("within:blood", "blood")] for each in (found, forced))
    assert (both["n_condition"], both["n_reference"]) == (8, 6) and own["n_condition"] == 6
    assert both["cells_condition"] > own["cells_condition"]
    assert found.effects.loc[found.effects["term"] == "within:blood", "p_permutation"].isna().all()


def test_change_of_change_leaves_out_what_controls_do_too():
    sheet, cells = cohort_of(3, 12, ("before", "m6"), ("blood", "CSF"), lambda d: "drug" if d % 2 else "control")
    study, found = analysed(sheet, cells, reference_condition="before")
    change = rows_of(found, "drug_vs_control_of_m6_vs_before", LOST)
    assert change.loc[("within:CSF", "CSF"), "log2fc"] == pytest.approx(SIZE, abs=0.8)
    assert (change["n_condition"] == 6).all() and (change["n_reference"] == 6).all()
    controls = found.effects[found.effects["contrast"] == "m6_vs_before_in_control"]
    assert (controls["q_value"] < 0.05).sum() <= 1
    assert set(study.contrasts["kind"]) == {"within", "change"}
    # a donor of the drug without its time before is none of its donors
    fewer = sheet[~((sheet["donor"] == "d1") & (sheet["condition"] == "before"))]
    _, found = analysed(fewer, cells, reference_condition="before")
    assert (rows_of(found, "drug_vs_control_of_m6_vs_before", LOST)["n_condition"] == 5).all()


def test_donors_of_one_condition_are_compared_between_compartments():
    sheet, cells = cohort_of(4, conditions=("before",))
    cells.loc[cells.index.str.contains("CSF"), "L1"] *= 4
    study, found = analysed(sheet[sheet["sample"] != "d0_CSF_before"], cells)
    assert found.summary["scale"] == "rel" and set(found.effects["term"]) == {"compartments"}
    more = rows_of(found, "CSF_vs_blood", "L1").loc[("compartments", "CSF")]
    assert more["ci_low"] > 1 and more["log2fc"] == pytest.approx(2, abs=0.6) and more["n_condition"] == 7
    assert rows_of(found, "lung_vs_blood", "L1")["q_value"].item() > 0.05
    assert found.calls.empty and coupled(study, found)[0].empty
    # by a paired comparison: donors differ fivefold, compartments do not
    signs = found.effects.loc[found.effects["contrast"] == "CSF_vs_blood", "permutation_floor"]
    assert (signs == 2 / 2**7).all()


def test_donors_without_all_samples_stand_beside_the_others():
    """A unit per condition (compartment) of all donors; the weighted means of its arms answer the same question."""
    sheet, cells = cohort_of(6, 6, ("before", "m6"), ("blood", "CSF"), lambda d: "drug" if d % 2 else "control")
    gone = ["d1_CSF_before", "d3_blood_m6", "d4_CSF_m6"]
    some = sheet[~sheet["sample"].isin(gone)]
    change = [t for t in terms_of(study_of(some, reference_condition="before")) if t.kind == "change"]
    assert [(len(t.units), len(t.whole.units)) for t in change] == [(5, 11), (4, 10), (3, 9)]
    values = pd.DataFrame({"x": np.log(cells.loc[some["sample"], LOST] + 0.5)})
    for term in change:
        arms = pd.Series(term.whole.values(values)[:, 0]).groupby(term.whole.units["arm"].to_numpy()).mean()
        everyone = next(t for t in terms_of(study_of(sheet, reference_condition="before")) if t.label == term.label)
        assert everyone.whole is None and everyone.every is everyone
        assert term.whole.signs == {"drug m6": 1, "drug before": -1, "control m6": -1, "control before": 1}
        own = term.among(term.units[term.sample_columns].to_numpy().ravel())
        assert own.whole is None and len(own.units) == len(term.units)
        assert sum(arms[arm] * sign for arm, sign in term.whole.signs.items()) < 0
    one, _ = cohort_of(7, 5, ("before",))
    study = study_of(one[one["sample"] != "d0_CSF_before"].drop(columns="group"))
    found = {term.compartment: term.whole for term in terms_of(study)}
    assert found["lung"] is None
    assert found["CSF"].signs == {"CSF": 1, "blood": -1} and len(found["CSF"].units) == 9


def test_donors_without_all_times_stand_beside_the_others_in_a_slope():
    times = ("before", "m1", "m6")
    sheet, cells = cohort_of(9, 8, times, ("blood", "CSF"))
    some = sheet[~sheet["sample"].isin(["d1_CSF_before", "d3_CSF_m6", "d4_blood_m1"])].drop(columns="group")
    given = {"condition_order": ",".join(times), "trend": True}
    trend = [t for t in terms_of(study_of(some, **given)) if t.kind == "trend"]
    assert [(t.label.split()[1], len(t.units), len(t.whole.units)) for t in trend] == [
        ("within:blood", 7, 23), ("within:CSF", 6, 22), ("interaction", 5, 21),
    ]  # fmt: skip
    values = pd.DataFrame({"x": np.log(cells.loc[sheet["sample"], LOST] + 0.5)})
    whole = [t for t in terms_of(study_of(sheet.drop(columns="group"), **given)) if t.kind == "trend"]
    for term, full in zip(trend, whole, strict=True):
        assert full.whole is None and sum(term.whole.signs.values()) == pytest.approx(0)
        arms = pd.Series(full.apart.values(values)[:, 0]).groupby(full.apart.units["arm"].to_numpy()).mean()
        slope = sum(arms[arm] * weight for arm, weight in term.whole.signs.items())
        assert slope == pytest.approx(full.values(values).mean())  # of complete donors the two are one number


def test_incomplete_donors_make_the_intervals_shorter():
    """Those of a change of change and of compartments; what only complete donors say stays theirs alone."""
    sheet, cells = cohort_of(8, 12, ("before", "m6"), ("blood", "CSF"), lambda d: "drug" if d % 2 else "control")
    gone = [f"d{d}_{c}_before" for d in (0, 1, 2, 3) for c in ("blood", "CSF")]
    some = sheet[~sheet["sample"].isin(gone)]
    complete = some[~some["donor"].isin(["d0", "d1", "d2", "d3"])]
    asked = "condition,reference,group,group_reference\nm6,before,drug,control\n"
    both = [analysed(each, cells, contrasts=asked)[1].effects for each in (some, complete)]
    more, less = (effects.set_index(["term", "lineage"]) for effects in both)
    width = (more["ci_high"] - more["ci_low"]) / (less["ci_high"] - less["ci_low"])
    assert width.median() < 0.95 and (more["log2fc"] - less["log2fc"]).abs().median() < 0.5
    same = ["n_condition", "n_reference", "df_residual", "tier", "p_plain", "p_permutation"]
    pd.testing.assert_frame_equal(more[same], less[same])


def test_one_compartment_has_all_results_within_it():
    sheet, cells = cohort_of(5, compartments=("blood",))
    _, found = analysed(sheet, cells)
    assert set(found.effects["term"]) == {"within:blood"} and found.calls.empty and found.differences().empty
    assert (rows_of(found, "m6_vs_before", LOST)["q_value"] < 0.05).all()
