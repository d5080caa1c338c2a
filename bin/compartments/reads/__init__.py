"""From reads to counts of droplets: FASTQ files looked at, an index, chemistry and strand, STARsolo or alevin-fry."""
