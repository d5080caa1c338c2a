"""A comparison again: what is asked is checked first, results appear whole or not at all."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from compartments.after.asked import asked_anew, asked_before
from compartments.after.before import Before, file_of, files_of
from compartments.after.cells import relabelled
from compartments.after.changes import changes_of, in_words
from compartments.after.redo import Labels, Redo
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_tsv, write_json, write_tsv
from compartments.core.sheets import read_text
from compartments.labels.foresight import check_lineages
from compartments.labels.lineages import broad_lineages, read_lineage_map
from compartments.study.parameters import names_in

FINDINGS = ["question", "contrast", "compartment", "lineage", "aspect"]


def compare_again(
    before: Before, given: Mapping[str, Any], labels: str | None, out: Path, cpus: int, run: tuple[str, str]
) -> list[str]:
    """Write the results of other questions to ``out``.

    Parameters
    ----------
    before : Before
    given : dict
        Parameters that are not those of the run.
    labels : path, optional
        Table with the lineage of every cell.
    out : Path
        Does not exist.
    cpus : int
    run : (str, str)
        Command and start, for the page.

    Returns
    -------
    list of str
        Lines on what was made anew, and what it says differently.

    Raises
    ------
    UserError
        What is asked cannot be asked of these results, or changes nothing.
    """
    parameters = dict(given)
    if labels:
        parameters |= {"label_overrides": labels}
    contrasts = parameters.get("contrasts")
    contrasts = read_text(file_of("contrasts", contrasts)) if contrasts else None
    old, new = asked_before(before), asked_anew(before, parameters, contrasts)
    lineage_map = read_lineage_map(files_of(new.parameters, "lineage_map")[0])
    zoomed = names_in(new.parameters.get("zoom"))
    for parameter, asked in (("primary_lineages", new.study.primary_lineages), ("zoom", zoomed)):
        check_lineages(asked, broad_lineages(lineage_map), parameter)
    changed: Labels = {}
    if named := labels or given.get("label_overrides"):
        table = file_of("labels" if labels else "label_overrides", named)
        clusters = files_of(new.parameters, "label_clusters") if given.get("label_clusters") else []
        umap = clusters[0] if clusters else before.root / "cohort/umap.tsv.gz"
        changed = relabelled(before, table, bool(labels), umap, lineage_map)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    fresh.mkdir()
    try:
        redo = Redo(before, old, new, changed, fresh, cpus)
        steps = redo.run()
        if steps == ["collect_skipped"]:
            raise UserError("nothing changes by what is given: these are the results as they are")
        after = _told(redo, given, run)
        changes = changes_of(read_tsv(before.root / "findings.tsv", FINDINGS, FINDINGS), after)
        lines = in_words(changes, after)
        write_tsv(changes[Contract.of("compare").ordered(list(changes), "changes.tsv")], fresh / "changes.tsv")
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    relabels = [f"Labels changed in {len(changed)} samples"] if changed else []
    return [*relabels, f"Made anew: {', '.join(steps)}", *lines, f"The new report: {out / 'report.html'}"]


def _told(redo: Redo, given: Mapping[str, Any], run: tuple[str, str]) -> pd.DataFrame:
    """Findings and page of the new results, and what they were made of."""
    out = redo.out
    about = {"results": str(redo.before.root.resolve()), "given": dict(given), "command": run[0], "started": run[1]}
    # of later comparisons, which the record of the run (left with the run) tells nothing of these
    about |= {"sha256": {name: digests for name, digests in redo.new.digests.items() if digests}}
    about |= {"steps": redo.steps.called, "samples_relabelled": sorted(redo.labels)}
    write_json(about, out / "pipeline_info/compare.json")
    folder = redo.steps.call("write_findings", {"results": out})
    (folder / "findings.tsv").replace(out / "findings.tsv")
    redo.steps.show({"command": run[0], "started": run[1]})
    shutil.rmtree(redo.scratch)
    return read_tsv(out / "findings.tsv", FINDINGS, FINDINGS)
