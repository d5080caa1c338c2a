# limma's voom for the tasks of a folder: task_<n>.csv -> p_<n>.csv. With blocks (duplicateCorrelation, twice) or without.
suppressMessages({library(limma); library(edgeR)})
folder <- commandArgs(TRUE)[1]
for (path in list.files(folder, "^task_", full.names = TRUE)) {
  task <- read.csv(path, check.names = FALSE)
  x <- as.matrix(task[, startsWith(names(task), "x_")])
  counts <- t(as.matrix(task[, startsWith(names(task), "G")]))
  contrast <- as.numeric(strsplit(task$vector[1], " ")[[1]])
  y <- calcNormFactors(DGEList(counts))
  v <- voom(y, x)
  if (task$blocked[1] == 1) {
    r <- duplicateCorrelation(v, x, block = task$donor)$consensus
    v <- voom(y, x, block = task$donor, correlation = r)
    r <- duplicateCorrelation(v, x, block = task$donor)$consensus
    fit <- lmFit(v, x, block = task$donor, correlation = r)
  } else {
    fit <- lmFit(v, x)
  }
  p <- eBayes(contrasts.fit(fit, matrix(contrast, ncol = 1)))$p.value
  write.table(p, sub("task_", "p_", path), row.names = FALSE, col.names = FALSE)
}
