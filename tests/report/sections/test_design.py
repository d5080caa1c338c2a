"""Cohort and design."""

import numpy as np
import pytest

from compartments.core.files import read_tsv
from compartments.report.page import Page
from compartments.report.results import Results
from compartments.report.sections import design


def test_power_of_every_lineage_and_with_more_donors(whole):
    folder, page, _ = whole
    power = read_tsv(folder / "composition" / "power.tsv").query("level == 'lineage' and term == 'interaction'")
    figure = page.figures["power_treated_vs_untreated_between_CSF"]
    names = [trace.get("name") for trace in figure["data"][1:]]
    assert names == ["this cohort", "+1 per arm", "+2 per arm", "+3 per arm", "+4 per arm"]
    now, most = (power[power["more_donors"] == k].set_index("lineage")["fold_mde80"] for k in (0, 4))
    assert np.allclose(sorted(figure["data"][1]["x"]), sorted(now), rtol=1e-4)
    assert f"a typical lineage must differ between compartments {now.median():.1f}-fold" in page.words
    assert f"With 4 more donors in each arm it would be {most.median():.1f}-fold" in page.words
    assert f"({now.idxmax()}) {now.max():.1f}-fold" in page.words


def test_the_kind_of_every_contrast_and_who_is_left_out(of_kind, tmp_path):
    assert design.kinds(of_kind("within")) == ["Compared: after against before; each donor its own control."]
    (mixed,) = design.kinds(of_kind("mixed"))
    assert mixed.endswith("donors with both conditions and donors with one, together.")
    study = of_kind("within").study
    fewer = study.subset([name for name in study.samples["sample"] if name not in ("D1_CSF_after", "D3_CSF_before")])
    fewer.save(tmp_path / "study.json")
    (said,) = design.kinds(Page(Results(tmp_path)))
    assert said.endswith("own control. Left out there: CSF: D1 (before only), D3 (after only).")


@pytest.mark.parametrize(
    ("kind", "lost", "said"),
    [
        ("change", ["D1_CSF_after"], "CSF: D1 (before only)"),
        ("trend", ["D2_blood_m1"], "blood: D2 (baseline and m6 only)"),
        ("one_condition", ["D1_CSF_untreated", "D3_blood_untreated"], "CSF: D1 (blood only), D3 (CSF only)"),
    ],
)
def test_donors_who_lack_a_sample_and_count_are_not_said_to_be_left_out(of_kind, tmp_path, kind, lost, said):
    study = of_kind(kind).study
    study.subset(set(study.samples["sample"]) - set(lost)).save(tmp_path / "study.json")
    page = Page(Results(tmp_path))
    counted = [term for term in page.terms if term.whole]
    assert counted and all(set(term.units["donor"]) < set(term.whole.units["donor"]) for term in counted)
    lines = [line for line in design.kinds(page) if said in line]
    whose = f"Counted there though a sample is missing, except in hubs and groups of edges: {said}."
    assert [line for line in lines if line.endswith(whose)]
    kept = {term.contrast.contrast for term in counted}
    every = zip(page.results.comparisons(), design.kinds(page), strict=True)
    assert not any("Left out there" in line for contrast, line in every if contrast.contrast in kept)


def test_many_terms_have_figures_of_power_between_compartments_only(of_kind, named):
    found = [name for name in named(design.build(of_kind("change"))) if name.startswith("power_")]
    assert sum("_between_" in name for name in found) == 3 and not any("_within_" in name for name in found)
    few = named(design.build(of_kind("within")))
    assert "power_after_vs_before_within_CSF" in few
    assert few["power_after_vs_before_within_CSF"].traces[2]["name"] == "+1"


def test_a_mixture_of_references_is_said_with_the_design(of_kind, tmp_path):
    """What concerns several samples is said there, those of one sample are not; tables stand where files differ."""
    of_kind("within").study.save(tmp_path / "study.json")
    folder = tmp_path / "cohort"
    folder.mkdir()
    (folder / "warnings.tsv").write_text("stage\tsample\twarning\nmerge_samples\t\tmixed\nmerge_samples\tD1\tlow\n")
    columns = "sample\tgene_list\tn_genes\tn_genes_lacking\tn_lacking_alone\tensembl_ids\tchemistry\n"
    (folder / "references.tsv").write_text(columns + "a\t1\t9\t0\t0\tTrue\t\nb\t2\t8\t1\t1\tTrue\t\n")
    (folder / "genes.tsv").write_text("gene\tgene_id\tother_names\tn_samples_without\tsamples_without\nA\tA\t\t1\tb\n")
    page = Page(Results(tmp_path))
    assert design._of_several_samples(page) == ["mixed"]
    assert len(design._origins(page)) == 2
    (folder / "references.tsv").write_text(columns + "a\t1\t9\t0\t0\tTrue\t\nb\t1\t9\t0\t0\tTrue\t\n")
    (folder / "genes.tsv").unlink()
    assert design._origins(Page(Results(tmp_path))) == []


def test_donors_that_count_between_compartments_are_those_of_a_contrast(in_group):
    samples = in_group.study.samples
    said = design._paired_text(in_group, samples)
    assert "4 donors with more than one compartment count for the difference between compartments" in said
    said = design._paired_text(in_group, samples[samples["sample"] != "D1_CSF_treated"])
    assert "3 donors with more than one compartment" in said
