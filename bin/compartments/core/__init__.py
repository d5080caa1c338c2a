"""The ground: errors, files, the contract of tables, options, words. Imports nothing else of the package."""
