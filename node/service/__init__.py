"""The public gRPC services of a node: each method decodes, makes one call, encodes."""
