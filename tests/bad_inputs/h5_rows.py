"""Files of HDF5: 10x, CellBender, Flex, other programs' and damaged ones."""

import fcntl
import gzip
import os
import zipfile
from functools import partial

import h5py
import numpy as np
import scipy.sparse as sp

from tests.bad_inputs import toy
from tests.bad_inputs.counted import left_out, reads, refused
from tests.bad_inputs.toy import (
    EXPRESSION,
    N_CELLS,
    N_DROPLETS,
    N_GENES,
    Truth,
    barcodes,
    cellbender,
    counts,
    h5,
    ids,
    symbols,
    text,
)

STORED, MODES, GENOMES, FLEX = "whole numbers stored as others", "several modalities", "several genomes", "Flex"
SAMPLES, OTHER, BENDER = "several samples in one file", "other files", "CellBender outputs"
ANTIBODIES = [f"CD{i}_TotalSeqB" for i in (3, 4, 8, 19, 56)]
TAGS = [f"Hashtag_{i}" for i in range(1, 5)]


def file_of(**given):
    return lambda folder: h5(
        folder / "m.h5", **{key: value() if callable(value) else value for key, value in given.items()}
    )


def stored(dtype):
    return file_of(data=lambda: counts().data.astype(dtype))


def beside(n, most):
    """Counts of the genes and of ``n`` other features behind them."""
    other = np.random.default_rng(n).integers(0, most, (N_DROPLETS, n))
    return sp.hstack([counts(), sp.csr_matrix(other)]).tocsr().astype(np.int32)


def with_features(names, kind, most=300, genome=""):
    """The genes and other features, with a type of their own."""
    n = len(names)
    return file_of(
        matrix=lambda: beside(n, most),
        ids=lambda: ids() + names,
        names=lambda: symbols() + names,
        types=[EXPRESSION] * N_GENES + [kind] * n,
        genome=["GRCh38"] * N_GENES + [genome] * n,
    )


PEAKS = [f"chr1:{i * 1000}-{i * 1000 + 500}" for i in range(30)]


def genomes():
    """Ids, symbols and genomes of two species, as Cell Ranger writes them."""
    mouse = [f"mm10___{one.replace('ENSG', 'ENSMUSG')}" for one in ids()[:80]]
    names = [f"GRCh38_{one}" for one in symbols()] + [f"mm10___{one.capitalize()}" for one in symbols()[:80]]
    return [f"GRCh38_{one}" for one in ids()] + mouse, names, ["GRCh38"] * N_GENES + ["mm10"] * 80


def two_genomes(folder):
    ids_, names, genome = genomes()
    return h5(folder / "m.h5", sp.hstack([counts(), counts()[:, :80]]).tocsr(), ids=ids_, names=names, genome=genome)


def and_virus(folder):
    names = [f"SARS2_{one}" for one in "NSE"]
    more = {"ids": genomes()[0][:N_GENES] + names, "names": genomes()[1][:N_GENES] + names}
    more["genome"] = ["GRCh38"] * N_GENES + ["SARS2"] * 3
    return h5(folder / "m.h5", sp.hstack([counts(), counts()[:, :3]]).tocsr(), **more)


def probes(folder, filtered=False):
    """A matrix of probes: the first 40 genes have two."""
    genes, names = ids() + ids()[:40], symbols() + symbols()[:40]
    probe = [f"{one}|{name}|{i:07x}" for i, (one, name) in enumerate(zip(genes, names, strict=True))]
    more = {"gene_id": text(genes), "gene_name": text(names)}
    if filtered:
        more["filtered_probes"] = np.r_[np.ones(N_GENES, bool), np.zeros(40, bool)]
    return h5(folder / "raw_probe_bc_matrix.h5", summed(), ids=probe, names=names, **more)


def summed():
    return sp.hstack([counts(), counts()[:, :40]]).tocsr()


def deprecated(folder):
    gone = [f"DEPRECATED_{one}" for one in ids()[:40]]
    return h5(
        folder / "m.h5", summed(), ids=ids() + gone, names=symbols() + [f"DEPRECATED_{s}" for s in symbols()[:40]]
    )


def wells():
    return [name.replace("-1", f"-{1 + i % 3}") for i, name in enumerate(barcodes())]


def other_h5(name, **nodes):
    def make(folder):
        with h5py.File(folder / name, "w") as file:
            for node, value in nodes.items():
                if value is None:
                    file.create_group(node)
                else:
                    file[node] = value() if callable(value) else value
        return folder / name

    return make


def workbook(folder):
    with zipfile.ZipFile(folder / "counts.xlsx", "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<x/>")
    return folder / "counts.xlsx"


def written(name, content):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return make


def cut(share):
    def make(folder):
        made = h5(folder / "m.h5")
        whole = made.read_bytes()
        made.write_bytes(whole[: int(len(whole) * share)])
        return made

    return make


def changed(node, change):
    """A file with one of its datasets replaced by what ``change`` makes of it."""

    def make(folder):
        made = h5(folder / "m.h5")
        with h5py.File(made, "r") as file:
            values = file[node][:]
        return toy.replace(made, node, change(values))

    return make


def lost(name):
    """A file one of whose arrays cannot be unpacked, all else sound."""

    def make(folder):
        made = h5(folder / "m.h5")
        with h5py.File(made, "r+") as file:
            values = file["matrix"][name][:]
            del file["matrix"][name]
            chunk = file["matrix"].create_dataset(name, data=values, compression="gzip").id.get_chunk_info(0)
        with open(made, "r+b") as handle:
            handle.seek(chunk.byte_offset)
            handle.write(bytes(chunk.size))
        return made

    return make


def promised(node, shape):
    """A dataset of so many values, none of which is there."""

    def make(folder):
        made = h5(folder / "m.h5")
        with h5py.File(made, "r+") as file:
            kind = file[node].dtype
            del file[node]
            file.create_dataset(node, shape, kind, chunks=(1 << 16,))
        return made

    return make


def locked(folder):
    """A file that a writer holds, as long as this process lives."""
    made = h5(folder / "m.h5")
    fcntl.flock(os.open(made, os.O_RDONLY), fcntl.LOCK_EX)
    return made


def unknown_filter(code):
    """Chunks packed by a filter that HDF5 does not know by itself."""

    def make(folder):
        made = h5(folder / "m.h5")
        with h5py.File(made, "r+") as file:
            data = file["matrix/data"][:]
            del file["matrix/data"]
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_chunk((len(data),))
            plan.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (3,))
            space, kind = h5py.h5s.create_simple((len(data),)), h5py.h5t.py_create(data.dtype)
            packed = h5py.h5d.create(file["matrix"].id, b"data", kind, space, plan)
            packed.write_direct_chunk((0,), data.tobytes(), 0)
        return made

    return make


def bender(name, **given):
    return lambda folder: cellbender(folder / name, **given)


def cells_of_bender(folder):
    return cellbender(folder / "out_filtered.h5", toy.corrected()[:N_CELLS])


def beside_raw(column, make):
    def both_files(folder):
        return {"raw": h5(folder / "raw.h5"), column: make(folder)}

    return both_files


IS_BENDER = "an output of CellBender, not raw counts; put it in column 'cellbender'"
negative = changed("matrix/data", lambda values: np.where(np.arange(len(values)) == 5, -3, values))
broken = partial(refused, kind="damage", line="damaged|does not fit|export the file again")
broken_inside = partial(left_out, kind="damage", line=r"\(damaged\); export the file again")

ROWS = [
    reads("R01 plain", "control", file_of()),
    reads("R02 float32", STORED, stored(np.float32)),
    reads("R80 uint16", STORED, stored(np.uint16)),
    reads("R81 float16", STORED, stored(np.float16)),
    reads("E01 uint8", STORED, lambda folder: h5(folder / "m.h5", small()), truth=lambda: Truth(small())),
    reads("E02 big-endian", STORED, stored(">i4")),
    reads("E04 float64", STORED, stored(np.float64)),
    reads("E05 int64", STORED, stored(np.int64)),
    reads("E06 uint64", STORED, stored(np.uint64)),
    reads("R22 antibodies", MODES, with_features(ANTIBODIES, "Antibody Capture"), note="left out.*5 Antibody Capture"),
    reads("R27 peaks", MODES, with_features(PEAKS, "Peaks", 3), note="left out.*30 Peaks"),
    reads("guides", MODES, with_features(TAGS, "CRISPR Guide Capture", 9), note="left out.*CRISPR"),
    refused("antibodies alone", MODES, file_of(types=["Antibody Capture"] * N_GENES), "no gene expression features"),
    refused("R28 two genomes", GENOMES, two_genomes, "several genomes .*GRCh38, mm10.*--genome"),
    reads("R29 human chosen", GENOMES, two_genomes, genome="GRCh38"),
    refused("no such genome", GENOMES, two_genomes, "'hg19' is not in the file .*GRCh38, mm10", genome="hg19"),
    reads("R34 a virus chosen away", GENOMES, and_virus, genome="GRCh38"),
    refused("a virus in the reference", GENOMES, and_virus, "several genomes .*GRCh38, SARS2"),
    reads(
        "R74 probes",
        FLEX,
        probes,
        truth=lambda: Truth(summed(), symbol=symbols() + symbols()[:40]),
        rows_of_genes=N_GENES,
    ),
    reads("probes that did not pass", FLEX, partial(probes, filtered=True), note="40 Filtered probe"),
    reads("R75 deprecated probes", FLEX, deprecated, note="40 .*(?i:deprecated)"),
    reads(
        "R67 wells of aggr",
        SAMPLES,
        file_of(barcode=wells),
        truth=lambda: Truth(barcode=wells()),
        note="3 samples or wells in one file",
    ),
    refused(
        "R69 barcodes twice",
        SAMPLES,
        file_of(barcode=lambda: [*barcodes()[:-1], barcodes()[0]]),
        "1 barcodes occur twice.*one file per sample",
    ),
    refused(
        "a barcode without a name",
        SAMPLES,
        file_of(barcode=lambda: ["", *barcodes()[1:]]),
        "barcode 1 is empty",
    ),
    refused(
        "all barcodes twice",
        SAMPLES,
        file_of(barcode=lambda: barcodes()[: N_DROPLETS // 2] * 2),
        "125 barcodes occur twice",
    ),
    refused(
        "R70 molecule_info",
        OTHER,
        other_h5("molecule_info.h5", barcodes=lambda: text(barcodes()), barcode_idx=np.arange(9), umi=np.arange(9)),
        "neither 10x, h5ad nor CellBender|molecule_info",
    ),
    refused("R71 h5mu", OTHER, other_h5("m.h5mu", **{"mod/rna": None, "obs": None, "var": None}), "h5mu|MuData|mod"),
    refused(
        "R73 loom",
        OTHER,
        other_h5("m.loom", matrix=lambda: counts().T.toarray(), row_attrs=None, col_attrs=None),
        "loom|neither 10x",
    ),
    refused("nothing inside", OTHER, other_h5("m.h5"), "it holds nothing"),
    refused("a workbook", OTHER, workbook, "(?i)excel|xlsx|not an HDF5"),
    refused("a table of text", OTHER, written("counts.csv", b"barcode,gene\n"), "not an HDF5 file"),
    refused("an object of R", OTHER, written("o.rds", gzip.compress(b"X\n\0\0\0\3" + bytes(400))), "a file of R"),
    refused("an empty file", OTHER, written("m.h5", b""), "empty|not an HDF5 file"),
    refused(
        "R77 no counts",
        "empty",
        lambda folder: h5(folder / "m.h5", sp.csr_matrix(counts().shape, dtype=np.int32)),
        "no barcode with counts|no counts",
    ),
    refused("R78 no barcodes", "empty", lambda folder: h5(folder / "m.h5", counts()[:0]), "no barcode with counts"),
    reads(
        "R79 one cell",
        "empty",
        lambda folder: {"filtered": h5(folder / "m.h5", counts()[:1])},
        truth=lambda: Truth(counts()[:1]),
    ),
    refused("R66 negative counts", "not counts", negative, "negative values such as -3"),
    refused(
        "counts above all measure",
        "not counts",
        changed("matrix/data", lambda v: np.where(np.arange(len(v)) == 3, 2**40, v.astype(np.int64))),
        "values above 2\\^31 such as 1.1e\\+12",
    ),
    broken("R87 cut in the middle", make=cut(0.5)),
    broken("cut at the end", make=cut(0.95)),
    broken("a value too few", make=changed("matrix/data", lambda values: values[:-1])),
    broken("an index too few", make=changed("matrix/indices", lambda values: values[:-1])),
    broken("an index outside", make=changed("matrix/indices", lambda values: np.where(values == 7, 10**6, values))),
    broken("an index below zero", make=changed("matrix/indices", lambda values: np.where(values == 7, -1, values))),
    broken("pointers lost", make=lost("indptr")),
    broken("values lost", make=lost("data")),
    broken_inside(
        "pointers backwards",
        make=changed("matrix/indptr", lambda values: np.r_[values[:3], values[5], values[4], values[5:]]),
    ),
    refused("values promised", "lying header", promised("matrix/data", (10**13,)), "does not fit"),
    refused("names promised", "lying header", promised("matrix/barcodes", (10**12,)), "barcodes|does not fit|damaged"),
    refused(
        "features promised", "lying header", promised("matrix/features/id", (10**12,)), "does not fit|features|damaged"
    ),
    *(
        refused(f"R76 {name}", "HDF5 access", unknown_filter(code), f"values packed with {name} .*{code}.*h5repack")
        for name, code in (("zstd", 32015), ("lz4", 32004), ("blosc", 32001), ("bitshuffle", 32008))
    ),
    refused("R85 locked by a writer", "HDF5 access", locked, "(?i)lock|being written|another program"),
    reads("CB1 in its own column", BENDER, beside_raw("cellbender", bender("out.h5"))),
    reads("CB2 cells in its own column", BENDER, beside_raw("cellbender", cells_of_bender)),
    refused("CB3 in raw", BENDER, bender("out.h5"), IS_BENDER),
    refused("CB4 cells in raw", BENDER, cells_of_bender, IS_BENDER),
    refused("CB5 in filtered", BENDER, bender("out.h5"), IS_BENDER, column="filtered"),
    refused("CB6 cells in filtered", BENDER, cells_of_bender, IS_BENDER, column="filtered"),
    refused("CB8 in filtered beside raw", BENDER, beside_raw("filtered", bender("out.h5")), IS_BENDER),
    refused("CB9 cells in filtered beside raw", BENDER, beside_raw("filtered", cells_of_bender), IS_BENDER),
    refused(
        "of 0.3.1", BENDER, bender("out.h5", version="0.3.1"), "0.3.1, whose counts can overflow", column="cellbender"
    ),
    refused("10x in its column", BENDER, file_of(), "not a CellBender output", column="cellbender"),
]


def small():
    found = counts().copy()
    found.data = np.minimum(found.data, 255).astype(np.uint8)
    return found
