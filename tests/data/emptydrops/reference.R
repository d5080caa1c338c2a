# Reference values of Bioconductor DropletUtils for counts.mtx.gz; needs r-bioc-dropletutils (Debian).
# Rscript reference.R, in this folder. Written: reference.tsv (per barcode), ambient.tsv (per gene).
suppressMessages({library(DropletUtils); library(Matrix)})
counts <- as(readMM(gzfile("counts.mtx.gz")), "CsparseMatrix")
colnames(counts) <- seq_len(ncol(counts)) - 1
rownames(counts) <- seq_len(nrow(counts)) - 1
set.seed(1)
out <- emptyDrops(counts, lower = 100, retain = Inf, niters = 20000, alpha = Inf)
tested <- !is.na(out$PValue)
write.table(data.frame(barcode = colnames(counts), total = out$Total, log_prob = out$LogProb, p_value = out$PValue,
                       fdr = out$FDR)[tested, ], "reference.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
ambient <- metadata(out)$ambient[, 1]
write.table(data.frame(gene = names(ambient), proportion = format(ambient, digits = 12)), "ambient.tsv", sep = "\t",
            quote = FALSE, row.names = FALSE)
cat("DropletUtils", as.character(packageVersion("DropletUtils")), "\n")
