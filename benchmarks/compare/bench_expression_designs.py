"""Expression where donors are their own controls: error rates, and power beside limma's voom on the same studies.

Of every study a tenth of the genes changes in CSF, half of them up. Power is at each method's own critical value of
1 %, from the genes that do not change. limma needs R (Debian: r-bioc-limma, r-bioc-edger, r-cran-statmod) and is left
out where it is not.
"""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import linalg, sparse

from benchmarks.compare.alternatives import r_is_there
from benchmarks.expression_designs import counts_of, sheet_of, study_of_kind
from benchmarks.gates import row
from compartments.cohort.pseudobulk import Lineage
from compartments.compare import expression
from compartments.core.left_out import LeftOut
from compartments.study.arms import arm_design
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN
from compartments.study.terms import terms_of

STEP = "expression_designs"
SEED, STUDIES, GENES, LOG2FC = 41, 24, 300, 1.0
SCRIPT = Path(__file__).with_suffix(".R")
SETTINGS = [(WITHIN, 3), (WITHIN, 4), (WITHIN, 6), (WITHIN, 12), (MIXED, 3), (MIXED, 4), (CHANGE, 4), (COMPARTMENTS, 4)]
SETTINGS += [(COMPARTMENTS, 8), (TREND, 4)]
OURS, OWN, BLOCKS = "ours", "limma-voom, donor columns", "limma-voom, duplicateCorrelation"
BOUND, LEVEL = 0.05, 0.01  # of the error rate; of the power


def one(rng, kind, n):
    """One study: of every term what changed and p, both shape (genes,), and the tasks for limma."""
    sheet = sheet_of(kind, n)
    # the first sample is of what changes: CSF after the last time, of the drug's donors
    sheet = sheet.sort_values("compartment", kind="stable", ignore_index=True)
    if kind == TREND:
        sheet = sheet.sort_values(["compartment", "condition"], ascending=[True, False], kind="stable")
    sheet = sheet.reset_index(drop=True)
    changed = np.arange(GENES) < GENES // 10
    made = counts_of(rng, sheet, GENES, changed, np.where(np.arange(changed.sum()) % 2, LOG2FC, -LOG2FC))
    counts = made.counts.set_axis(sheet["sample"])
    rows = made.samples.set_index("sample").rename_axis(None)
    raw = counts.to_numpy()
    lineage = Lineage("T", rows, counts.columns, raw, sparse.csr_array(raw), sparse.csr_array(raw.shape))
    study, left_out = study_of_kind(made.samples), LeftOut("compare_expression")
    tables = {t["term"].iloc[0]: t for t in expression.compare_lineage(lineage, study, left_out)[0]}
    found = {}
    for term in terms_of(study):
        if term.name not in tables:
            raise RuntimeError(left_out.rows)
        table = tables[term.name]
        is_changed = pd.Series(changed, counts.columns)[table["gene"]].to_numpy() & (term.name != "within:blood")
        tasks = tasks_of(term, counts[table["gene"]], rows["donor"])
        found[term.name] = is_changed, table, tasks
    return found


def tasks_of(term, counts, donors):
    """What limma is asked of a term: method -> a table, a row per sample."""
    designs = {} if term.repeated else {OWN: expression.unit_design(term)[:2]}
    if term.repeated:
        designs[BLOCKS] = expression.unit_design(term)[:2]
    elif len(term.parts) == 2:
        arms, vector, _ = arm_design(term)
        blocks = pd.DataFrame(linalg.block_diag(arms, arms), pd.concat([term.units[p.column] for p in term.parts]))
        designs[BLOCKS] = blocks, np.concatenate([vector, -vector])
    tasks = {}
    for method, (design, vector) in designs.items():
        table = pd.DataFrame(design.to_numpy()).add_prefix("x_")
        table["vector"], table["blocked"] = " ".join(map(str, vector)), int(method == BLOCKS)
        table["donor"] = donors[design.index].to_numpy()
        tasks[method] = table.join(counts.loc[design.index].reset_index(drop=True))
    return tasks


def in_limma(tasks):
    """p of every task, in order."""
    with tempfile.TemporaryDirectory() as folder:
        for number, task in enumerate(tasks):
            task.to_csv(Path(folder, f"task_{number}.csv"), index=False)
        subprocess.run(["Rscript", "--vanilla", SCRIPT, folder], check=True, capture_output=True)
        return [np.loadtxt(Path(folder, f"p_{number}.csv")) for number in range(len(tasks))]


def setting_rows(kind, n, studies, beside):
    """Rows of one design."""
    rng = np.random.default_rng([SEED, n, *map(ord, kind)])
    made = [one(rng, kind, n) for _ in range(studies)]
    size = f"{n} v {n}" if kind == CHANGE else f"{n} both, {n} + {n} with one" if kind == MIXED else f"{n}"
    setting, rows = f"{kind}, {size} donors", []

    def add(metric, values, gate):
        se = np.std(values, ddof=1) / np.sqrt(studies)
        rows.append(row(STEP, metric, setting, np.mean(values), gate if studies > 3 else "", studies, SEED, se=se))

    for name in made[0]:
        changed = [study[name][0] for study in made]
        tables = [study[name][1] for study in made]
        p = {OURS: [table["p_value"].to_numpy() for table in tables]}
        own = f", {tables[0]['engine'].iloc[0]}, {name}"
        add(f"type-I error{own}", [(x[~c] < BOUND).mean() for x, c in zip(p[OURS], changed, strict=True)], ".03-.07")
        add(f"type-I error at .001{own}", [(x[~c] < 0.001).mean() for x, c in zip(p[OURS], changed, strict=True)], "")
        if not changed[0].any():
            continue
        called = [table["q_value"].to_numpy() < BOUND for table in tables]
        false = [(q & ~c).sum() / max(1, q.sum()) for q, c in zip(called, changed, strict=True)]
        # of a handful of studies one with few calls decides
        add(f"FDP at BH 5 %{own}", false, "<= .08" if studies >= 20 else "")
        if beside:
            for method in made[0][name][2]:
                p[method] = in_limma([study[name][2][method] for study in made])
        power = {method: powers(values, changed) for method, values in p.items()}
        for method, values in power.items():
            add(f"power, {method}, {name}", values, "")
        if len(power) > 1:
            best = max((m for m in power if m != OURS), key=lambda m: power[m].mean())
            add(f"power above the best other's, {name}", power[OURS] - power[best], ">= -.03")
    return rows


def powers(p, changed):
    """Share of the changed genes found in every study at the critical value of all studies."""
    critical = np.quantile(np.concatenate([x[~c] for x, c in zip(p, changed, strict=True)]), LEVEL)
    return np.array([(x[c] < critical).mean() for x, c in zip(p, changed, strict=True)])


def run(quick=False):
    """Rows of the scoreboard; the quick form without limma."""
    warnings.simplefilter("ignore")
    settings = [(WITHIN, 4), (MIXED, 3)] if quick else SETTINGS
    beside = not quick and r_is_there()
    studies = 4 if quick else STUDIES
    return [line for kind, n in settings for line in setting_rows(kind, n, studies, beside)]


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string())
