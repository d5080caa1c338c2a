-- Lmod: copy it as sc-compartments/<version>.lua to a folder of MODULEPATH, with the place of the installation.
help("Single-cell RNA-seq of several compartments of the same donors")
local root = "/opt/sc-compartments"
setenv("SC_COMPARTMENTS", root)
setenv("NXF_OFFLINE", "true")
prepend_path("PATH", pathJoin(root, "tools"))
