"""Make assets/profiles.tsv.gz again from the expression table of the PyPI package immucellai2.

    pip download --no-deps immucellai2==2.1.34 && unzip immucellai2-*.whl 'immucellai2/myconfig/*'
    python -m benchmarks.simulate.derive_profiles immucellai2/myconfig/reference_normalCelltypes.txt

What is done, and why, stands in assets/README.md; the numbers are the constants below.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from compartments.core.errors import UserError, run
from compartments.core.files import write_tsv
from compartments.core.gene_sets import read_gmt
from compartments.core.pairs import read_resource

ROOT = Path(__file__).resolve().parents[2]


def _genes(text):
    return text.split()


COLUMNS = {
    "CD4_T": ["CD4Tnaive", "CD4Tcm", "CD4Tem"],
    "CD8_T": ["CD8Tnaive", "CD8Tcm", "CD8Tem"],
    "Treg": ["Treg"],
    "gdT": ["gdT"],
    "MAIT": ["MAIT"],
    "NKT": ["NKT"],
    "NK": ["cytotoxicNK"],
    "ILC": ["ILC2", "ILC3"],
    "B": ["Bnaive", "memoryB"],
    "Plasma": ["plasma"],
    "cMono": ["CMonocyte"],
    "ncMono": ["NMonocyte"],
    "Macrophage": ["M0", "M1", "M2"],
    "cDC1": ["cDC1"],
    "cDC2": ["cDC2"],
    "pDC": ["pDC"],
    "Granulocyte": ["neutrophils"],
    "Mast_Baso": ["basophils", "mast_cell"],
}
T_LINEAGES = ["CD4_T", "CD8_T", "Treg", "gdT", "MAIT", "NKT", "T_cycling"]
# Sorted cells are never pure: a marker stays only in the lineages that it defines.
RESTRICTED = {
    "LILRA4 CLEC4C": ["pDC"],
    "CD19 MS4A1": ["B"],
    "CD79A CD79B": ["B", "Plasma"],
    "MZB1": ["B", "Plasma", "pDC"],
    "SDC1": ["Plasma"],
    "JCHAIN": ["Plasma", "pDC"],
    "CD3D CD3E CD3G TRAC TRBC1 TRBC2": T_LINEAGES,
    "TRAV1-2 SLC4A10": ["MAIT"],
    "FOXP3": ["Treg"],
    "CD8A CD8B": ["CD8_T", "MAIT", "NKT", "gdT", "T_cycling"],
    "CD14": ["cMono", "Macrophage", "ncMono"],
    "VCAN": ["cMono", "Macrophage"],
    "S100A8 S100A9 S100A12": ["cMono", "ncMono", "Macrophage", "Granulocyte"],
    "LYZ": ["cMono", "ncMono", "Macrophage", "cDC1", "cDC2", "Granulocyte"],
    "C1QA C1QB C1QC": ["Macrophage", "ncMono"],
    "CLEC9A XCR1": ["cDC1"],
    "FCGR3B": ["Granulocyte"],
    "PPBP PF4": ["Platelet_MK"],
}
# The cDC1 column is of mature cells: without these it is not taken for migratory DC.
REMOVED = {"cDC1": "CCR7 LAMP3 EBI3 CCL19 CCL22"}
HAEMOGLOBIN = {"HBB": 4.5e5, "HBA2": 2.5e5, "HBA1": 2e5}
CELL_CYCLE = _genes(
    "MKI67 TOP2A CCNB1 CCNB2 CCNA2 CDK1 BIRC5 TYMS PCNA MCM2 MCM3 MCM4 MCM5 MCM6 MCM7 RRM1 RRM2 UBE2C CDC20 CENPF "
    "CENPE CENPA NUSAP1 TPX2 HMGB2 TUBB4B STMN1 TUBA1B ZWINT CDKN3 PTTG1 AURKA AURKB BUB1 BUB1B KIF11 KIF23 ASPM GINS2 "
    "CKS1B CKS2 DLGAP5 HMMR DUT TK1"
)
# Lineages that the source lacks: genes that all lineages express, plus these (transcripts per million, set by hand).
COMPOSED = {
    "Platelet_MK": dict.fromkeys(_genes("PPBP PF4"), 9e4)
    | dict.fromkeys(
        _genes("TUBB1 GNG11 NRGN SPARC CLU GP9 ITGA2B GP1BB MYL9 TREML1 RGS18 CMTM5 SELP CAVIN2 SDPR MPP1"), 1.2e4
    ),
    "Erythroid": HAEMOGLOBIN
    | dict.fromkeys(_genes("ALAS2 AHSP CA1 HBD HBM HBQ1 SLC25A37 SLC4A1 GYPA GYPB HEMGN"), 6e3),
    "HSPC": dict.fromkeys(
        _genes("CD34 SPINK2 AVP CRHBP PRSS57 CYTL1 SMIM24 EGFL7 MYB KIT SOX4 HOPX MSRB3 FLT3 GATA2 MPO CDK6 STMN1"),
        2.5e3,
    ),
}
UBIQUITOUS_SHARE = {"Platelet_MK": 0.5, "Erythroid": 0.05, "HSPC": 0.95}
MITOCHONDRIAL = 2.5e4  # transcripts per million in every lineage; the source has none in most columns
SET_BY_HAND = {"LYVE1": {"Macrophage": 300.0}}
SEX_GENES = _genes("XIST RPS4Y1 DDX3Y KDM5D UTY EIF1AY USP9Y ZFY")
MARKERS = _genes(
    "LILRA4 CLEC4C IL3RA TCF4 PLD4 SERPINF1 ITM2C GZMB IRF7 JCHAIN CD3D CD3E CD3G MS4A1 LYZ CLEC9A XCR1 CADM1 BATF3 "
    "CD1C FCER1A CLEC10A CD14 S100A8 S100A9 VCAN FCGR3A MS4A7 CDKN1C C1QA C1QB C1QC LYVE1 STAB1 GNLY NKG7 KLRD1 KLRF1 "
    "TRDC TRGC1 TRGC2 SLC4A10 TRAV1-2 KLRB1 FOXP3 IL2RA CTLA4 CD4 IL7R CD8A CD8B CD79A CD79B MZB1 SDC1 PPBP PF4 HBB "
    "HBA1 HBA2 CD34 SPINK2 FCGR3B CSF3R MKI67 TOP2A CD52 CD19 IGKC IGHM IGHG1 TPSAB1 CPA3 GATA3 KIT"
)
SHARPEN = 0.05
MIN_TPM = 5.0
CHEMOKINE = r"^(CCL|CXCL|XCL|CX3CL|CCR|CXCR|XCR|CX3CR|ACKR)\d"
NOT_GENES = (
    r"^(RP\d+-|AC\d{6}|AL\d{6}|AP\d{6}|FP\d{6}|CR\d{6}|BX\d{6}|CT[ABCD]-|LINC|MIR\d|SNOR|SCARNA|RNU|RN7|RNA5|RNVU|"
    r"Y_RNA|MT-R|MT-T|IGH[VDJ]|IGK[VJ]|IGL[VJ]|TR[ABDG][VDJ]\d|HLA-[A-Z]*\d+P)"
)


def ligand_receptor_genes():
    """All genes of LIANA's consensus resource, read from the installed package."""
    return sorted({gene for entity in read_resource("consensus").to_numpy().ravel() for gene in entity.split("_")})


def real_genes(names):
    """Mask of symbols of genes: no clones, small RNAs, V segments, and no pseudogenes (``<gene>P<number>``)."""
    names = pd.Index(names)
    known = set(names)
    stems = names.str.replace(r"P\d+$", "", regex=True)
    pseudo = np.array([stem != name and stem in known for stem, name in zip(stems, names, strict=True)])
    keep = names.str.match(r"^[A-Z][A-Z0-9orf-]*$") & ~names.str.match(NOT_GENES) & ~pseudo
    return keep | names.isin(["TRAV1-2"])


def derive(table, wanted, size):
    """Profiles per lineage, transcripts per million.

    Parameters
    ----------
    table : DataFrame, genes x columns of the source, transcripts per million
    wanted : list of str
        Genes kept whatever their expression.
    size : int
        Genes in all.
    """
    mitochondrial = table.index.str.match(r"^MT-(ATP|CO|CYB|ND)")
    # one of the few columns with mitochondrial transcripts: its proportions serve all lineages
    mt = table.loc[mitochondrial, "exhausted_T"]
    mt = mt / mt.sum() * MITOCHONDRIAL
    sex = table.loc[table.index.isin(SEX_GENES)]
    cycle = table.loc[table.index.isin(CELL_CYCLE), ["GC_B", "plasmablast"]].max(axis=1).clip(lower=100) * 2

    table = table[real_genes(table.index) & ~mitochondrial & ~table.index.isin(SEX_GENES)]
    profiles = pd.DataFrame({lineage: table[columns].mean(axis=1) for lineage, columns in COLUMNS.items()})
    immunoglobulin = profiles.index.str.match(r"^IG[HKL]") & ~profiles.index.isin(["IGHMBP2"])
    profiles.loc[immunoglobulin, profiles.columns.difference(["B", "Plasma"])] = 0.0
    profiles.loc[profiles.index.isin(["HBA1", "HBA2", "HBB", "HBD", "HBM", "HBQ1", "AHSP", "ALAS2"])] = 0.0
    for genes, lineages in RESTRICTED.items():
        present = profiles.index.intersection(genes.split())
        profiles.loc[present, profiles.columns.difference(lineages)] = 0.0
    for lineage, genes in REMOVED.items():
        profiles.loc[profiles.index.intersection(genes.split()), lineage] = 0.0
    profiles = profiles.where(profiles.ge(SHARPEN * profiles.max(axis=1), axis=0), 0.0)

    ubiquitous = profiles.mean(axis=1).where((profiles > 0).all(axis=1), 0.0)
    profiles["T_cycling"] = profiles[["CD4_T", "CD8_T"]].mean(axis=1)
    profiles.loc[cycle.index, "T_cycling"] += cycle
    for lineage, added in COMPOSED.items():
        share = UBIQUITOUS_SHARE[lineage]
        own = pd.Series({gene: value for gene, value in added.items() if gene in profiles.index})
        profiles[lineage] = ubiquitous / ubiquitous.sum() * 1e6 * share
        profiles.loc[own.index, lineage] += own / own.sum() * 1e6 * (1 - share)
    for gene, values in SET_BY_HAND.items():
        profiles.loc[gene, list(values)] = list(values.values())

    core = profiles.index.isin(wanted)
    highest = profiles.max(axis=1).where(~core, np.inf)
    keep = highest.sort_values(ascending=False, kind="stable").index[:size]
    keep = keep[(highest[keep] >= MIN_TPM)]
    profiles = profiles.loc[keep]
    profiles.insert(0, "core", core[table.index.get_indexer(keep)].astype(int))
    # everything below is the same in all lineages
    same = pd.concat([mt, sex.mean(axis=1)])
    constant = pd.DataFrame(dict.fromkeys(profiles.columns[1:], same))
    constant.insert(0, "core", 1)
    profiles = pd.concat([profiles, constant])
    values = profiles.columns[1:]
    profiles[values] = profiles[values] / profiles[values].sum() * 1e6
    order = np.lexsort((profiles.index, -profiles[values].max(axis=1), -profiles["core"]))
    return profiles.iloc[order].rename_axis("gene").reset_index()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="reference_normalCelltypes.txt of immucellai2 2.1.34")
    parser.add_argument(
        "--gene_sets", default=ROOT / "assets" / "migration_sets.gmt", help="genes of CSF_MIGRATION_CORE are kept"
    )
    parser.add_argument("--genes", type=int, default=8000, help="genes kept (default %(default)s)")
    parser.add_argument("--out", default=ROOT / "assets" / "profiles.tsv.gz")
    arguments = parser.parse_args()
    if not Path(arguments.table).is_file():
        raise UserError(f"{arguments.table}: no such file; it is in the wheel of immucellai2 2.1.34 (see --help)")
    table = pd.read_csv(arguments.table, sep="\t", index_col=0)
    table = table[~table.index.duplicated()]
    sets = read_gmt(arguments.gene_sets)
    wanted = [*MARKERS, *sets["CSF_MIGRATION_CORE"], *HAEMOGLOBIN, *CELL_CYCLE]
    wanted += [gene for genes in COMPOSED.values() for gene in genes]
    communication = pd.Index(ligand_receptor_genes())
    chemokines = list(communication[communication.str.match(CHEMOKINE)])
    adhesion = [gene for gene in sets["INTEGRINS_ADHESION"] if gene in communication]
    profiles = derive(table, [*wanted, *chemokines, *adhesion], arguments.genes)
    lost = [gene for gene in wanted if gene not in set(profiles["gene"])]
    if lost:
        print(f"not in the source: {', '.join(lost)}", file=sys.stderr)
    numeric = profiles.columns[2:]
    profiles[numeric] = profiles[numeric].map(lambda value: float(f"{value:.3g}"))
    write_tsv(profiles, arguments.out)
    print(f"{arguments.out}: {len(profiles)} genes ({profiles['core'].sum()} core) x {len(numeric)} lineages")


if __name__ == "__main__":
    run(main)
