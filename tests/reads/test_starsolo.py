"""STARsolo: how it is asked, and what of its folder is kept."""

import pytest

from compartments.reads.chemistries import CHEMISTRIES
from compartments.reads.counted import Asked
from compartments.reads.starsolo import count
from tests.support.reads import barcodes, lane, use_small_lists

V3 = CHEMISTRIES[1]
STAND_IN = """#!/bin/sh
echo "$@" > words
for feature in Gene GeneFull_Ex50pAS; do
    raw=Solo.out/$feature/raw
    mkdir -p $raw
    printf 'E1\\tA\\nE2\\tB\\n' > $raw/features.tsv
    cp barcodes.txt $raw/barcodes.tsv
    cat > Solo.out/$feature/Summary.csv <<END
Reads With Valid Barcodes,0.9
Reads Mapped to $feature: Unique $feature,0.7
Sequencing Saturation,0.5
Q30 Bases in CB+UMI,0.95
Q30 Bases in RNA read,0.9
Estimated,no number
END
done
printf '%%%%\\n2 200 2\\n1 3 1\\n2 7 4\\n' > Solo.out/GeneFull_Ex50pAS/raw/matrix.mtx
printf '%%%%\\n2 200 1\\n2 7 3\\n' > Solo.out/Gene/raw/matrix.mtx
printf ' Number of input reads |\\t40\\n Uniquely mapped reads %% |\\t80.00%%\\n' > Log.final.out
"""


@pytest.mark.parametrize("introns", [True, False])
def test_what_is_asked_and_what_is_kept(tmp_path, monkeypatch, introns):
    (tmp_path / "STAR").write_text(STAND_IN)
    (tmp_path / "STAR").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    use_small_lists(monkeypatch)
    known = barcodes()[V3.barcodes]
    lanes = [lane(tmp_path, known, n=10, name=name) for name in ("a, b", "c")]
    found = count(Asked(*zip(*lanes, strict=True), V3, "Reverse", introns, 7), "index", 3)
    assert found.barcodes == [known[k].decode() for k in ((2, 6) if introns else (6,))]
    assert found.counts.toarray().tolist() == ([[1, 0], [0, 4]] if introns else [[0, 3]])
    assert (found.exonic.tolist() if introns else found.exonic) == ([0, 3] if introns else None)
    assert found.summary["share_exonic"] == (0.6 if introns else 1) and found.summary["q30_rna"] == 0.9
    assert (found.summary["reads_used"], found.summary["mapped"], found.summary["in_genes"]) == (40, 0.8, 0.7)
    words = (tmp_path / "words").read_text()
    names = ",".join(f".reads/lane{n}_R{{mate}}.fastq.gz" for n in (1, 2))
    assert f"--readFilesIn {names.format(mate=2)} {names.format(mate=1)} " in words, "commas part files"
    assert "--readMapNumber 7" in words and "--soloStrand Reverse" in words and "--runThreadN 3" in words
    assert ("GeneFull_Ex50pAS" in words) == introns
    assert not (tmp_path / "Solo.out").exists() and (tmp_path / "Log.final.out").exists()
