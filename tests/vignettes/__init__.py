"""Executable vignettes: patients in, expected and forbidden cards out. See README.md."""
