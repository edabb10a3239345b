"""The CDS Hooks 2.0.1 wire format, without input or output."""
