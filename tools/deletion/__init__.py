"""The deletion API: lines, programs, their notation and schemas.

Pure. Every edit of a text is one of these calls; nothing here can write a word.
"""
