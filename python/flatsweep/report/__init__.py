"""One HTML page with all of a run."""
