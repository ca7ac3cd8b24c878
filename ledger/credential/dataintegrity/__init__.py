"""Data Integrity proofs inside JSON documents (W3C VC Data Integrity 1.0, Data Integrity EdDSA Cryptosuites 1.0).

    cryptosuite       what a signature covers: canonical form and hashes of options and document
    proof             one proof object, parsed
    issuer_document   whose key is it: did:key, did:web and controller documents, none of them fetched
    judgement         is the document good: every proof understood, sets and chains, one answer and all reasons
    signing           adding a proof, alone or over others

To verify: `judge_proofs(document, ProofQuestion(now=…, signer=…, documents=IssuerDocuments([…]), library=…))`. To sign:
`add_proof(document, ProofTerms(suite=…, method=…, created=…), sign, library)`. The library of contexts is only needed
for RDFC suites; an empty one makes them answer `could not check`.
"""
