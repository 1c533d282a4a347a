"""premem: predict test accuracy from learning dynamics (Kang et al., ICML 2025). Plain functions; no Snakemake here."""
