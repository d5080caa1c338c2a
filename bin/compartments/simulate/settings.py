"""What a simulated cohort is like."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True)
class Settings:
    """What a cohort is like. Defaults make the demo cohort."""

    preset: str = "alemtuzumab"
    n_condition: int = 2
    n_reference: int = 4
    seed: int = 1
    condition: str = "alemtuzumab"
    reference: str = "untreated"
    cells: dict[str, int] = field(default_factory=lambda: {"CSF": 500, "blood": 1050})
    empties: int = 8000
    mean_umi: float = 2500
    soup_umi: float = 80
    red_cell_soup: dict[str, float] = field(default_factory=lambda: {"CSF": 0.3, "blood": 0.05})
    doublet_rate: float = 0.008
    dying: float = 0.04
    batches: int = 2
    sd_donor: float = 0.35
    sd_sample: float = 0.30
    sd_total: float = 0.15
    sd_expression_donor: float = 0.30
    sd_expression_sample: float = 0.15
    sd_batch: float = 0.10
    sd_compartment: float = 0.30
    de_fraction: float = 0.01
    traumatic_tap: str = ""
    outlier: str = ""
    filtered: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Those of ``given`` that are settings; the others keep their defaults."""
        return cls(**{one.name: given[one.name] for one in fields(cls) if one.name in given})
