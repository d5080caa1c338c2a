"""Parameters and the small tables that they name."""

from tests.bad_inputs.designed import GOOD, fine, wrong

SPELLED, VALUES, CONTRASTS, PAIRS = (
    "parameters spelled otherwise",
    "values of parameters",
    "tables of contrasts",
    "tables of pairs",
)
TABLE = "condition,reference\ntreated,control\n"
LR = "ligand\treceptor\nCCL2\tCCR2\nCXCL12\tCXCR4\n"


def given(**params):
    return {"params": params}


def contrasts(content, name="contrasts.csv"):
    return {"files": {"contrasts": (name, content)}}


def pairs(content, name="pairs.tsv", groups=None):
    files = {"lr_resource": (name, content)}
    return {"files": files | ({"interaction_groups": ("my groups.tsv", groups)} if groups else {})}


ROWS = [
    wrong("hyphens", SPELLED, GOOD, "--equiv-?[mM]argin.*--equiv_margin", **given(**{"equiv-margin": 0.5})),
    wrong("capitals", SPELLED, GOOD, "--maxMt.*--max_mt", **given(maxMt=10)),
    wrong(
        "a reference by hyphen",
        SPELLED,
        GOOD,
        "--reference-condition.*--reference_condition",
        **given(**{"reference-condition": "treated"}),
    ),
    wrong("beside the right one", SPELLED, GOOD, "--minGenes.*--min_genes", **given(min_genes=300, minGenes=500)),
    wrong("--validate-only", SPELLED, GOOD, "--validate-only.*--validate_only", **given(**{"validate-only": True})),
    wrong("unknown", SPELLED, GOOD, "unknown parameter --sheet; did you mean --", **given(sheet="x")),
    wrong("unlike any", SPELLED, GOOD, "unknown parameter --qqqq; see --help", **given(qqqq=1)),
    wrong("a decimal comma", VALUES, GOOD, "--equiv_margin is '0,5', not a number", **given(equiv_margin="0,5")),
    wrong("a word for a number", VALUES, GOOD, "--min_genes is 'many', not a number", **given(min_genes="many")),
    wrong("half a cell", VALUES, GOOD, "--min_genes is 10.5; give a whole number", **given(min_genes=10.5)),
    wrong("not infinite", VALUES, GOOD, "--max_mt is 'inf', not a number", **given(max_mt="inf")),
    wrong(
        "a choice mistyped",
        VALUES,
        GOOD,
        "--ambient_method is 'soupm'; did you mean 'soupem'",
        **given(ambient_method="soupm"),
    ),
    wrong("perhaps", VALUES, GOOD, "--strict is 'maybe'; give true or false", **given(strict="maybe")),
    fine("contrasts", CONTRASTS, GOOD, levels=[["treated", "control"]], **contrasts(TABLE)),
    fine(
        "with blanks in its name",
        CONTRASTS,
        GOOD,
        levels=[["treated", "control"]],
        **contrasts(TABLE, "my contrasts (1).csv"),
    ),
    fine(
        "of a spreadsheet",
        CONTRASTS,
        GOOD,
        levels=[["treated", "control"]],
        **contrasts(("\ufeffsep=;\n" + TABLE.replace(",", ";")).replace("\n", "\r\n")),
    ),
    fine(
        "quoted, with a line break behind",
        CONTRASTS,
        GOOD,
        levels=[["treated", "control"]],
        **contrasts('condition,reference,note\n"treated","control","a\nb"\n'),
    ),
    wrong(
        "no such level",
        CONTRASTS,
        GOOD,
        "row 2, column reference: 'controls' is not a condition",
        **contrasts(TABLE.replace("control\n", "controls\n")),
    ),
    wrong(
        "against itself",
        CONTRASTS,
        GOOD,
        "condition and reference are both 'control'",
        **contrasts("condition,reference\ncontrol,control\n"),
    ),
    wrong("without a row", CONTRASTS, GOOD, "no contrast", **contrasts("condition,reference\n")),
    wrong(
        "no table",
        CONTRASTS,
        GOOD,
        "(?i)excel|spreadsheet|UTF-8|not (a )?text",
        **contrasts(b"PK\x03\x04\x14\x00\x00\xff"),
    ),
    wrong(
        "a name that climbs",
        CONTRASTS,
        GOOD,
        "column contrast: '../../x' may hold letters",
        **contrasts("condition,reference,contrast\ntreated,control,../../x\n"),
    ),
    fine("pairs", PAIRS, GOOD, **pairs(LR)),
    fine(
        "pairs of a spreadsheet",
        PAIRS,
        GOOD,
        **pairs("\ufeff" + LR.replace("\t", ";").replace("\n", "\r\n"), "pairs.csv"),
    ),
    fine("groups with blanks in the name", PAIRS, GOOD, **pairs(LR, groups="group\tligand\treceptor\nx\tCCL2\tCCR2\n")),
    wrong("no receptor", PAIRS, GOOD, "pairs.tsv.*'receptor'.*missing", **pairs("ligand\tgene\nCCL2\tCCR2\n")),
    wrong("no pair", PAIRS, GOOD, "pairs.tsv.*no row", **pairs("ligand\treceptor\n")),
    wrong("not text", PAIRS, GOOD, "pairs.tsv.*(?i:UTF-8|text)", **pairs(b"ligand\treceptor\n\xff\xfe\tx\n")),
    wrong("rows of other widths", PAIRS, GOOD, "pairs.tsv.*row 3", **pairs("ligand\treceptor\nCCL2\tCCR2\nA\tB\tC\n")),
]
