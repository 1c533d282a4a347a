"""How well accuracies on the training set predict test accuracy: R² about y = x, calibration of p, intervals.

Kang et al. 2025, section 4, choose one threshold p per (model, dataset): the one whose predictions lie closest to the
line y = x. That p is tuned on the same points that it is judged on, so every number comes with two safeguards. Each run
is also judged with a p that was calibrated without it. Intervals come from resampled runs, and p is calibrated anew in
every resample. The checkpoints of a run resemble each other, so whole runs are resampled and left out, not checkpoints.

Two tables are the input. Both hold all runs of one (model, dataset) pair:

    points   run, epoch, train_accuracy, predicted_test_accuracy, test_accuracy      one row per checkpoint
    curves   run, epoch, threshold, predicted_test_accuracy, test_accuracy           one row per checkpoint and p

``measures`` computes R² and errors, ``calibration`` chooses p, ``bootstrap`` resamples runs, ``ols`` fits a line, and
``table`` puts everything into one table.
"""
