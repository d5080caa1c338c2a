"""One file in one column of the samplesheet."""

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from compartments.counts import inspection, values
from compartments.counts.folders import check_length
from compartments.counts.formats import describe
from compartments.counts.inspection import look_into
from tests.support.matrices import some_counts, write_cellbender, write_h5, write_mtx


def test_a_matrix_fits_its_column_only(tmp_path):
    path = tmp_path / "a.h5"
    write_h5(path, some_counts())
    assert look_into(path, "raw")[0] == look_into(str(path), "filtered")[0] == ""
    problem = look_into(path, "cellbender").problem
    assert problem.startswith(f"{path}: a ") and "not a CellBender output" in problem and "\n" not in problem
    assert "not one repacked by ptrepack; counts from before CellBender go into column 'raw'" in problem


def test_corrected_counts_pass_for_raw_ones_in_no_column(tmp_path):
    path = write_cellbender(tmp_path / "cb.h5", some_counts(), np.ones(60))
    assert look_into(path, "cellbender")[0] == ""
    for column in ("raw", "filtered"):
        assert look_into(path, column)[0].endswith("put it in column 'cellbender'")


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    assert "no such file" in look_into(tmp_path / "b.h5", "raw")[0]


def test_a_file_is_described_once_and_read_once(tmp_path, monkeypatch):
    """Its barcodes take the whole matrix: what is cut off shows then, without a count of its lines before."""
    folder = write_mtx(tmp_path / "m", some_counts(), compressed=False)
    described = []
    monkeypatch.setattr(inspection, "describe", lambda *given: described.append(given) or describe(*given))
    look = look_into(folder, "raw", barcodes=True)
    assert look.source is not None and len(described) == 1
    matrix = folder / "matrix.mtx"
    matrix.write_text(matrix.read_text().rstrip("\n").rpartition("\n")[0] + "\n")
    counted = []
    monkeypatch.setattr(inspection, "check_length", lambda source: counted.append(source) or check_length(source))
    for barcodes in (False, True):
        assert "cut off, or damaged" in look_into(folder, "raw", barcodes=barcodes).problem
    assert len(counted) == 1


def test_barcodes_of_one_genome_of_two(tmp_path):
    """A matrix by genes is read for its barcodes: of the genome that is asked for."""
    counts = some_counts(60)
    codes = ["".join("ACGT"[(n >> 2 * i) & 3] for i in range(12)) for n in range(60)]
    genomes = ["GRCh38"] * 20 + ["mm10"] * 20
    path = write_h5(tmp_path / "a.h5", counts.tocsc(), barcodes=codes, genomes=genomes)
    assert "choose one of them with --genome" in look_into(path, "raw", barcodes=True).problem
    look = look_into(path, "raw", "GRCh38", barcodes=True)
    assert look.problem == "" and look.barcodes == dict(zip(codes, (counts[:, :20] > 0).sum(1).A1, strict=True))


def test_an_index_that_only_the_look_at_its_cells_reads(tmp_path, monkeypatch):
    """A chunk of it is lost behind what any other look reads."""
    path = write_h5(tmp_path / "a.h5", some_counts())
    with h5py.File(path, "r+") as file:
        pointers = file["matrix/indptr"][:]
        del file["matrix/indptr"]
        index = file["matrix"].create_dataset("indptr", data=pointers, chunks=(20,), compression="gzip")
        chunk = index.id.get_chunk_info(2)
    with open(path, "r+b") as handle:
        handle.seek(chunk.byte_offset)
        handle.write(bytes(chunk.size))
    monkeypatch.setattr(values, "PEEK", 20)
    assert look_into(path, "raw").problem == ""
    look = look_into(path, "raw", cells=True)
    assert look.problem.startswith(f"{path}: damaged or cut off") and look.source is None and look.extent == {}
    monkeypatch.setattr(inspection, "few_cells", lambda source: sp.csr_matrix((0, len(source.symbol))))
    assert look_into(path, "raw", cells=True).problem == look.problem


@pytest.mark.parametrize("scaled", [False, True])
def test_normalised_values_that_were_rounded_are_asked_about(tmp_path, scaled):
    """Many genes are rounded to nothing, so that totals do not agree to a count, and ones are left."""
    rng = np.random.default_rng(0)
    shares, sizes = rng.dirichlet(np.full(4000, 0.3)), rng.lognormal(8.3, 0.4, 60).astype(int)
    counts = np.array([rng.multinomial(size, shares) for size in sizes])
    if scaled:
        counts = np.rint(counts / sizes[:, None] * np.median(sizes)).astype(int)
    names = [f"GENE{n}" for n in range(4000)], [f"ENSG{n:011d}" for n in range(4000)]
    path = write_h5(tmp_path / "a.h5", sp.csr_matrix(counts), symbols=names[0], ids=names[1])
    look = look_into(path, "filtered", cells=True)
    assert look.problem == ""
    assert any("nearly the same total of every cell" in one for one in look.warnings) == scaled
