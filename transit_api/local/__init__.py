"""Servers out of wheels: PostgreSQL and Valkey beside the service on one machine."""
