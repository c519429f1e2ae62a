"""Words and codes to findings: terms of the Human Phenotype Ontology, GA4GH phenopackets."""
