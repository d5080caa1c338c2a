"""Models, tables of labels, gene sets and captures through the steps that look at them before any compute."""

import json
import os
import pickle
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.studies import pseudobulk_study
from compartments.core.files import read_tsv
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.bad_inputs.designed import GOOD
from tests.bad_inputs.record import Row, call, one_line, read_text
from tests.bad_inputs.toy import ROOT
from tests.support.models import GENES, make_model, write_model
from tests.support.pseudobulks import write_inputs

MODELS, TABLES, ASKED, SETS, TWICE = (
    "models", "tables of labels", "names asked for", "gene sets", "cells given twice"
)  # fmt: skip
MAP = ROOT / "assets" / "celltypist_immune_all_low_lineage.tsv"
OVERRIDES = "sample\tbarcode\tcluster\tlineage\na_csf\tAAAC-1\t\tB\n"


class Runs:
    """A pickle of this runs a command when it is loaded."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@cache
def model():
    return make_model()


def looked(name, kind, line="", files=(), options=(), study=None, note=""):
    """A row through CHECK_LABELS: ``line`` of its problem, empty where all is well."""

    def make(folder):
        made = make_study(parse_samplesheet(GOOD), **(study or {}))
        made.save(folder / "study.json")
        write_model(model(), folder / "made_up.pkl")
        for file, content in dict(files).items():
            content = content(folder) if callable(content) else content
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        given = options if "--model" in options else ("--model", "made_up.pkl", *options)
        return (
            "--study",
            "study.json",
            "--compared",
            "study.json",
            "--lineage_map",
            MAP,
            "--markers",
            ROOT / "assets" / "markers.tsv",
            *given,
        )

    return Row(
        name,
        kind,
        make,
        check_labels,
        {"line": line, "note": note, "exit": 0, "stage": "check_labels", "study": study or {}},
    )


def check_labels(row: Row, made: tuple, folder: Path) -> None:
    done = call("check_labels", *made, "--problems", "problems.txt", "--notes", "notes.txt", folder=folder)
    assert not done.fell, done.fell
    assert done.code == 0, done.said
    problem = read_text(folder / "problems.txt")
    assert not (folder / "ran").exists(), "the model ran code"
    if row.expect["line"]:
        one_line(problem, row.expect["line"], "check_labels")
    else:
        assert not problem, problem
        assert not row.expect["note"] or row.expect["note"] in read_text(folder / "notes.txt")


def touches(folder):
    return pickle.dumps({"Model": Runs(os.system, f"touch {folder}/ran"), "Scaler_": None})


def evaluates(folder):
    return pickle.dumps(Runs(eval, f"open({str(folder / 'ran')!r}, 'w')"))


def climbs(_):
    """A name of numpy's that leads out of it."""
    return b"\x80\x04\x8c\x05numpy\x8c\x0btesting.os.\x93."


def listed(symbols):
    """What INSPECT_INPUT says of the genes of a sample."""
    genes = {"symbol": list(symbols), "gene_id": list(symbols)}
    return json.dumps({"sample": "a_csf", "row": 2, "column": "raw", "content": "", "barcodes": {}, "genes": genes})


def override(text, name="o.tsv"):
    return {"files": {name: text}, "options": ("--label_overrides", name)}


def asked(name, line, options=(), study=None, genes=GENES):
    cells = {"a_csf.cells.json": listed(genes)}
    return looked(name, ASKED, line, cells, ("--cells", "a_csf.cells.json", *options), study)


def scored(name, content, line="", sets=()):
    """A row through SCORE_GENE_SETS: names of the sets that are scored, or the line."""

    def make(folder):
        study = pseudobulk_study(np.random.default_rng(7), 2, 3, n_genes=60)
        write_inputs(folder, {"B": study})
        genes = list(study.counts.columns[:20])
        text = content.replace("GENES", "\t".join(genes)) if isinstance(content, str) else content
        (folder / "sets (1).gmt").write_bytes(text if isinstance(text, bytes) else text.encode())
        return sets

    return Row(name, SETS, make, check_sets, {"line": line, "exit": 2 if line else 0, "stage": "score_gene_sets"})


def check_sets(row: Row, made: tuple, folder: Path) -> None:
    given = ("--study", "study.json", "--pseudobulk", "pseudobulk.h5ad", "--gene_sets", "sets (1).gmt")
    done = call("score_gene_sets", *given, folder=folder)
    assert not done.fell, done.fell
    assert done.code == row.expect["exit"], done.said
    if row.expect["line"]:
        one_line(done.said, row.expect["line"], "score_gene_sets")
        return
    tables = [read_tsv(path) for path in folder.rglob("*.tsv*") if path.name != "skipped.tsv"]
    names = {name for table in tables for column in ("gene_set", "set") if column in table for name in table[column]}
    assert names == set(made), names


def captured(name, line, *found, sheet=GOOD):
    """A row through CHECK_CAPTURES: what INSPECT_INPUT found of two samples, and the problem or none."""

    def make(folder):
        make_study(parse_samplesheet(sheet)).save(folder / "study.json")
        for one in found:
            (folder / f"{one['sample']}.cells.json").write_text(json.dumps(one))
        return [f"{one['sample']}.cells.json" for one in found]

    return Row(name, TWICE, make, check_captures, {"line": line, "exit": 0, "stage": "check_captures"})


def check_captures(row: Row, made: list, folder: Path) -> None:
    done = call("check_captures", "--study", "study.json", "--cells", *made, folder=folder)
    assert not done.fell, done.fell
    assert done.code == row.expect["exit"], done.said
    problem = read_text(folder / "problems.txt")
    if row.expect["line"]:
        one_line(problem, row.expect["line"], "check_captures")
    else:
        assert not problem, problem


def cells_of(sample, row, content, seed=0, shift=0):
    """What a file of 60 cells tells; ``shift`` of them are others than those of the same seed."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(500, 3000, 100)[shift : shift + 60]
    codes = ["".join(letters) for letters in rng.choice(list("ACGT"), (100, 16))][shift : shift + 60]
    genes = {code: int(n) for code, n in zip(codes, numbers, strict=True)}
    return {"sample": sample, "row": row, "column": "raw", "content": content, "barcodes": genes}


LANES = GOOD + "a_csf2,a,CSF,treated,a/csf2.h5\n"
ROWS = [
    looked("a sound model", MODELS),
    looked(
        "runs a command",
        MODELS,
        "m.pkl: the file would run '(posix|os).system'",
        {"m.pkl": touches},
        ("--model", "m.pkl"),
    ),
    looked(
        "evaluates", MODELS, "m.pkl: the file would run 'builtins.eval'", {"m.pkl": evaluates}, ("--model", "m.pkl")
    ),
    looked(
        "climbs out of numpy",
        MODELS,
        "m.pkl: (the file would run|not a readable pickle)",
        {"m.pkl": climbs},
        ("--model", "m.pkl"),
    ),
    looked(
        "behind a sound one",
        MODELS,
        "m.pkl: the file would run",
        {"m.pkl": touches},
        ("--model", "made_up.pkl", "m.pkl"),
    ),
    looked(
        "a page of text",
        MODELS,
        "README.md: not a readable pickle",
        {"README.md": "# Read me\n"},
        ("--model", "README.md"),
    ),
    looked(
        "a cut model",
        MODELS,
        "m.pkl: not a readable pickle",
        {"m.pkl": lambda folder: (folder / "made_up.pkl").read_bytes()[:900]},
        ("--model", "m.pkl"),
    ),
    looked(
        "another pickle",
        MODELS,
        "m.pkl: a pickle, but not a CellTypist model",
        {"m.pkl": lambda _: pickle.dumps({"a": [1]})},
        ("--model", "m.pkl"),
    ),
    looked(
        "a number for a model",
        MODELS,
        "m.pkl: a pickle, but not a CellTypist model",
        {"m.pkl": lambda _: pickle.dumps(np.float64(1))},
        ("--model", "m.pkl"),
    ),
    looked(
        "two models of one name",
        MODELS,
        "two models of the same cells are called made_up.pkl .*rename one",
        (),
        ("--model", "made_up.pkl", "made_up.pkl"),
    ),
    looked("no such model", MODELS, "none.pkl: cannot be read", (), ("--model", "none.pkl")),
    looked("P04e overrides with blanks in the name", TABLES, **override(OVERRIDES, "by hand.tsv")),
    looked(
        "overrides of a spreadsheet",
        TABLES,
        **override("\ufeff" + OVERRIDES.replace("\t", ";").replace("\n", "\r\n"), "o.csv"),
    ),
    looked(
        "an unknown lineage",
        TABLES,
        "row 2, column lineage: 'Bee' is no lineage",
        **override(OVERRIDES.replace("\tB\n", "\tBee\n")),
    ),
    looked(
        "an unknown sample",
        TABLES,
        "row 2, column sample: 'zz' is no sample",
        **override(OVERRIDES.replace("a_csf", "zz")),
    ),
    looked(
        "a cell twice",
        TABLES,
        "row 3, column barcode: 'AAAC-1' is there twice",
        **override(OVERRIDES + "a_csf\tAAAC-1\t\tpDC\n"),
    ),
    looked(
        "overrides in Latin-1",
        TABLES,
        "o.tsv.*UTF-8",
        **override((OVERRIDES + "a_csf\tM\xfcller\t\tB\n").encode("latin-1")),
    ),
    asked("lineages that there are", "", study={"primary_lineages": ["pDC", "B"]}),
    asked(
        "Bcells",
        "--primary_lineages 'Bcells' is no lineage .*did you mean 'B'",
        study={"primary_lineages": ["pDC", "Bcells"]},
    ),
    asked("a gene in lower case", "--target_gene 'ms4a1' .*did you mean 'MS4A1'", ("--target_gene", "ms4a1")),
    asked("a gene unlike any", "--target_gene 'QQQ' is not among the genes", ("--target_gene", "QQQ")),
    asked("no genes of the model", "no sample can be labelled: .*model", genes=[f"Z{i}" for i in range(90)]),
    scored("GMT", "A\tx\tGENES\n", sets=("A",)),
    scored("GMT with a byte order mark and CRLF", "\ufeffA\tx\tGENES\r\n\r\nB\t\tGENES\r\n", sets=("A", "B")),
    scored("GMT of CR alone", "A\tx\tGENES\rB\tx\tGENES\r", sets=("A", "B")),
    scored("a set without genes", "A\tx\n", r"sets \(1\).gmt line 1: needs a set name"),
    scored("a set twice", "A\tx\tGENES\nA\tx\tCD4\n", "line 2: gene set 'A' is there twice"),
    scored("GMT in Latin-1", b"A\tM\xfcller\tCD3E\n", "cannot be read as a GMT text file|UTF-8"),
    scored("a GMT that is packed", b"\x1f\x8b\x08\x00\x00", "cannot be read as a GMT text file|gzip|packed"),
    captured(
        "DUP one content, two names",
        "row 4, column raw: 'b_csf' has the same content as 'a_csf' in row 2.*own file",
        cells_of("a_csf", 2, "ff"),
        cells_of("b_csf", 4, "ff"),
    ),
    captured("other contents", "", cells_of("a_csf", 2, "ff"), cells_of("b_csf", 4, "fe", seed=9)),
    captured(
        "lanes of one library",
        "rows 2 and 10: .*lanes of one library",
        cells_of("a_csf", 2, "ff"),
        cells_of("a_csf2", 10, "fe", shift=5),
        sheet=LANES,
    ),
    captured(
        "two libraries of a specimen", "", cells_of("a_csf", 2, "ff"), cells_of("a_csf2", 10, "fe", seed=5), sheet=LANES
    ),
]
