"""The public ledger store: every log this node holds, in one LevelDB directory."""
