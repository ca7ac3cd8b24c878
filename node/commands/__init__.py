"""The subcommands of `cairn-node`, one module each, named like the subcommand and loaded only when it is asked for."""
