# Cells of a cohort in R, from the folder that `sc-compartments export RESULTS --to 10x` wrote:
#   Rscript read_10x.R FOLDER seurat|sce OUT.rds
given <- commandArgs(trailingOnly = TRUE)
if (length(given) != 3 || !given[2] %in% c("seurat", "sce")) {
  stop("usage: Rscript read_10x.R FOLDER seurat|sce OUT.rds")
}
place <- function(name) file.path(given[1], name)
counts <- as(Matrix::readMM(gzfile(place("matrix.mtx.gz"))), "CsparseMatrix")
features <- read.delim(gzfile(place("features.tsv.gz")), header = FALSE, colClasses = "character", quote = "")
cells <- readLines(gzfile(place("barcodes.tsv.gz")))
dimnames(counts) <- list(make.unique(features[[2]]), cells)
# R would take the names 001, T and NA for a number, a truth and a gap
classes <- read.csv(place("obs_classes.csv"), colClasses = "character", na.strings = "")
classes <- setNames(classes$class, classes$column)
obs <- read.csv(
  gzfile(place("obs.csv.gz")),
  row.names = 1, check.names = FALSE, colClasses = classes, na.strings = ""
)
umap <- as.matrix(read.csv(gzfile(place("umap.csv.gz")), row.names = 1))
stopifnot(identical(rownames(obs), cells), identical(rownames(umap), cells))
if (given[2] == "seurat") {
  object <- Seurat::CreateSeuratObject(counts, meta.data = obs)
  object[["umap"]] <- Seurat::CreateDimReducObject(umap, key = "UMAP_", assay = "RNA")
  Seurat::Idents(object) <- "lineage"
} else {
  object <- SingleCellExperiment::SingleCellExperiment(
    list(counts = counts), colData = obs, reducedDims = list(UMAP = umap)
  )
}
saveRDS(object, given[3])
