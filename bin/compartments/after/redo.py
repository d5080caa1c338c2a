"""Every comparison that a changed question touches, made anew from published results; the rest is theirs."""

import os
import shutil
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from compartments.after.asked import Asked, same
from compartments.after.before import PROJECT, Before
from compartments.after.cells import Cohort
from compartments.after.pairs import Pairs, resource_of
from compartments.after.steps import Steps
from compartments.core import dictionary
from compartments.core.contract import Contract
from compartments.core.files import read_tsv, write_json, write_tsv
from compartments.core.left_out import COLUMNS, LeftOut
from compartments.study.parameters import names_in
from compartments.study.plan import design_table

# made anew in any case, or of the run alone
SHOWN = ("collect_skipped", "write_findings", "make_report", "print_report")
NOT_KEPT = (*SHOWN, "check_design", "check_labels", "compare")
NOT_ASKED = "left out by --skip "  # how the reasons begin that a run gives for its steps (workflows/report.nf)
Labels = Mapping[str, tuple[pd.DataFrame, dict[str, Any]]]


class Redo:
    """One pass over the steps in their order.

    Parameters
    ----------
    before : Before
    old, new : Asked
    labels : dict, sample -> (labels, summary)
        Of samples whose labels change.
    out : Path
        Folder of the new results, there and empty.
    cpus : int
    """

    def __init__(self, before: Before, old: Asked, new: Asked, labels: Labels, out: Path, cpus: int) -> None:
        self.before, self.old, self.new, self.labels, self.out, self.cpus = before, old, new, labels, out, cpus
        self.scratch = out / ".work"
        self.steps = Steps(out, self.scratch, new.parameters)
        self.asked_else = not same(old.compared, new.compared)
        self._cohort: Cohort | None = None
        self._filtered: dict[str, Path] = {}

    def place(self, name: str) -> Path:
        """A result as it is now: made anew, or of the run."""
        return self.out / name if (self.out / name).exists() else self.before.root / name

    def changed(self, *names: str) -> bool:
        """Whether any of these results was made anew and says something else."""
        pairs = [(self.out / name, self.before.root / name) for name in names]
        return any(one.exists() and (not two.exists() or one.read_bytes() != two.read_bytes()) for one, two in pairs)

    def filtered(self, sample: str) -> Path:
        """Cells of a sample, made of the cohort's file."""
        if sample not in self._filtered:
            self._cohort = self._cohort or Cohort(self.before)
            path = self.scratch / f"{sample}.filtered.h5ad"
            self._cohort.filtered(sample).write_h5ad(path)
            self._filtered[sample] = path
        return self._filtered[sample]

    def tables_of(self, sample: str) -> dict[str, Path]:
        """Options that name doublets and labels of a sample."""
        return {name: self.place(f"samples/{sample}/{sample}.{name}.tsv.gz") for name in ("doublets", "labels")}

    def run(self) -> list[str]:
        """All that is touched, into ``out``; names of the steps that were called."""
        self._design()
        self._cells()
        self._lineages()
        self._expression()
        Pairs(self).compare()
        self._coupling()
        self._keep()
        self._left_out()
        return self.steps.called

    def _design(self) -> None:
        """What check_design and check_labels publish."""
        (self.out / "pipeline_info").mkdir()
        self.scratch.mkdir()
        self.new.study.save(self.out / "study.json")
        self.new.ordered.save(self.scratch / "ordered.json")
        self.new.compared.save(self.out / "pipeline_info/labelled.json")
        write_json(self.new.parameters, self.out / "pipeline_info/params.json")
        shutil.copy2(self.before.root / "samples.tsv", self.out / "samples.tsv")
        for name in ("models.tsv", "label_meanings.tsv", "versions.yml"):
            if (self.before.root / "pipeline_info" / name).is_file():
                shutil.copy2(self.before.root / "pipeline_info" / name, self.out / "pipeline_info" / name)
        contract = Contract.of("check_design")
        table = design_table(self.new.study)
        write_tsv(table[contract.ordered(list(table), "design.tsv")], self.out / "design.tsv")

    @property
    def study(self) -> Path:
        """What the comparisons read of the study."""
        return self.out / "pipeline_info/labelled.json"

    def _cells(self) -> None:
        """Labels that change, sums of these samples, and the cohort."""
        contract = Contract.of("annotate_cells")
        for sample, (labels, summary) in self.labels.items():
            base = f"samples/{sample}/{sample}"
            (self.out / base).parent.mkdir(parents=True)
            ordered = contract.ordered(list(labels), f"{base}.labels.tsv.gz")
            write_tsv(labels[ordered], self.out / f"{base}.labels.tsv.gz")
            write_json(summary, self.out / f"{base}.labels.json")
            self.steps.call("sum_sample", {"filtered": self.filtered(sample), **self.tables_of(sample)}, sample)
        if self.labels or not same(self.old.ordered, self.new.ordered):
            sums = [self.place(f"samples/{name}/{name}.sums.h5ad") for name in self.before.samples]
            summaries = [self.place(f"samples/{name}/{name}.labels.json") for name in self.before.samples]
            given = {"study": self.scratch / "ordered.json", "sums": sums, "summaries": summaries}
            merged = self.steps.call("merge_samples", given) / "merged.h5ad"
            if self.labels:
                names = read_tsv(self.place("cohort/depth.tsv"), ["sample"])["sample"]
                files = [self.filtered(sample) for sample in names]
                bulk = self.place("cohort/pseudobulk.h5ad")
                given = {"merged": merged, "pseudobulk": bulk, "cpus": self.cpus, "filtered": files}
                self.steps.call("embed_cohort", given)

    def touched(self, step: str, *results: str, further: tuple[str, ...] = ()) -> bool:
        """Whether a step has another question, other results that it reads, or other parameters."""
        return self.asked_else or self.changed(*results) or self.new.differs(self.old, step, *further)

    def _lineages(self) -> None:
        """Composition, what more donors would find, subclusters, and what is claimed of relabelled donors."""
        counts = self.place("composition/counts.tsv")
        if self.touched("compare_composition", "composition/counts.tsv"):
            self.steps.call("compare_composition", {"study": self.study, "counts": counts})
            effects = self.place("composition/effects.tsv")
            given = {"study": self.study, "effects": effects, "out": "composition/power.tsv"}
            self.steps.call("power", given)
        cohort = "cohort/cohort.h5ad"
        if self.new.parameters.get("zoom") and self.touched("zoom_lineages", cohort):
            self.steps.call("zoom_lineages", {"study": self.study, "cohort": self.place(cohort), "cpus": self.cpus})
        summary = "composition/composition.json"
        if self.touched("calibrate", "composition/counts.tsv", summary):
            self.steps.call("calibrate", {"study": self.study, "counts": counts, "composition": self.place(summary)})

    def _expression(self) -> None:
        """Genes and gene sets."""
        bulk, effects = "cohort/pseudobulk.h5ad", "composition/effects.tsv"
        given: dict[str, Any] = {"study": self.study, "pseudobulk": self.place(bulk)}
        asked = "expression" not in names_in(self.new.parameters.get("skip"))
        if asked and self.touched("compare_expression", bulk, effects):
            self.steps.call("compare_expression", given | {"composition": self.place(effects), "cpus": self.cpus})
        if self.touched("score_gene_sets", bulk, further=("gene_sets",)):
            own = PROJECT / "assets/migration_sets.gmt"
            sets = [own, *self.new.files("gene_sets")]
            self.steps.call("score_gene_sets", given | {"gene_sets": sets})
        if self.touched("score_activities", bulk, further=("pathways", "regulators", "lr_resource")):
            networks = {name: self.new.files(name) for name in ("pathways", "regulators")}
            if not networks["pathways"]:
                networks["pathways"] = [PROJECT / "assets/migration_sets.gmt"]
                given |= {"lr_resource": resource_of(self.new)}
            self.steps.call("score_activities", given | networks)

    def _coupling(self) -> None:
        names = [f"composition/{name}.tsv" for name in ("effects", "donors")] + ["cohort/cohort.h5ad"]
        redone = "compare_expression" in self.steps.called
        root = self.out if redone else self.before.root
        genes = sorted((root / "expression").glob("*.parquet"))
        if redone or self.touched("compare_coupling", *names):
            composition, donors, cohort = map(self.place, names)
            given = {"study": self.study, "composition": composition, "donors": donors, "cohort": cohort}
            self.steps.call("compare_coupling", given | {"expression": genes})

    def _keep(self) -> None:
        """Results that nothing touched: as they are, one file in both folders where the file system allows it."""
        rows = dictionary.load(PROJECT / "assets/dictionary.tsv")
        steps_of = {row["file"]: row["step"].split(", ") for row in rows if not row["column"]}
        whole = {*self.steps.called, *NOT_KEPT} - {step for step, _sample in self.steps.of_samples}
        for path in sorted(path for path in self.before.root.rglob("*") if path.is_file()):
            name = path.relative_to(self.before.root).as_posix()
            steps = [step for file, own in steps_of.items() if fnmatch(name, file) for step in own if step]
            target = self.out / name
            if target.exists() or not steps or whole & set(steps):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:
                shutil.copy2(path, target)

    def _left_out(self) -> None:
        """Reasons of the steps that were called, and of the others as they were."""
        rows = read_tsv(self.before.root / "skipped.tsv", text=COLUMNS).fillna("")
        single = {step for step, _sample in self.steps.of_samples}
        again = rows["stage"].isin(set(self.steps.called) - single) & ~rows["reason"].str.startswith(NOT_ASKED)
        of_sample = [key in self.steps.of_samples for key in zip(rows["stage"], rows["sample"], strict=True)]
        kept = rows[~again & ~np.array(of_sample, bool)]
        pieces = [self.scratch / "before.tsv", self.scratch / "again.tsv"]
        for piece, found in zip(pieces, (kept.to_dict("records"), self.steps.left_out), strict=True):
            every = LeftOut("")
            every.rows = found
            every.write(str(piece))
        folder = self.steps.call("collect_skipped", {"study": self.out / "study.json"}, files=pieces)
        (folder / "skipped.tsv").replace(self.out / "skipped.tsv")
