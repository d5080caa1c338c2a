"""Library of sc-compartments: pure functions on AnnData and DataFrame objects."""

__version__ = "0.1.0"
