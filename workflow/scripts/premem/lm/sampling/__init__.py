"""Sampling answers from a checkpoint.

``prompts`` says what goes in and out, ``backends`` opens the backend that the study names (``transformers_backend`` or
``vllm_backend``), and ``shards`` shares prompts among processes. A backend is opened once for a checkpoint and answers
any number of prompts. It reads and returns plain values, so that the tables do not depend on which backend made them.
"""
