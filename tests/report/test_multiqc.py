"""MultiQC's tables."""

import json
import subprocess

import pandas as pd
import pytest

from compartments.core.files import read_tsv
from compartments.report.results import Results


def test_multiqc_tables_hold_the_data(whole):
    folder = whole[0]
    files = sorted(path.name for path in (folder / "multiqc").glob("*.tsv"))
    assert files == [f"sc_compartments_{name}_mqc.tsv" for name in ("findings", "lineages", "removed", "samples")]
    for name in files:
        text = (folder / "multiqc" / name).read_text()
        header = [line for line in text.splitlines() if line.startswith("# ")]
        values = dict(line[2:].split(": ", 1) for line in header)
        assert json.loads(values["id"]).startswith("sc_compartments_") and json.loads(values["plot_type"])
        assert "imulated data" in text
    lineages = pd.read_csv(folder / "multiqc" / "sc_compartments_lineages_mqc.tsv", sep="\t", comment="#", index_col=0)
    counts = read_tsv(folder / "composition" / "counts.tsv")
    assert lineages.to_numpy().sum() == counts.loc[counts["level"] == "lineage", "n_cells"].sum()
    assert list(lineages.index) == list(Results(folder).study.samples["sample"])


def test_multiqc_shows_them(whole, root, tmp_path):
    """The program itself, from tests/multiqc.lock: every section is there with its numbers."""
    program = root / ".tools" / "multiqc" / "bin" / "multiqc"
    if not program.is_file():
        pytest.skip("MultiQC is not installed: tools/setup.sh multiqc")
    folder = whole[0]
    command = [program, "--quiet", "--strict", "--outdir", tmp_path, folder / "multiqc"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "multiqc_report.html").read_text()
    for title in ("Lineages", "Cells removed", "Droplets in order of counts", "Five questions"):
        assert title in page
    shown = pd.read_csv(tmp_path / "multiqc_data" / "multiqc_sc_compartments_lineages_plot.txt", sep="\t", index_col=0)
    counts = read_tsv(folder / "composition" / "counts.tsv").query("level == 'lineage'")
    assert shown.to_numpy().sum() == counts["n_cells"].sum()
    general = pd.read_csv(tmp_path / "multiqc_data" / "multiqc_general_stats.txt", sep="\t", index_col=0)
    assert set(general.index) == set(Results(folder).study.samples["sample"]) and general.shape[1] >= 5
