"""Words, typography and quality signals of plain text.

Pure. Knows no document, line number or program.
"""
