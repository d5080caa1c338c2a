"""Files of counts through INSPECT_INPUT and READ_COUNTS: read with the right numbers, or refused in one line."""

from pathlib import Path

import anndata
import numpy as np

from compartments.core.files import read_json, read_tsv
from tests.bad_inputs.record import Row, call, one_line, read_text
from tests.bad_inputs.toy import Truth

COLUMNS = ("raw", "filtered", "cellbender")


def reads(name, kind, make, truth=Truth, note="", **given):
    """A file that is read: sums by gene and barcode are those of ``truth``; ``note`` is said of it."""
    expect = {"truth": truth, "note": note, "exit": 0, "stage": "read_counts"} | given
    return Row(name, kind, make, check_read, expect)


def refused(name, kind, make, line, **given):
    """A file that is refused before any compute, in one line."""
    return Row(name, kind, make, check_refused, {"line": line, "exit": 0, "stage": "inspect_input"} | given)


def left_out(name, kind, make, line, **given):
    """A file whose fault only its whole content shows: it costs its sample, with the line as the reason."""
    return Row(name, kind, make, check_left_out, {"line": line, "exit": 0, "stage": "read_counts"} | given)


def files_of(row, made):
    """Columns and paths: what was made is one path for ``expect['column']``, or a mapping."""
    return made if isinstance(made, dict) else {row.expect.get("column", "raw"): made}


def options(row):
    return ("--genome", row.expect["genome"]) if "genome" in row.expect else ()


def inspect(row, made, folder):
    """Lines of ``problems.txt``, each file looked at as the workflow does."""
    files, said = files_of(row, made), ""
    telling = next(column for column in ("filtered", "cellbender", "raw") if column in files)
    (folder / "input.sha256").write_text("0" * 64 + "  file\n")
    for column, path in files.items():
        asked = ("--digests", "input.sha256", "--barcodes") if column == telling else ()
        given = ("--sample", "s1", "--column", column, "--path", path, *asked, *options(row))
        done = call("inspect_input", *given, folder=folder)
        assert not done.fell, done.fell
        assert done.code == 0, done.said
        said += read_text(folder / "problems.txt")
        assert (folder / "extent.json").exists() == bool(asked and not read_text(folder / "problems.txt"))
    return said


def read(row, made, folder):
    """Reason why the sample was left out, or empty."""
    pairs = [word for column, path in files_of(row, made).items() for word in (f"--{column}", path)]
    done = call("read_counts", "--sample", "s1", *pairs, *options(row), folder=folder)
    assert not done.fell, done.fell
    assert done.code == row.expect["exit"], done.said
    skipped = read_tsv(folder / "skipped.tsv")
    assert len(skipped) <= 1
    return "" if skipped.empty else str(skipped.loc[0, "reason"])


def notes(folder):
    """All that was said of a file that was read, in any place."""
    found = [str(read_json(path).get("notes")) for path in folder.glob("samples/*/*.read.json")]
    found += [read_text(path) for name in ("notes*", "warnings*") for path in sorted(folder.glob(name))]
    return " ".join(" ".join(found).split())


def check_read(row: Row, made: object, folder: Path) -> None:
    said = inspect(row, made, folder)
    assert not said, f"inspect_input refuses it: {said}"
    reason = read(row, made, folder)
    assert not reason, f"read_counts leaves it out: {reason}"
    note = row.expect["note"]
    data = anndata.read_h5ad(folder / "s1.droplets.h5ad")
    same_sums(data, row.expect["truth"]())
    if "rows_of_genes" in row.expect:
        assert data.n_vars == row.expect["rows_of_genes"]
    if note:
        one_line(notes(folder), note, "notes")


def same_sums(data, truth):
    """The sums of the droplets are the true ones; of a symbol that genes share the sum is over them."""
    totals = np.asarray(data.X.sum(1)).ravel()
    found = {name: int(total) for name, total in zip(data.obs_names, totals, strict=True) if total}
    assert found == truth.barcodes, wrong(found, truth.barcodes)
    genes: dict[str, int] = {}
    for name, total in zip(data.var_names, np.asarray(data.X.sum(0)).ravel(), strict=True):
        bare = name if name in truth.genes else name.rsplit("-", 1)[0]
        genes[bare] = genes.get(bare, 0) + int(total)
    assert genes == truth.genes, wrong(genes, truth.genes)


def wrong(found, true):
    """The first few that differ."""
    names = [name for name in {**true, **found} if found.get(name) != true.get(name)]
    few = ", ".join(f"{name}: {found.get(name)} for {true.get(name)}" for name in names[:4])
    return f"{len(names)} of {len(true)} differ: {few}"


def check_refused(row: Row, made: object, folder: Path) -> None:
    said = inspect(row, made, folder)
    one_line(said, row.expect["line"], "inspect_input")
    assert said.startswith("sample 's1', column '"), said
    reason = read(row, made, folder)
    one_line(reason, row.expect["line"], "read_counts")  # what the look into a file refuses, its reader does not take
    assert not (folder / "s1.droplets.h5ad").exists()


def check_left_out(row: Row, made: object, folder: Path) -> None:
    assert not inspect(row, made, folder)
    one_line(read(row, made, folder), row.expect["line"], "read_counts")
    assert not (folder / "s1.droplets.h5ad").exists()
