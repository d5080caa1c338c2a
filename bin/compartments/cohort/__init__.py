"""All samples in one object, the sums that statistics need, and the picture of all cells."""
