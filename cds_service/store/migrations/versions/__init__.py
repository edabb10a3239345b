"""One file a revision; its number is the first part of the name."""
