"""`cairn`: what people without a node run.

Learners keep and show their record (vault, receive, refresh, records, present, history); verifiers and auditors hold
a light replica and judge what they are shown (replica, sync, verify, audit). Files and the terminal are touched here;
the network only through `node.client`; every rule is in `ledger`.
"""
