"""Simulated studies of other designs, from raw droplets to the report; long: `make test-long`."""

import pandas as pd
import pytest

from tests.support.runs import nextflow

pytestmark = pytest.mark.long

SIZE = "--genes 2000 --empties 3000"
TREND = ["--trend", "--condition_order", "baseline,m1,m6"]
# preset -> further parameters, kinds of its contrasts
DESIGNS = {
    "before_after": ([], {"within"}),
    "before_after_controlled": ([], {"within", "change"}),
    "time_points": (TREND, {"within", "trend"}),
    "one_condition": ([], {"compartments"}),
    "one_compartment": ([], {"between"}),
}


def table(out, place):
    return pd.read_csv(out / place, sep="\t")


@pytest.mark.parametrize("preset", DESIGNS)
def test_a_study_of_every_design_ends_with_its_answers(preset, project, tmp_path):
    given, kinds = DESIGNS[preset]
    options = ["--simulate", preset, f"--simulate_options={SIZE}", *given]
    done = nextflow(project, tmp_path, "-profile", "local,test", "--outdir", "out", *options)
    assert done.code == 0, done.text[-4000:]
    out = tmp_path / "out"
    assert set(table(out, "design.tsv")["kind"]) == kinds
    page = (out / "report.html").read_text()
    assert len(page) > 100_000 and "Traceback" not in page
    assert not table(out, "skipped.tsv")["reason"].astype(str).str.contains("Error").any()
    findings = table(out, "findings.tsv")
    assert sorted(findings["question"].unique()) == [1, 2, 3, 4, 5]
    assert set(findings["verdict"]) <= {"yes", "no", "cannot_tell"}
    assert inside(preset, out) > 0.8


def inside(preset, out):
    """Share of the planted changes of composition that are inside their intervals."""
    effects = table(out, "composition/effects.tsv").query("level == 'lineage'")
    truth = table(out, "simulated/truth/lineage_effects.tsv").set_index("lineage")
    found = []
    for (contrast, term, compartment), rows in effects.groupby(["contrast", "term", "compartment"]):
        # controls do not change, and m1 and the trend by parts of what m6 does
        if contrast.endswith("_in_control") or (preset == "time_points" and not contrast.startswith("m6")):
            continue
        column = {"interaction": "interaction", "compartments": "CSF_vs_blood"}.get(term, compartment)
        known = rows["lineage"].map(truth[column])
        rows = rows[rows["ci_low"].notna() & known.notna()]
        found.append(rows["ci_low"].le(known[rows.index]) & rows["ci_high"].ge(known[rows.index]))
    return pd.concat(found).mean()
