"""The demo cohort through the whole pipeline: are the five planted findings told, is nothing told of a null cohort, and
does a second run write the same tables?
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.gates import row
from tests.support.runs import differing, nextflow, tables

ROOT = Path(__file__).resolve().parents[2]

STEP = "pipeline"
SEEDS = (1, 2)


def run(quick=False):
    """Rows of the scoreboard; no quick form, since the pipeline's tests run the demo."""
    if quick:
        return []
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for preset, metric, gate in (
            ("alemtuzumab", "planted findings told, of 5", ">= 5"),
            ("null", "findings told, of 5", ""),
        ):
            told = [len(_told(run_demo(folder / f"{preset}{seed}", preset, seed))) for seed in SEEDS]
            rows += [row(STEP, metric, preset, n, gate, 5, seed) for seed, n in zip(SEEDS, told, strict=True)]
        asked = 5 * len(SEEDS)
        rows.append(row(STEP, "share of questions answered yes", "null", sum(told) / asked, "<= .05", asked, SEEDS[0]))
        first = tables(folder / f"alemtuzumab{SEEDS[0]}" / "out")
        second = tables(run_demo(folder / "again", "alemtuzumab", SEEDS[0]))
        n = len(differing(first, second))
        rows.append(row(STEP, "tables that differ on a second run", "alemtuzumab", n, "== 0", len(first), SEEDS[0]))
    return rows


def run_demo(folder, preset, seed):
    """Results folder of the demo with the preset and seed."""
    folder.mkdir()
    options = ["-profile", "local,demo", "--outdir", "out", "--simulate", preset, "--seed", seed]
    done = nextflow(ROOT, folder, *options)
    if done.code:
        raise RuntimeError(done.text[-2000:])
    shutil.rmtree(folder / "work")
    return folder / "out"


def _told(out):
    """Questions whose summary is yes, at a tier that claims; in 2, 4 pDC must be what is named."""
    findings = pd.read_csv(out / "findings.tsv", sep="\t", keep_default_na=False)
    yes = findings[(findings["verdict"] == "yes") & (findings["lineage"] == "")]
    yes = yes[yes["tier"].isin(["inferential", "exploratory"])]
    named = yes[~yes["question"].astype(int).isin([2, 4]) | yes["statement"].str.contains("pDC")]
    return set(named["question"].astype(int))


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
