"""The lineage map."""

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.labels import annotation, lineages, markers
from compartments.labels.model import Model, load_model
from tests.support.models import GENES, PROFILES, label, make_model, simulate, with_label


def test_labels_that_are_lineage_names_or_high_labels(tables):
    labels = ["pDC", "CD4_T", "NK_ILC", "T cells", "Monocytes", "ncMono", "B-cell lineage", "ILC", "NK", "No such"]
    mapped = lineages.map_labels(labels, tables[0])
    expected = ["pDC", "CD4_T", "NK_ILC", "T", "cMono", "ncMono", "B_prog", "ILC", "NK", ""]
    assert list(mapped["lineage"].fillna("")) == expected
    expected = ["pDC", "T", "NK_ILC", "T", "Mono_Mac", "Mono_Mac", "B", "NK_ILC", "NK_ILC", ""]
    assert list(mapped["lineage_broad"].fillna("")) == expected


def test_a_label_of_a_kind_means_all_of_it_where_the_model_has_no_other(tables):
    """Immune_All_High calls NK cells ILC, and all monocytes and DC by one name each."""
    mapped = lineages.map_labels(["ILC", "Monocytes", "DC", "B cells", "T cells", "HSC/MPP"], tables[0])
    assert list(mapped["lineage"]) == ["NK_ILC", "Mono_Mac", "cDC", "B", "T", "HSPC"]
    assert list(mapped["lineage_broad"]) == ["NK_ILC", "Mono_Mac", "cDC", "B", "T", "HSPC"]


def test_a_state_has_no_lineage_and_no_vote(tables):
    labels = ["Cycling cells", "T cells", "Plasma cells", "Monocytes"]
    mapped = lineages.map_labels(labels, tables[0])
    assert list(mapped["plausible_in"])[0] == "state" and not lineages.unplaced_labels(mapped)
    decision = np.array([[9.0, 2.0, 3.0, -7.0], [-4.0, 2.0, -3.0, -7.0]])
    chosen, by_lineage, _ = annotation.choose_lineage(decision, mapped)
    assert list(chosen) == [2, 1]
    without = annotation.choose_lineage(decision[:, 1:], mapped.iloc[1:])
    np.testing.assert_array_equal(by_lineage, without[1])
    with pytest.raises(UserError, match="model m.pkl: all its labels are states"):
        lineages.check_labels("m.pkl", mapped.iloc[:1])


def test_cycling_cells_of_a_model_that_names_them_so_keep_their_lineage(tables):
    """Beside other cells, too: what lies around a cycling cell are cycling cells of any lineage."""
    names = [*PROFILES] * 10
    counts = simulate(names, seed=4).tolil()
    cycling = np.array(names) == "Tcm/Naive helper T cells"
    counts[np.flatnonzero(cycling), GENES.index("GENE0")] = 60
    model, state = make_model(), with_label(make_model(), "Cycling cells")
    labels, _ = label(counts.tocsr(), state, tables)
    assert set(labels.loc[cycling, "celltypist_label"]) == {"Cycling cells"}
    assert set(labels.loc[cycling, "lineage"]) == {"CD4_T"}
    beside, _ = annotation.annotate(counts.tocsr(), GENES, GENES, [model, state], *tables, "blood")
    assert set(beside.loc[cycling, "label:made_up"]) == {"Cycling cells"}
    assert set(beside.loc[cycling, "lineage:made_up"]) == {"CD4_T"}


def test_the_lineage_map_covers_the_published_models(real_data, tables):
    named = {"Smooth_muscle"}  # by markers only
    for name in ("Immune_All_Low", "Immune_All_High", "Healthy_COVID19_PBMC"):
        labels = load_model(real_data / "models" / f"{name}.pkl").labels
        mapped = lineages.map_labels(labels, tables[0])
        assert not lineages.unplaced_labels(mapped)
        assert set(mapped.index[mapped["lineage"].isna()]) <= {"Cycling cells"}
        named |= set(labels)
    assert set(tables[0].index) <= named


def test_a_model_with_unknown_labels_is_refused(tables):
    model = make_model()
    strange = Model(**{**vars(model), "labels": np.array(["Martian", *model.labels[1:]])})
    with pytest.raises(UserError, match="'Martian'.*lineage_map"):
        label(simulate(["pDC"]), strange, tables)
    # beside another model it is only shown
    labels, summary = annotation.annotate(simulate(["pDC"] * 5), GENES, GENES, [model, strange], *tables, "blood")
    assert "label:made_up" in labels and summary["model_2"] == "made_up.pkl"


def test_bad_tables(tmp_path, tables):
    for text, message in (
        ("celltypist_low\tlineage\n", "lineage_broad"),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\na\tx\tX\tboth\na\ty\tX\tboth\n", "row 3.*twice"),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\na\tx\tX\tboth\nb\tx\tY\tboth\n", "'x' has 2"),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\na\t\tX\tboth\n", "row 2, column lineage: empty"),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\n\tx\tX\tstate\n", "column celltypist_low: empty"),
        (
            "celltypist_low\tlineage\tlineage_broad\tplausible_in\na\tCD14+\tX\tboth\nb\tcd14+\tX\tboth\n",
            r"row 3, column lineage: 'cd14\+' is 'CD14\+' of another row but for upper and lower case",
        ),
        (
            "celltypist_low\tlineage\tlineage_broad\tplausible_in\na\tx\tUnassigned\tboth\n",
            "row 2, column lineage_broad: 'Unassigned' is a word for no lineage",
        ),
        ("celltypist_low\tlineage\tlineage_broad\tplausible_in\na\tNA\tX\tboth\n", "row 2, column lineage: 'NA' is a"),
    ):
        path = tmp_path / "map.tsv"
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            lineages.read_lineage_map(path)
    path = tmp_path / "markers.tsv"
    path.write_text("lineage\tgene\tsign\npDC\tLILRA4\t+\nNoSuch\tX\t+\n")
    with pytest.raises(UserError, match="row 3, column lineage: 'NoSuch'"):
        markers.read_markers(path, tables[0])


def test_where_cells_of_a_label_can_be_is_one_of_the_words_known(root, tmp_path):
    text = (root / "assets" / "celltypist_immune_all_low_lineage.tsv").read_text()
    (tmp_path / "map.tsv").write_text(text.replace("\tboth", "\tBoth", 1))
    with pytest.raises(UserError, match="row 2, column plausible_in: 'Both' is not one of both, csf, tissue"):
        lineages.read_lineage_map(tmp_path / "map.tsv")
