"""Status lists in the clear, for copies that other software reads: Bitstring Status List and Token Status List."""
