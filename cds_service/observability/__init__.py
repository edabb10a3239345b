"""What the operator sees of the running service: request ids, traces, audit, metrics. Nothing of a patient."""
