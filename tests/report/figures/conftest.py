"""A study's colours, and words of no weight."""

import pytest

from compartments.report.figures.style import Colours, Words
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.results import make_sheet


@pytest.fixture(scope="session")
def colours():
    """Colours of treated and untreated donors in blood and CSF."""
    return Colours(make_study(parse_samplesheet(make_sheet())), ["B", "T"])


@pytest.fixture
def words():
    return Words("title", "caption", "alt")
