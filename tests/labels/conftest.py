"""Tables and a sample for all tests of labels."""

import pytest

from compartments.labels import lineages, markers
from tests.support.models import PROFILES, make_model, simulate, write_model, write_sample


@pytest.fixture(scope="module")
def tables(root):
    lineage_map = lineages.read_lineage_map(root / "assets" / "celltypist_immune_all_low_lineage.tsv")
    return lineage_map, markers.read_markers(root / "assets" / "markers.tsv", lineage_map)


@pytest.fixture
def sample(tmp_path):
    names = list(PROFILES) * 6
    barcodes = write_sample(tmp_path, simulate(names, seed=5))
    write_model(make_model(), tmp_path / "made_up.pkl")
    return tmp_path, barcodes, names
