"""The node's public HTTP: logs as tiles and bodies, the metadata of issuers, health, and claims by OpenID4VCI."""
