# edgeR (quasi-likelihood) and limma-voom on cell counts of many studies: alternatives.py calls it.
# Rscript alternatives.R GIVEN MADE; no trend over so few lineages, as is usual for abundances.
suppressPackageStartupMessages(library(edgeR))
files <- commandArgs(trailingOnly = TRUE)
given <- scan(files[1], quiet = TRUE)
studies <- given[1]; donors <- given[2]; lineages <- given[3]
at <- 3
take <- function(n) { x <- given[at + seq_len(n)]; at <<- at + n; x }
treated <- take(donors)
cells <- matrix(take(studies * 2 * donors * lineages), nrow = studies, byrow = TRUE)
sizes <- matrix(take(studies * 2 * donors), nrow = studies, byrow = TRUE)

edger <- function(counts, log_size, design, coef) {
  y <- DGEList(counts)
  y$offset <- matrix(log_size, nrow(counts), ncol(counts), byrow = TRUE)
  y <- estimateDisp(y, design, trend.method = "none")
  fit <- glmQLFit(y, design, robust = TRUE, abundance.trend = FALSE)
  glmQLFTest(fit, coef = coef)$table$PValue
}
voomed <- function(counts, log_size, design, coef) {
  fit <- eBayes(lmFit(voom(counts, design, lib.size = exp(log_size)), design))
  fit$p.value[, coef]
}
careful <- function(test, ...) tryCatch(test(...), error = function(e) rep(NA, lineages))

p <- array(NA, c(lineages, studies, 2, 2)) # lineage, study, term, method
donor <- factor(rep(seq_len(donors), 2))
csf <- rep(c(1, 0), each = donors)
own <- cbind(1, treated)
paired <- cbind(model.matrix(~donor), csf, csf * treated)
first <- seq_len(donors)
for (i in seq_len(studies)) {
  counts <- matrix(cells[i, ], nrow = lineages)
  colnames(counts) <- seq_len(2 * donors)
  tests <- list(edger, voomed)
  for (k in seq_along(tests)) {
    p[, i, 1, k] <- careful(tests[[k]], counts[, first], sizes[i, first], own, 2)
    p[, i, 2, k] <- careful(tests[[k]], counts, sizes[i, ], paired, donors + 2)
  }
}
write(p, files[2], ncolumns = lineages)
