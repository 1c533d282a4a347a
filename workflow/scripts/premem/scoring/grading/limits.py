"""Comparisons in processes of their own, which are ended when they take too long."""

import math
import multiprocessing
import signal
from collections.abc import Callable, Collection

from premem.scoring.grading.styles import Pair


def find_equal_within(
    compare: Callable[[str, str], bool],
    pairs: Collection[Pair],
    time_limit: float,
    workers: int,
    prepare: Callable[[], None],
) -> set[Pair]:
    """Return the pairs that ``compare`` finds equal. One that takes too long, raises or crashes counts as unequal.

    Comparisons run in processes of their own, since nothing else ends one that hangs: Python looks at signals and
    threads between two of its own operations only, and a single power of large integers can take hours.

    Args:
        compare: takes the two texts of a pair.
        pairs: what to compare.
        time_limit: seconds that a comparison may take.
        workers: processes at the same time.
        prepare: runs in each process before its first comparison.
    """
    if not pairs:
        return set()
    from pebble import ProcessExpired, ProcessPool

    equal = set()
    # Forked: the other ways to start a process import everything anew, and run a main script without a guard again.
    context = multiprocessing.get_context("fork")
    with ProcessPool(min(workers, len(pairs)), initializer=_start_worker, initargs=[prepare], context=context) as pool:
        try:
            futures = {
                pair: pool.schedule(_compare, (*pair, compare, time_limit), timeout=time_limit) for pair in pairs
            }
            for pair, future in futures.items():
                try:
                    if future.result():
                        equal.add(pair)
                except (TimeoutError, ProcessExpired):
                    pass  # incorrect, as the settings say
        except BaseException:
            pool.stop()  # or leaving the pool would wait for all comparisons still to be done
            raise
    return equal


def _start_worker(prepare: Callable[[], None]) -> None:
    # A handler in Python would wait for the running operation; the default action ends the worker at once.
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    prepare()


def _compare(first: str, second: str, compare: Callable[[str, str], bool], time_limit: float) -> bool:
    signal.alarm(math.ceil(time_limit) + 5)  # ends this worker even if the pool was killed and left it behind
    try:
        return compare(first, second)
    except Exception:  # such as RecursionError: what cannot be compared is not equal
        return False
    finally:
        signal.alarm(0)
