"""Folders with a matrix in MatrixMarket format beside the names of its rows and columns."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.errors import UserError
from compartments.counts.counters import INFLATES, Found, in_parts, inflates, lacking, layout_of, preferred, symbols_in
from compartments.counts.names import BARCODE, ENSEMBL, mostly_ensembl, tidy
from compartments.counts.opening import READ_ERRORS, open_binary, open_text, unreadable
from compartments.counts.source import Source, Texts
from compartments.counts.symbols import looks_like_barcodes

Entries = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], np.ndarray]
CHUNK = 5_000_000  # entries
SPARE = 10_000  # lines of names that may be too many and still are counted
LONGEST = 100_000  # characters of a line of names
MATRIX = re.compile(r"^(?P<prefix>.*?)matrix\.mtx(\.gz)?$")
HEADER = re.compile(
    r"^([xyz]|v\d+|barcodes?|cells?|cell_?(id|barcode)s?|index|names?|features?|genes?|gene_?(ids?|names?|symbols?)|id"
    r"|symbol|type|ensembl(_?(id|gene_?id))?|feature_?(ids?|names?|types?)|gene_?short_?name)$",
    re.I,
)
FIELDS = ("integer", "real", "double", "unsigned-integer")


@dataclass(frozen=True)
class Trio:
    """The three files of one matrix."""

    matrix: Path
    barcodes: Path
    features: Path


def describe_folder(path: Path) -> Source:
    """The matrix of a folder, or of the one folder below it that holds any, and its names.

    Raises
    ------
    UserError
        If there is no matrix or several, files are missing, damaged, or do not fit each other.
    """
    if found := layout_of(path):
        names = (found.matrices[0], found.layout.barcodes, found.layout.features)
        return _describe(Trio(*(found.folder / name for name in names)), found)
    folder, said = _folder(path)
    source = _describe(_trio(folder), None)
    source.notes += [said] if said else []
    return source


def _describe(trio: Trio, counter: Found | None) -> Source:
    """The source of three files that fit each other; of a counter, with further matrices and symbols."""
    n_rows, n_columns, n_entries, _ = _sizes(trio.matrix)
    most = max(n_rows, n_columns) + SPARE
    columns = _rows_of(trio.barcodes, most)
    rows = _rows_of(trio.features, most)
    notes: list[str] = []
    genome, doubts = None, []
    if counter and counter.layout.headed:
        doubts = _several_samples(columns, trio.barcodes.name)
        genome = np.array([row[2] if len(row) > 2 else "" for row in rows[1:]], dtype=object)
        columns, rows = columns[1:], [row[:2] for row in rows[1:]]
    if counter:
        rows = _of_counter(rows, counter, notes)
    barcode_rows, feature_rows, by_barcode = columns, rows, True
    sizes = {n_rows, n_columns}
    if len(columns) not in sizes:
        barcode_rows = _without_header(columns, sizes)
    if len(rows) not in sizes:
        feature_rows = _without_header(rows, sizes)
    n_barcodes, n_features = len(barcode_rows), len(feature_rows)
    if (n_rows, n_columns) == (n_barcodes, n_features) and n_barcodes != n_features:
        by_barcode = False
        notes += [] if counter else ["the matrix has barcodes in rows: read so"]
    elif (n_rows, n_columns) != (n_features, n_barcodes):
        raise UserError(
            f"{trio.matrix}: {n_rows} features x {n_columns} barcodes, but {trio.features.name} has {len(rows)} and "
            f"{trio.barcodes.name} {len(columns)} lines; the three files must come from one export"
        )
    if not n_entries:
        raise UserError(f"{trio.matrix}: no barcode with counts; give the output of a run that found some")
    gene_id, symbol, feature_type = _features(feature_rows)
    barcodes = _barcodes(barcode_rows)
    if mostly_ensembl(barcodes) or (looks_like_barcodes(symbol) and not looks_like_barcodes(barcodes)):
        raise UserError(
            f"{trio.features}: holds barcodes ({symbol[0]} ...), and {trio.barcodes.name} genes ({barcodes[0]} ...); "
            "rename the two files"
        )
    source = Source(
        trio.matrix.parent, "10x mtx", trio.matrix.name, barcodes, gene_id, symbol, feature_type,
        np.ones(n_features, bool), by_barcode,
    )  # fmt: skip
    source.notes += notes
    source.warnings += doubts
    source.genome = genome if genome is not None and (genome != "").any() else None
    if counter:
        source.more, source.summed = counter.matrices[1:], bool(counter.layout.parts)
        source.fractional = counter.layout.fractional
        source.warnings += [INFLATES.format(program=counter.layout.program)] if inflates(counter) else []
    return source


def _of_counter(rows: list[list[str]], counter: Found, notes: list[str]) -> list[list[str]]:
    """Ids and symbols of a counter's features, without the ends that keep parts of one gene apart."""
    names = [row[0] for row in rows]
    apart = in_parts(names, counter.layout.parts)
    said = counter.said if apart or not counter.layout.parts else "one count of each gene, as it was run without parts"
    notes.append(f"the output of {counter.layout.program}: {said}")
    ids = apart or names
    if counter.layout.headed:
        return rows
    symbols = symbols_in(counter, ids)
    if symbols is None or len(symbols) != len(ids):
        return [[one] for one in ids]
    return [list(pair) for pair in zip(ids, symbols, strict=True)]


def _several_samples(table: list[list[str]], name: str) -> list[str]:
    """A warning where column ``sample`` of a table with a header has several values."""
    header = table[0] if table else []
    place = header.index("sample") if "sample" in header else len(header)
    values = sorted({row[place] for row in table[1:] if len(row) > place})
    if len(values) < 2:
        return []
    few = ", ".join(values[:4])
    return [f"{name} column 'sample' has {len(values)} values ({few}): give the folder of each sample by itself"]


def _folder(path: Path) -> tuple[Path, str]:
    """``path`` if it holds an mtx, else the one folder below it that does or is meant, and what is said of it."""
    next(path.iterdir(), None)  # a folder that may not be listed looks like an empty one to the next line
    found = sorted({file.parent for file in path.rglob("*matrix.mtx*") if MATRIX.match(file.name)})
    if path in found or len(found) == 1:
        return (path if path in found else found[0]), ""
    if meant := preferred(path, found):
        return meant
    if found:
        names = ", ".join(str(folder.relative_to(path)) for folder in found[:6])
        raise UserError(f"{path}: {len(found)} folders with a matrix.mtx ({names}); name one of them")
    if missing := lacking(path):
        raise UserError(f"{path}: {missing}")
    _refuse_packed(path.rglob("*matrix.mtx.*"))
    raise UserError(f"{path}: a folder without matrix.mtx or matrix.mtx.gz; name the 10x folder that holds it")


def _trio(folder: Path) -> Trio:
    """The matrix of a folder and the names with the same prefix, which GEO puts before theirs."""
    matches = sorted((found["prefix"], file.name) for file in folder.iterdir() if (found := MATRIX.match(file.name)))
    prefixes = sorted({prefix for prefix, _ in matches})
    if "" in prefixes:
        prefixes = [""]
    if len(prefixes) > 1:
        raise UserError(
            f"{folder}: {len(prefixes)} matrices ({', '.join(prefixes[:6])}); give each sample a folder of its own"
        )
    (prefix,) = prefixes

    def find(*names: str) -> Path:
        for name in names:
            for file in (folder / f"{prefix}{name}", folder / f"{prefix}{name}.gz"):
                if file.exists():
                    return file
        _refuse_packed(file for file in folder.iterdir() if file.name.startswith(tuple(f"{prefix}{n}." for n in names)))
        wanted = prefix + " or ".join(names)
        raise UserError(f"{folder}: {wanted} (.gz) is missing beside matrix.mtx; copy it there")

    return Trio(find("matrix.mtx"), find("barcodes.tsv"), find("features.tsv", "genes.tsv"))


def _refuse_packed(files: Iterable[Path]) -> None:
    """Say of a file that was found by its name alone what it is packed with."""
    for file in sorted(files):
        if file.is_file():
            open_binary(file).close()


def _lines_of(path: Path, most: int) -> list[str]:
    """Lines of a table of names that are not blank; packed, a few bytes may claim more than the memory holds."""
    texts = []
    with open_text(path) as lines:
        while line := lines.readline(LONGEST):
            if len(line) == LONGEST:
                raise UserError(f"{path}: a line of {LONGEST:,} and more characters, not names; export it again")
            if text := line.strip():
                texts.append(text)
            if len(texts) > most:
                raise UserError(
                    f"{path}: more than {most:,} lines, and the matrix beside it has fewer rows and columns; the three "
                    "files must come from one export"
                )
    return texts


def _rows_of(path: Path, most: int) -> list[list[str]]:
    """Fields of the lines of a table of names, at most ``most``, without quotes and blank lines.

    Tabs part the fields, commas where there is no tab. Line numbers in front, as R writes them, are left out.
    """
    try:
        texts = _lines_of(path, most)
    except READ_ERRORS as error:
        raise unreadable(path, error) from None
    mark = "\t" if any("\t" in text for text in texts[:5]) else ","
    rows = [[field.strip().strip("\"'").strip() for field in text.split(mark)] for text in texts]
    few = rows[1:][-1000:]
    numbered = [row[0] for row in few if len(row) > 1 and row[0].isdigit()]
    if len(numbered) == len(few) > 1 and all(
        int(b) - int(a) == 1 for a, b in zip(numbered, numbered[1:], strict=False)
    ):
        rows = [row[1:] if row[0].isdigit() else row for row in rows]
    return rows


def _without_header(rows: list[list[str]], sizes: set[int]) -> list[list[str]]:
    """Rows without their first one, if it names columns, or is unlike the others, and there is one too many."""
    if len(rows) < 2 or len(rows) - 1 not in sizes:
        return rows
    first, others = rows[0], rows[1:1001]
    for pattern in (ENSEMBL, BARCODE):
        alike = sum(any(pattern.match(field) for field in row) for row in others)
        if alike > 0.9 * len(others) and not any(pattern.match(field) for field in first):
            return rows[1:]
    return rows[1:] if all(HEADER.match(field) for field in first if field) else rows


def _barcodes(rows: list[list[str]]) -> Texts:
    """The first field, unless only a later one is of bases."""
    first = np.array([row[0] for row in rows], dtype=object)
    if looks_like_barcodes(first) or not rows:
        return first
    for place in range(1, min(len(row) for row in rows[:1000])):
        other = np.array([row[place] if len(row) > place else "" for row in rows], dtype=object)
        if looks_like_barcodes(other) and all(BARCODE.match(name) for name in other):
            return other
    return first


def _features(rows: list[list[str]]) -> tuple[Texts, Texts, Texts]:
    """Id, symbol and type of each feature; the id where there is no symbol, no type where there is none."""
    gene_id = tidy(np.array([row[0] for row in rows], dtype=object))
    symbol = tidy(np.array([row[1] if len(row) > 1 else row[0] for row in rows], dtype=object))
    feature_type = np.array([row[2] if len(row) > 2 else "" for row in rows], dtype=object)
    missing = gene_id == ""
    gene_id = np.where(missing, symbol, gene_id)
    # a second column of types: one column of names is all there is
    if len(rows) and all(len(row) == 2 for row in rows[:1000]) and set(symbol) <= {"Gene Expression"}:
        symbol, feature_type = gene_id, symbol
    return gene_id, symbol, feature_type


def _sizes(matrix: Path) -> tuple[int, int, int, int]:
    """Rows, columns and entries that the header of a matrix claims, and its number of lines."""
    try:
        with open_text(matrix) as lines:
            banner = next(lines, "").strip().lower().split()
            plain = ((n, line) for n, line in enumerate(lines, 2) if line.strip() and not line.startswith("%"))
            n_lines, text = next(plain, (1, ""))
    except READ_ERRORS as error:
        raise unreadable(matrix, error) from None
    if banner[:3] != ["%%matrixmarket", "matrix", "coordinate"] or len(banner) != 5 or len(size := text.split()) != 3:
        raise UserError(f"{matrix}: not a MatrixMarket coordinate file; export it again")
    if banner[3] not in FIELDS or banner[4] != "general":
        raise UserError(
            f"{matrix}: a {banner[4]} matrix of {banner[3]} values, not one of counts; export it with 'integer general'"
        )
    if not all(number.isdigit() for number in size):
        raise UserError(f"{matrix}: its sizes are '{' '.join(size)}', not three whole numbers; export it again")
    n_rows, n_columns, n_entries = map(int, size)
    return n_rows, n_columns, n_entries, n_lines


def check_length(source: Source) -> None:
    """Refuse a matrix with fewer lines than its header claims entries, which is cut off."""
    for name in (source.node, *source.more):
        _check_length(source.path / name)


def _check_length(path: Path) -> None:
    n_lines, last = 0, b""
    try:
        with open_binary(path) as handle:
            while part := handle.read(2**24):
                n_lines += part.count(b"\n") or part.count(b"\r")
                last = part[-1:]
    except READ_ERRORS as error:
        raise unreadable(path, error) from None
    _, _, claimed, n_head = _sizes(path)
    _check_number(path, n_lines + (last not in b"\r\n") - n_head, claimed, at_least=True)


def _check_number(path: Path, found: int, claimed: int, at_least: bool = False) -> None:
    if found < claimed or (found != claimed and not at_least):
        raise UserError(
            f"{path}: {found} entries where its header says {claimed}: cut off, or damaged; copy or export it again"
        )


def entries(source: Source, most: int = CHUNK) -> Iterator[Entries]:
    """Entries of a matrix, ``most`` of them at a time, so that no more memory is taken than there are entries.

    Yields
    ------
    barcodes, features : ndarray of int64
        Positions from 0.
    values : ndarray of int64 or float64

    Raises
    ------
    UserError
        If a line holds no entry, or one outside the matrix, or they are not as many as the header says.
    """
    for name in (source.node, *source.more):
        yield from _entries_in(source.path / name, source, most)


def _entries_in(path: Path, source: Source, most: int) -> Iterator[Entries]:
    claimed, found = _sizes(path)[2], 0
    with open_text(path) as lines:
        next(line for line in lines if line.strip() and not line.startswith("%"))  # the sizes
        types = {0: np.int64, 1: np.int64}
        options = {"sep": r"\s+", "header": None, "names": [0, 1, 2, 3], "index_col": False, "dtype": types}
        try:
            for part in pd.read_csv(lines, **options, chunksize=most):
                found += len(part)
                if len(part):
                    yield _checked(path, source, part)
        except pd.errors.EmptyDataError:
            pass
        except pd.errors.ParserError as error:
            raise UserError(f"{path}: damaged ({' '.join(str(error).split())[:120]}); export it again") from None
    _check_number(path, found, claimed)


def _checked(path: Path, source: Source, part: pd.DataFrame) -> Entries:
    rows, columns = part[0].to_numpy() - 1, part[1].to_numpy() - 1
    barcodes, features = (columns, rows) if source.by_barcode else (rows, columns)
    if len(part) and min(rows.min(), columns.min()) < 0:
        raise UserError(f"{path}: an index of 0, where MatrixMarket counts from 1; export it again")
    if len(part) and (barcodes.max() >= len(source.barcodes) or features.max() >= len(source.symbol)):
        raise UserError(f"{path}: an entry outside the matrix (damaged); export it again")
    if part[3].notna().any():
        raise UserError(f"{path}: a line of more than three numbers (damaged); export it again")
    if part[2].dtype.kind not in "iuf":
        raise UserError(f"{path}: values that are no numbers, not counts; give raw integer counts")
    return barcodes, features, part[2].to_numpy()
