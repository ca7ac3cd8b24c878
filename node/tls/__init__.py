"""TLS of the listeners: making certificates, reading those of others, renewing, and telling when they end."""
