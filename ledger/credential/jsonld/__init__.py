"""JSON-LD for verifiers: documents into RDF datasets without losing a member, and their canonical form.

    term, context     what contexts say of terms; every unsupported feature refused
    pins, library     which content stands behind a context's URL, and the contexts a verifier holds
    dataset           a document into quads, refused if anything of it would be lost; `literal` for values
    nquads, rdfc      quads as canonical N-Quads, and RDFC-1.0 with bounded work

`canonicalize(read_dataset(document, library))` is what an RDFC suite hashes.
"""
