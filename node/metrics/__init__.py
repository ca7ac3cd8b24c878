"""The node's own figures for its operator's monitoring, in the format of Prometheus, on the private side alone."""
