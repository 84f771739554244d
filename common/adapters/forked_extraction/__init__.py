"""Documents read in child processes: a fork server, one child a document, and what asks for it.

See docs/decisions/0020-extraction-in-a-child-process.md.
"""
