"""What a file is, told from its content."""

import pytest

from compartments.core.errors import UserError
from compartments.counts import reading
from tests.support.matrices import equal, some_counts, write_h5


def test_genomes(tmp_path):
    genomes = ["GRCh38"] * 30 + ["mm10"] * 10
    path = write_h5(tmp_path / "a.h5", some_counts(), genomes=genomes)
    with pytest.raises(UserError, match=r"GRCh38, mm10.*--genome"):
        reading.read_counts(path)
    with pytest.raises(UserError, match="'hg19' is not in the file"):
        reading.read_counts(path, "hg19")
    assert equal(reading.read_counts(path, "GRCh38"), some_counts()[:, :30])
