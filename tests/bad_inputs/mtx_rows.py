"""Folders of text: names, headers and matrices as programs and hands write them."""

import gzip
from functools import partial

import numpy as np
import scipy.sparse as sp

from tests.bad_inputs import toy
from tests.bad_inputs.counted import reads, refused
from tests.bad_inputs.toy import Truth, barcodes, counts, ids, lines_of, mtx, symbols


def folder_of(**given):
    """A maker of a 10x folder."""
    return lambda folder: mtx(
        folder / "m", **{key: value() if callable(value) else value for key, value in given.items()}
    )


def quoted(values):
    return ["\t".join(f'"{part}"' for part in line.split("\t")) for line in values]


def put(content, name, **given):
    """A folder with one of its files replaced by what ``content`` makes of its text."""

    def make(folder):
        made = mtx(folder / "m", packed=False, **given)
        (made / name).write_bytes(content((made / name).read_text()).encode("utf-8"))
        return made

    return make


def solo(folder):
    for one in ("Gene/raw", "Gene/filtered", "GeneFull/raw"):
        mtx(folder / "Solo.out" / one, packed=False)
    return folder / "Solo.out"


def em_beside(folder):
    made = mtx(folder / "m", packed=False)
    (made / "UniqueAndMult-EM.mtx").write_text("%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 0.5\n")
    return made


def per_sample(folder):
    for one in ("sample_filtered_feature_bc_matrix", "sample_raw_feature_bc_matrix"):
        mtx(folder / "per_sample_outs/P1/count" / one)
    return folder / "per_sample_outs/P1"


def other_names(*names, rows=ids, turned=True):
    return folder_of(names=names, rows=rows, packed=False, turned=turned)


def with_zstd(name):
    """A folder one of whose files is there as zstd left it."""

    def make(folder):
        made = mtx(folder / "m", packed=False)
        (made / name).unlink()
        (made / f"{name}.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
        return made

    return make


def square(folder):
    """As many genes as barcodes, and no gene that cells have much of: which of them the rows are cannot be told."""
    n = toy.N_DROPLETS
    return mtx(folder / "m", counts()[:, :n], rows=lines_of(ids()[:n], symbols()[:n]))


def of_square():
    return Truth(counts()[:, : toy.N_DROPLETS])


def with_zeros():
    """The counts and 200 zeros that are written down."""
    empty = np.argwhere(counts().toarray() == 0)[:200]
    full = sp.coo_matrix(counts())
    rows, columns = np.r_[full.row, empty[:, 0]], np.r_[full.col, empty[:, 1]]
    return sp.coo_matrix((np.r_[full.data, np.zeros(200, int)], (rows, columns)), shape=full.shape)


def cut_gzip(folder):
    made = mtx(folder / "m")
    packed = (made / "matrix.mtx.gz").read_bytes()
    (made / "matrix.mtx.gz").write_bytes(packed[: len(packed) // 2])
    return made


def flipped_gzip(folder):
    made = mtx(folder / "m")
    packed = bytearray((made / "matrix.mtx.gz").read_bytes())
    packed[len(packed) // 2] ^= 0xFF
    (made / "matrix.mtx.gz").write_bytes(packed)
    return made


def latin(folder):
    made = mtx(folder / "m", packed=False)
    lines = lines_of(names=[*symbols()[:-1], "Müller"])
    (made / "features.tsv").write_bytes("\n".join(lines).encode("latin-1"))
    return made


def flood(line, number):
    """The folder with that line behind its barcodes, ever again, packed into little."""

    def make(folder):
        made = mtx(folder / "m")
        with open(made / "barcodes.tsv.gz", "ab") as file:
            file.write(gzip.compress(line * number, 6))
        return made

    return make


def bomb(folder):
    """Two million line ends behind the names, packed into 9 kB."""
    made = mtx(folder / "m")
    packed = gzip.compress(b"\n" * 1_000_000, 6) * 2
    with open(made / "barcodes.tsv.gz", "ab") as file:
        file.write(packed)
    return made


REAL = "%%MatrixMarket matrix coordinate real general"
TEXT, OTHER, COLUMNS, MARKET = (
    "text artefacts in names",
    "folders of other quantifiers",
    "features with other columns",
    "MatrixMarket",
)
TWICE = partial(put, name="barcodes.tsv")


def some_ids():
    """Every third symbol is an id."""
    return [one if i % 3 == 0 else name for i, (name, one) in enumerate(zip(symbols(), ids(), strict=True))]


def doubled():
    """Two symbols that two genes share."""
    names = list(symbols())
    names[50] = names[51] = "TBCE"
    names[60] = names[61] = "MATR3"
    return names


ROWS = [
    reads("mtx_plain", "control", folder_of()),
    reads(
        "R03 one column of genes", COLUMNS, folder_of(rows=symbols, names=("matrix.mtx", "barcodes.tsv", "genes.tsv"))
    ),
    reads("R04 two columns", COLUMNS, folder_of(rows=lambda: lines_of(kind=""))),
    reads("R05 swapped columns", COLUMNS, folder_of(rows=lambda: lines_of(symbols(), ids()))),
    reads("R91 type in lower case", COLUMNS, folder_of(rows=lambda: lines_of(kind="gene expression"))),
    reads("fourth column", COLUMNS, folder_of(rows=lambda: lines_of(kind="Gene Expression\tchr1\t10\t90"))),
    reads("R06 quotes", TEXT, folder_of(rows=lambda: quoted(lines_of()), barcode=lambda: quoted(barcodes()))),
    reads("R07 CRLF", TEXT, folder_of(eol="\r\n", packed=False)),
    reads("R08 blank line behind barcodes", TEXT, folder_of(barcode=lambda: [*barcodes(), ""])),
    reads("blank line behind features", TEXT, folder_of(rows=lambda: [*lines_of(), ""])),
    reads("byte order mark", TEXT, put("\ufeff{}".format, "features.tsv")),
    reads("R90 blanks around names", TEXT, folder_of(rows=lambda: lines_of(names=[f" {s} " for s in symbols()]))),
    reads("blanks behind barcodes", TEXT, folder_of(barcode=lambda: [f"{b} " for b in barcodes()])),
    refused("names in Latin-1", TEXT, lambda folder: latin(folder), r"features.tsv|UTF-8|damaged"),
    reads(
        "R11 real banner",
        "whole numbers stored as others",
        folder_of(banner=REAL, values=lambda: [f"{x}.000" for x in sp.coo_matrix(counts()).data]),
    ),
    reads(
        "exponents",
        "whole numbers stored as others",
        folder_of(banner=REAL, values=lambda: [f"{x:.6e}" for x in sp.coo_matrix(counts()).data]),
    ),
    refused(
        "R10 fractions",
        "not counts",
        folder_of(banner=REAL, values=lambda: [f"{x * 0.73:.2f}" for x in sp.coo_matrix(counts()).data]),
        "fractional values such as .*give raw integer counts",
    ),
    refused(
        "R12 banner of old STARsolo",
        MARKET,
        folder_of(banner="%%", packed=False),
        "not a MatrixMarket coordinate file; export it again",
    ),
    refused(
        "dense MatrixMarket",
        MARKET,
        folder_of(banner="%%MatrixMarket matrix array integer general", packed=False),
        "not a MatrixMarket coordinate file",
    ),
    reads("R13 zeros written down", MARKET, lambda folder: mtx(folder / "m", with_zeros(), packed=False)),
    refused(
        "an entry outside",
        MARKET,
        put(
            lambda text: (
                text.replace("\n1 1 ", "\n999 1 ", 1) if "\n1 1 " in text else text.rsplit("\n", 2)[0] + "\n999 1 1\n"
            ),
            "matrix.mtx",
        ),
        "matrix|damaged",
    ),
    refused(
        "a size line of words",
        MARKET,
        folder_of(sizes="many rows here", packed=False),
        "matrix.mtx.*(not a MatrixMarket|size|damaged)",
    ),
    refused(
        "more entries promised",
        MARKET,
        folder_of(sizes=f"{toy.N_GENES} {toy.N_DROPLETS} 999999999999", packed=False),
        "matrix|damaged|cut off",
    ),
    reads(
        "R09 header of features",
        TEXT,
        folder_of(rows=lambda: ["gene_id\tgene_name\tfeature_type", *lines_of()]),
    ),
    reads(
        "header of barcodes",
        TEXT,
        folder_of(barcode=lambda: ["barcode", *barcodes()]),
    ),
    reads("R15 cells by genes", OTHER, folder_of(turned=True)),
    *(
        refused(f"{name} packed with zstd", OTHER, with_zstd(name), "packed with zstd; unpack it .zstd -d")
        for name in ("matrix.mtx", "features.tsv", "barcodes.tsv")
    ),
    reads("R16 square", OTHER, square, truth=of_square, note="as many genes as barcodes .250.*give it as h5ad"),
    refused(
        "R14 kb",
        OTHER,
        other_names("cells_x_genes.mtx", "cells_x_genes.barcodes.txt", "cells_x_genes.genes.txt"),
        "kb|cells_x_genes",
    ),
    refused(
        "R17 alevin-fry",
        OTHER,
        other_names("quants_mat.mtx", "quants_mat_rows.txt", "quants_mat_cols.txt"),
        "alevin|quants_mat",
    ),
    reads(
        "R18 prefix of GEO",
        OTHER,
        folder_of(names=("GSM1_s1_matrix.mtx", "GSM1_s1_barcodes.tsv", "GSM1_s1_features.tsv")),
    ),
    refused(
        "two prefixes of GEO",
        OTHER,
        lambda folder: (
            mtx(folder / "m", names=("GSM1_matrix.mtx", "GSM1_barcodes.tsv", "GSM1_features.tsv")),
            mtx(folder / "m", names=("GSM2_matrix.mtx", "GSM2_barcodes.tsv", "GSM2_features.tsv")),
        )[0],
        "GSM1",
    ),
    reads("R19 above the matrices of STARsolo", OTHER, solo, note="GeneFull/raw is read: all droplets of GeneFull"),
    reads("R20 another matrix beside", OTHER, em_beside),
    refused("R21 above the matrices of multi", OTHER, per_sample, "2 folders with a matrix.mtx .*name one of them"),
    refused("R86 cut gzip", "damage", cut_gzip, "damaged or cut off"),
    refused("a flipped bit in gzip", "damage", flipped_gzip, "damaged or cut off"),
    refused(
        "R88 cut text",
        "damage",
        put(lambda text: "\n".join(text.splitlines()[:-300]) + "\n", "matrix.mtx"),
        "cut off, or damaged",
    ),
    reads("a packed flood of line ends", "lying header", bomb),
    refused(
        "a packed flood of names", "lying header", flood(b"AAACCCAAACCC-1\n", 50_000), "barcodes.tsv.gz: more than"
    ),
    refused("a packed flood without line ends", "lying header", flood(b"A", 5_000_000), "a line of 100,000 and more"),
    reads(
        "R47 symbols of two genes",
        "duplicate symbols",
        folder_of(rows=lambda: lines_of(names=doubled())),
        truth=lambda: Truth(symbol=doubled()),
    ),
    reads(
        "R89 ids among symbols",
        "Ensembl ids",
        folder_of(rows=lambda: lines_of(names=some_ids())),
        truth=lambda: Truth(symbol=some_ids()),
    ),
    reads(
        "versions of ids",
        "Ensembl ids",
        folder_of(rows=lambda: lines_of([f"{one}.{i % 9}" for i, one in enumerate(ids())])),
    ),
    reads(
        "no symbol here and there",
        "missing symbols",
        folder_of(rows=lambda: lines_of(names=["" if i % 10 == 9 else s for i, s in enumerate(symbols())])),
        truth=lambda: Truth(
            symbol=[one if i % 10 == 9 else s for i, (s, one) in enumerate(zip(symbols(), ids(), strict=True))]
        ),
    ),
]
