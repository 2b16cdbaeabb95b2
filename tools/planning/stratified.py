"""Which items an operation is tried on before anything is planned."""

import numpy as np

from burnish.tools.arrays import Ints


def shares_of(counts: Ints, size: int) -> Ints:
    """Share `size` places among strata in proportion to their counts, one at least where it goes.

    No stratum gets more than it has. Largest remainders decide, among equals the larger stratum,
    then the first.
    """
    counts = np.asarray(counts, np.int64)
    size = min(size, int(counts.sum()))
    given = np.zeros(len(counts), np.int64)
    if size <= 0:
        return given
    by_size = np.lexsort((np.arange(len(counts)), -counts))
    first = by_size[counts[by_size] > 0][:size]
    given[first] = 1
    wanted = size * counts / counts.sum()
    for _ in range(size - int(given.sum())):
        short = np.where(given < counts, wanted - given, -np.inf)
        best = np.flatnonzero(short >= short.max() - 1e-9)
        given[best[np.argmax(counts[best])]] += 1
    return given


def stratified(strata: Ints, size: int, seed: int) -> Ints:
    """Draw `size` items spread over strata in proportion, each stratum once at least if it fits.

    Args:
        strata: stratum of each item, codes from 0: cells, or cells by difficulty.
        size: how many items; all when there are no more.
        seed: the same seed draws the same items.

    Returns:
        Places of the drawn items, rising.
    """
    strata = np.asarray(strata, np.int64)
    if not len(strata):
        return np.empty(0, np.int64)
    given = shares_of(np.bincount(strata), size)
    mixed = np.random.default_rng(seed).permutation(len(strata))
    grouped = mixed[np.argsort(strata[mixed], kind="stable")]
    codes = strata[grouped]
    rank = np.arange(len(grouped)) - np.searchsorted(codes, codes)
    return np.sort(grouped[rank < given[codes]])
