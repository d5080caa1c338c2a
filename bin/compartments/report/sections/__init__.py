"""The sections of the page, one module each: ``TITLE``, ``NEEDS`` (tables without which there is nothing to show),
``STEPS`` (that make them) and ``build(page)``, which gives the blocks. :mod:`compartments.report.contents` orders them.
"""
