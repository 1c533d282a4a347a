"""What sampled answers are worth: grades, accuracies and memorization."""
