"""PURE: the form of everything that crosses between gate, centre and visitor. PROTOCOL.md says it in prose.

Nothing here touches a clock, a file, a network or randomness, except that sealing draws its ephemeral
key inside the cryptographic library. Signatures are COSE (`envelope`); inside stands JSON that a person
can read, and CBOR where a QR symbol counts every byte (`passes`).
"""
