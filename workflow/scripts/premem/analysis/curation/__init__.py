"""Curation: collecting new examples like those that a model has not yet learned.

Algorithm 1 of Kang et al. 2025 trains a model, finds the training examples with low premem accuracy, collects new
examples like them, and trains again on both. Here a strategy (``strategies``) gives every training example a weight,
and a source (``sources``, ``writer``) gives a new example like a given one. ``collect`` draws, and ``next_round`` makes
the training set of a round, which is a dataset like any other (``premem.config.rounds`` names it). ``rounds`` and
``efficiency`` compare the strategies.
"""
