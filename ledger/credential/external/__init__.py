"""Credentials of other people, as their own formats have them: read, judged, and told in the steps of every report.

    container       what a file carries: text, or the badge in an image
    kind            which format a text is of
    key             keys of other software: RSA beside Ed25519 and P-256
    certificate     chains of certificates under an authority that the verifier names
    issuers         what the verifier was given about issuers: documents, names, authorities
    entry           status entries found inside credentials
    revocation      plain lists of revoked ids; readers of other lists stand behind one seam
    findings        answers and codes gathered into one report
    shape           data model 2.0 and 1.1: what a credential must have
    badge           Open Badges 3.0: what a badge must have
    contents        what a credential says, in lines
    dates           validity
    trust           whose key it was, and who that is
    document        embedded proofs: VCDM 1.1 and 2.0, Open Badges 3.0
    token           JWS forms: Open Badges 3.0, `vc+jwt`, data model 1.1
    sdjwt_token     SD-JWT VC of others and `vc+sd-jwt`
    assertion       Open Badges 2.0, signed and hosted
    cbor, merkle    the Merkle proofs of Blockcerts
    blockcerts      Blockcerts v2 and v3
    clr             Comprehensive Learner Record 2.0
    shown           presentations of several
    judge           all of it: from the bytes of a file to a report

Nothing is fetched. A good signature says that a key signed; whose key that is answers another step, and only for
issuers whom the verifier names. What a ledger says is asked by `verify` alone: nothing here changes its verdicts.
"""
