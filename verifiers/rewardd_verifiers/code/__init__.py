"""Judge programs: what a reference asks, what came out, whether both agree."""
