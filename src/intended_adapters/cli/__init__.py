"""The command line: a face over the public door. `intended --help` lists the commands."""
