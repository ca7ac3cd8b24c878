"""The registrar's private side: who was awarded what, its copies and slots, and the cuts that put them on the ledger.

Everything personal a node knows lives here, in one database that can be erased; the ledger gets commitments and status
pages only. `desk.RegistrarDesk` is the one object commands and web pages call.
"""
