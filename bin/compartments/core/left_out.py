"""What was left out of the analysis, and why: the rows of ``skipped.tsv``."""

from collections.abc import Iterable, Mapping

from compartments.core.files import replacing

COLUMNS = ("stage", "sample", "lineage", "contrast", "reason")


class LeftOut:
    """Reasons of one step, in the order in which they were found.

    Parameters
    ----------
    stage : str
        Name of the step.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.rows: list[dict[str, str]] = []

    def add(self, reason: str, *, sample: str = "", lineage: str = "", contrast: str = "") -> None:
        """A sample, a lineage of it, a contrast, or any of them together, cannot be analysed."""
        given = {"sample": sample, "lineage": lineage, "contrast": contrast, "reason": reason}
        self.rows.append({"stage": self.stage, **given})

    def lineages(self, reasons: Mapping[str, str] | Iterable[str], contrast: str = "", reason: str = "") -> None:
        """Lineages, each with its own reason (a mapping) or all with the same one."""
        named = reasons if isinstance(reasons, Mapping) else dict.fromkeys(reasons, reason)
        for lineage, why in named.items():
            self.add(why, lineage=lineage, contrast=contrast)

    def write(self, path: str = "skipped.tsv") -> None:
        """Write the table; with its header also when nothing was left out."""
        with replacing(path) as temporary, open(temporary, "w") as out:
            out.write("\t".join(COLUMNS) + "\n")
            for row in self.rows:
                out.write("\t".join(_plain(row[column]) for column in COLUMNS) + "\n")


def _plain(value: object) -> str:
    """A cell that every reader of tables takes alike: on one line, without the quotes that some of them take away."""
    return " ".join(str(value).split()).replace('"', "'")
