"""CellTypist's models by tissue: what is known of them, and which would fit a sample."""

import re
from pathlib import Path

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.files import read_tsv
from compartments.labels.model import Model

COLUMNS = ["name", "tissue", "species", "immune", "other", "labels", "version", "place", "size", "sha256", "details"]
SHOWN = 4  # models that a sentence names
# what else a tissue is called in samplesheets
ALSO = {"bal": "lung", "bronchoalveolar": "lung", "pbmc": "blood", "pb": "blood", "derm": "skin", "hepat": "liver"}
ALSO |= {"card": "heart", "nasal": "nose", "intestinal": "intestine", "rect": "colorectal", "crc": "colorectal"}
ALSO |= {"pulmon": "lung", "lymph": "node", "cerebr": "brain", "mamma": "breast", "uter": "uterus"}


def read_catalogue(path: str | Path) -> pd.DataFrame:
    """``assets/celltypist_models.tsv``, index ``name`` (of the file, without ``.pkl``): text, empty where unknown."""
    return read_tsv(path, COLUMNS, text=COLUMNS).fillna("").set_index("name", drop=False)


def check_published(model: Model, path: str | Path, catalogue: pd.DataFrame) -> bool:
    """Whether a model that is asked for by name is the file that CellTypist publishes under it.

    Returns
    -------
    bool
        False where its digest is not known.

    Raises
    ------
    UserError
        Size or SHA-256 are not those of the catalogue.
    """
    name = model.name.removesuffix(".pkl")
    if name not in catalogue.index or not catalogue.at[name, "sha256"]:
        return False
    known = catalogue.loc[name]
    size = Path(path).stat().st_size
    if model.sha256 != known["sha256"]:
        differs = f"{size} bytes, not {known['size']}" if str(size) != known["size"] else "another SHA-256"
        raise UserError(
            f"model {model.name}: not the {known['version']} that CellTypist publishes by this name ({differs}: "
            f"{model.sha256[:12]}..., not {known['sha256'][:12]}...); get it again, or give its path to use it as it is"
        )
    return True


def fitting(catalogue: pd.DataFrame, compartment: str, other_than: str = "") -> list[str]:
    """Names of human models of a tissue, by what a compartment is called; those with most labels first."""
    words = set(re.findall("[a-z]+", compartment.lower()))
    words |= {tissue for start, tissue in ALSO.items() if any(word.startswith(start) for word in words)}
    of_tissue = catalogue["tissue"].str.lower().str.split().map(lambda named: bool(words & set(named)))
    rows = catalogue[of_tissue & (catalogue["species"] == "human") & (catalogue["name"] != other_than)]
    return list(rows.sort_values("labels", key=lambda n: -n.astype(int), kind="stable")["name"])


def suggestion(catalogue: pd.DataFrame, compartment: str, other_than: str = "") -> str:
    """Which models would fit, as the end of a sentence."""
    names = fitting(catalogue, compartment, other_than)
    if names:
        return f"CellTypist has models of this tissue: {', '.join(names[:SHOWN])}"
    return (
        f"no model of CellTypist is of a tissue called '{compartment}' (docs/use/usage.md lists them by tissue): give "
        "one of the tissue that it is, or train one"
    )
