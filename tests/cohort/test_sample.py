"""One sample with doublets and labels joined."""

import pytest

from compartments.core.errors import UserError
from compartments.core.files import read_tsv, write_tsv
from tests.support.samples import merge_all


def test_files_that_do_not_belong_together(written):
    folder, study, _ = written
    labels = read_tsv(folder / "D0_CSF.labels.tsv.gz").iloc[1:]
    write_tsv(labels, folder / "D0_CSF.labels.tsv.gz")
    with pytest.raises(UserError, match="59 cells.*has 60"):
        merge_all(folder, study)
