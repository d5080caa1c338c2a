"""Folders of kb, alevin-fry, STARsolo and Cell Ranger: read as counts, each with what was taken of it."""

import gzip

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts.formats import describe
from compartments.counts.reading import counts_of

GENES = ["CD3D", "CD3E", "MS4A1", "LYZ", "NKG7", "GNLY", "CD8A", "IL7R", "FCGR3A", "PPBP"]
IDS = [f"ENSG{100000167286 + 1000 * n:011d}" for n in range(len(GENES))]
RNG = np.random.default_rng(1)
TRUTH = RNG.poisson(np.where(np.arange(300) < 40, 40.0, 0.3)[:, None], (300, len(GENES)))
BARCODES = ["".join(bases) for bases in RNG.choice(list("ACGT"), (300, 16))]


def write(folder, name, matrix, **lists):
    folder.mkdir(parents=True, exist_ok=True)
    scipy.io.mmwrite(folder / name, sp.csr_matrix(matrix), field="integer")
    for file, lines in lists.items():
        (folder / file.replace("__", ".")).write_text("\n".join(lines) + "\n")


def kb(folder):
    """Standard workflow."""
    names = {"cells_x_genes__barcodes__txt": BARCODES, "cells_x_genes__genes__txt": [f"{one}.5" for one in IDS]}
    write(folder / "counts_unfiltered", "cells_x_genes.mtx", TRUTH, **names)
    (folder / "counts_unfiltered" / "cells_x_genes.genes.names.txt").write_text("\n".join(GENES) + "\n")
    return folder, "kb's standard workflow: exons alone"


def nac(folder):
    """Three matrices, added up."""
    kb(folder)
    (folder / "counts_unfiltered" / "cells_x_genes.mtx").unlink()
    nascent = TRUTH // 3
    for part, matrix in (("mature", TRUTH - nascent), ("nascent", nascent), ("ambiguous", 0 * TRUTH)):
        write(folder / "counts_unfiltered", f"cells_x_genes.{part}.mtx", matrix)
    return folder, "mature, nascent and ambiguous counts of kb's nac workflow are added up"


def totals(folder):
    """The totals are there beside the parts."""
    nac(folder)
    write(folder / "counts_unfiltered", "cells_x_genes.total.mtx", TRUTH)
    return folder, "the totals of kb's nac workflow are read"


def fry(folder):
    """Spliced, unspliced, ambiguous counts side by side; symbols from simpleaf's table."""
    unspliced, ambiguous = TRUTH // 4, TRUTH // 5
    matrix = np.hstack([TRUTH - unspliced - ambiguous, unspliced, ambiguous])
    ids = [*IDS, *(f"{one}-U" for one in IDS), *(f"{one}-A" for one in IDS)]
    alevin = folder / "af_quant" / "alevin"
    write(alevin, "quants_mat.mtx", matrix, quants_mat_rows__txt=BARCODES, quants_mat_cols__txt=ids)
    table = "\n".join(f"{one}\t{name}" for one, name in zip(IDS, GENES, strict=True))
    (folder / "af_quant" / "gene_id_to_name.tsv").write_text(table + "\n")
    return folder, "spliced, unspliced and ambiguous counts of a gene are added up"


def tenx(folder, matrix):
    rows = [f"{one}\t{name}\tGene Expression" for one, name in zip(IDS, GENES, strict=True)]
    write(folder, "matrix.mtx", matrix.T, barcodes__tsv=BARCODES[: len(matrix)], features__tsv=rows)


def star(folder):
    """Solo.out with two features, raw and filtered."""
    for feature, factor in (("Gene", 0), ("GeneFull_Ex50pAS", 1)):
        tenx(folder / feature / "raw", factor * TRUTH + (1 - factor) * (TRUTH // 2))
        tenx(folder / feature / "filtered", TRUTH[:40])
    return folder, "GeneFull_Ex50pAS/raw is read: all droplets of GeneFull_Ex50pAS, not of Gene"


def ranger(folder):
    """Cell Ranger's outs."""
    tenx(folder / "raw_feature_bc_matrix", TRUTH)
    tenx(folder / "filtered_feature_bc_matrix", TRUTH[:40])
    return folder, "raw_feature_bc_matrix is read: all droplets"


def parse(folder, matrix="count_matrix.mtx", samples=("a",)):
    """Cells in rows; tables with headers."""
    genes = ["gene_id,gene_name,genome", *(f"{one},{name},hg38" for one, name in zip(IDS, GENES, strict=True))]
    cells = [f"{one},{samples[n % len(samples)]},hg38,9" for n, one in enumerate(BARCODES)]
    cells.insert(0, "bc_wells,sample,species,gene_count")
    write(folder, matrix, TRUTH, all_genes__csv=genes, cell_metadata__csv=cells)
    return folder, "the output of Parse's split-pipe"


def older_parse(folder):
    """Packed, genes in rows."""
    parse(folder, "DGE.mtx")
    write(folder, "DGE.mtx", TRUTH.T)
    for file in list(folder.iterdir()):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    return folder, "the output of Parse's split-pipe"


def test_samples_of_one_run_of_parse_are_told(tmp_path):
    assert len(describe(parse(tmp_path / "a")[0]).warnings) == 1  # of mitochondrial genes
    said = describe(parse(tmp_path / "b", samples=("x", "y"))[0]).warnings
    assert "cell_metadata.csv column 'sample' has 2 values (x, y): give the folder of each sample by itself" in said


@pytest.mark.parametrize("make", [kb, nac, totals, fry, star, ranger, parse, older_parse])
def test_counts_symbols_and_ids_are_those_of_the_files(tmp_path, make):
    folder, said = make(tmp_path / "given")
    source = describe(folder)
    assert any(said in note for note in source.notes), source.notes
    counts = counts_of(source)
    table = pd.DataFrame(counts.matrix.toarray(), counts.barcodes, counts.symbol)
    expected = pd.DataFrame(TRUTH, BARCODES, GENES)
    pd.testing.assert_frame_equal(table.loc[BARCODES, GENES], expected, check_dtype=False, check_names=False)
    assert list(counts.gene_id) == IDS


@pytest.mark.parametrize("in_parts", [True, False])
def test_genes_of_alevin_fry_are_told_from_its_parts_by_their_place(tmp_path, in_parts):
    """HLA-A is a gene, with its unspliced counts in HLA-A-U."""
    genes = ["HLA-A", "HLA-U", "HLA", *GENES[3:]]
    unspliced, ambiguous = TRUTH // 4, TRUTH // 5
    matrix = np.hstack([TRUTH - unspliced - ambiguous, unspliced, ambiguous]) if in_parts else TRUTH
    columns = [gene + end for end in (("", "-U", "-A") if in_parts else ("",)) for gene in genes]
    write(tmp_path, "quants_mat.mtx", matrix, quants_mat_rows__txt=BARCODES, quants_mat_cols__txt=columns)
    source = describe(tmp_path)
    assert ("spliced, unspliced and ambiguous" in source.notes[0]) == in_parts
    counts = counts_of(source)
    table = pd.DataFrame(counts.matrix.toarray(), counts.barcodes, counts.symbol)
    assert list(table) == genes and (table.loc[BARCODES].to_numpy() == TRUTH).all()


@pytest.mark.parametrize(("make", "warned"), [(kb, True), (fry, True), (star, False), (ranger, False)])
def test_counters_that_inflate_are_named(tmp_path, make, warned):
    source = describe(make(tmp_path / "given")[0])
    assert any("may take errors in UMIs for molecules" in line for line in source.warnings) == warned


def em(folder, strategy):
    """alevin-fry's output of an EM: molecules shared by two genes, and what it says of its run."""
    fry(folder)
    alevin = folder / "af_quant" / "alevin"
    matrix = scipy.io.mmread(alevin / "quants_mat.mtx").toarray().astype(float)
    shared = np.array([[0.25], [0.5]]) * (RNG.random((2, len(matrix))) < 0.7)
    matrix[:, 0] += shared[0] + shared[1]
    matrix[:, 1] += (1 - shared[0]) * (shared[0] > 0) + (1 - shared[1]) * (shared[1] > 0)
    scipy.io.mmwrite(alevin / "quants_mat.mtx", sp.csr_matrix(matrix))
    (folder / "af_quant" / "quant.json").write_text(f'{{"resolution_strategy": "{strategy}"}}')
    return folder, matrix


def test_molecules_that_genes_share_are_made_whole(tmp_path):
    folder, matrix = em(tmp_path / "given", "ParsimonyEm")
    source = describe(folder)
    assert not any("errors in UMIs" in line for line in source.warnings), "its EM over parsimony corrects them"
    counts = counts_of(source)
    table = pd.DataFrame(counts.matrix.toarray(), counts.barcodes, counts.symbol).loc[BARCODES, GENES].to_numpy()
    assert (table.sum(1) == matrix.sum(1)).all(), "every molecule is somewhere"
    exact = matrix.reshape(len(matrix), 3, -1).sum(1)
    assert np.abs(table - exact).max() < 3 and (table[:, 2:] == exact[:, 2:]).all()
    assert any("are shares of molecules that several genes may have" in note for note in source.notes)


def test_an_em_that_leaves_errors_of_umis_is_named(tmp_path):
    folder, _matrix = em(tmp_path / "given", "CellRangerLikeEm")
    assert any("errors in UMIs" in line for line in describe(folder).warnings)


def test_fractions_of_other_programs_are_no_counts(tmp_path):
    folder, _said = kb(tmp_path / "given")
    path = folder / "counts_unfiltered" / "cells_x_genes.mtx"
    scipy.io.mmwrite(path, sp.csr_matrix(TRUTH / 2))
    with pytest.raises(UserError, match="fractional values such as .*, not counts"):
        counts_of(describe(folder))


def test_ids_alone_are_named_by_a_gtf(tmp_path):
    folder, _said = fry(tmp_path / "given")
    (folder / "af_quant" / "gene_id_to_name.tsv").unlink()
    with pytest.raises(UserError, match="Ensembl ids without gene symbols .* or give --gtf"):
        describe(folder)
    gtf = tmp_path / "genes.gtf"
    lines = [f'1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "{i}.7"; gene_name "{n}";' for i, n in zip(IDS, GENES, strict=True)]
    gtf.write_text("#!genome\n" + "\n".join(lines[1:]) + "\n")
    source = describe(folder, gtf=str(gtf))
    assert list(source.symbol[: len(GENES)]) == [IDS[0], *GENES[1:]]
    assert "27 of 30 features are named by --gtf" in source.notes
    gtf.write_text("1\tx\tgene\t1\t9\t.\t+\t.\tgene_id 4;\n")
    with pytest.raises(UserError, match="--gtf 'genes.gtf' has no genes with gene_id and gene_name"):
        describe(folder, gtf=str(gtf))


def test_several_samples_below_one_folder_are_named(tmp_path):
    for name in ("a", "b"):
        tenx(tmp_path / name / "raw_feature_bc_matrix", TRUTH)
    with pytest.raises(UserError, match="2 folders with a matrix.mtx .*; name one of them"):
        describe(tmp_path)


def test_a_matrix_of_kb_that_is_cut_off_is_one_line(tmp_path):
    folder, _said = nac(tmp_path / "given")
    path = folder / "counts_unfiltered" / "cells_x_genes.nascent.mtx"
    path.write_text("\n".join(path.read_text().splitlines()[:-20]) + "\n")
    with pytest.raises(UserError, match="cells_x_genes.nascent.mtx: .* entries where its header says"):
        counts_of(describe(folder))
