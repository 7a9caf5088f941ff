"""Results of flatsweep in Python."""
