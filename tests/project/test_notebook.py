"""The notebook of the docs: its cells run on results, and what it draws is what the report draws."""

import json
import shutil

import matplotlib.pyplot
import numpy as np
import pandas as pd
import pytest

from compartments.compare import zoom
from compartments.core.contract import Contract
from compartments.core.files import read_tsv
from compartments.core.left_out import LeftOut
from compartments.report import forests
from compartments.report.page import Page
from compartments.report.results import Results
from compartments.report.sections import activities, migration
from tests.support import results as synthetic_results
from tests.support.tables import write

NOTEBOOK = "docs/results/figures.ipynb"
TERM = ["contrast", "term", "compartment"]


def look_into(folder, study):
    """Two subclusters of a lineage."""
    rng, names = np.random.default_rng(0), ["T_1", "T_2"]
    table = pd.DataFrame(rng.poisson(200, (len(study.samples), 2)), study.samples["sample"], names)
    counts = table.rename_axis("sample").reset_index().melt("sample", var_name="subcluster", value_name="n_cells")
    counts.loc[counts["sample"] == "UN4_CSF", "n_cells"] = 0
    effects, donors = zoom.compare_shares(counts, study, "T", 1, LeftOut("zoom_lineages"))
    contract = Contract.of("zoom_lineages")
    for name, rows in (("effects", effects), ("donors", donors)):
        write(rows[contract.names(f"zoom/{name}.tsv")], folder, f"zoom/{name}.tsv")


def express(folder, study):
    """Values of the genes that the results compare; the lost sample has none."""
    (path,) = (folder / "expression").glob("*.parquet")
    genes = pd.read_parquet(path)[["lineage", "gene"]].drop_duplicates(ignore_index=True)
    samples = study.samples.loc[study.samples["sample"] != "UN4_CSF", "sample"]
    values = np.random.default_rng(1).normal(5, 1, (len(genes), len(samples)))
    write(genes.join(pd.DataFrame(values, columns=samples)), folder, "expression/donors/log2_cpm.parquet")


@pytest.fixture(scope="module")
def drawn(root, tmp_path_factory):
    """Results with a lost sample, and the figures of the notebook on them."""
    folder = tmp_path_factory.mktemp("notebook") / "results"
    study = synthetic_results.make(folder, lost=("UN4_CSF",))
    look_into(folder, study)
    express(folder, study)
    matplotlib.use("Agg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESULTS", str(folder))
        yield folder, run(root)
    matplotlib.pyplot.close("all")


def run(root):
    """Figures of the notebook, whose cells are run in their order."""
    book, names = json.loads((root / NOTEBOOK).read_text(encoding="utf-8")), {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"]
            exec(compile("".join(cell["source"]), NOTEBOOK, "exec"), names)
    return names["figures"]


def test_an_arm_called_na_has_its_circles(root, tmp_path):
    """Names such as 0 and NA are read as they are written: circles start from the mean of the reference arm."""
    folder = tmp_path / "results"
    synthetic_results.make(folder, cells=10, arms=(("NA", 2), ("control", 4)))
    shutil.rmtree(folder / "interactions")
    with pytest.MonkeyPatch.context() as patch:
        matplotlib.use("Agg")
        patch.setenv("RESULTS", str(folder))
        figures = run(root)
    donors = read_tsv(folder / "composition/donors.tsv").query("level == 'lineage' and lineage == 'pDC'")
    panels = figures["composition"]
    for (_contrast, term, compartment), panel in panels.items():
        rows = donors[(donors["term"] == term) & (donors["compartment"] == compartment)]
        values = {arm: rows.loc[rows["condition"] == arm, "log2_value"] for arm in ("NA", "control")}
        own = [x for name, x in points_of(panel, "NA") if name == "pDC"]
        assert own == pytest.approx(sorted(values["NA"] - values["control"].mean()), abs=1e-6)
    matplotlib.pyplot.close("all")


def points_of(panel, label):
    """Feature and place of the points of a series, in order."""
    names = [text.get_text() for text in panel.get_yticklabels()]
    found = [line for line in panel.lines if line.get_label() == label]
    return sorted((names[int(y)], float(x)) for line in found for x, y in zip(*line.get_data(), strict=True))


def assert_alike(one, other):
    assert [name for name, _ in one] == [name for name, _ in other] and one
    np.testing.assert_allclose([x for _, x in one], [x for _, x in other], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "file", "feature", "estimate", "kept"),
    [
        ("composition", "composition/effects.tsv", "lineage", "log2fc", "level == 'lineage'"),
        ("migration", "migration/effects.tsv", "gene_set", "estimate", "lineage == 'all'"),
        ("centrality", "interactions/centrality_effects.tsv", "lineage", "estimate", "network == 'migration'"),
        ("zoom T", "zoom/effects.tsv", "subcluster", "log2fc", "lineage == 'T'"),
        ("groups", "interactions/groups.tsv", "group", "estimate", "level == 'all'"),
    ],
)
def test_all_estimates_are_drawn(drawn, name, file, feature, estimate, kept):
    folder, figures = drawn
    effects = read_tsv(folder / file).query(kept).dropna(subset=[estimate])
    terms = dict(list(effects.groupby(TERM)))
    assert set(terms) == set(figures[name]) and len(terms) == 3
    for term, rows in terms.items():
        wanted = sorted(zip(rows[feature], rows[estimate], strict=True))
        assert_alike(points_of(figures[name][term], "estimate"), wanted)


def circles_of(figure, series):
    """Place of the circles of a figure of the report by condition, of one series."""
    found = {}
    for trace in figure.traces:
        if trace["name"].startswith("donors, "):
            own = [x for x, text in zip(trace["x"], trace["text"], strict=True) if text.endswith(f", {series}")]
            found[trace["name"].removeprefix("donors, ")] = sorted(own)
    return found


def test_single_donors_are_where_the_report_has_them(drawn):
    folder, figures = drawn
    page = Page(Results(folder))
    blocks = [*forests.within(page, [term for term in page.terms if not term.across], "within")]
    blocks += [*migration.build(page), *activities.build(page)]
    by_name = {block.name: block for block in blocks if hasattr(block, "name")}
    contrast = page.terms[0].contrast.contrast
    pairs = {"composition": "within", "migration": f"sets_{contrast}_CSF", "activities": f"activities_{contrast}_CSF"}
    for name, of_report in pairs.items():
        for compartment in ("CSF", "blood"):
            panel = figures[name][(contrast, f"within:{compartment}", compartment)]
            wanted = circles_of(by_name[of_report], compartment)
            assert set(wanted) == {"treated", "untreated"}
            for condition, places in wanted.items():
                own = sorted(x for _, x in points_of(panel, condition))
                assert len(own) == len(places) > 3
                np.testing.assert_allclose(own, places, atol=1e-6)


def test_a_gene_has_a_line_for_every_donor(drawn):
    folder, figures = drawn
    values = pd.read_parquet(folder / "expression/donors/log2_cpm.parquet").set_index(["gene", "lineage"])
    gene, lineage = figures["gene"].get_title().split(", ")
    (path,) = (folder / "expression").glob("*.parquet")
    effects = pd.read_parquet(path).dropna(subset=["p_value"])
    assert (gene, lineage) == tuple(effects.sort_values("p_value")[["gene", "lineage"]].iloc[0])
    found = sorted(float(y) for line in figures["gene"].lines for y in line.get_ydata())
    np.testing.assert_allclose(found, sorted(values.loc[(gene, lineage)].to_numpy().ravel()))
    assert len(figures["gene"].lines) == 6 and len(found) == 11


def test_a_run_that_lacks_tables_still_has_the_others(root, drawn, tmp_path, monkeypatch):
    folder, _ = drawn
    shutil.copytree(folder, tmp_path / "r")
    for name in ("zoom", "interactions", "expression"):
        shutil.rmtree(tmp_path / "r" / name)
    monkeypatch.setenv("RESULTS", str(tmp_path / "r"))
    assert set(run(root)) == {"composition", "migration", "activities"}
