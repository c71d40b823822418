"""Processes: the parent, its workers, their sockets, how they start and stop."""
