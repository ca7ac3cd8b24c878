"""How other programs reach a node: HTTP for everybody, gRPC between nodes."""
