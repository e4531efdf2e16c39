"""The bodies of the sub-commands, one file each, imported only when they are named."""
