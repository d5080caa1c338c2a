"""The report from whole, partial and odd results folders, the data dictionary, and MultiQC's tables."""

import json
import re
import shutil
import subprocess

import anndata
import numpy as np
import pandas as pd
import pytest

from compartments.core import dictionary
from compartments.core.files import read_tsv, write_tsv
from compartments.report import figures
from compartments.report.report import Citations, Results, show, sort_value
from tests.support import results as synthetic_results
from tests.support.page import SECTIONS


def test_every_section_is_there_and_complete(whole):
    _, page, said = whole
    assert [i for i in page.ids if i in SECTIONS] == SECTIONS
    assert "did not finish" not in page.words and "WARNING" not in said
    assert "This run is incomplete" not in page.words
    assert len(page.figures) >= 20


def test_nothing_is_loaded_from_elsewhere(whole):
    _, page, _ = whole
    assert [source for source in page.loaded if not source.startswith("data:")] == []
    style = re.search(r"<style>(.*?)</style>", page.source, re.S).group(1)
    assert "url(" not in style and "@import" not in style


def test_links_lead_to_files_and_sections(whole):
    folder, page, _ = whole
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        elif not link.startswith("https://doi.org/"):
            assert (folder / link).is_file(), link
    assert "composition/effects.tsv" in page.links and "findings.tsv" in page.links


def test_headings_do_not_skip_levels(whole):
    _, page, _ = whole
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))


def test_captions_say_how_to_read_and_who_is_behind(whole):
    _, page, _ = whole
    captions = re.findall(r"<figcaption>(.*?)<button", page.source, re.S)
    assert len(captions) == len(page.figures)
    for caption in captions:
        assert "How to read it:" in caption and re.search(r"Behind it: .*\d", caption, re.S), caption
    assert page.source.count('role="group" aria-label="') == len(page.figures)


def test_donor_dots_on_estimates(whole):
    """Every donor of both arms is a dot in the forest of question 1, and the treated ones average to the estimate."""
    folder, page, _ = whole
    study = Results(folder).study
    figure = page.figures["q1_treated_vs_untreated_CSF"]
    dots = {t["name"]: t for t in figure["data"] if t["name"].startswith("donors")}
    n = study.samples["condition"].value_counts()
    for condition in n.index:
        assert len(dots[f"donors, {condition}"]["x"]) == n[condition] * len(synthetic_results.LINEAGES)
    effects = read_tsv(folder / "composition" / "effects.tsv")
    wanted = effects.query("level == 'lineage' and term == 'within:CSF' and lineage == 'pDC'")["log2fc"].iloc[0]
    treated = dots["donors, treated"]
    shown = [x for x, text, y in zip(treated["x"], treated["text"], treated["y"], strict=True) if "CSF" in text]
    order = [x for x in effects.query("level == 'lineage' and term == 'within:CSF'")["lineage"]]
    donors = read_tsv(folder / "composition" / "donors.tsv")
    assert len(shown) == 2 * len(order)
    rows = donors.query("level == 'lineage' and term == 'within:CSF' and lineage == 'pDC'")
    means = rows.groupby("condition")["log2_value"].mean()
    assert means["treated"] - means["untreated"] == pytest.approx(wanted)
    expected = rows.loc[rows["condition"] == "treated", "log2_value"] - means["untreated"]
    assert all(np.isclose(shown, value, atol=1e-4).any() for value in expected)


def test_tier_stands_before_every_p(whole):
    _, page, _ = whole
    for head in re.findall(r"<thead>(.*?)</thead>", page.source, re.S):
        columns = re.findall(r"<button[^>]*>(.*?)</button>", head)
        tests = [c for c in columns if c in ("p_value", "q_value", "call_p")]
        if tests and "tier" in columns:
            assert columns.index("tier") < min(columns.index(c) for c in tests)
    composition = page.source[page.source.index('id="table-composition_table"') :]
    assert "tier" in re.findall(r"<button[^>]*>(.*?)</button>", composition[: composition.index("</thead>")])


def test_simulated_is_marked_everywhere(whole, call, tmp_path):
    _, page, _ = whole
    assert page.source.count('<span class="sim">simulated data</span>') == len(SECTIONS)
    assert "Simulated data: every number" in page.words and "(simulated data)</title>" in page.source
    synthetic_results.make(tmp_path / "r", simulated=False)
    _, real = call(tmp_path / "r")
    assert 'class="sim"' not in real.source and "Simulated data" not in real.words
    assert "(simulated data)</title>" not in real.source


def test_numbers_of_the_page_are_those_of_the_tables(whole):
    folder, page, _ = whole
    findings = read_tsv(folder / "findings.tsv")
    for statement in findings.loc[findings["lineage"].isna(), "statement"]:
        assert statement[1:] in page.words
    effects = read_tsv(folder / "composition" / "effects.tsv")
    table = page.source[page.source.index('data-name="composition_table"') :]
    values = [float(v) for v in re.findall(r'data-v="([^"]+)"', table[: table.index("</table>")])]
    assert all(np.isclose(values, x, rtol=1e-6).any() for x in effects["log2fc"])


def test_csv_data_match_the_tables(whole):
    folder, page, _ = whole
    csv = page.figures["q2_treated_vs_untreated_CSF"]["csv"]
    effects = read_tsv(folder / "composition" / "effects.tsv")
    rows = effects.query("level == 'lineage' and term == 'interaction'").set_index("lineage")
    assert np.allclose(csv["log2fc"], rows.loc[csv["lineage"], "log2fc"], rtol=1e-5)


def test_methods_come_from_the_parameters(whole):
    folder, page, _ = whole
    assert "empirical Bayes" in page.words and "CellBender [" not in page.words
    assert "The margin was 1.0 log2" in page.words and "pydeseq2" in page.words
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", page.words) for n in group.split(",") if int(n) < 40}
    references = page.source[page.source.index('class="references"') :]
    assert max(cited) <= references[: references.index("</ol>")].count("<li>")


def test_unknown_citation_is_an_error(root):
    with pytest.raises(KeyError, match="nobody"):
        Citations(root / "assets" / "report" / "references.tsv").cite("nobody")


@pytest.mark.parametrize(
    "gone, section",
    [
        ("composition", "Composition"),
        ("expression", "Expression"),
        ("migration", "Migration"),
        ("interactions", "Interactions"),
        ("coupling", "Coupling"),
        ("samples", "Ambient RNA"),
        ("cohort", None),
        ("pipeline_info", None),
    ],
)
def test_a_missing_part_is_said(whole, call, tmp_path, gone, section):
    shutil.copytree(whole[0], tmp_path / "r")
    shutil.rmtree(tmp_path / "r" / gone)
    (tmp_path / "r" / "skipped.tsv").write_text(
        "stage\tsample\tlineage\tcontrast\treason\ncompare_coupling\t\t\t\ttoo few lineages were left\n"
    )
    _, page = call(tmp_path / "r", findings=gone != "samples")
    assert [i for i in page.ids if i in SECTIONS] == SECTIONS
    assert ("This run is incomplete" in page.words) == (section is not None)
    if section:
        assert f"{section} : This step did not finish" in page.words
    assert "too few lineages were left" in page.words
    if gone == "pipeline_info":
        assert "params.json is missing" in page.words


def test_published_folder_without_study_json(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r" / "study.json").unlink()
    _, page = call(tmp_path / "r", findings=False)
    assert "This run is incomplete" not in page.words
    assert page.figures.keys() == whole[1].figures.keys()


def test_empty_folder_still_gives_a_page(call, tmp_path):
    (tmp_path / "r").mkdir()
    _, page = call(tmp_path / "r", findings=False)
    assert "This run is incomplete" in page.words and [i for i in page.ids if i in SECTIONS] == SECTIONS
    assert page.figures == {}


def test_a_table_of_another_version_costs_its_section_only(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    write_tsv(pd.DataFrame({"contrast": ["x"], "other": [1]}), tmp_path / "r" / "coupling" / "coupling.tsv")
    said, page = call(tmp_path / "r", findings=False)
    assert "WARNING: section 'Coupling'" in said
    assert "Coupling : This step did not finish" in page.words and "compartment" in page.words


def test_one_treated_donor_three_conditions_and_relative_scale(call, tmp_path):
    synthetic_results.make(
        tmp_path / "r",
        arms=(("treated", 1), ("other", 3), ("untreated", 4)),
        compartments=("blood", "CSF", "node"),
        absolute=False,
    )
    said, page = call(tmp_path / "r")
    assert "WARNING" not in said
    assert "Relative scale" in page.words and "not identifiable" in page.words
    assert "descriptive" in page.words and "no p (too few donors)" in page.source
    assert len([name for name in page.figures if name.startswith("q1_")]) == 4


def test_text_from_tables_is_escaped(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    evil = "</script><script>alert(1)</script><img src=http://x.example/y>"
    write_tsv(
        pd.DataFrame([{"stage": "x", "sample": "", "lineage": evil, "contrast": "", "reason": evil}]),
        tmp_path / "r" / "skipped.tsv",
    )
    counts = read_tsv(tmp_path / "r" / "composition" / "counts.tsv")
    write_tsv(counts.replace({"lineage": {"pDC": evil}}), tmp_path / "r" / "composition" / "counts.tsv")
    _, page = call(tmp_path / "r", findings=False)
    assert evil not in page.source
    assert [source for source in page.loaded if not source.startswith("data:")] == []
    assert evil in page.figures["lineages"]["csv"]


def test_same_input_same_page(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r" / "report.html").unlink()
    _, page = call(tmp_path / "r", findings=False)
    assert page.source == whole[1].source


def test_size_does_not_grow_with_cells(call, tmp_path):
    """The map is binned and the quality plots are quantiles: ten times the cells, about the same page."""
    sizes = []
    for cells in (300, 3000):
        synthetic_results.make(tmp_path / str(cells), cells=cells)
        call(tmp_path / str(cells))
        sizes.append((tmp_path / str(cells) / "report.html").stat().st_size)
    assert sizes[1] < 15e6 and sizes[1] - sizes[0] < 1.5e6


def test_embedding_counts_every_cell():
    rng = np.random.default_rng(1)
    cells = pd.DataFrame(rng.normal(size=(5000, 2)), columns=["umap_1", "umap_2"])
    cells["lineage"] = rng.choice(["a", "b"], 5000)
    figure = figures.embedding("x", cells, "lineage", {"a": "#000", "b": "#fff"}, title="", caption="", alt="")
    assert figure.data["n_cells"].sum() == 5000
    assert sum(len(t["x"]) for t in figure.traces) == len(figure.data)
    assert (figure.data["share"] >= 0.5).all()


def test_cells_of_tables():
    assert show(0.00123456) == "0.00123" and show(12345) == "12,345" and show(3.0) == "3" and show(True) == "yes"
    assert show(float("nan")) == "" and show(None) == "" and show(np.bool_(False)) == "no"
    assert sort_value(float("nan")) == "" and float(sort_value(1 / 3)) == pytest.approx(1 / 3)


def test_bad_options_are_one_line(execute, tmp_path):
    (tmp_path / "template").mkdir()
    (tmp_path / "r").mkdir()
    for arguments, words in (
        (("--results", "nowhere"), "no such folder"),
        (("--results", "r", "--template", "template"), "report.html.j2 is missing"),
    ):
        done = execute("make_report", *arguments)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "report.html").exists()


# -- data dictionary ------------------------------------------------------------------------------------------------


def test_dictionary_is_well_formed():
    rows = dictionary.load()
    assert all(list(row) == dictionary.COLUMNS and None not in row.values() for row in rows)
    keys = [(row["file"], row["column"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert all(row["meaning"] for row in rows)
    tables = [row for row in rows if row["column"] and not row["file"].endswith(".h5ad")]
    assert {row["type"] for row in tables} <= {"text", "number", "integer", "flag", "list", "any"}


def test_dictionary_has_the_columns_of_the_code():
    from compartments.compare import (
        calls,
        composition,
        coupling,
        detectable,
        distance,
        expression,
        genesets,
        hubs,
        single_case,
        target,
    )
    from compartments.core import vocabulary
    from compartments.findings.rows import COLUMNS as FINDINGS
    from compartments.study import samplesheet

    rows = dictionary.load()
    for file, columns in {
        "findings.tsv": FINDINGS,
        "composition/effects.tsv": composition.EFFECTS,
        "composition/donors.tsv": composition.DONORS,
        "composition/single_case.tsv": single_case.SINGLE_CASE,
        "composition/calls.tsv": calls.CALLS,
        "composition/power.tsv": detectable.POWER,
        "coupling/coupling.tsv": coupling.COUPLING,
        "coupling/drivers.tsv": coupling.DRIVERS,
        "coupling/concordance.tsv": coupling.CONCORDANCE,
        "coupling/edistance.tsv": distance.EDISTANCE,
        "expression/a.parquet": expression.COLUMNS,
        "expression/target_gene.tsv": target.TARGET_COLUMNS,
        "expression/target_relation.tsv": target.RELATION_COLUMNS,
        "migration/scores.tsv": genesets.SCORE_COLUMNS,
        "migration/effects.tsv": genesets.EFFECT_COLUMNS,
        "interactions/centrality_effects.tsv": hubs.CENTRALITY_COLUMNS,
        "samples.tsv": [*samplesheet.REQUIRED, *vocabulary.INPUTS, *vocabulary.NUMBERS],
        "skipped.tsv": ["stage", "sample", "lineage", "contrast", "reason"],
    }.items():
        known = [
            row["column"] for row in rows if file == row["file"] or ("*" in row["file"] and file.endswith(".parquet"))
        ]
        if file.endswith(".parquet"):
            known = list(dictionary.meanings(rows, file))
        assert [c for c in columns if c not in known] == [], file


def test_undocumented_columns_are_found():
    rows = [dict.fromkeys(dictionary.COLUMNS, "") | {"file": "a/*.tsv", "column": "median_*"}]
    assert dictionary.undocumented(rows, "a/b.tsv", ["median_x", "mean_x"]) == ["mean_x"]


# -- MultiQC --------------------------------------------------------------------------------------------------------


def test_multiqc_tables_hold_the_data(whole):
    folder = whole[0]
    files = sorted(path.name for path in (folder / "multiqc").glob("*.tsv"))
    assert files == [f"sc_compartments_{name}_mqc.tsv" for name in ("findings", "lineages", "removed", "samples")]
    for name in files:
        text = (folder / "multiqc" / name).read_text()
        header = [line for line in text.splitlines() if line.startswith("# ")]
        values = dict(line[2:].split(": ", 1) for line in header)
        assert json.loads(values["id"]).startswith("sc_compartments_") and json.loads(values["plot_type"])
        assert "imulated data" in text
    lineages = pd.read_csv(folder / "multiqc" / "sc_compartments_lineages_mqc.tsv", sep="\t", comment="#", index_col=0)
    counts = read_tsv(folder / "composition" / "counts.tsv")
    assert lineages.to_numpy().sum() == counts.loc[counts["level"] == "lineage", "n_cells"].sum()
    assert list(lineages.index) == list(Results(folder).study.samples["sample"])


def test_multiqc_shows_them(whole, root, tmp_path):
    """The program itself, from tests/multiqc.lock: every section is there with its numbers."""
    program = root / ".tools" / "multiqc" / "bin" / "multiqc"
    if not program.is_file():
        pytest.skip("MultiQC is not installed: tools/setup.sh multiqc")
    folder = whole[0]
    command = [program, "--quiet", "--strict", "--outdir", tmp_path, folder / "multiqc"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "multiqc_report.html").read_text()
    for title in ("Lineages", "Cells removed", "Droplets in order of counts", "Five questions"):
        assert title in page
    shown = pd.read_csv(tmp_path / "multiqc_data" / "multiqc_sc_compartments_lineages_plot.txt", sep="\t", index_col=0)
    counts = read_tsv(folder / "composition" / "counts.tsv").query("level == 'lineage'")
    assert shown.to_numpy().sum() == counts["n_cells"].sum()
    general = pd.read_csv(tmp_path / "multiqc_data" / "multiqc_general_stats.txt", sep="\t", index_col=0)
    assert set(general.index) == set(Results(folder).study.samples["sample"]) and general.shape[1] >= 5


def test_networks_show_both_arms_and_their_difference(whole):
    """Three views with one menu; each shows its own traces, and the shares of the download add up."""
    folder, page, _ = whole
    contrast = "treated_vs_untreated"
    edges = read_tsv(folder / "interactions" / "network.tsv")
    for compartment in ("CSF", "blood"):
        for kind in ("network", "strength"):
            figure = page.figures[f"{kind}_{contrast}_{compartment}"]
            (menu,) = figure["layout"]["updatemenus"]
            texts = [button["label"] for button in menu["buttons"]]
            assert texts == ["treated", "untreated", "treated minus untreated"]
            shown = np.array([button["args"][0]["visible"] for button in menu["buttons"]])
            assert shown.shape == (3, len(figure["data"])) and (shown.sum(axis=0) == 1).all()
            assert [trace["visible"] for trace in figure["data"]] == shown[0].tolist()
        rows = edges[(edges["network"] == "migration") & (edges["compartment"] == compartment)]
        rows = rows.assign(share=rows["strength"] / rows.groupby("sample")["strength"].transform("sum"))
        expected = rows[rows["condition"] == "treated"].groupby(["source", "target"])["share"].mean()
        heat = figure["data"][0]
        found = pd.DataFrame(heat["z"], index=heat["y"], columns=heat["x"]).astype(float) / 100
        assert found.sum().sum() == pytest.approx(1, abs=1e-3)
        assert found.loc["pDC", "NK"] == pytest.approx(expected["pDC", "NK"], rel=1e-4)


def test_donors_of_the_top_pairs(whole):
    """Donor dots are differences between compartments; the reference donors average to 0."""
    folder, page, _ = whole
    figure = page.figures["edges_treated_vs_untreated_CSF"]
    dots = {trace["name"]: trace for trace in figure["data"]}
    scores = read_tsv(folder / "interactions" / "top_edges.tsv")
    assert (
        len(dots["donors, treated"]["x"])
        == 2 * scores[["source", "target", "ligand", "receptor"]].drop_duplicates().shape[0]
    )
    assert np.mean(dots["donors, untreated"]["x"]) == pytest.approx(0, abs=1e-6)


def test_first_genes_have_their_donors(whole):
    """Circles are the donors' own differences of log2 counts per million, recomputed from the pseudobulks."""
    folder, page, _ = whole
    figure = page.figures["genes_treated_vs_untreated_CSF"]
    dots = {trace["name"]: trace for trace in figure["data"]}
    genes = pd.DataFrame({c: figure["csv"][c] for c in ("lineage", "gene")})
    assert len(genes) == 25 and figure["csv"]["p_value"] == sorted(figure["csv"]["p_value"])
    assert len(dots["donors, treated"]["x"]) == 2 * len(genes)
    data = anndata.read_h5ad(folder / "cohort" / "pseudobulk.h5ad")
    lineage, gene = genes.iloc[0]
    difference = {}
    for donor, condition in data.obs[["donor", "condition"]].drop_duplicates().itertuples(index=False):
        cpm = {}
        for place in ("CSF", "blood"):
            own = data[f"{donor}_{place}:{lineage}"]
            counts = own.layers["corrected"].toarray().ravel()
            cpm[place] = np.log2((counts[data.var_names == gene][0] + 0.5) / (counts.sum() + 1) * 1e6)
        difference[donor, condition] = cpm["CSF"] - cpm["blood"]
    mean = np.mean([v for (_, condition), v in difference.items() if condition == "untreated"])
    for (_, condition), value in difference.items():
        assert np.isclose(dots[f"donors, {condition}"]["x"], value - mean, atol=1e-4).any()


def test_places_of_pairs_are_those_in_the_whole_sample(whole):
    """One symbol per sample; the place is that among all pairs of the sample, not among those shown."""
    folder, page, _ = whole
    liana = pd.read_parquet(folder / "interactions" / "liana.parquet").query("present and compartment == 'CSF'")
    liana["place"] = liana.groupby("sample")["magnitude_rank"].rank(method="min")
    shown = pd.DataFrame(page.figures["liana_CSF"]["csv"])
    keys = ["sample", "source", "target", "ligand_complex", "receptor_complex"]
    both = shown.merge(liana, on=keys, suffixes=("", "_all"))
    assert len(both) == len(shown) > 5 and (both["place"] == both["place_all"]).all()
    assert (shown["label"].value_counts() >= 3).all()


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


def test_donors_of_scores_average_to_the_estimates(whole):
    folder, page, _ = whole
    figure = page.figures["set_lineages_treated_vs_untreated_CSF"]
    dots = {trace["name"]: trace for trace in figure["data"]}["donors, treated"]
    for lineage, estimate in zip(figure["csv"]["lineage"], figure["csv"]["estimate"], strict=True):
        place = figure["layout"]["yaxis"]["ticktext"].index(lineage)
        at = figure["layout"]["yaxis"]["tickvals"][place]
        own = [x for x, y in zip(dots["x"], dots["y"], strict=True) if abs(y - at) < 0.5]
        assert len(own) == 2 and np.mean(own) == pytest.approx(estimate, abs=1e-4)
    assert "hubs_treated_vs_untreated_CSF" in page.figures


def test_map_by_every_annotation(whole):
    _, page, _ = whole
    assert {f"umap_{by}" for by in ("lineage", "compartment", "condition", "donor", "leiden")} <= set(page.figures)
    assert {t["name"] for t in page.figures["umap_donor"]["data"]} == set(page.figures["umap_donor"]["csv"]["donor"])


def test_answers_at_a_glance_lead_to_their_questions(whole):
    folder, page, _ = whole
    findings = read_tsv(folder / "findings.tsv")
    summary = findings[findings["lineage"].isna()]
    glance = page.source[page.source.index('<ul class="glance">') :]
    items = re.findall(r'<li class="(\w+)">.*?href="#question-(\d)"', glance[: glance.index("</ul>")], re.S)
    assert [(v, int(n)) for v, n in items] == list(zip(summary["verdict"], summary["question"], strict=True))


def test_lost_samples_and_failed_tasks_come_first(whole, call, tmp_path):
    """What failed stands above all results, with its reason in one line; a task that succeeded at last does not."""
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r" / "coupling" / "coupling.tsv").unlink()
    (tmp_path / "r" / "skipped.tsv").write_text(
        "stage\tsample\tlineage\tcontrast\treason\n"
        "merge_samples\tTR1_CSF\t\t\tno labels: dropped by an earlier step\n"
        "filter_cells\tTR1_CSF\t\t\tno cell is within the limits\n"
        "run_liana\tUN1_CSF\t\t\tone lineage\n"
        "compare_expression\tUN2_CSF\tpDC\t\t3 cells\n"
    )
    (tmp_path / "r" / "pipeline_info" / "trace.tsv").write_text(
        "name\tstatus\texit\n"
        "COHORT:COMPARE_COUPLING\tFAILED\t1\n"
        "SAMPLES:SCORE_DOUBLETS (UN3_CSF)\tFAILED\t137\n"
        "SAMPLES:SCORE_DOUBLETS (UN3_CSF)\tCOMPLETED\t0\n"
        "SAMPLES:ANNOTATE_CELLS (UN4_CSF)\tABORTED\t-\n"
    )
    _, page = call(tmp_path / "r", findings=False)
    top = page.source[page.source.index("<header>") : page.source.index("</header>")]
    top = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", top))
    assert "TR1_CSF: no cell is within the limits (filter_cells)" in top and "no labels" not in top
    assert "UN1_CSF" not in top and "UN2_CSF" not in top and "UN3_CSF" not in top
    assert "SAMPLES:ANNOTATE_CELLS (UN4_CSF)" in top
    assert "task COHORT:COMPARE_COUPLING failed with exit status 1" in top
    assert "q1_treated_vs_untreated_CSF" in page.figures


def test_no_network_without_its_table(whole, call, tmp_path):
    folder = tmp_path / "partial"
    shutil.copytree(whole[0], folder)
    for name in ("network", "top_edges"):
        (folder / "interactions" / f"{name}.tsv").unlink()
    said, page = call(folder)
    assert "WARNING" not in said and not [name for name in page.figures if name.startswith(("network_", "edges_"))]
    assert "shares" in page.figures
