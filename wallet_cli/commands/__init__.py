"""One module per subcommand of `cairn`, loaded only when asked for; each is a thin shell over a module beside this."""
