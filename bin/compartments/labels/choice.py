"""Which model names the cells of which compartment, and what follows where they are not the same."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from compartments.core.errors import UserError
from compartments.labels.lineages import broad_lineages, map_labels
from compartments.labels.model import Model
from compartments.study.study import Study

ERYTHROID = "Erythroid"
LEVELS = {"lineage": "lineage", "lineage_marker": "lineage", "lineage_broad": "lineage_broad"}  # level -> column


def models_for(compartment: str, models: Sequence[Model], compartments: Sequence[str]) -> list[Model]:
    """The models that cells of a compartment are given to, the one that names them first.

    Parameters
    ----------
    compartment : str
    models : sequence of Model
    compartments : sequence of str
        Which each is for; an empty text for one that is for all. The first model of a compartment names its cells, the
        others are compared with it.
    """
    return [model for model, one in zip(models, compartments, strict=True) if one in ("", compartment)]


def check_apart(models: Sequence[Model]) -> None:
    """Raise :class:`UserError` where two models that the same cells are given to have one name, by which labels go."""
    names = [model.name for model in models]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise UserError(
            f"two models of the same cells are called {twice} (a model of --label_reference is called as its file); "
            "their labels are told apart by the name: rename one of the files"
        )


def with_named(study: Study, models: Sequence[Model], compartments: Sequence[str], lineage_map: pd.DataFrame) -> Study:
    """The study with what the model of each compartment can name (``Study.named``), where it has one of its own.

    What haemoglobin names, and at level ``lineage_marker`` the pDC, no model needs to know.
    """
    own = [(model, one) for model, one in zip(models, compartments, strict=True) if one]
    if len({model.sha256 for model, _ in own}) < 2:
        return study
    broad = broad_lineages(lineage_map)
    ruled = {level: {ERYTHROID} for level in LEVELS} | {"lineage_broad": {broad.get(ERYTHROID, ERYTHROID)}}
    ruled["lineage_marker"] |= {"pDC"}
    named = {
        level: {
            compartment: sorted({*map_labels(model.labels, lineage_map)[column].dropna(), *ruled[level]})
            for model, compartment in own
        }
        for level, column in LEVELS.items()
    }
    return replace(study, named=named)


def models_table(
    models: Sequence[Model], compartments: Sequence[str], sizes: Sequence[int], known: Sequence[bool | None]
) -> pd.DataFrame:
    """``pipeline_info/models.tsv``; models of compartments stand before one that is for all.

    Parameters
    ----------
    models, compartments : as for :func:`models_for`
    sizes : sequence of int, bytes
    known : sequence of bool or None
        Whether its digest is the published one; None of models that are given by path.
    """
    use = ["names all", *["compared"] * (len(models) - 1)]
    if any(compartments):
        use = [f"names {one}" if one else "compared" for one in compartments]
    return pd.DataFrame(
        {
            "model": [model.name for model in models],
            "use": use,
            "version": [model.description["version"] for model in models],
            "date": [model.description["date"] for model in models],
            "details": [model.description["details"] for model in models],
            "n_labels": [len(model.labels) for model in models],
            "n_genes": [len(model.genes) for model in models],
            "size": list(sizes),
            "sha256": [model.sha256 for model in models],
            "by_name": ["false" if one is None else "true" for one in known],
            "published": ["" if one is None else "yes" if one else "not known" for one in known],
        }
    )
