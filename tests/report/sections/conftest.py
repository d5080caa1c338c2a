"""Pages of a run with gaps, and of a folder that holds a study alone."""

import pytest

from compartments.report.page import Page
from compartments.report.results import Results
from tests.support import results as synthetic_results


@pytest.fixture(scope="session")
def gappy(tmp_path_factory):
    """Two treated and four untreated donors; a sample of CSF is lost, and a sample of blood has no pDC."""
    folder = tmp_path_factory.mktemp("gappy") / "results"
    synthetic_results.make(folder, cells=20, lost=["UN4_CSF"], absent=[("pDC", "UN1_blood")])
    return Page(Results(folder))


@pytest.fixture
def bare(gappy, tmp_path):
    """The same study before any step."""
    gappy.study.save(tmp_path / "study.json")
    return Page(Results(tmp_path))


@pytest.fixture(scope="session")
def named():
    """Figures and tables of a section by name."""
    return lambda blocks: {block.name: block for block in blocks if hasattr(block, "name")}
