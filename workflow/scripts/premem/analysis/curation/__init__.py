"""Collecting the data that teaches: new examples like those that a model has not really learned.

Algorithm 1 of Kang et al. 2025: train, find the training examples with low premem accuracy, collect new examples like
them, train again on both. A strategy (``strategies``) weighs the training examples; a source (``sources``, ``writer``)
gives a new example like a given one; ``collect`` draws; ``rounds`` names what comes of it, so that a round's training
set is a dataset like any other; ``efficiency`` compares the strategies.
"""
