"""JSON-LD for verifiers: documents into RDF datasets without losing a member, and their canonical form."""
