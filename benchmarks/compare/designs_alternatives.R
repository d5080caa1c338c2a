# limma-voom and propeller with duplicateCorrelation for many studies: designs_alternatives.py calls it.
# Rscript designs_alternatives.R GIVEN MADE
suppressPackageStartupMessages(library(limma))
files <- commandArgs(trailingOnly = TRUE)
given <- scan(files[1], quiet = TRUE)
studies <- given[1]; lineages <- given[2]; methods <- given[3] # without shares of all cells, one
at <- 3
take <- function(n) { x <- given[at + seq_len(n)]; at <<- at + n; x }

correlated <- function(values, design, block) {
  both <- suppressWarnings(duplicateCorrelation(values, design, block = block)$consensus.correlation)
  if (is.finite(both)) both else 0
}
fitted <- function(values, design, block, correlation) {
  fit <- eBayes(lmFit(values, design, block = block, correlation = correlation))
  fit$p.value[, ncol(design)]
}
voomed <- function(counts, size, design, block) {
  values <- voom(counts, design, lib.size = size)
  fitted(values, design, block, correlated(values, design, block))
}
shares <- function(counts, size, design, block) {
  share <- t(t(counts + 0.5) / colSums(counts + 0.5))
  values <- log(share / (1 - share))
  fitted(values, design, block, correlated(values, design, block))
}
careful <- function(test, counts, design, ...) {
  if (qr(design)$rank < ncol(design) || nrow(design) <= ncol(design)) return(rep(NA, lineages))
  tryCatch(test(counts, design = design, ...), error = function(e) rep(NA, lineages))
}

p <- array(NA, c(lineages, methods, studies))
for (i in seq_len(studies)) {
  shape <- take(2)
  design <- matrix(take(prod(shape)), nrow = shape[1])
  block <- take(shape[1])
  size <- exp(take(shape[1]))
  counts <- matrix(take(shape[1] * lineages), nrow = lineages)
  colnames(counts) <- seq_len(shape[1])
  p[, 1, i] <- careful(voomed, counts, design = design, size = size, block = block)
  if (methods > 1) p[, 2, i] <- careful(shares, counts, design = design, size = size, block = block)
}
write(p, files[2], ncolumns = lineages)
