"""What the name of a chemistry says, however it is written: of which kit reads, doublets and mixtures are."""

import re
from typing import NamedTuple

KINDS = (  # of a name in lower case, without all but letters, digits and apostrophes
    (re.compile(r"flex|fixedrna|frp|probe"), "Flex"),
    (re.compile(r"nuclei|nucleus|snrna|singlenuc"), "nuclei"),
    (re.compile(r"multiome|arc"), "multiome"),
)
ENDS = (
    (re.compile(r"5'|5p|5v\d|sc5|fiveprime|vdj"), "5'"),
    (re.compile(r"3'|3p|(?<![v\d])3v\d|sc3|threeprime"), "3'"),
)
VERSION = re.compile(r"v(\d)")
HIGH_THROUGHPUT = re.compile(r"(?<![a-z])ht(?![a-z])|high.?throughput")
GEMX = {"3'": 4, "5'": 3}  # its first version, by the end that is read
# what names of kits for single cells hold; of other words a name is of something else
WORDS = re.compile(
    r"(10x|genomics|chromium|nextgem|gemx|gem|singlecell|singlenuclei|singlenucleus|nuclei|nucleus|snrnaseq|snrna|"
    r"scrnaseq|scrna|geneexpression|gex|polya|kits?|reagents?|universal|ocm|r2only|r2|r1|pe|sc|rna|prime|five|three|"
    r"multiome|arc|atac|ht|highthroughput|or|v\d+|[35p'])*"
)


class Kit(NamedTuple):
    """What a name says.

    Attributes
    ----------
    kind : str
        ``Flex``, ``nuclei``, ``multiome``, or empty.
    end : str
        ``3'``, ``5'``, or empty.
    version : int
        0 if there is none, or two.
    gemx : bool
        Of the generation GEM-X: 3' v4, 5' v3.
    high : bool
        A kit of high throughput, HT.
    plain : bool
        Nothing else is in the name.
    """

    kind: str = ""
    end: str = ""
    version: int = 0
    gemx: bool = False
    high: bool = False
    plain: bool = False

    @property
    def name(self) -> str:
        """One name for all ways to write it: ``3' v3``; empty if nothing is known."""
        return f"{self.kind or self.end}{f' v{self.version}' if self.version else ''}".strip()

    def agrees(self, other: "Kit") -> bool:
        """Whether both can be said of one sample: what one does not say is not against it."""
        pairs = zip((self.kind, self.end, self.version), (other.kind, other.end, other.version), strict=True)
        return all(own == theirs or not own or not theirs for own, theirs in pairs)


def kit_named(text: str) -> Kit:
    """The kit that a text names: a samplesheet, Cell Ranger (``Single Cell 3' v4 (polyA)``, ``SC5P-R2-v3``)."""
    lower = re.sub("[’′`]", "'", text.lower())
    word = re.sub("[^a-z0-9']", "", lower)
    kind, end = (next((name for form, name in names if form.search(word)), "") for names in (KINDS, ENDS))
    versions = {int(one) for one in VERSION.findall(word)}
    version = versions.pop() if len(versions) == 1 else 0
    droplets = kind in ("", "nuclei")
    gemx = "gemx" in word
    if gemx and droplets:
        version = GEMX[end or "3'"]
    gemx |= droplets and version >= GEMX[end or "3'"]
    return Kit(kind, end, version, gemx, bool(HIGH_THROUGHPUT.search(lower)), bool(word and WORDS.fullmatch(word)))
