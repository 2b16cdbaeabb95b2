"""Passages found by words and by meaning: chunks, vectors, BM25, fusion, indexes.

The only room that knows FAISS, BM25 and sentence-transformers.
"""
