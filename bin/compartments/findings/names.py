"""Names as a reader knows them, for sentences; tables keep those of the labels and gene sets."""

import re
from collections.abc import Iterable

LINEAGES = {  # of assets/celltypist_immune_all_low_lineage.tsv, where an underscore for a space is not all
    "B_prog": "B progenitor",
    "T_prog": "T progenitor",
    "T_cycling": "cycling T",
    "gdT": "gamma-delta T",
    "cMono": "classical monocyte",
    "ncMono": "non-classical monocyte",
    "migDC": "migratory DC",
    "Mast_Baso": "mast cell or basophil",
    "Platelet_MK": "platelet or megakaryocyte",
    "HSPC": "stem or progenitor",
    "Mono_Mac": "monocyte or macrophage",
    "NK_ILC": "NK or ILC",
    "NonImmune": "not immune",
    "Smooth_muscle": "smooth muscle",
}
COLLECTIONS = {"GOBP": "GO", "HALLMARK": "Hallmark", "KEGG": "KEGG", "REACTOME": "Reactome"}  # of gene sets
CELLS = re.compile(r"\b(t|b|nk) cell")


def lineage(name: str) -> str:
    """``cycling T`` of ``T_cycling``."""
    return LINEAGES.get(name, name.replace("_", " "))


def lineages(names: Iterable[str], most: int = 8) -> str:
    """``CD4 T, CD8 T and B``, each once; of more than ``most``, how many more there are."""
    names = list(dict.fromkeys(names))
    shown = [lineage(name) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)


def gene_set(name: str) -> str:
    """``leukocyte migration (GO)`` of ``GOBP_LEUKOCYTE_MIGRATION``, ``Egress S1P`` of ``EGRESS_S1P``."""
    collection, _, rest = name.partition("_")
    if collection in COLLECTIONS and rest:
        words = CELLS.sub(lambda found: f"{found[1].upper()} cell", rest.lower().replace("_", " "))
        return f"{words} ({COLLECTIONS[collection]})"
    first, *others = name.split("_")
    if name.isupper() and others:  # capitals are kept of abbreviations alone
        first = first if len(first) < 5 else first.capitalize()
        others = [word if re.search(r"\d", word) else word.lower() for word in others]
    return " ".join([first, *others])
