"""Refiners of documents: a document in, a deletion program out.

A new refiner belongs here. None knows another, none cuts text.
"""
