"""Data Integrity proofs inside JSON documents (W3C VC Data Integrity 1.0, Data Integrity EdDSA Cryptosuites 1.0)."""
