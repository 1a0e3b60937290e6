"""Tables and migrations of the control plane."""
