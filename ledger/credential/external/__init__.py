"""Credentials of other people, as their own formats have them: read, judged, and told in the steps of every report.

    container       what a file carries: text, or the badge in an image
    kind            which format a text is of
    answer          what a badge host answers: several credentials side by side
    key             keys of other software: RSA beside Ed25519 and P-256
    certificate     chains of certificates under an authority that the verifier names
    issuers         what the verifier was given about issuers: documents, names, authorities
    entry           status entries found inside credentials
    revocation      what a list says, behind one seam; plain lists of revoked ids
    lists           readers of the lists that were given
    question        what is asked, and what is at hand to answer it
    given, asking   bytes that somebody gave about issuers, and the question made of them
    findings        answers and codes gathered into one report
    shape, badge    what a credential and a badge must have
    contents        what a credential says, in lines
    ending          the steps after a good signature, the same for all
    document        embedded proofs: VCDM 1.1 and 2.0, Open Badges 3.0
    signer          whose key signed a token
    token           JWS forms: Open Badges 3.0, `vc+jwt`, data model 1.1
    sdjwt_token     SD-JWT VC of others and `vc+sd-jwt`
    times           dates of elder badges
    assertion       Open Badges 2.0, signed and hosted
    cbor, merkle    the Merkle proofs of Blockcerts
    blockcerts      Blockcerts v2 and v3
    clr             Comprehensive Learner Record 2.0
    shown           presentations of several
    judge           all of it: from the bytes of a file to a report

Nothing is fetched. A good signature says that a key signed; whose key that is answers another step, and only for
issuers whom the verifier names. What a ledger says is asked by `verify` alone: nothing here changes its verdicts.
"""
