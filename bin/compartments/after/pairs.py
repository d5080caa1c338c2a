"""Pairs of ligand and receptor compared anew: tables of the samples, made or taken apart, then those of the cohort."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compartments.after.asked import Asked
from compartments.after.before import PROJECT, names_files
from compartments.core.errors import UserError
from compartments.core.files import read_tsv, write_tsv
from compartments.study.captures import several

if TYPE_CHECKING:
    from compartments.after.redo import Redo

OF_SAMPLE = ["donor", "compartment", "condition"]
GROUPS = PROJECT / "assets/interaction_groups.tsv"
OF_SAMPLES = ("interactions/liana.parquet", "interactions/centrality.tsv", "interactions/network.tsv")
OF_COHORT = ("cohort/ambient_genes.tsv", "cohort/genes.tsv")


def resource_of(asked: Asked) -> Path | str:
    """Ligand-receptor resource that a run was given: its file, or its name."""
    given = str(asked.parameters.get("lr_resource") or "consensus")
    return asked.files("lr_resource")[0] if names_files("lr_resource", given) else given


class Pairs:
    """What was found of pairs in each sample, and how it differs between donors.

    Parameters
    ----------
    redo : Redo
    """

    def __init__(self, redo: "Redo") -> None:
        self.redo = redo
        self.others = {
            step: redo.new.differs(redo.old, step, "lr_resource") for step in ("run_liana", "score_centrality")
        }

    @cached_property
    def resource(self) -> Path | str:
        """Ligand-receptor resource of what is asked."""
        return resource_of(self.redo.new)

    def compare(self) -> None:
        """The tables of ``interactions/``, if anything that they rest on has changed."""
        redo, bulk = self.redo, "cohort/pseudobulk.h5ad"
        if not any((redo.before.root / "interactions").glob("*")):
            return  # left out by --skip, or that step failed: why, skipped.tsv says as before
        further = ("lr_resource", "interaction_groups")
        touched = redo.touched("compare_interactions", bulk, *OF_COHORT, "cohort/depth.tsv", further=further)
        if not (touched or redo.labels or any(self.others.values())):
            return
        for path in (redo.before.root / place for place in OF_SAMPLES):
            if not path.is_file():
                raise UserError(f"{path} is missing: it holds the pairs of each sample, which are compared anew")
        liana = self._liana()
        centrality, networks = self._centrality()
        given: dict[str, Any] = {"study": redo.study, "pseudobulk": redo.place(bulk), "migration_pairs": GROUPS}
        given |= {"lr_resource": self.resource, "groups": redo.new.files("interaction_groups")}
        given |= {"liana": liana, "centrality": centrality, "networks": networks}
        redo.steps.call("compare_interactions", given)

    def _liana(self) -> list[Path]:
        """``<sample>.liana.parquet`` of all samples."""
        import pyarrow.parquet as pq

        redo = self.redo
        known, every = read_tsv(redo.before.root / "cohort/depth.tsv", ["sample"])["sample"], self.others["run_liana"]
        again = sorted(name for name in known if every or name in redo.labels)
        files = dict(zip(again, self._called("run_liana", again, lambda _name: {}), strict=True))
        table = pq.read_table(redo.before.root / "interactions/liana.parquet")
        samples = table.column("sample").to_pandas()
        for name in dict.fromkeys(samples):
            if name not in files:
                files[name] = redo.scratch / f"{name}.liana.parquet"
                pq.write_table(table.filter((samples == name).to_numpy()).drop_columns(OF_SAMPLE), files[name])
        return sorted(path for path in files.values() if path.is_file())

    def _centrality(self) -> tuple[list[Path], list[Path]]:
        """``<sample>.centrality.tsv`` and ``<sample>.network.tsv`` of all samples of the cohort."""
        redo, text = self.redo, ["sample", "umis_kept"]
        kept, before = (
            read_tsv(path, text, text).set_index("sample")["umis_kept"]
            for path in (redo.place("cohort/depth.tsv"), redo.before.root / "cohort/depth.tsv")
        )
        # tables of captures were averaged over their specimens
        every = self.others["score_centrality"] or redo.changed(*OF_COHORT) or any(several(redo.new.study.samples))
        again = [name for name in kept.index if every or name in redo.labels or kept[name] != before.get(name)]
        genes, ambient = redo.place("cohort/genes.tsv"), redo.place("cohort/ambient_genes.tsv")
        given = {"migration_pairs": GROUPS, "genes": genes, "ambient_genes": ambient}
        made = self._called("score_centrality", again, lambda name: given | {"umis_kept": kept[name]})
        found = []
        for kind in ("centrality", "network"):
            path = redo.before.root / f"interactions/{kind}.tsv"
            header = list(read_tsv(path, ["sample"]).columns)
            table = read_tsv(path, text=header).drop(columns=OF_SAMPLE)
            files = [path.with_name(path.name.replace(".centrality.", f".{kind}.")) for path in made]
            for name, rows in table.groupby("sample", sort=False):
                if name not in again:
                    files.append(redo.scratch / f"{name}.{kind}.tsv")
                    write_tsv(rows, files[-1])
            found.append(sorted((path for path in files if path.is_file()), key=lambda path: path.name))
        return found[0], found[1]

    def _called(self, step: str, samples: list[str], further: Callable[[str], dict[str, object]]) -> list[Path]:
        """A step of every one of the samples, several at a time; the files that they hand on, which may not be."""
        redo = self.redo
        name_of = {"run_liana": "{}.liana.parquet", "score_centrality": "{}.centrality.tsv"}[step]
        cells = {sample: redo.filtered(sample) for sample in samples}

        def call(sample: str) -> Path:
            given = {"filtered": cells[sample], **redo.tables_of(sample), "lr_resource": self.resource}
            return redo.steps.call(step, given | further(sample), sample) / name_of.format(sample)

        with ThreadPoolExecutor(redo.cpus) as pool:
            return list(pool.map(call, samples))
