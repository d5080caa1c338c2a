"""Values that are counts, and others."""

import anndata
import pandas as pd
import pytest

from compartments.core.errors import UserError
from compartments.counts import reading
from compartments.counts.names import make_unique
from tests.support.matrices import SYMBOLS, some_counts


def test_h5ad_without_counts(tmp_path):
    data = anndata.AnnData(some_counts().astype(float).log1p(), var=pd.DataFrame(index=make_unique(SYMBOLS)))
    data.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(UserError, match=r"fractional values .* store raw integer counts"):
        reading.read_counts(tmp_path / "a.h5ad")
