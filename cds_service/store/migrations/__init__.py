"""The way of the tables from one version of the program to the next: one file a step, in `versions/`."""
