"""Files of AnnData: where the counts, the names and the samples are in files of other programs and years."""

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from tests.bad_inputs import toy
from tests.bad_inputs.counted import reads, refused
from tests.bad_inputs.h5_rows import ANTIBODIES, PEAKS, TAGS, beside, genomes
from tests.bad_inputs.mtx_rows import doubled
from tests.bad_inputs.toy import (
    EXPRESSION,
    N_CELLS,
    N_DROPLETS,
    N_GENES,
    Truth,
    barcodes,
    cells,
    counts,
    frame,
    h5ad,
    ids,
    lines_of,
    logged,
    mtx,
    of_cells,
    raw_of,
    symbols,
    text,
)

MODES, GENOMES, NUMBERS, MANGLED = "several modalities", "several genomes", "names are numbers", "mangled symbols"
MISSING, COUNTS, ENCODED, NOT = "missing symbols", "counts in raw or a layer", "encodings", "not counts"
SAMPLES, STORED = "several samples in one file", "whole numbers stored as others"
FILTERED = {"column": "filtered", "truth": of_cells}


def file_of(x=None, **given):
    return lambda folder: h5ad(
        folder / "m.h5ad",
        x() if callable(x) else x,
        **{key: value() if callable(value) else value for key, value in given.items()},
    )


def with_features(names, kinds=None, most=300):
    """The genes and other features; ``kinds``: words for the types of both, or none."""

    def make(folder):
        var = frame(symbols() + names, gene_ids=ids() + names)
        if kinds:
            var["feature_types"] = pd.Categorical([kinds[0]] * N_GENES + [kinds[1]] * len(names))
        return h5ad(folder / "m.h5ad", beside(len(names), most).astype(np.float32), var=var)

    return make


def in_mtx(names, most=300):
    rows = lines_of(kind="") + [f"{name}\t{name}" for name in names]
    return lambda folder: mtx(folder / "m", beside(len(names), most), rows=rows)


def two_genomes(folder):
    ids_, names, genome = genomes()
    var = frame(names, gene_ids=ids_, genome=pd.Categorical(genome))
    var["feature_types"] = pd.Categorical([EXPRESSION] * len(names))
    return h5ad(folder / "m.h5ad", sp.hstack([counts(), counts()[:, :80]]).tocsr().astype(np.float32), var=var)


def two_genomes_mtx(folder):
    rows = [f"{one}\t{name}\t{EXPRESSION}" for one, name in zip(*genomes()[:2], strict=True)]
    return mtx(folder / "m", sp.hstack([counts(), counts()[:, :80]]).tocsr(), rows=rows)


def some(values, other):
    """Every tenth value replaced."""
    return [other[i] if i % 10 == 0 else value for i, value in enumerate(values)]


def id_where_missing():
    return Truth(symbol=some(symbols(), ids()))


def old_categories(folder):
    """An h5ad of anndata 0.6, its symbols as codes of a table beside them, -1 where there is none."""
    names = sorted(set(symbols()))
    codes = np.array([names.index(name) for name in symbols()], np.int16)
    codes[::10] = -1
    matrix = counts()
    with h5py.File(folder / "m.h5ad", "w") as file:
        x = file.create_group("X")
        x.attrs["h5sparse_format"], x.attrs["h5sparse_shape"] = "csr", matrix.shape
        x["data"], x["indices"], x["indptr"] = matrix.data.astype(np.float32), matrix.indices, matrix.indptr
        for name, values in (("obs", barcodes()), ("var", ids())):
            table = file.create_group(name)
            table["_index"], table.attrs["_index"] = text(values), "_index"
        file["var/gene_symbols"], file["var/__categories/gene_symbols"] = codes, text(names)
    return folder / "m.h5ad"


def nullable(folder):
    """Names as newer versions write them: values and a mask."""
    made = h5ad(folder / "m.h5ad")
    with h5py.File(made, "r+") as file:
        del file["var/_index"]
        group = file.create_group("var/_index")
        group["values"], group["mask"] = text(symbols()), np.zeros(N_GENES, bool)
        group.attrs.update({"encoding-type": "nullable-string-array", "encoding-version": "0.1.0"})
    return made


def null_x(**given):
    """X is there and is nothing."""

    def make(folder):
        made = file_of(lambda: cells().astype(np.float32), **given)(folder)
        with h5py.File(made, "r+") as file:
            del file["X"]
            file["X"] = h5py.Empty("f")
            file["X"].attrs.update({"encoding-type": "null", "encoding-version": "0.1.0"})
        return made

    return make


def half(folder):
    made = h5ad(folder / "m.h5ad")
    with h5py.File(made) as file:
        values = file["X/data"][:].astype(np.float16)
    return toy.replace(made, "X/data", values)


def split_entry(folder):
    """One count stored as two entries, and the columns of a row out of order."""
    made = h5ad(folder / "m.h5ad")
    with h5py.File(made, "r+") as file:
        data, indices, indptr = (file[f"X/{name}"][:] for name in ("data", "indices", "indptr"))
        more = np.r_[indptr[0], indptr[1:] + 1]
        for name, values in (("data", np.r_[1, data]), ("indices", np.r_[indices[1], indices]), ("indptr", more)):
            del file[f"X/{name}"]
            file[f"X/{name}"] = values.astype(np.float32) if name == "data" else values
    return made


def one_more():
    found = counts().tolil()
    found[0, counts().indices[1]] += 1
    return Truth(found.tocsr())


def rounded(values):
    return lambda: sp.csr_matrix(np.rint(values().toarray() if sp.issparse(values()) else values()).astype(np.float32))


def per_ten_thousand():
    one = cells().toarray().astype(float)
    return one / one.sum(1, keepdims=True) * 1e4


def variable():
    return frame(symbols()[:60])


def whole_raw(names=symbols, **columns):
    return lambda: raw_of(cells(), frame(names(), **{key: value() for key, value in columns.items()}))


def numbers():
    return [str(i) for i in range(N_GENES)]


def entrez():
    return [str(1000 + 3 * i) for i in range(N_GENES)]


def of_patients():
    return [f"patient{1 + i % 3}_{name}" for i, name in enumerate(barcodes())]


def patients(**columns):
    return lambda: frame(
        columns.get("names", barcodes)(), **{columns["column"]: [f"patient{1 + i % 3}" for i in range(N_DROPLETS)]}
    )


def with_holes():
    found = counts().toarray().astype(np.float32)
    found[3, 4] = np.nan
    return found


def mangled(change):
    return lambda folder: mtx(folder / "m", rows=lines_of(names=[change(name) for name in symbols()]))


def joined(together):
    """Names of genes that are ids and symbols in one, and nothing else."""
    return file_of(var=lambda: frame([together(*pair) for pair in zip(ids(), symbols(), strict=True)]))


def low_mito(name):
    return name.lower() if name.startswith("MT-") else name


def with_dates():
    """Symbols as a spreadsheet leaves them, behind the mitochondrial ones."""
    return [*symbols()[:5], "1-Mar", "2-Mar", "1-Sep", *symbols()[8:]]


MITO = "(?i)mitochondrial"

ROWS = [
    reads("h5ad plain", "control", file_of()),
    reads("R23 antibodies with types", MODES, with_features(ANTIBODIES, (EXPRESSION, "Antibody Capture"))),
    reads("R24 antibodies without types", MODES, with_features(ANTIBODIES), note="left out.*5"),
    reads("R25 antibodies in two columns", MODES, in_mtx(ANTIBODIES), note="left out.*5"),
    reads("R26 types of other words", MODES, with_features(ANTIBODIES, ("rna", "protein")), note="left out.*5"),
    reads("peaks without types", MODES, with_features(PEAKS, most=3), note="left out.*30"),
    reads("tags without types", MODES, with_features(TAGS), note="left out.*4"),
    refused("R30 two genomes in mtx", GENOMES, two_genomes_mtx, "several genomes .*GRCh38, mm10.*--genome"),
    reads("R31 mtx, human chosen", GENOMES, two_genomes_mtx, genome="GRCh38"),
    refused("R32 two genomes in h5ad", GENOMES, two_genomes, "several genomes .*GRCh38, mm10.*--genome"),
    reads("R33 h5ad, human chosen", GENOMES, two_genomes, genome="GRCh38"),
    reads(
        "R35 versions and symbols of kb",
        "Ensembl ids",
        file_of(var=lambda: frame([f"{one}.5" for one in ids()], gene_name=symbols())),
    ),
    refused("R36 ids alone", "Ensembl ids", file_of(var=lambda: frame(ids())), "Ensembl ids without gene symbols"),
    reads(
        "R37 CELLxGENE",
        COUNTS,
        file_of(
            logged,
            var=lambda: frame(ids(), feature_name=pd.Categorical(symbols())),
            raw=whole_raw(ids, feature_name=symbols),
        ),
        **FILTERED,
    ),
    reads(
        "R38 symbols in var alone",
        COUNTS,
        file_of(logged, var=lambda: frame(ids(), feature_name=symbols()), raw=whole_raw(ids)),
        **FILTERED,
    ),
    reads("R57 a layer of counts", COUNTS, file_of(logged, layers=lambda: {"counts": cells()}), **FILTERED),
    reads("R58 a layer of another name", COUNTS, file_of(logged, layers=lambda: {"raw": cells()}), **FILTERED),
    reads("R60 all genes in raw", COUNTS, file_of(lambda: logged()[:, :60], var=variable, raw=whole_raw()), **FILTERED),
    reads(
        "R61 a layer of variable genes",
        COUNTS,
        file_of(lambda: logged()[:, :60], var=variable, layers=lambda: {"counts": cells()[:, :60]}, raw=whole_raw()),
        **FILTERED,
    ),
    reads(
        "R39 an index of numbers",
        NUMBERS,
        file_of(var=lambda: frame(numbers(), gene_symbols=symbols(), gene_ids=ids())),
    ),
    reads("R40 Entrez", NUMBERS, file_of(var=lambda: frame(entrez(), gene_symbols=symbols()))),
    reads("R41 numbers in raw", NUMBERS, file_of(logged, raw=whole_raw(numbers)), **FILTERED),
    refused("numbers alone", NUMBERS, file_of(var=lambda: frame(numbers())), "numbers.*symbols|symbols.*numbers"),
    reads(
        "R83 numbers for barcodes",
        NUMBERS,
        file_of(obs=lambda: frame([str(i) for i in range(N_DROPLETS)])),
        truth=lambda: Truth(barcode=[str(i) for i in range(N_DROPLETS)]),
    ),
    reads(
        "R42 R's make.names", MANGLED, mangled(lambda s: s.replace("-", ".")), note="'.' for '-' .*read with hyphens"
    ),
    reads("R43 underscores", MANGLED, mangled(lambda s: s.replace("-", "_")), note="'_' for '-' .*read with hyphens"),
    reads("R45 no prefix of mitochondria", MANGLED, mangled(lambda s: s.removeprefix("MT-")), note=MITO),
    reads("mitochondria in lower case", MANGLED, mangled(low_mito), note=MITO),
    reads("mitochondria with a colon", MANGLED, mangled(lambda s: s.replace("MT-", "MT:")), note=MITO),
    reads("mitochondria in one word", MANGLED, mangled(lambda s: s.replace("MT-", "MT")), note=MITO),
    reads("ids before symbols", MANGLED, joined(lambda i, s: f"{i}.9_{s}"), note="taken apart"),
    reads("ids after symbols", MANGLED, joined(lambda i, s: f"{s}_{i}"), note="taken apart"),
    reads("R44 lower case", MANGLED, mangled(str.lower), note="lower case: read in capitals"),
    reads(
        "R46 dates of a spreadsheet",
        MANGLED,
        lambda folder: mtx(folder / "m", rows=lines_of(names=with_dates())),
        truth=lambda: Truth(symbol=with_dates()),
        note="symbols are dates .*as Excel makes of",
    ),
    refused(
        "a rat",
        MANGLED,
        lambda folder: mtx(
            folder / "m",
            rows=lines_of([one.replace("ENSG", "ENSRNOG") for one in ids()], [s.capitalize() for s in symbols()]),
        ),
        "rat genes",
    ),
    reads(
        "symbols of two genes",
        "duplicate symbols",
        file_of(var=lambda: frame(ids(), gene_symbols=doubled())),
        truth=lambda: Truth(symbol=doubled()),
    ),
    reads(
        "made unique by others",
        "duplicate symbols",
        file_of(
            var=lambda: frame(
                ["TBCE" if i == 50 else "TBCE-1" if i == 51 else s for i, s in enumerate(symbols())], gene_ids=ids()
            )
        ),
        truth=lambda: Truth(
            symbol=["TBCE" if i == 50 else "TBCE-1" if i == 51 else s for i, s in enumerate(symbols())]
        ),
    ),
    reads(
        "R48 no value",
        MISSING,
        file_of(var=lambda: frame(ids(), gene_symbols=pd.Categorical(some(symbols(), [None] * N_GENES)))),
        truth=id_where_missing,
    ),
    reads(
        "R49 the text nan",
        MISSING,
        file_of(var=lambda: frame(ids(), gene_symbols=some(symbols(), ["nan"] * N_GENES))),
        truth=id_where_missing,
    ),
    reads(
        "the text NA",
        MISSING,
        file_of(var=lambda: frame(ids(), gene_symbols=some(symbols(), ["NA"] * N_GENES))),
        truth=id_where_missing,
    ),
    reads("R50 code of none", MISSING, old_categories, truth=id_where_missing),
    reads("R51 dense", ENCODED, file_of(lambda: counts().toarray().astype(np.float32))),
    reads("R52 by columns", ENCODED, file_of(lambda: sp.csc_matrix(counts()).astype(np.float64))),
    reads("R53 no X, a layer", ENCODED, file_of(False, layers=lambda: {"counts": counts().astype(np.float32)})),
    reads(
        "R54 no X, raw",
        ENCODED,
        file_of(
            False,
            obs=lambda: frame(barcodes()[:N_CELLS]),
            raw=whole_raw(),
            var=lambda: frame(symbols(), gene_ids=ids()),
        ),
        **FILTERED,
    ),
    refused(
        "R55 no X, no counts", ENCODED, file_of(False, layers=lambda: {"normalised": counts() * 0.5}), "no (X|counts)"
    ),
    reads("R56 names with a mask", ENCODED, nullable),
    reads("E07 float16", STORED, half),
    reads("E08 float16, dense", STORED, file_of(lambda: counts().toarray().astype(np.float16))),
    reads("E09 X is null, counts in raw", ENCODED, null_x(raw=whole_raw()), **FILTERED),
    refused("E10 X is null, nothing else", ENCODED, null_x(), "no (X|counts)"),
    reads("E11 uint16, dense", STORED, file_of(lambda: counts().toarray().astype(np.uint16))),
    reads(
        "E14 int8, dense",
        STORED,
        file_of(lambda: np.minimum(counts().toarray(), 127).astype(np.int8)),
        truth=lambda: Truth(sp.csr_matrix(np.minimum(counts().toarray(), 127))),
    ),
    reads(
        "E15 a column of categories",
        ENCODED,
        file_of(obs=lambda: frame(barcodes(), site=pd.Categorical(["Graz"] * N_DROPLETS))),
    ),
    reads("E16 an entry in two parts", ENCODED, split_entry, truth=one_more),
    refused(
        "R59 scaled",
        NOT,
        file_of(
            lambda: logged().toarray() - logged().toarray().mean(0), raw=lambda: raw_of(logged(), frame(symbols()))
        ),
        "negative values such as .*no counts|no counts .*negative",
        column="filtered",
    ),
    refused(
        "R62 rounded, per 10,000",
        NOT,
        file_of(rounded(per_ten_thousand)),
        "no value of 1 .*as of scaled values|same total",
        column="filtered",
    ),
    refused(
        "R63 binarised",
        NOT,
        file_of(lambda: (cells() > 0).astype(np.float32)),
        "above 1|binar|presence",
        column="filtered",
    ),
    refused("R64 rounded logarithms", NOT, file_of(rounded(logged)), "above 1\\d?|log", column="filtered"),
    refused("R65 holes", NOT, file_of(with_holes), "values that are no numbers"),
    refused(
        "R82 yes and no",
        NOT,
        file_of(lambda: (cells() > 0).toarray()),
        "above 1|binar|presence|true and false",
        column="filtered",
    ),
    reads(
        "R68 patients before barcodes",
        SAMPLES,
        file_of(obs=patients(column="sample", names=of_patients)),
        truth=lambda: Truth(barcode=of_patients()),
        note="(several|3) (samples|patients)|'sample'",
    ),
    reads("patients in a column", SAMPLES, file_of(obs=patients(column="donor_id")), note="donor_id"),
]
