"""Samplers by name."""

import pytest

from skhyper.samplers import SAMPLERS, GridSampler, Sampler, check_sampler


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_name_makes_a_new_sampler(name):
    assert isinstance(check_sampler(name), Sampler)
    assert check_sampler(name) is not check_sampler(name)


def test_a_sampler_is_itself_and_anything_else_an_error():
    sampler = GridSampler(3)
    assert check_sampler(sampler) is sampler
    with pytest.raises(ValueError, match="Did you mean 'sobol'"):
        check_sampler("Sobol")
    with pytest.raises(ValueError, match="a Sampler or a list; got 3"):
        check_sampler(3, " or a list")
    with pytest.raises(ValueError, match="got <class"):
        check_sampler(GridSampler)
