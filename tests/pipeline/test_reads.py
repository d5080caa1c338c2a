"""From FASTQ to the report: what comes out is what the counts give from which the reads were made."""

import gzip
import os
import re
import shutil
import subprocess

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.files import write_json
from compartments.reads.counting import COUNTERS
from compartments.simulate.reads import make_genome, write_genome, write_reads
from tests.executors.machine import CONTAINERS, build
from tests.support.matrices import raw_and_cells, write_mtx
from tests.support.models import make_model, write_model
from tests.support.reads import at_hand, known_barcodes
from tests.support.runs import nextflow, variables

pytestmark = pytest.mark.pipeline
SMALL = "--untreated 2 --genes 1500 --umi 1200 --soup_umi 30 --empties 1500 --cells_per_sample CSF=150 "
SMALL += "--cells_per_sample blood=200"
CELLS, EMPTY, GENES = 40, 400, 120
# from the files of reads to the counts that all other steps read
SCRIPT = """
include { READS } from './workflows/reads'
include { READ_COUNTS } from './modules/cells'
include { parametersOf ; settingsOf } from './lib/options'

workflow {
    def settings = settingsOf(params)
    samples = channel.of('csf', 'blood').map { name ->
        [[sample: name], files("${launchDir}/${name}_R1_*.gz"), files("${launchDir}/${name}_R2_*.gz"), '']
    }
    rows = samples.map { row -> [row[0], [row: 2]] }
    genome = channel.value(["${launchDir}/genome.fa".toString(), "${launchDir}/genes.gtf".toString()])
    study = channel.value(file("${launchDir}/study.json"))
    READS(samples, rows, genome, study, channel.value(0), channel.empty(), settings)
    given = channel.of([[sample: 'given'], file("${launchDir}/given"), [], []])
    counted = READS.out.counted.map { meta, path -> [meta, path, [], []] }
    def options = parametersOf(settings, 'read_counts')
    READ_COUNTS(counted.mix(given), [file("${launchDir}/genes.gtf")], options)
    READS.out.hashes.subscribe { meta, path -> log.info("HASHES ${meta.sample} ${path.readLines().join(' ')}") }
}
"""


@pytest.fixture(scope="module")
def lanes(project, tmp_path_factory):
    """Two samples of a donor as reads of 10x v2, their genome, and the counts that they were made from."""
    known = known_barcodes("10x_version2")
    folder = tmp_path_factory.mktemp("lanes")
    rng = np.random.default_rng(1)
    names = [*(f"GENE{n}" for n in range(GENES - 5)), *(f"MT-{n}" for n in range(5))]
    ids = [f"ENSG{n:011d}" for n in range(GENES)]
    genome = make_genome(names, ids, 1)
    write_genome(genome, folder / "genome.fa", folder / "genes.gtf")
    truth = {}
    for seed, name in enumerate(("csf", "blood")):
        share = rng.lognormal(0, 1, GENES)
        umis = np.concatenate([rng.lognormal(np.log(600), 0.3, CELLS).astype(int), rng.poisson(5, EMPTY)])
        counts = sp.csr_matrix(np.array([rng.multinomial(n, share / share.sum()) for n in umis], np.int32))
        barcodes = [known[n].decode() for n in rng.choice(len(known), len(umis), replace=False)]
        write_reads(counts, barcodes, genome, folder / name, seed=seed, umi=10)
        truth[name] = pd.DataFrame(counts.toarray(), barcodes, names)
    rows = [
        {"sample": name, "donor": "d1", "compartment": name, "condition": "untreated", "row": n}
        for n, name in enumerate(truth, 2)
    ]
    write_json({"samples": rows}, folder / "study.json")
    write_model(make_model(), folder / "model.pkl")
    write_mtx(folder / "given", raw_and_cells()[0])
    return folder, truth


def sheet(folder, *rows):
    """Arguments of a run on samples with the given files of reads 1 and 2."""
    lines = ["sample,donor,compartment,condition,fastq_1,fastq_2"]
    arms = [(donor, compartment) for donor in ("d1", "d2", "d3") for compartment in ("CSF", "blood")]
    for n, ((donor, compartment), pair) in enumerate(zip(arms, rows, strict=False)):
        lines.append(",".join([f"s{n}", donor, compartment, "untreated", *pair]))
    (folder / "sheet.csv").write_text("\n".join(lines) + "\n")
    given = ["--fasta", "genome.fa", "--gtf", "genes.gtf", "--celltypist_model", "model.pkl"]
    return ["-profile", "local", "--input", "sheet.csv", "--validate_only", *given]


def mates(name):
    return f"{name}_R1_001.fastq.gz", f"{name}_R2_001.fastq.gz"


def ways():
    """Counters, on this machine and in containers: one of them short."""
    for place in ("local", "podman"):
        for counter in COUNTERS:
            short = (place, counter) == ("local", "starsolo")
            marks = [] if short else [pytest.mark.long, *[pytest.mark.executors] * (place == "podman")]
            yield pytest.param(place, counter, marks=marks)


@pytest.mark.parametrize(("place", "counter"), ways())
def test_reads_of_two_samples_become_their_counts(project, lanes, place, counter):
    folder, truth = lanes
    contained = place == "podman"
    if contained:
        for image in ("core", "counts"):
            build(image)
    elif counter == "alevin-fry" and not at_hand("alevin-fry"):
        pytest.skip("alevin-fry is not here: make setup-alevin-fry")
    own = f"{place}_{counter}"
    out = folder / f"counted_{own}"
    (project / "reads.nf").write_text(SCRIPT)
    words = [project / "tools" / "nextflow", "run", project / "reads.nf", "-profile", place, "--outdir", out]
    words += ["--counter", counter, "-work-dir", f"work_{own}"]
    quality = contained or at_hand("fastp")
    words += ["--read_quality"] if quality else []
    environment = variables(**CONTAINERS) if contained else variables()
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    for name, counts in truth.items():
        (path,) = folder.glob(f"work_{own}/*/*/{name}.droplets.h5ad")
        found = ad.read_h5ad(path).to_df().reindex(index=counts.index, columns=counts.columns, fill_value=0)
        assert 0.99 <= found.to_numpy().sum() / counts.to_numpy().sum() <= 1.01
        assert np.corrcoef(found.to_numpy().ravel(), counts.to_numpy().ravel())[0, 1] >= 0.999
        first, second = mates(name)
        assert (out / "samples" / name / f"{name}_R2.fastp.json").exists() == quality
        assert re.search(rf"HASHES {name} \w{{64}}  {first} \w{{64}}  {second}", done.stdout)
    table = pd.read_csv(out / "cohort" / "reads.tsv", sep="\t")
    assert list(table["sample"]) == ["csf", "blood"] and set(table["chemistry"]) == {"3' v2"}
    assert set(table["counter"]) == {counter} and table["saturation"].between(0.3, 0.7).all()
    assert {path.name for path in out.iterdir()} <= {"cohort", "samples", "pipeline_info"}
    assert (out / "samples" / "given" / "given.read.json").exists()
    # counts are at hand, and yet nothing of them gets into the folder of another study
    other = folder / f"other_{own}"
    other.mkdir()
    crate = {"@graph": [{"@id": "#run", "name": "them"}, {"@id": "#input/x/1", "sha256": "0" * 64}]}
    write_json(crate, other / "ro-crate-metadata.json")
    words[words.index(out)] = other
    done = subprocess.run([*words, "-resume"], cwd=folder, capture_output=True, text=True, env=environment)
    assert "holds results of another study (run them, of 1 files, of which 0 are among these)" in done.stdout
    assert done.returncode != 0 and "COUNT_READS" not in done.stdout
    # the sample of counts is asked for by this script alone
    found = {path.name for path in other.rglob("*") if path.is_file()}
    assert found <= {"ro-crate-metadata.json", "given.read.json"}


@pytest.mark.long
def test_a_look_into_reads_says_what_index_and_mapping_need(project, lanes):
    folder, _truth = lanes
    done = nextflow(project, folder, *sheet(folder, mates("csf"), mates("blood")), "--outdir", "looked")
    assert done.code == 0 and "input files are fine" in done.text, done.text[-4000:]
    assert re.search(
        r"# reads: 0.\d million of 2 samples; foreseen to take \d+ min of CPU time .* with starsolo", done.text
    )
    assert re.search(
        r"# genome: 0.\d million bases, 120 genes; STAR's index .* GB of memory to build and .* GB to map", done.text
    )


@pytest.mark.long
def test_a_program_that_is_missing_is_told_before_the_look(project, lanes, tmp_path, monkeypatch):
    folder, _truth = lanes
    (tmp_path / "fastp").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "fastp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    words = sheet(folder, mates("csf"), mates("blood"))
    done = nextflow(project, folder, *words, "--outdir", "missing", "--read_quality")
    (line,) = [line for line in done.text.splitlines() if line.startswith("ERROR")]
    assert done.code != 0 and line == "ERROR: fastp ended with status 1: no word"
    assert "INSPECT_READS" not in done.text


@pytest.mark.long
def test_what_is_wrong_with_reads_is_a_line_each(project, lanes):
    folder, _truth = lanes
    first, second = mates("csf")
    (folder / "cut_R2.fastq.gz").write_bytes((folder / second).read_bytes()[:-2000])
    lines = gzip.decompress((folder / second).read_bytes()).split(b"\n")
    (folder / "fewer_R2.fastq.gz").write_bytes(gzip.compress(b"\n".join(lines[:-41]) + b"\n", 1))
    for name in ("cut", "fewer"):
        shutil.copy(folder / first, folder / f"{name}_R1.fastq.gz")
    bad = [tuple(f"{name}_R{mate}.fastq.gz" for mate in (1, 2)) for name in ("cut", "fewer")]
    rows = [(second, first), *bad, mates("blood")]
    done = nextflow(project, folder, *sheet(folder, *rows), "--outdir", "refused", "--max_memory", "2.GB")
    assert done.code != 0
    (line,) = [line for line in done.text.splitlines() if line.startswith("ERROR")]
    for said in (
        "row 2, sample 's0', column 'fastq_1': .* fastq_1 and fastq_2 are swapped",
        "row 3, sample 's1', column 'fastq_1': 'cut_R2.fastq.gz' ends in the middle .truncated gzip.",
        r"row 4, sample 's2', column 'fastq_1': '\S+' has \d+ reads, 'fewer_R2.fastq.gz' \d+",
        "mapping reads to this genome needs about 2.5 GB, and a task may have 2 GB here; give a larger --max_memory",
    ):
        assert re.search(said, line), (said, line)
    assert not [path for path in (folder / "refused").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def runs(project, tmp_path_factory):
    """The same cohort as counts and as reads."""
    folder = tmp_path_factory.mktemp("reads")
    for name, preset in (("counts", "one_condition"), ("reads", "reads")):
        options = ("--simulate", preset, f"--simulate_options={SMALL}", "--n_perms", "100", "--outdir", name)
        quality = ["--read_quality"] if name == "reads" and at_hand("fastp") else []
        done = nextflow(project, folder, "-profile", "local", *options, *quality)
        assert done.code == 0, done.text[-4000:]
    return folder


def table(runs, name, place):
    return pd.read_csv(runs / name / place, sep="\t")


@pytest.mark.long
def test_cells_and_labels_agree(runs):
    counts, reads = (table(runs, name, "cohort/cells.tsv.gz") for name in ("counts", "reads"))
    became = table(runs, "reads", "simulated/truth/barcodes.tsv")
    counts = counts.merge(became, on=["sample", "barcode"])
    both = counts.merge(
        reads, left_on=["sample", "barcode_of_reads"], right_on=["sample", "barcode"], suffixes=("", "_r")
    )
    assert len(both) >= 0.99 * max(len(counts), len(reads))
    assert (both["lineage"] == both["lineage_r"]).mean() >= 0.99


@pytest.mark.long
def test_every_call_is_the_same(runs):
    keys = ["level", "lineage", "contrast", "term", "compartment"]
    counts, reads = (
        table(runs, name, "composition/effects.tsv").set_index(keys)["call"] for name in ("counts", "reads")
    )
    assert counts.fillna("").equals(reads.fillna("").reindex(counts.index))


@pytest.mark.long
def test_reads_of_all_samples_are_side_by_side(runs):
    found = table(runs, "reads", "cohort/reads.tsv")
    assert len(found) == 4 and (found["chemistry"] == "3' v3").all()
    assert found["saturation"].between(0.4, 0.6).all()
    assert "Reads of the samples given as FASTQ" in (runs / "reads" / "report.html").read_text()
    of_reads, of_counts = ({path.name for path in (runs / name).iterdir()} for name in ("reads", "counts"))
    assert of_reads == of_counts, "an index is no result"
    looked = {path.parent.name for path in (runs / "reads" / "samples").glob("*/*.fastp.json")}
    assert looked == (set(found["sample"]) if at_hand("fastp") else set())
    assert ("fastp" in (runs / "reads" / "pipeline_info" / "versions.yml").read_text()) == bool(looked)
    cells = table(runs, "reads", "cohort/cells.tsv.gz")
    assert cells["pct_exonic"].between(60, 100).all() and cells["pct_exonic"].median() < 95
