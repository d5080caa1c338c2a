"""The lineage map."""

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.labels import annotation, lineages, markers
from compartments.labels.model import Model, load_model
from tests.support.models import GENES, label, make_model, simulate


def test_labels_that_are_lineage_names_or_high_labels(tables):
    mapped = lineages.map_labels(["pDC", "CD4_T", "NK_ILC", "Monocytes", "B-cell lineage", "ILC", "No such"], tables[0])
    assert list(mapped["lineage"].fillna("")) == ["pDC", "CD4_T", "NK_ILC", "cMono", "B_prog", "ILC", ""]
    assert list(mapped["lineage_broad"].fillna("")) == ["pDC", "T", "NK_ILC", "Mono_Mac", "B", "NK_ILC", ""]


def test_the_lineage_map_covers_the_published_models(real_data, tables):
    named = {"Smooth_muscle"}  # by markers only
    for name in ("Immune_All_Low", "Healthy_COVID19_PBMC"):
        labels = load_model(real_data / "models" / f"{name}.pkl").labels
        assert lineages.map_labels(labels, tables[0])["lineage"].notna().all()
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
    ):
        path = tmp_path / "map.tsv"
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            lineages.read_lineage_map(path)
    path = tmp_path / "markers.tsv"
    path.write_text("lineage\tgene\tsign\npDC\tLILRA4\t+\nNoSuch\tX\t+\n")
    with pytest.raises(UserError, match="row 3, column lineage: 'NoSuch'"):
        markers.read_markers(path, tables[0])
