"""The demo cohort through the whole pipeline: are the five planted findings told, is nothing told of a null cohort, and
does a second run write the same tables?
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.gates import row  # noqa: E402

STEP = "pipeline"
SEEDS = (1, 2)
TABLES = (".tsv", ".tsv.gz", ".parquet", ".gmt")


def run(quick=False):
    """Rows of the scoreboard; no quick form, since the pipeline's tests run the demo."""
    if quick:
        return []
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for preset in ("alemtuzumab", "null"):
            told = [_told(run_demo(Path(folder) / f"{preset}{seed}", preset, seed)) for seed in SEEDS]
            for seed, answers in zip(SEEDS, told, strict=True):
                if preset == "alemtuzumab":
                    rows.append(row(STEP, "planted findings told, of 5", preset, len(answers), ">= 5", 5, seed))
                else:
                    rows.append(row(STEP, "findings told, of 5", preset, len(answers), "", 5, seed))
            if preset == "null":
                share = sum(map(len, told)) / (5 * len(SEEDS))
                rows.append(
                    row(STEP, "share of questions answered yes", preset, share, "<= .05", 5 * len(SEEDS), SEEDS[0])
                )
        first, second = Path(folder) / f"alemtuzumab{SEEDS[0]}", Path(folder) / "again"
        run_demo(second, "alemtuzumab", SEEDS[0])
        before, after = digests(first), digests(second)
        differing = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
        rows.append(
            row(STEP, "tables that differ on a second run", "alemtuzumab", len(differing), "== 0", len(before), 1)
        )
    return rows


def run_demo(folder, preset, seed):
    """Results folder of the demo with the preset and seed."""
    folder.mkdir()
    command = [ROOT / "tools" / "nextflow", "run", ROOT, "-profile", "local,demo", "--outdir", "out"]
    command += ["--simulate", preset, "--seed", seed]
    environment = os.environ | {"NXF_OFFLINE": "true", "NXF_ANSI_LOG": "false"}
    subprocess.run(list(map(str, command)), cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", folder / "work"], check=True)
    return folder / "out"


def _told(out):
    """Questions whose summary is yes, at a tier that claims; in 2, 4 pDC must be what is named."""
    findings = pd.read_csv(out / "findings.tsv", sep="\t", keep_default_na=False)
    yes = findings[(findings["verdict"] == "yes") & (findings["lineage"] == "")]
    yes = yes[yes["tier"].isin(["inferential", "exploratory"])]
    named = yes[~yes["question"].astype(int).isin([2, 4]) | yes["statement"].str.contains("pDC")]
    return set(named["question"].astype(int))


def digests(folder):
    """Digest of every table under ``out`` of a run, without the engine's own."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "out").rglob("*"))
        if path.name.endswith(TABLES) and "pipeline_info" not in path.parts
    }


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
