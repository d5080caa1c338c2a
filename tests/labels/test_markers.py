"""What markers alone decide."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.matrix import log_normalise
from compartments.labels.annotation import annotate
from compartments.labels.lineages import broad_lineages, map_labels
from compartments.labels.markers import marker_evidence, marker_weights, read_markers
from tests.support.models import GENES, PROFILES, label, make_model, simulate, with_label


def test_haemoglobin_makes_a_cell_erythroid(tables):
    counts = simulate(["Naive B cells"] * 4).tolil()
    total = counts.sum(1).A1 if hasattr(counts.sum(1), "A1") else np.asarray(counts.sum(1)).ravel()
    counts[1, GENES.index("HBB")] = int(total[1] * 0.04)
    counts[2, GENES.index("HBB")] = int(total[2] * 0.06) + 1
    counts[3, GENES.index("HBA1")] = int(total[3])
    labels, summary = label(sparse.csr_matrix(counts), make_model(), tables)
    assert list(labels["lineage"]) == ["B", "B", "Erythroid", "Erythroid"] and summary["n_erythroid_rule"] == 2


def test_haemoglobin_of_the_soup_makes_no_cell_erythroid(tables):
    """Burst red cells leave as much in every droplet: white cells keep their names, a red cell is told all the same."""
    counts = simulate([*PROFILES] * 6).toarray()
    counts[:, GENES.index("HBB")] = np.random.default_rng(0).poisson(0.1 * counts.sum(1).mean(), len(counts))
    counts[-1] = 0
    counts[-1, [GENES.index("HBB"), GENES.index("HBA1")]] = [300, 200]
    share = counts[:, GENES.index("HBB")] / counts.sum(1)
    labels, summary = label(sparse.csr_matrix(counts), make_model(), tables)
    without, _ = label(simulate([*PROFILES] * 6), make_model(), tables)
    assert (share[:-1] > 0.05).mean() > 0.8 and summary["n_erythroid_rule"] == 1
    assert labels["lineage"].iloc[-1] == "Erythroid" and "Erythroid" not in set(labels["lineage"][:-1])
    assert (labels["lineage"] == without["lineage"])[:-1].mean() > 0.9


def test_cd3_tells_t_from_nk(tables):
    """A model without a useful T label calls cytotoxic T cells NK; CD3 against FCER1G, TYROBP, KLRF1 corrects it."""
    nk = simulate(["CD16+ NK cells"] * 30, seed=2).toarray()
    t_like = nk.copy()
    t_like[:, [GENES.index(g) for g in ("FCER1G", "TYROBP", "KLRF1")]] = 0
    t_like[:, [GENES.index(g) for g in ("CD3D", "CD3E")]] = 2
    sterile = nk.copy()
    sterile[:, GENES.index("CD3E")] = 1
    labels, summary = label(sparse.csr_matrix(np.vstack([nk, t_like, sterile])), make_model(), tables)
    assert set(labels["lineage"][:30]) == {"NK"} and set(labels["lineage"][60:]) == {"NK"}
    assert set(labels["lineage_broad"][30:60]) == {"T"} and summary["n_nk_to_t_by_cd3"] > 0


def named(tables, *cells):
    """Lineage that the markers name, and pDC flag, of cells given as genes with UMIs (other genes vary around)."""
    lineage_map, markers = tables
    genes = np.array(sorted(set(markers["gene"])) + [f"G{i}" for i in range(400)], object)
    counts = np.random.default_rng(1).poisson(0.3, (60, len(genes))) * ~np.isin(genes, markers["gene"])
    for row, cell in enumerate(cells):
        for gene, umis in cell.items():
            counts[row, list(genes).index(gene)] = umis
    counts = sparse.csr_matrix(counts)
    normalised = log_normalise(counts)
    weights = marker_weights(genes, np.asarray(normalised.mean(0)).ravel(), markers)
    found = marker_evidence(counts, normalised, genes, weights, broad_lineages(lineage_map), np.zeros(60, bool))
    return [(found.lineage[row], bool(found.pdc[row])) for row in range(len(cells))]


def test_a_pdc_has_what_only_pdc_have(tables):
    others = {"TCF4": 4, "SERPINF1": 6, "ITM2C": 5}  # of a fibroblast as well
    endothelial = others | {"IL3RA": 2}
    found = named(tables, others, endothelial, others | {"LILRA4": 1}, endothelial | {"PLD4": 2})
    assert [pdc for _, pdc in found] == [False, False, True, True]
    assert found[0][0] == "" and found[2][0] == "pDC"


def test_markers_name_granulocytes_mast_cells_and_stroma(tables):
    neutrophil = {"FCGR3B": 4, "CXCR2": 3, "S100A8": 5, "S100A9": 4}
    mast = {"TPSAB1": 20, "TPSB2": 9, "CPA3": 6}
    fibroblast = {"COL1A1": 9, "COL1A2": 9, "DCN": 6, "LUM": 3}
    tumour = {"EPCAM": 3, "KRT8": 6, "KRT18": 6, "KRT19": 9}
    found = named(tables, neutrophil, mast, fibroblast, tumour)
    assert [lineage for lineage, _ in found] == ["Granulocyte", "Mast_Baso", "Fibroblast", "Epithelial"]


def test_what_a_model_of_few_types_lacks_is_named_by_markers(tables):
    whole, names = make_model(), np.array([*PROFILES] * 12)
    few = [list(PROFILES).index(name) for name in ("Tcm/Naive helper T cells", "Naive B cells", "Plasma cells")]
    model = replace(whole, labels=whole.labels[few], coef=whole.coef[few], intercept=whole.intercept[few])
    labels, summary = label(simulate(list(names), seed=6), model, tables, "CSF")
    truth = map_labels(names, tables[0])["lineage"].to_numpy()
    right = pd.Series(labels["lineage"].to_numpy() == truth).groupby(truth).mean()
    assert right.min() > 0.8, right
    lacking = np.isin(truth, ["NK", "pDC", "Macrophage", "cMono"])
    assert set(labels["confidence"][lacking & (labels["lineage"] == truth)]) == {"marker"}
    assert 0.9 * lacking.sum() < summary["n_macrophage_by_markers"] + summary["n_other_by_markers"] <= lacking.sum()


def test_cdc1_that_a_model_calls_migratory_are_named_by_what_only_they_have(tables):
    model = with_label(make_model(), "Migratory DCs")
    genes = [*GENES, "CLEC9A", "XCR1", "CD1C", "CCR7"]
    counts = sparse.hstack([simulate(["none"] * 12), sparse.csr_matrix((12, 4), dtype=np.int32)]).tolil()
    counts[:, genes.index("GENE0")] = 60
    counts[:4, [genes.index("CLEC9A"), genes.index("XCR1")]] = 3
    counts[4:, genes.index("CCR7")] = 9
    labels, _ = annotate(counts.tocsr(), genes, genes, [model], *tables, "blood")
    assert set(labels["celltypist_label"]) == {"Migratory DCs"}
    assert list(labels["lineage"]) == ["cDC1"] * 4 + ["migDC"] * 8
    assert set(labels["confidence"][:4]) == {"marker"} and set(labels["lineage_broad"]) == {"cDC"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "has no row below its header; give the markers"),
        ("pDC\tLILRA4\t+\npDC\t\t+\n", "row 3, column gene: empty; name the marker"),
        ("pDC\tLILRA4\t+\npDC\tLILRA4\t-\n", "row 3, column sign: 'LILRA4' is for and against 'pDC'; remove one"),
        ("pDC\tLILRA4\t1\n", "row 2, column sign: '1' is not one of +, -"),
    ],
)
def test_mistakes_in_a_table_of_markers_are_named(tmp_path, tables, rows, message):
    (tmp_path / "m.tsv").write_text("lineage\tgene\tsign\n" + rows)
    with pytest.raises(UserError) as error:
        read_markers(tmp_path / "m.tsv", tables[0])
    assert message in str(error.value)


def test_a_marker_that_is_there_twice_counts_once(tmp_path, tables):
    (tmp_path / "m.tsv").write_text("lineage\tgene\tsign\npDC\tLILRA4\t+\npDC\tLILRA4\t+\nB\tLILRA4\t-\n")
    assert read_markers(tmp_path / "m.tsv", tables[0])["lineage"].tolist() == ["pDC", "B"]
