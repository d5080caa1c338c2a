"""Several cohorts as one: effects, calls and coupling of the whole."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest

from compartments.after import whole as whole_module
from compartments.after.before import Before
from compartments.after.joined import write_whole
from compartments.after.whole import Whole
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_tsv, write_tsv
from compartments.core.vocabulary import TIERS


def test_the_whole_knows_more_than_its_parts(cohorts, whole):
    table = whole.tables["composition/effects.tsv"]
    assert list(table) == Contract.of("compare_composition").names("composition/effects.tsv")
    parts = [read_tsv(one.root / "composition/effects.tsv") for one in cohorts[0]]
    keys = ["level", "lineage", "contrast", "term", "compartment"]
    joined = table.merge(parts[0], on=keys, suffixes=("", "_0")).merge(parts[1], on=keys, suffixes=("", "_1"))
    assert len(joined) == len(table) > 30
    assert (
        joined["log2fc"].between(joined[["log2fc_0", "log2fc_1"]].min(1), joined[["log2fc_0", "log2fc_1"]].max(1)).all()
    )
    agree = whole.spread["tau"].eq(0).to_numpy()
    smaller = joined["se"] < joined[["se_0", "se_1"]].min(axis=1)
    assert smaller[agree].all() and (joined["n_condition"] == 8).all()
    pdc = table[(table["lineage"] == "pDC") & (table["term"] == "interaction") & (table["level"] == "lineage")]
    assert pdc["call"].iloc[0].startswith(("maintained_CSF", "discordant_CSF"))
    assert (table.loc[table["term"] == "within:CSF", "p_decrease"].between(0, 1)).all()


def test_coupling_of_the_whole(cohorts, whole):
    row = whole.tables["coupling/coupling.tsv"].query("level == 'lineage'").iloc[0]
    single = [table[table["level"] == "lineage"].iloc[0] for table in cohorts[1]]
    assert row["verdict"] in ("partly_uncoupled", "uncoupled")
    taus = [one["tau_u"] for one in single]
    assert 0.5 * min(taus) < row["tau_u"] < 1.5 * max(taus), (row["tau_u"], taus)
    assert 0 <= row["tau_low"] < row["tau_u"] < row["tau_high"] and 0 < row["p_value"] < 0.05
    # as many degrees of freedom as the cohorts have together, at most
    parts = [read_tsv(one.root / "composition/effects.tsv")["df_arms"].max() for one in cohorts[0]]
    arms = whole.tables["composition/effects.tsv"]["df_arms"]
    assert arms.between(max(parts) / 2, sum(parts) + 1e-6).all()


def test_what_the_cohorts_were_adjusted_for_is_said_where_it_differs(cohorts):
    one, other = cohorts[0]
    aged = replace(other, study=replace(other.study, covariates=["age", "batch"]))
    found = Whole([one, aged], list(one.study.contrasts["contrast"])).study.warnings
    assert found[1:] == [
        "the cohorts' own comparisons are adjusted for different covariates (study_1 nothing; study_2 age, batch)"
    ]


def relative(before):
    study = replace(before.study, samples=before.study.samples.drop(columns="cells_per_ul"))
    return replace(before, study=study)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["x", "x"], ["x_1", "x_2"]),
        (["x", "x", "x_1"], ["x_1_2", "x_2", "x_1"]),
        (["x_1", "x", "x", "x_1_2"], ["x_1", "x_2", "x_3", "x_1_2"]),
    ],
)
def test_each_cohort_has_a_name_of_its_own(given, names):
    assert whole_module._names(given) == names


def test_samples_of_one_name_are_told_apart_from_all_others(cohorts):
    one, other = cohorts[0]
    third = other.study.samples["sample"].iloc[0]
    samples = other.study.samples.assign(sample=[third, f"study_1_{third}", *other.study.samples["sample"].iloc[2:]])
    found = Whole(
        [one, replace(other, study=replace(other.study, samples=samples))], list(one.study.contrasts["contrast"])
    )
    named = found.study.samples.set_index("sample")[["donor", "compartment"]]
    assert named.index.is_unique
    assert tuple(named.loc[f"study_1_{third}"]) == tuple(samples[["donor", "compartment"]].iloc[1])


def test_cohorts_called_by_years_are_names_in_numbers_and_on_the_page(cohorts, tmp_path):
    """A year is no covariate, and the same three cohorts say the same under any name."""
    found = []
    for prefix in ("", "c"):
        parts = []
        for year, cohort in zip((2021, 2022, 2024), (*cohorts[0], cohorts[0][0]), strict=True):
            samples = cohort.study.samples
            samples = samples.assign(donor=samples["donor"] + str(year), sample=samples["sample"] + str(year))
            folder = tmp_path / f"{prefix}{year}"
            shutil.copytree(cohort.root, folder)
            donors = read_tsv(folder / "composition/donors.tsv")
            write_tsv(donors.assign(donor=donors["donor"] + str(year)), folder / "composition/donors.tsv")
            parts.append(replace(cohort, root=folder, study=replace(cohort.study, samples=samples)))
        found.append(Whole(parts, list(cohorts[0][0].study.contrasts["contrast"])))
    years, names = (one.tables["coupling/coupling.tsv"] for one in found)
    pd.testing.assert_frame_equal(years, names)
    write_whole(found[0], [], tmp_path / "both", "combine 2021 2022 2024")
    assert "(2021, 2022, 2024)" in (tmp_path / "both/report.html").read_text()


def test_compositions_of_two_scales_are_left_out_with_the_scale_as_the_reason(cohorts, tmp_path):
    one, other = cohorts[0][0], relative(cohorts[0][1])
    contrasts = list(one.study.contrasts["contrast"])
    said = "composition/effects.tsv: study_1 has cells per microlitre (absolute scale) and study_2 has not (rel"
    with pytest.raises(UserError, match="study_1, study_2: there is nothing to take together: ") as error:
        Whole([one, other], contrasts)
    assert said in str(error.value) and "leave cells_per_ul out" in str(error.value)
    # the rest goes on
    both = []
    for number, cohort in enumerate((one, other)):
        folder = tmp_path / cohort.root.name
        shutil.copytree(cohort.root, folder)
        (folder / "migration").mkdir()
        rows = {"gene_set": "S", "primary": True, "lineage": ["B", "NK"], "contrast": contrasts[0]}
        rows |= {"term": "within:CSF", "compartment": "CSF", "estimate": 0.5 + number, "se": 0.5, "df": 6.0}
        write_tsv(
            pd.DataFrame(rows).assign(n_condition=4, n_reference=4, tier=TIERS[0]), folder / "migration/effects.tsv"
        )
        both.append(replace(cohort, root=folder))
    whole = Whole(both, contrasts)
    assert (
        list(whole.tables) == ["migration/effects.tsv"]
        and whole.tables["migration/effects.tsv"]["estimate"].eq(1).all()
    )
    assert any(row["reason"].startswith(said) for row in whole.left_out.rows)
    write_whole(whole, [], tmp_path / "both", "combine a b")
    assert "relative scale" in (tmp_path / "both/report.html").read_text()


def test_what_a_cohort_lacks_is_left_out_with_a_reason(whole):
    assert whole.study.samples["sample"].is_unique  # though both cohorts call theirs alike
    reasons = [row["reason"] for row in whole.left_out.rows]
    assert "migration/effects.tsv: study_1 has no such table" in reasons


def test_an_empty_cohort_of_effects_is_no_error(cohorts, tmp_path):
    one, other = cohorts[0]
    (tmp_path / "composition").mkdir()
    table = read_tsv(other.root / "composition/effects.tsv")
    write_tsv(table.iloc[:0], tmp_path / "composition/effects.tsv")
    write_tsv(read_tsv(other.root / "composition/donors.tsv"), tmp_path / "composition/donors.tsv")
    found = Whole([one, Before(tmp_path, other.parameters, other.study)], list(one.study.contrasts["contrast"]))
    assert found.tables["composition/effects.tsv"].empty and isinstance(found.spread, pd.DataFrame)


def test_a_compartment_of_one_cohort_is_left_out(cohorts, tmp_path):
    one, other = cohorts[0]
    (tmp_path / "composition").mkdir()
    for name in ("effects", "donors"):
        table = read_tsv(other.root / f"composition/{name}.tsv")
        write_tsv(table[table["compartment"] == "blood"], tmp_path / f"composition/{name}.tsv")
    samples = other.study.samples
    study = replace(other.study, samples=samples[samples["compartment"] == "blood"].reset_index(drop=True))
    found = Whole([one, Before(tmp_path, other.parameters, study)], list(one.study.contrasts["contrast"]))
    assert found.study.compartments == ["blood"]
    assert set(found.tables["composition/effects.tsv"]["term"]) == {"within:blood"}
    assert "compartment CSF: not every cohort has samples of it" in [row["reason"] for row in found.left_out.rows]
    assert len(found.tables["coupling/drivers.tsv"].columns)
