"""The column by which cells are integrated."""

import pytest

from compartments.core.errors import UserError
from compartments.labels.integration import check_integration_key
from tests.support.sheets import study_of, with_column


def test_none_or_a_column_that_describes_samples():
    study = study_of(with_column(str, "batch"))
    for key in ("none", "donor", "batch"):
        check_integration_key(key, study)
    for key in ("row", "raw", "donors", ""):
        with pytest.raises(UserError, match=f"'{key}' is no column of the samplesheet; choose none or one of .*batch"):
            check_integration_key(key, study)
