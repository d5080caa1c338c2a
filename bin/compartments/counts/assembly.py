"""What one sample was given, joined into the droplets that the later steps work on."""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from compartments.core.errors import UserError
from compartments.core.vocabulary import GIVEN_LABEL
from compartments.counts.h5ad import labels_in
from compartments.counts.names import BARCODE, origins_of
from compartments.counts.reading import Counts
from compartments.counts.source import Texts

NUMBERED = re.compile(r"^(?P<before>)(?P<bases>.+?)(?P<after>(-\d+)?)$")  # names that are not of bases
EMPTY_UMIS = 100  # barcodes up to this total are taken for empty droplets (Lun et al. 2019)
FEW_BARCODES = 10  # totals of fewer say nothing of two files
ALIKE = 0.5  # rank correlation of totals of the same barcodes: above 0.9 in two ways to count, 0 in two libraries
SHARED_CELLS = 0.1  # of the fewer cells; two libraries share one or two in a hundred by chance


def droplet_kind(totals: npt.ArrayLike) -> str:
    """Whether a matrix holds all droplets or only cells, from its UMI totals.

    Parameters
    ----------
    totals : ndarray of int, shape (n_barcodes,)
        UMIs of every barcode of the file, zeros included.

    Returns
    -------
    str
        ``raw`` if at least a fifth of the barcodes (and 100 of them) have at most ``EMPTY_UMIS`` UMIs and at most a
        tenth of the UMIs of the tenth largest barcode, else ``filtered``. Their number alone says nothing: several
        channels, or a pool of split wells, have more cells than one channel.
    """
    ordered = np.sort(np.asarray(totals))[::-1]
    large = ordered[min(len(ordered), 10) - 1]  # a sample of few cells has no more large barcodes than that
    empty = (ordered <= EMPTY_UMIS) & (ordered * 10 <= large)
    return "raw" if empty.sum() >= max(100, 0.2 * len(ordered)) else "filtered"


def assemble(
    sample: str, raw: Counts | None = None, filtered: Counts | None = None, cellbender: Counts | None = None
) -> tuple[AnnData, list[str]]:
    """Join what one sample has into the droplets that the later steps work on.

    What a matrix is, all droplets or cells only, is told by :func:`droplet_kind`, not by the column it came in: cells
    given as ``raw`` are taken as cells, droplets given as ``filtered`` get their cells called.

    Parameters
    ----------
    sample : str
    raw, filtered, cellbender : Counts, optional
        At least one.

    Returns
    -------
    AnnData
        ``droplets.h5ad`` of the contracts.
    list of str
        Notes: what was taken differently from how it was given.

    Raises
    ------
    UserError
        If the inputs do not belong together: barcodes or genes unknown to the raw matrix, other totals of the same
        barcodes, corrected counts above raw ones.
    """
    given = [counts for counts in (raw, filtered, cellbender) if counts is not None]
    raw, filtered, notes = _by_content(raw, filtered)
    base = raw or filtered or cellbender
    if base is None:
        raise ValueError(f"sample '{sample}' has no counts")
    is_cell, cell_source, corrected = None, "none", None
    if filtered is not None:
        positions = _positions(base, filtered, "filtered")
        _check_totals(base, filtered, positions)
        is_cell, cell_source = _among(base, positions), "filtered"
    if cellbender is not None:
        called = cellbender.take(cellbender.source.cells())
        if base is filtered:  # cells of the filtered matrix that CellBender did not keep have no corrected counts
            known = _shared_cells(called, filtered)
            if not known.all():
                notes.append(
                    f"{int((~known).sum())} cells of CellBender are not in the filtered matrix and are left out"
                )
            called = called.take(np.flatnonzero(known))
        positions = _positions(base, called, "CellBender")
        is_cell, cell_source = _among(base, positions), "cellbender"
        corrected = _corrected_like(base, called, positions)
        if base is cellbender:
            notes.append("only a CellBender output was given: its corrected counts stand in for raw counts")
    data = _droplets(base, is_cell, corrected, all_droplets=base is raw)
    data.uns = {
        "sample": sample,
        "kind": "raw" if base is raw else "filtered",
        "cell_source": cell_source,
        "counts_are_corrected": base is cellbender,
        "count_warnings": "\n".join(dict.fromkeys(w for counts in given for w in counts.source.warnings)),
        "chemistry": next((c.source.chemistry for c in (raw, filtered) if c and c.source.chemistry), ""),
    }
    return data, notes


def _by_content(raw: Counts | None, filtered: Counts | None) -> tuple[Counts | None, Counts | None, list[str]]:
    """Raw and filtered counts as their content says, and a note where that is not as they were given."""
    notes = []
    if raw is not None and filtered is not None and _are_some_of(raw.barcodes, filtered.barcodes):
        raw, filtered = filtered, raw
        notes.append("raw and filtered were given the wrong way round: exchanged")
    if filtered is not None and raw is None and droplet_kind(filtered.totals()) == "raw":
        raw, filtered = filtered, None
        notes.append("the filtered matrix holds all droplets: used as raw, cells are called here")
    elif raw is not None and filtered is None and droplet_kind(raw.totals()) == "filtered":
        raw, filtered = None, raw
        notes.append("the raw matrix holds cells only, no empty droplets: used as filtered")
    elif raw is not None and filtered is not None and len(raw.barcodes) == len(filtered.barcodes):
        _check_totals(raw, filtered, _positions(raw, filtered, "filtered"))
        if droplet_kind(raw.totals()) == "raw":
            filtered = None
            notes.append("the filtered matrix holds all droplets of the raw one: cells are called here")
        else:
            raw = None
            notes.append("the raw matrix holds the cells of the filtered one only: used as filtered")
    return raw, filtered, notes


def _are_some_of(barcodes: Texts, others: Texts) -> bool:
    return len(barcodes) < len(others) and bool((_places(others, barcodes) >= 0).all())


def _among(base: Counts, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Which barcodes of ``base`` are at one of ``positions``."""
    return pd.RangeIndex(len(base.barcodes)).isin(positions)


def _droplets(
    base: Counts, is_cell: npt.NDArray[np.bool_] | None, corrected: sp.csr_matrix | None, all_droplets: bool
) -> AnnData:
    """Barcodes with counts; only the cells, where the others are no droplets that were looked at."""
    totals = base.totals()
    keep = totals > 0
    if not all_droplets and is_cell is not None:
        keep &= is_cell
    if not keep.any():
        raise UserError(f"{base.source.path}: no barcode with counts; give the output of a run that found some")
    data = AnnData(
        base.matrix[keep],
        obs=pd.DataFrame(index=pd.Index(base.barcodes[keep], dtype=object)),
        var=pd.DataFrame({"gene_id": base.gene_id}, index=pd.Index(base.symbol, dtype=object)),
    )
    if is_cell is not None:
        data.obs["is_cell"] = is_cell[keep]
    if base.source.exonic is not None:
        data.obs["pct_exonic"] = 100 * base.source.exonic[keep] / totals[keep]
    if corrected is not None:
        data.layers["corrected"] = sp.csr_matrix(corrected[keep])
    return data


def _positions(base: Counts, given: Counts, name: str) -> npt.NDArray[np.intp]:
    """Positions in ``base`` of the barcodes of ``given``; a note of its source says where they go by their bases."""
    places = _places(base.barcodes, given.barcodes)
    lost = given.barcodes[places < 0]
    if len(lost):
        wells = origins_of(given.barcodes)
        raise UserError(
            f"{base.source.path}: {len(lost)} of {len(places)} {name} barcodes are not in it ({lost[0]} ...); "
            "give files of one and the same library"
            + (f", not of {len(wells)} samples or wells ({', '.join(wells[:4])})" if wells else "")
        )
    if (base.barcodes[places] != given.barcodes).any():
        given.source.notes.append(
            f"its barcodes ({given.barcodes[0]}) are found by their bases in {base.source.path.name}, which has "
            f"{base.barcodes[places[0]]}: cells are named so"
        )
    return places


def _places(base: Texts, barcodes: Texts) -> npt.NDArray[np.intp]:
    """Position of each barcode in ``base``, -1 where it is not there: by name, or by its bases where more go so.

    By bases only if all of each have one prefix and one suffix: the same bases in two wells are two cells.
    """
    by_name = pd.Index(base).get_indexer(barcodes)
    if (by_name >= 0).all():
        return by_name
    ours, theirs = _bases(base), _bases(barcodes)
    by_bases = pd.Index(ours).get_indexer(theirs) if ours and theirs else by_name
    return by_bases if (by_bases >= 0).sum() > (by_name >= 0).sum() else by_name


def _bases(barcodes: Texts) -> list[str]:
    """Barcodes without the one prefix and the one suffix (``P1_``, ``-1``) that all have; none if they have several."""
    for form in (BARCODE, NUMBERED):
        found = [match for name in barcodes if (match := form.match(name))]
        if len(found) == len(barcodes):
            origins = {(match["before"], match["after"]) for match in found}
            return [match["bases"] for match in found] if len(origins) == 1 else []
    return []


def _check_totals(raw: Counts, filtered: Counts, positions: npt.NDArray[np.intp]) -> None:
    """Refuse a filtered matrix whose cells are not those of the same barcodes in the raw one.

    Barcodes alone do not tell where the raw matrix lists all that there can be. Totals may be lower, as of fewer
    genes or corrected counts, and may be higher, as of introns, if the same barcodes have many.
    """
    own, there = filtered.totals(), raw.totals()[positions]
    if (own > EMPTY_UMIS).sum() >= FEW_BARCODES:  # where it has empty droplets, too
        own, there = own[own > EMPTY_UMIS], there[own > EMPTY_UMIS]
    above = own > there
    if len(own) < FEW_BARCODES or above.mean() <= 0.5:
        return
    ranks = pd.Series(own).corr(pd.Series(there), method="spearman")
    if not ranks >= ALIKE:
        raise UserError(
            f"{filtered.source.path}: {int(above.sum())} of {len(own)} of its cells have more counts than the same "
            f"barcodes in {raw.source.path}, and many counts here are not many there, as of two samples; give files of "
            "one and the same library"
        )


def _shared_cells(called: Counts, filtered: Counts) -> npt.NDArray[np.bool_]:
    """Which cells of CellBender the filtered matrix has; a UserError if these are next to none of either's."""
    known = _places(filtered.barcodes, called.barcodes) >= 0
    fewer = min(len(called.barcodes), len(filtered.barcodes))
    if fewer and known.sum() < SHARED_CELLS * fewer:
        raise UserError(
            f"{called.source.path}: {int(known.sum())} of its {len(known)} cells are in {filtered.source.path}, which "
            f"has {len(filtered.barcodes)}; give files of one and the same library"
        )
    return known


def _corrected_like(base: Counts, called: Counts, positions: npt.NDArray[np.intp]) -> sp.csr_matrix:
    """CellBender's counts in the rows and columns of ``base``: csr_matrix of int32, zero outside its cells."""
    if called.symbol.shape == base.symbol.shape and (called.gene_id == base.gene_id).all():
        columns = np.arange(len(base.symbol))
    else:
        index = {g: i for i, g in enumerate(zip(base.gene_id, base.symbol, strict=True))}
        names = list(zip(called.gene_id, called.symbol, strict=True))
        columns = np.array([index.get(name, -1) for name in names])
        counted = np.asarray(called.matrix.sum(0)).ravel() > 0
        if (columns[counted] < 0).any():
            unknown = called.symbol[counted & (columns < 0)]
            raise UserError(
                f"{called.source.path}: {len(unknown)} of its genes are not in {base.source.path} ({unknown[0]} ...); "
                "give the matrix that CellBender was run on"
            )
    coo = called.matrix.tocoo()
    corrected = sp.csr_matrix(
        (coo.data, (positions[coo.row], columns[coo.col])), shape=base.matrix.shape, dtype=np.int32
    )
    above = (corrected - base.matrix) > 0
    if above.nnz:
        raise UserError(
            f"{called.source.path}: {above.nnz} corrected counts exceed those of {base.source.path}; "
            "give the matrix that CellBender was run on"
        )
    return corrected


def add_labels(data: AnnData, counts: dict[str, Counts], key: str) -> int:
    """Put the user's labels into ``data.obs`` (``GIVEN_LABEL``), from the file that has the cells; how many have one.

    Parameters
    ----------
    data : AnnData
        Of :func:`assemble`.
    counts : dict of str to Counts
        Of the samplesheet columns that were given.
    key : str
        Column of obs.

    Raises
    ------
    UserError
        No file with such a column, or none of its barcodes is in the sample.
    """
    one = next((counts[column] for column in ("filtered", "raw") if column in counts), None)
    if one is None:
        raise UserError(
            "a CellBender output alone has no obs with labels (--labels_key); give the h5ad as filtered, too"
        )
    places = _places(one.barcodes, data.obs_names.to_numpy(dtype=object))
    labels = np.where(places < 0, "", labels_in(one.source, key)[places])
    data.obs[GIVEN_LABEL] = labels
    return int((labels != "").sum())


def summarise(data: AnnData, counts: dict[str, Counts], notes: list[str]) -> dict[str, str | int | None]:
    """The flat JSON summary of one sample.

    Parameters
    ----------
    data : AnnData
    notes : list of str
        Both of :func:`assemble`.
    counts : dict of str to Counts
        Of the samplesheet columns that were given.
    """
    notes = list(notes)
    for column, one in counts.items():
        notes += [f"{column}: {note}" for note in (*one.source.notes, *one.source.warnings)]
        kinds = ", ".join(f"{n} {kind}" for kind, n in one.source.left_out().items())
        if kinds:
            notes.append(f"gene expression only: left out of the {column} matrix were {kinds} features")
    summary = {
        "sample": data.uns["sample"],
        "kind": data.uns["kind"],
        "cell_source": data.uns["cell_source"],
        "chemistry": data.uns["chemistry"] or None,
        "n_barcodes": data.n_obs,
        "n_genes": data.n_vars,
        "n_counts": int(sp.csr_matrix(data.X).sum(dtype=np.int64)),
        "n_cells_given": int(data.obs["is_cell"].sum()) if "is_cell" in data.obs else None,
        "notes": "; ".join(notes) or None,
    }
    for column, one in counts.items():
        left_out = one.source.left_out()
        summary |= {
            f"{column}_format": one.source.format,
            f"{column}_barcodes": len(one.barcodes),
            f"{column}_features_left_out": sum(left_out.values()),
            f"{column}_left_out_kinds": ", ".join(f"{n} {kind}" for kind, n in left_out.items()) or None,
        }
    return summary
