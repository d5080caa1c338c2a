"""Which samples are analysed together."""

import pytest

from compartments.cohort import gathering
from compartments.core.errors import UserError


def test_one_method_per_cohort():
    assert gathering.cohort_method({"a": "soupem", "b": "soupem"}) == "soupem"
    assert gathering.cohort_method({"a": "soupem", "b": "none"}, allow_mixed=True) == "mixed"
    with pytest.raises(UserError, match=r"none: b; soupem: a, c.*--allow_mixed_ambient"):
        gathering.cohort_method({"a": "soupem", "b": "none", "c": "soupem"})
