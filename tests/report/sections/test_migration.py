"""Migration scores."""

import numpy as np
import pytest

from compartments.report.sections import migration
from tests.support.tables import write

CONTRAST = "treated_vs_untreated_CSF"


@pytest.fixture(scope="module")
def blocks(gappy, named):
    return named(migration.build(gappy))


def test_sets_are_drawn_in_both_compartments_with_every_donor(gappy, blocks):
    figure, effects = blocks[f"sets_{CONTRAST}"], gappy.needed("migration/effects.tsv")
    traces = {trace["name"]: trace for trace in figure.traces}
    for compartment in ("CSF", "blood"):
        rows = effects[(effects["lineage"] == "all") & (effects["term"] == f"within:{compartment}")]
        assert sorted(traces[compartment]["x"]) == sorted(rows["estimate"]) and len(rows) > 1
    circles = list(traces["donors, untreated"]["text"])
    sets = effects["gene_set"].nunique()
    assert [circles.count(f"UN4, {c}") for c in ("blood", "CSF")] == [sets, 0]  # the sample of CSF is lost
    assert "CSF: 2 treated and 3 untreated donors" in figure.words.caption
    assert "blood: 2 treated and 4 untreated donors" in figure.words.caption


def test_matrix_has_the_difference_of_every_set_and_lineage(gappy, blocks):
    effects = gappy.needed("migration/effects.tsv")
    between = effects[effects["term"] == "interaction"].set_index(["gene_set", "lineage"])["estimate"]
    (trace,) = blocks[f"sets_by_lineage_{CONTRAST}"].traces
    drawn = {(y, x): trace["z"][i, j] for i, y in enumerate(trace["y"]) for j, x in enumerate(trace["x"])}
    assert drawn == pytest.approx(between.to_dict())


def test_lineages_of_the_first_primary_set(gappy, blocks):
    effects = gappy.needed("migration/effects.tsv")
    primary = effects.loc[(effects["term"] == "interaction") & effects["primary"].astype(bool), "gene_set"].iloc[0]
    figure = blocks[f"set_lineages_{CONTRAST}"]
    rows = effects[(effects["gene_set"] == primary) & (effects["term"] == "interaction")]
    assert np.allclose(sorted(figure.data["estimate"]), sorted(rows["estimate"])) and primary in figure.words.title


def test_table_has_the_primary_sets_first(gappy, blocks):
    frame = blocks["migration_table"].frame
    assert len(frame) == len(gappy.needed("migration/effects.tsv"))
    assert list(frame["primary"]) == sorted(frame["primary"], reverse=True)


def test_no_figure_without_a_row(gappy, bare, named):
    write(gappy.needed("migration/effects.tsv").iloc[:0], bare.results.root, "migration/effects.tsv")
    assert list(named(migration.build(bare))) == ["migration_table"]
