"""Who may use the private listener, from this computer or another, and what they did.

`roles` says who may make which call, `authority` signs certificates, `roster` keeps people, `door` lets connections in,
`guard` judges every call, `trail` remembers them, `proposals` keeps what waits for a second person.
"""
