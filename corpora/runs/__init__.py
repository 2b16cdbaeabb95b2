"""The folder of a run: its layout, its ledgers, its manifest.

No settings, no graph, no decision: what is written is handed in.
"""
