"""From reads to counts of droplets: FASTQ files looked at, a genome's index, chemistry and strand, counting by STAR."""
