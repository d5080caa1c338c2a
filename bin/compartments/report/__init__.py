"""One page made from tables alone."""
