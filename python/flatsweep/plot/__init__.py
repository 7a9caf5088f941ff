"""Figures of Feng & Tu (PNAS 2021) and what goes with them, each one function of a `Subject`."""
