"""Make limma_mixed.json: limma's voom and duplicateCorrelation, each twice, through Rscript.

limma, edgeR and statmod are under the GPL and no part of the project; Debian has them (r-bioc-limma, r-bioc-edger,
r-cran-statmod). From the root:

python -m tests.data.make_limma_mixed > tests/data/limma_mixed.json
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.expression_designs import counts_of, sheet_of
from compartments.study.study import MIXED

SCRIPT = """
suppressMessages({library(limma); library(edgeR)})
given <- read.csv("given.csv", check.names = FALSE)
counts <- t(as.matrix(given[, -(1:2)]))
condition <- factor(given$condition, c("baseline", "after"))
design <- model.matrix(~ condition)
y <- calcNormFactors(DGEList(counts))
v <- voom(y, design)
r <- duplicateCorrelation(v, design, block = given$donor)$consensus
v <- voom(y, design, block = given$donor, correlation = r)
r <- duplicateCorrelation(v, design, block = given$donor)$consensus
fit <- eBayes(lmFit(v, design, block = given$donor, correlation = r))
write.csv(data.frame(fit$coefficients[, 2], fit$t[, 2], fit$p.value[, 2], r), "made.csv", row.names = FALSE)
cat(as.character(packageVersion("limma")))
"""


def blood():
    """Counts in blood of 3 donors with both conditions, 3 with one and 3 with the other; a fifth of the genes rise."""
    samples = sheet_of(MIXED, 3)
    samples = samples[samples["compartment"] == "blood"].reset_index(drop=True)
    return counts_of(np.random.default_rng(19), samples, changed=np.arange(300) < 60, log2fc=1.0)


def make():
    made = blood()
    with tempfile.TemporaryDirectory() as folder:
        made.samples[["donor", "condition"]].join(made.counts).to_csv(Path(folder, "given.csv"), index=False)
        command = ["Rscript", "--vanilla", "-e", SCRIPT]
        version = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
        log2fc, t, p, r = np.loadtxt(Path(folder, "made.csv"), delimiter=",", skiprows=1).T
    digits = {"log2fc": log2fc.round(4).tolist(), "t": t.round(4).tolist(), "p_value": p.round(6).tolist()}
    return {"made_with": f"limma {version}", "correlation": round(float(r[0]), 4)} | digits


if __name__ == "__main__":
    print(json.dumps(make()))
