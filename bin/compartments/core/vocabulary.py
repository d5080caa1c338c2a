"""The words of the domain: names, gene lists and limits that more than one step uses."""

import math
import re
from pathlib import Path
from typing import Literal

GIVEN_LABEL = "given_label"  # column of obs with the user's own names of cells, between steps
UNASSIGNED, OTHER = "unassigned", "other"
POOLS = (UNASSIGNED, OTHER)  # not lineages: nothing is claimed of them
# words in names of compartments, of several languages
_OF_BLOOD = {"pb", "pbl", "pbls", "wb", "wbc", "wbcs", "peripheral", "buffy", "leukapheresis", "leukopak", "plasma"}
_OF_BLOOD |= {"blut", "sang", "sangue", "sangre", "bloed", "blod", "krew", "krev"}
_BLOOD = re.compile(r"pbmc.*|buffycoat|(?!non).*(blood|blut|bloed)")  # whole words
_CSF = re.compile(r"csf.*|(?!non).*csf|cerebrospinal.*|cephalorachidi.*|li[qk]vo?r|liquor|lcr")
_DENIED = {"non", "not", "without", "free", "ohne", "sans", "sin", "senza", "vessel", "vessels", "barrier"}
_ELSEWHERE = {"nerve", "nerves", "node", "nodes", "lymph", "tissue", "tissues", "organ", "organs"}  # peripheral ones
# how a value is said not to be known, in lower case; "none" may be a level of a covariate
UNKNOWN = ("", "na", "n/a", "nan", "null", "unknown", "?", "-", ".")
# words of programs for cells of no one sample, or of no one kind
OF_NO_ONE = (
    "doublet", "doublets", "multiplet", "multiplets", "negative", "unassigned", "unmapped", "ambiguous", "blank",
    "undetermined", "uncertain", "discordant", "unidentified", "none", *UNKNOWN,
)  # fmt: skip
WITHOUT_EMPTIES = ("knee", "expected_cells")  # methods that leave the other barcodes unjudged
TIERS = ["inferential", "exploratory", "descriptive", "not_testable"]  # how far a comparison may be trusted, falling
# how donors enter a contrast
CONTRAST_KINDS = ("between", "within", "mixed", "change", "compartments", "trend")
CLAIMABLE = ("inferential", "exploratory")  # tiers that allow a yes or a no
ALPHA = 0.05
LN2 = math.log(2)
CALL_Q = 0.05  # of the tests that a gene or gene set changes more in one compartment
EQUIV_MARGIN = 1.0  # log2: default of --equiv_margin
CV_TOTAL = 0.15  # coefficient of variation of cells_per_ul, where none is given
ZERO_KINDS = ("mode", "median", "lineages", "proportions")  # what counts as unchanged on the relative scale
EXPR_PROP = 0.1  # share of a lineage's cells that must detect a gene for it to be a ligand or receptor
AMBIENT_SHARE_MAX = 0.2  # of a gene's counts in a group; with more of them from the soup it is left out
PLANNED_CELLS = (5, 20, 100, 1000)  # of a lineage per sample, in a study that is planned
MORE_DONORS = (0, 1, 2, 3, 4)  # per arm, that a cohort or plan is asked about
MIGRATION_PAIRS = Path(__file__).resolve().parents[3] / "assets" / "interaction_groups.tsv"
CALL_MARGIN = 0.58  # log2: the reference compartment's effect is excluded from 1.5-fold upwards

# columns of the samplesheet that name files
READS = ["fastq_1", "fastq_2"]  # lanes separated by ;
INPUTS = ["raw", "filtered", "cellbender", *READS]
# its columns of numbers, and what they may be
NUMBERS = {
    "expected_cells": "a positive whole number",
    "loaded_cells": "a positive whole number",
    "cells_per_ul": "a positive number",
    "rbc_per_ul": "a number of at least 0",
    "fraction_share": "a positive number of at most 1",
}
# its columns that stand for a parameter of quality in this sample
LIMITS = {
    "min_counts": "a whole number of at least 0",
    "min_genes": "a whole number of at least 0",
    "max_counts": "a whole number of at least 0",
    "max_mt": "a number from 0 to 100",
    "nmads_counts": "a number of at least 0",
    "nmads_genes": "a number of at least 0",
    "nmads_mt": "a number of at least 0",
    "nmads_top20": "a number of at least 0",
}
# ... that stands for a parameter of its words
CHOICES = {"ambient_method": ("auto", "cellbender", "soupem", "none")}
COMBINED = "pipeline_info/combine.json"  # of several cohorts together
COHORT = "cohort"  # which of several studies together a sample is of
CLASSES = ("batch", COHORT)  # columns whose values are names, also where all of them are numbers
# its further columns that something is made of
DESCRIPTIONS = ["batch", "chemistry", "replicate", "fraction", "group"]
# columns of cells and of what is compared: one of the samplesheet's with such a name is called sheet_<name> everywhere
OWN_COLUMNS = frozenset((
    "cell", "barcode", "total_counts", "n_genes", "pct_mt", "pct_ribo", "pct_hb", "pct_platelet", "pct_top20",
    "pct_exonic", "contamination", "doublet_score", "predicted_doublet", "celltypist_label", "lineage", "lineage_broad",
    "probability", "probability_broad", "confidence", "marker_lineage", "marker_agrees", "marker_pdc",
    "model_lineage", "display_label", "leiden", "leiden_within", "in_sketch", "umap_1", "umap_2",
    "umap_1_within", "umap_2_within", "row", "captures", "arm", "reference_sample", "given_label",
))  # fmt: skip
# of further models, of the further samples of a donor, of their covariates
OWN_PATTERN = re.compile(r"(label|lineage|reference_sample|sample_\d+):.*|sample_\d+")
MIN_AMBIENT_COUNTS = 15  # raw counts of a gene in a group below which its ambient share is noise
Y_GENES = ["RPS4Y1", "DDX3Y", "EIF1AY", "KDM5D", "UTY", "USP9Y", "ZFY"]  # of the male-specific part
SEXES = {"f": "F", "female": "F", "woman": "F", "m": "M", "male": "M", "man": "M"}  # words of the samplesheet
ADULT_HAEMOGLOBIN = ("HBA1", "HBA2", "HBB")  # what red blood cells bring into a sample
HAEMOGLOBIN = (*ADULT_HAEMOGLOBIN, "HBD", "HBG1", "HBG2", "HBM", "HBZ")  # of any age
ERYTHROID_SHARE = 0.05  # haemoglobin share of a cell's UMIs from which it counts as erythroid
QUESTIONS = {
    1: "Which lineages are depleted in both compartments at once?",
    2: "Which lineages are kept in one compartment and lost from the other?",
    3: "Are migration-associated genes raised in one compartment only?",
    4: "Does a lineage gain a central role in the interactions of one compartment, and is migration signalling "
    "stronger there?",
    5: "Are the compartments uncoupled?",
}
# what can be asked of one compartment, in the words of its answers
OF_ONE_COMPARTMENT = QUESTIONS | {
    1: "Which lineages are depleted?",
    3: "Are migration-associated genes raised?",
    4: "Does a lineage gain a central role in the interactions, and is migration signalling stronger?",
}


def kind_of_compartment(name: str) -> Literal["blood", "CSF", "tissue"]:
    """What a compartment is by the words in its name: labels, checks and the reference depend on it.

    Words end at anything but letters, and at a capital after a small letter. A word that denies it (``non_blood``,
    ``blood_vessel``) makes it tissue; with words for both (``CSF_with_blood``) it is CSF.
    """
    parts = re.findall(r"[^\W\d_]+", name)
    words = {one.lower() for part in parts for one in (part, *re.sub(r"([a-z])([A-Z])", r"\1 \2", part).split())}
    if words & _DENIED:
        return "tissue"
    if any(_CSF.fullmatch(word) for word in words):
        return "CSF"
    known = words & _OF_BLOOD
    if "plasma" in known and words & {"cell", "cells"}:
        known.discard("plasma")
    if "peripheral" in known and words & _ELSEWHERE:
        known.discard("peripheral")
    return "blood" if known or any(_BLOOD.fullmatch(word) for word in words) else "tissue"


def sex_of(word: object) -> str:
    """``F`` or ``M`` by a word of the samplesheet; empty for any other: an initial would take mujer for a man."""
    return SEXES.get(str(word).strip().lower(), "")
