"""CSV uploads: reading hostile files, and the runner that ingests them."""
