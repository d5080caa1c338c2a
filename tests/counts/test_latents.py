"""What CellBender writes beside its counts."""

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.counts import formats
from tests.support.matrices import some_counts, write_cellbender


def test_cellbender_with_overflowing_counts_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"0\.3\.1"):
        formats.describe(write_cellbender(tmp_path / "cb.h5", some_counts(), np.ones(60), version="0.3.1"))
    formats.describe(write_cellbender(tmp_path / "ok.h5", some_counts(), np.ones(60), version="0.4.0"))
