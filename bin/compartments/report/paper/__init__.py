"""The report on paper: the page's figures drawn as SVG and PDF, its sections as one document."""
