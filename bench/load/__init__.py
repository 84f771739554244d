"""`./dev load`: the whole stack under load while it is killed again and again."""
