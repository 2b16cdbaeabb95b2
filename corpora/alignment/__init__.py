"""How a refined text lies in its raw text: longest common subsequences and what is read off them.

Pure: no files, no models, no decision about what should go.
"""
