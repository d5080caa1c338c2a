"""A sample of T and myeloid cells in a soup of both."""

import pytest

from tests.support.droplets import make_sample


@pytest.fixture(scope="module")
def sample():
    return make_sample()
