"""Fixed searches do, to the last bit, what they did when they were recorded."""

import pytest
from golden import trace

RECORDED, IS_HERE = trace.recorded()


@pytest.mark.skipif(not IS_HERE, reason="rounding differs between processors and versions")
@pytest.mark.parametrize("name", trace.SEARCHES)
@pytest.mark.fast_cases(4)
def test_search_is_unchanged(name):
    assert not list(trace.differences(RECORDED[name], trace.trace(name)))


def test_each_search_is_recorded():
    assert RECORDED.keys() == trace.SEARCHES.keys()
    assert all(record.get("trials") or record.get("points") for record in RECORDED.values())


def test_the_last_bit_counts():
    old = {"trials": [{"loss": 1.0, "params": {"C": 2}}]}
    new = {"trials": [{"loss": 1.0 + 2**-52, "params": {"C": 2.0}}]}
    assert len(list(trace.differences(old, new))) == 2
    assert not list(trace.differences(old, old))
