"""A cohort of mice gives what the same cohort of people gives."""

import anndata
import numpy as np
import pandas as pd
import pytest

from compartments.cells.leaks import leak_rates
from compartments.cells.quality import measure
from compartments.cohort.suspects import sex_of_samples
from compartments.compare.genes import foreign_genes
from compartments.core.errors import UserError
from compartments.core.gene_sets import merge_sets
from compartments.core.pairs import read_groups, read_resource
from compartments.core.species import MOUSE
from compartments.core.vocabulary import HAEMOGLOBIN, Y_GENES
from compartments.labels.annotation import annotate
from compartments.labels.genes import of_species
from compartments.labels.lineages import read_lineage_map
from compartments.labels.markers import read_markers
from tests.support.mice import cohort_of_mice, in_mice
from tests.support.models import GENES, PROFILES, make_model, simulate
from tests.support.runs import nextflow


def test_cells_of_mice_are_judged_and_named_as_those_of_people(root):
    """Quality, leaks and labels of the same counts, by a human model, markers and lists of genes."""
    counts = simulate(list(PROFILES) * 30, seed=3)
    named, names = in_mice(GENES)
    assert set(GENES) - set(np.array(GENES)[named]) == {"CLEC4C"}, "one gene of mice stands for two of pDC"
    model = make_model()
    converted = of_species(model, MOUSE, names)
    assert set(converted.genes) == set(in_mice(model.genes)[1])
    assert converted.kept == 1 - 1 / len(model.genes)
    lineage_map = read_lineage_map(root / "assets" / "celltypist_immune_all_low_lineage.tsv")
    tables = [
        (lineage_map, read_markers(root / "assets" / "markers.tsv", lineage_map, one)) for one in ("human", MOUSE)
    ]
    human, _ = annotate(counts, GENES, GENES, [model], *tables[0], "CSF")
    mouse, summary = annotate(counts[:, named], names, names, [converted], *tables[1], "CSF")
    known = human["lineage"] != "unassigned"
    assert (human["lineage"] == mouse["lineage"])[known].mean() > 0.97 and known.mean() > 0.9
    assert (human["marker_pdc"] == mouse["marker_pdc"]).all() and mouse["marker_pdc"].sum() >= 30
    assert "made_up.pkl is of another species" in summary["warnings"]
    assert summary["model_genes_kept"] == round(converted.kept, 4)

    cells = [anndata.AnnData(counts[:, named], var=pd.DataFrame(index=one)) for one in (np.array(GENES)[named], names)]
    for one in cells:
        one.layers = {"counts": counts[:, named], "corrected": counts[:, named]}
    assert leak_rates(cells[0]) == leak_rates(cells[1]) and leak_rates(cells[1])["leak_LYZ_in_T_before"] is not None
    of_cells = ["MT-ND1", "MT-CYB", "RPS3", "RPL13A", "PPBP", "PF4", "IGKC", "JCHAIN", "IGHM", "XIST", *HAEMOGLOBIN]
    kept, names = in_mice(of_cells)
    umis = simulate(["x"] * 20)[:, -len(kept) :]
    pd.testing.assert_frame_equal(measure(umis, np.array(of_cells)[kept]), measure(umis, names))
    assert (measure(umis, names)[["pct_mt", "pct_ribo", "pct_hb", "pct_platelet"]] > 0).any().all()
    strange = [["PPBP", "HBB", "IGHV1-2", "TRAV1-2", "CD3E"], ["Ppbp", "Hbb-bs", "Ighv1-2", "Trav1", "Cd3e"]]
    assert [list(foreign_genes(one, "cMono")) for one in strange] == [[True, True, True, True, False]] * 2


def test_a_model_with_few_counterparts_is_refused():
    model = make_model()
    strange = np.where(np.arange(len(model.genes)) % 3, [f"GENE{n}" for n in range(len(model.genes))], model.genes)
    with pytest.raises(
        UserError, match=r"model made_up.pkl is of human genes, and \d+ of its 34 .*at least 50% needed"
    ):
        of_species(type(model)(**{**vars(model), "genes": strange}), MOUSE, ["Cd3e"])


def test_sex_sets_and_pairs_of_mice(root, tmp_path):
    sums = pd.DataFrame({"XIST": [60, 0], **dict.fromkeys(Y_GENES, [0, 60])}, ["f", "m"])
    _, names = in_mice(sums.columns)
    of_mice = sums.loc[:, [gene for gene in sums if gene != "RPS4Y1"]].set_axis(names, axis=1)
    assert list(sex_of_samples(sums)) == list(sex_of_samples(of_mice)) == ["F", "M"]

    path = root / "assets" / "migration_sets.gmt"
    human, mouse = merge_sets([path]), merge_sets([path], MOUSE)
    assert {"Itga4", "Ccr7", "S1pr1", "Jaml"} <= set(mouse["CSF_MIGRATION_CORE"])
    sizes = pd.Series({name: len(mouse[name]) / len(genes) for name, genes in human.items()})
    assert sizes.between(0.8, 1.1).all(), sizes

    resource = read_resource("consensus", MOUSE)
    assert len(resource) == 3989 and ("Cxcl12", "Cxcr4") in set(resource.itertuples(index=False, name=None))
    groups = read_groups(root / "assets" / "interaction_groups.tsv", resource, MOUSE)
    assert {name: int(inside.sum()) for name, inside in groups.items()} == {"chemokine": 48, "adhesion": 20}
    (tmp_path / "own.tsv").write_text("ligand\treceptor\nCXCL12\tCXCR4\nTgfb1\tTgfbr1_Tgfbr2\nCXCL8\tCXCR1\n")
    own = read_resource(str(tmp_path / "own.tsv"), MOUSE)
    assert own.to_numpy().tolist() == [["Cxcl12", "Cxcr4"], ["Tgfb1", "Tgfbr1_Tgfbr2"]]
    assert len(read_resource("cellphonedb", MOUSE)) > 700


@pytest.mark.long
@pytest.mark.pipeline
def test_a_simulated_cohort_of_mice_gives_the_compositions_and_calls_of_the_human_one(project, tmp_path, execute):
    """From raw droplets to the report, both by models of the human reference."""
    made = execute("simulate_cohort", "--outdir", "human", "--genes", "3000", "--empties", "3000")
    assert made.returncode == 0, made.stderr
    cohort_of_mice(tmp_path / "human", tmp_path / "mouse")
    given = (
        "-profile",
        "local",
        "--reference_condition",
        "untreated",
        "--n_perms",
        "100",
        "--label_reference",
        "human/reference.h5ad",
        "--label_reference_column",
        "lineage",
    )
    found = {}
    for species in ("human", "mouse"):
        done = nextflow(project, tmp_path, *given, "--input", f"{species}/samplesheet.csv", "--outdir", f"of_{species}")
        assert done.code == 0, done.text[-4000:]
        tables = ("composition/counts.tsv", "composition/effects.tsv", "migration/effects.tsv", "findings.tsv")
        found[species] = [pd.read_csv(tmp_path / f"of_{species}" / name, sep="\t") for name in tables]
        if species == "mouse":
            assert "mouse genes: markers, gene sets and human models" in done.text, done.text
    compare(*found.values())
    page = (tmp_path / "of_mouse" / "report.html").read_text()
    assert "is of another species" in page


def compare(human, mouse):
    """Nearly the same cells of each lineage, the same calls of composition, and answers where both have one."""
    keys = ["sample", "level", "lineage"]
    cells = pd.concat([one[0].set_index(keys)["n_cells"] for one in (human, mouse)], axis=1).fillna(0)
    moved = (cells.iloc[:, 0] - cells.iloc[:, 1]).abs().groupby("level").sum() / cells.iloc[:, 0].groupby("level").sum()
    assert (moved < 0.04).all(), moved
    keys = ["level", "lineage", "contrast", "term", "compartment", "scale"]
    effects = pd.concat([one[1].set_index(keys)["log2fc"] for one in (human, mouse)], axis=1).dropna()
    assert len(effects) > 20 and (effects.iloc[:, 0] - effects.iloc[:, 1]).abs().median() < 0.1
    calls = pd.concat([one[1].set_index(keys)["call"] for one in (human, mouse)], axis=1, keys=["human", "mouse"])
    same = calls["human"].fillna("") == calls["mouse"].fillna("")
    assert calls.notna().any(axis=1).sum() > 10 and same.mean() > 0.98, calls[~same]
    # which network or group an answer is of, as its source names it; of groups others are testable in mice, whose pairs
    # of ligands and receptors are others, and a lineage of one cell may be in one cohort alone
    keys = ["question", "contrast", "compartment", "lineage", "aspect", "of"]
    answers = [one[3].assign(of=one[3]["source"].str.extract(r"((?:network|group)=\w+)")) for one in (human, mouse)]
    sides = [one.fillna({"lineage": "", "aspect": "", "of": ""}).set_index(keys)["verdict"] for one in answers]
    assert all(side.index.is_unique for side in sides)
    verdicts = pd.concat(sides, axis=1, keys=["human", "mouse"])
    both = verdicts.dropna()
    assert len(both) > 0.9 * len(verdicts), verdicts[verdicts.isna().any(axis=1)]
    assert (both["human"] == both["mouse"]).mean() > 0.95, both[both["human"] != both["mouse"]]
