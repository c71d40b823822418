"""What the operators see: log lines and metrics."""
