"""Donors and samples: a traumatic tap."""

import pandas as pd
import pytest

from compartments.study.samplesheet import parse_samplesheet
from tests.support.simulated import SMALL


def test_traumatic_tap_and_decoys_preset(execute, tmp_path):
    done = execute("simulate_cohort", "--preset", "decoys", "--outdir", "decoys", "--filtered", *SMALL)
    assert done.returncode == 0, done.stderr
    samples = pd.read_csv(tmp_path / "decoys" / "truth" / "samples.tsv", sep="\t").set_index("sample")
    assert samples.index[samples["admixture"] > 0].tolist() == ["D01_CSF"]
    import anndata

    red = {
        sample: anndata.read_h5ad(tmp_path / "decoys" / "truth" / f"{sample}.h5ad")
        .var["soup"][["HBB", "HBA1", "HBA2"]]
        .sum()
        for sample in ("D01_CSF", "D02_CSF", "D02_blood")
    }
    assert red["D01_CSF"] == pytest.approx(0.6, abs=0.06) and red["D02_CSF"] == pytest.approx(0.3, abs=0.06)
    assert red["D02_blood"] < 0.12
    effects = pd.read_csv(tmp_path / "decoys" / "truth" / "expression_effects.tsv", sep="\t")
    wide = effects.pivot(index=["gene", "lineage"], columns="compartment", values="log2fc")
    assert len(wide) and (wide["CSF"] == wide["blood"]).all()
    sheet = parse_samplesheet((tmp_path / "decoys" / "samplesheet.csv").read_text())
    assert all((tmp_path / "decoys" / path).is_file() for path in sheet["filtered"])
