"""Samplesheets as text, and their studies."""

from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet

HEADER = "sample,donor,compartment,condition,raw\n"
GOOD = HEADER + "".join(
    f"{p}_{c},{p},{c},{'treated' if p in ('P1', 'P2') else 'control'},{p}_{c}.h5\n"
    for p in ("P1", "P2", "P3", "P4", "P5", "P6")
    for c in ("CSF", "blood")
)


def study_of(text=GOOD, **options):
    return make_study(parse_samplesheet(text), **options)


def sheet(rows, extra=()):
    """Samplesheet text from (donor, compartment, condition, *extra) tuples."""
    header = ",".join(["sample", "donor", "compartment", "condition", "raw", *extra])
    lines = [",".join([f"{r[0]}_{r[1]}", *r[:3], "x.h5", *map(str, r[3:])]) for r in rows]
    return "\n".join([header, *lines]) + "\n"


def before_after(rows, extra=()):
    """Samplesheet text of donors with several conditions: (donor, compartment, condition, *extra) tuples."""
    header = ",".join(["sample", "donor", "compartment", "condition", *extra, "raw"])
    lines = [",".join([f"{r[0]}_{r[1]}_{r[2]}", *map(str, r), f"{r[0]}_{r[1]}_{r[2]}.h5"]) for r in rows]
    return "\n".join([header, *lines]) + "\n"


ROWS = [(f"P{i}", c, "treated" if i < 4 else "control") for i in range(9) for c in ("CSF", "blood")]


def with_column(values, name="batch"):
    return sheet([(*row, values(int(row[0][1:]))) for row in ROWS], [name])
