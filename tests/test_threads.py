"""Limits on threads: of BLAS for the process, of OpenMP for each thread."""

import itertools

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skhyper._threads import threads_bounded


def numbers(api="blas"):
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == api}


@pytest.fixture
def four_threads():
    with threadpool_limits(4):
        if numbers() != {4}:
            pytest.skip("this BLAS has no number of threads that can be set")
        yield


@pytest.mark.parametrize("left", list(itertools.permutations(range(3))))
def test_contexts_may_be_left_in_any_order(four_threads, left):
    """Such as those of tasks in several threads, and of the sampler beside them."""
    limits = [3, 1, 2]
    contexts = [threads_bounded(n, openmp=n != 1) for n in limits]
    for i, context in enumerate(contexts):
        context.__enter__()
        assert numbers() == {min(limits[: i + 1])}
    for n_left, i in enumerate(left, start=1):
        contexts[i].__exit__(None, None, None)
        assert numbers() == {min((limits[k] for k in left[n_left:]), default=4)}


def test_a_limit_is_no_request(four_threads):
    with threads_bounded(8):
        assert numbers() == {4}


def test_openmp_is_bounded_for_this_thread(four_threads):
    import sklearn.cluster  # noqa: F401  (loads OpenMP)

    with threadpool_limits(4):
        before = numbers("openmp")
        with threads_bounded(2):
            assert numbers("openmp") == {2}
        with threads_bounded(2, openmp=False):
            assert numbers("openmp") == before
        assert numbers("openmp") == before
