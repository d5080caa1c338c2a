"""What failed stands first."""

import re
import shutil


def test_lost_samples_and_failed_tasks_come_first(whole, call, tmp_path):
    """What was lost stands above all results, with its reason in one line; what lost a lineage only does not."""
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r" / "coupling" / "coupling.tsv").unlink()
    (tmp_path / "r" / "skipped.tsv").write_text(
        "stage\tsample\tlineage\tcontrast\treason\n"
        "merge_samples\tTR1_CSF\t\t\tno labels: dropped by an earlier step\n"
        "filter_cells\tTR1_CSF\t\t\tno cell is within the limits\n"
        "run_liana\tUN1_CSF\t\t\tone lineage\n"
        "compare_expression\tUN2_CSF\tpDC\t\t3 cells\n"
        "compare_coupling\t\t\ttreated_vs_untreated\tof one contrast\n"
        "compare_coupling\t\t\t\ttoo few lineages\n"
    )
    _, page = call(tmp_path / "r", findings=False)
    top = page.source[page.source.index("<header>") : page.source.index("</header>")]
    top = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", top))
    assert "TR1_CSF: no cell is within the limits (filter_cells)" in top and "no labels" not in top
    assert "UN1_CSF" not in top and "UN2_CSF" not in top
    assert "Coupling : This step did not finish: coupling/coupling.tsv is missing. too few lineages." in top
    assert "q1_treated_vs_untreated_CSF" in page.figures


def test_samples_that_may_be_swapped_stand_on_the_first_screen(whole, call, tmp_path):
    """Sex, compartment and donor speak of another's sample; what is poor alone does not."""
    shutil.copytree(whole[0], tmp_path / "r")
    said = {
        "TR1_CSF": "its expression is that of blood, not of CSF: swapped?",
        "TR1_blood": "stated sex is F, XIST and Y genes say M",
        "UN1_CSF": "low complexity: 150 genes in the median cell",
    }
    rows = [f"merge_samples\t{sample}\t{warning}\n" for sample, warning in said.items()]
    (tmp_path / "r" / "cohort" / "warnings.tsv").write_text("stage\tsample\twarning\n" + "".join(rows))
    _, page = call(tmp_path / "r", findings=False)
    top = page.source[page.source.index("<header>") : page.source.index("</header>")]
    assert "Samples may be swapped or mislabelled." in top and "UN1_CSF" not in top
    assert f"<li>TR1_CSF: {said['TR1_CSF']}</li><li>TR1_blood: {said['TR1_blood']}</li>" in top
