"""The command line: reads what was typed, calls one function, prints what came of it.

The only room that knows typer. Nothing imports it.
"""
