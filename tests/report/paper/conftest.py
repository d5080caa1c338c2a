"""The report of a whole run on paper, made once; figures to draw."""

import pandas as pd
import pytest

from compartments.report.contents import build_sections
from compartments.report.figures.style import Figure, Words, layout
from compartments.report.page import Page
from compartments.report.results import Results
from tests.report.figures.conftest import colours, words
from tests.support import results as synthetic_results
from tests.support.runs import once

__all__ = ["colours", "words"]  # fixtures


@pytest.fixture(scope="session")
def printed(call, tmp_path_factory):
    """Results folder with the report on paper, and its sections."""

    def make(folder):
        results = folder / "results"
        synthetic_results.make(results)
        said, _ = call(results, paper=True)
        assert said == ""

    results = once(tmp_path_factory, "paper", make) / "results"
    return results, build_sections(Page(Results(results)))


@pytest.fixture
def figure():
    """A figure of given traces."""

    def make(*traces, height=400, data=None, **more):
        table = pd.DataFrame({"x": [1]}) if data is None else data
        return Figure("name", Words("title", "caption", "alt"), list(traces), layout("x", "y", **more), table, height)

    return make
