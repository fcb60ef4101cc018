"""Every spelling of a dimension and of a space, right and wrong; nothing passed is changed."""

import pickle

import numpy as np
import pytest
import skopt.space
from contracts.naming import short
from scipy import stats
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from skhyper.exceptions import InvalidSpaceError
from skhyper.space import (
    Categorical,
    Distribution,
    Integer,
    Real,
    Space,
    When,
    check_dimension,
    check_space,
)

U = np.linspace(0.0, 1.0, 41)


def choices_of(spec):
    dimension = check_dimension(spec)
    assert type(dimension) is Categorical
    return dimension.choices


# Lists, arrays, tuples of choices


@pytest.mark.parametrize(
    "spec",
    [
        [1, 30],
        [1],
        [0.1, 1.0, 10.0],
        [1, 10, "auto"],
        ["a", "b"],
        [None, True, "auto", 3],
        [[1, 2], [3, 4]],
        [{"a": 1}, {"b": 2}],
        [SVC(), RandomForestClassifier()],
        [len, lambda x: x],
        [(1, 10), (2, 20)],
        ("a", "b"),
        ("gini",),
        (True, False),
        (None, "auto"),
        (None, 1),
        (1, None),
        (1, 10, 20),
        (1, 10, None),
        (0.5, "auto"),
        (np.True_, np.False_),
        ((50,), (100,)),
        (1,),
    ],
    ids=short,
)
def test_choices_are_taken_exactly_as_they_are(spec):
    choices = choices_of(spec)
    assert len(choices) == len(spec)
    assert all(a is b for a, b in zip(choices, spec))


@pytest.mark.parametrize(
    "spec", [np.logspace(-2, 2, 5), np.arange(3), np.array(["a", "b"]), range(1, 4)], ids=repr
)
def test_arrays_and_ranges_are_choices(spec):
    assert choices_of(spec) == list(spec)


def test_choices_are_a_list_of_their_own():
    spec = [1, 2]
    dimension = check_dimension(spec)
    spec.append(3)
    assert dimension.choices == [1, 2]


# Tuples that are ranges


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ((1, 30), "Integer(1, 30, 'uniform')"),
        ((0, 1), "Integer(0, 1, 'uniform')"),
        ((-4, 4), "Integer(-4, 4, 'uniform')"),
        ((1, 30, "uniform"), "Integer(1, 30, 'uniform')"),
        ((1, 30, "log-uniform"), "Integer(1, 30, 'log-uniform')"),
        ((1, 30, "log-uniform", 2), "Integer(1, 30, 'log-uniform')"),
        ((1.0, 30), "Real(1.0, 30.0, 'uniform')"),
        ((1, 30.0), "Real(1.0, 30.0, 'uniform')"),
        ((1e-3, 1e3, "log-uniform"), "Real(0.001, 1000.0, 'log-uniform')"),
        ((1e-3, 1e3, "log-uniform", 10), "Real(0.001, 1000.0, 'log-uniform')"),
        ((0.0, 1.0, "uniform", 10), "Real(0.0, 1.0, 'uniform')"),
        ((np.int64(1), np.int32(30)), "Integer(1, 30, 'uniform')"),
        ((np.float64(0.5), np.float32(2.0)), "Real(0.5, 2.0, 'uniform')"),
        ((np.int64(1), 2.5), "Real(1.0, 2.5, 'uniform')"),
        ((1e-3, 1e3, "log"), "Real(0.001, 1000.0, 'log-uniform')"),
        ((1, 30, "loguniform"), "Integer(1, 30, 'log-uniform')"),
        ((1, 30, "log", 10), "Integer(1, 30, 'log-uniform')"),
    ],
    ids=short,
)
def test_tuples_that_are_ranges(spec, expected):
    assert repr(check_dimension(spec)) == expected


@pytest.mark.parametrize("low", [0.02, 2])
def test_base_of_the_logarithm_moves_nothing(low):
    by_base = [check_dimension((low, 50, "log-uniform", base)) for base in (2, 10, 7)]
    for u in U:
        assert len({dimension.from_unit(u) for dimension in by_base}) == 1


# Distributions of scipy, dimensions of skhyper


def test_distributions():
    for frozen in (stats.uniform(1, 2), stats.loguniform(1e-3, 1e3), stats.randint(1, 9)):
        dimension = check_dimension(frozen)
        assert type(dimension) is Distribution
        assert [dimension.from_unit(u) for u in U[1:-1]] == [frozen.ppf(u) for u in U[1:-1]]


@pytest.mark.parametrize("dimension", [Real(0, 1), Integer(1, 2), Categorical([1])], ids=short)
def test_dimensions_are_taken_as_they_are(dimension):
    assert check_dimension(dimension) is dimension


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [
        ([0.1, 0.5, 0.9], [0.2, 0.3, 0.5], [0.1, 0.5, 0.9]),
        ([1, 10, 100], [0.2, 0.3, 0.5], [1, 10, 100]),
        ([3.0, 1.0, 10.0], [0.2, 0.3, 0.5], [1, 3, 10]),
    ],
)
def test_a_table_of_values_is_choices_with_weights(values, weights, expected):
    frozen = stats.rv_discrete(values=(values, weights))
    dimension = check_dimension(frozen)
    assert dimension.choices == expected
    assert [type(c) for c in dimension.choices] == [type(c) for c in expected]
    np.testing.assert_allclose(dimension.weights, frozen.pmf(expected))
    assert {dimension.from_unit(u) for u in U} == set(expected)
    shifted = check_dimension(frozen(loc=0.5))
    np.testing.assert_allclose(shifted.choices, np.add(expected, 0.5))


def test_a_table_of_values_that_are_integers_in_a_row_is_a_distribution():
    assert type(check_dimension(stats.rv_discrete(values=([1, 2], [0.5, 0.5])))) is Distribution
    # What is never drawn is no value.
    gap = check_dimension(stats.rv_discrete(values=([1, 2, 3], [0.5, 0.0, 0.5])))
    assert gap.choices == [1, 3]


# Dimensions of scikit-optimize


@pytest.mark.parametrize(
    "args",
    [
        (1.5, 40.0),
        (1e-4, 1e3, "log-uniform"),
        (1e-4, 1e3, "log-uniform", 2),
        (2.0, 3.0, "log-uniform", 7),
    ],
    ids=short,
)
def test_skopt_real_has_the_same_scale(args):
    theirs = skopt.space.Real(*args, transform="normalize")
    ours = check_dimension(skopt.space.Real(*args))
    assert type(ours) is Real
    np.testing.assert_allclose(
        [ours.from_unit(u) for u in U], theirs.inverse_transform(U), rtol=1e-9
    )
    values = theirs.rvs(20, random_state=0)
    np.testing.assert_allclose(
        [ours.to_unit(v) for v in values], theirs.transform(values), rtol=0, atol=1e-9
    )


def test_skopt_integer_has_the_same_distribution():
    theirs = skopt.space.Integer(-2, 6)
    ours = check_dimension(theirs)
    assert repr(ours) == "Integer(-2, 6, 'uniform')"
    drawn = np.bincount(theirs.rvs(3000, random_state=0) + 2, minlength=9)
    own = np.bincount(np.array(ours.rvs(3000, random_state=1)) + 2, minlength=9)
    assert stats.chi2_contingency([drawn, own]).pvalue > 0.01


def test_skopt_log_integer_has_the_same_scale_but_for_half_a_step_at_the_ends():
    low, high = 100, 100_000
    ours = check_dimension(skopt.space.Integer(low, high, "log-uniform", base=2))
    theirs = skopt.space.Integer(low, high, "log-uniform", base=2, transform="normalize")
    got = np.array([ours.from_unit(u) for u in U])
    np.testing.assert_allclose(got, theirs.inverse_transform(U), rtol=1.5 / low)
    assert (got[0], got[-1]) == (low, high)


@pytest.mark.parametrize("prior", [None, [0.2, 0.5, 0.3]])
@pytest.mark.parametrize("transform", ["onehot", "identity", "label", "normalize"])
def test_skopt_categorical_has_the_same_choices_and_prior(prior, transform):
    theirs = skopt.space.Categorical(["a", "b", "c"], prior=prior, transform=transform)
    ours = check_dimension(theirs)
    assert ours.choices == list(theirs.categories)
    counts = np.bincount(ours.index(np.random.default_rng(1).random(4000)), minlength=3)
    assert stats.chisquare(counts, np.asarray(theirs.prior_) * 4000).pvalue > 0.01


def test_skopt_categories_are_names_even_if_they_are_numbers():
    assert check_dimension(skopt.space.Categorical([1, 2, 3])).places is None


def test_skopt_categorical_hands_out_its_own_objects():
    objects = [(50,), (100, 50), None]
    dimension = check_dimension(skopt.space.Categorical(objects, transform="identity"))
    assert all(a is b for a, b in zip(dimension.choices, objects, strict=True))


def test_other_things_of_skopt():
    with pytest.raises(InvalidSpaceError, match="of scikit-optimize that skhyper does not support"):
        check_dimension(skopt.space.Space([(0.0, 1.0)]))


# Nothing that was passed is changed


def skopt_spaces():
    # skopt's own searches set `name` and `transform_` of these, and refit their transformers.
    return {
        "C": skopt.space.Real(1e-3, 1e3, "log-uniform", name="mine"),
        "degree": skopt.space.Integer(1, 5),
        "kernel": skopt.space.Categorical(["linear", "rbf"], prior=[0.1, 0.9], transform="label"),
    }


def skhyper_spaces():
    return [
        (
            {
                "clf": [SVC(C=3), RandomForestClassifier(random_state=np.random.RandomState(0))],
                "size": [[1, 2], {"a": [1]}, np.arange(3)],
                "x": stats.loguniform(1, 10),
                "y": When(Real(0, 1), clf=lambda_free_predicate),
            },
            3,
        ),
        ({"x": (1, 5), "z": np.array([1.0, 2.0])}, 2),
    ]


def lambda_free_predicate(value):
    return isinstance(value, SVC)


@pytest.mark.parametrize("make", [skopt_spaces, skhyper_spaces])
def test_what_was_passed_is_not_changed(make):
    spaces = make()
    before = pickle.dumps(spaces)
    space = check_space(spaces)
    points = space.sample(30, np.random.default_rng(0))
    settings = space.from_unit(points)
    space.to_unit(settings)
    list(space.grid(3))
    repr(space)
    assert pickle.dumps(spaces) == before


def test_skopt_dimensions_keep_their_names_and_transforms():
    spaces = skopt_spaces()
    attributes = {name: (d.name, d.transform_, d.transformer) for name, d in spaces.items()}
    Space(spaces).sample(5, np.random.default_rng(0))
    assert attributes == {name: (d.name, d.transform_, d.transformer) for name, d in spaces.items()}


# Wrong dimensions


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rbf", r"'rbf' is not a valid search space.*for one fixed value, \['rbf'\]"),
        (b"rbf", "is not a valid search space"),
        (3, r"3 is not a valid search space.*for one fixed value, \[3\]"),
        (0.5, "is not a valid search space"),
        (None, "None is not a valid search space"),
        (True, "True is not a valid search space"),
        (np.float64(2.0), "is not a valid search space"),
        ({"low": 1, "high": 2}, "is not a valid search space"),
        ({1, 2}, "is not a valid search space"),
        (frozenset([1]), "is not a valid search space"),
        (SVC(), r"SVC\(\) is not a valid search space"),
        (SVC, "is not a valid search space"),
        (RandomForestClassifier(), "Choices must be a list"),
        ((i for i in range(3)), "Choices must be a list"),
        (np.array(3), r"one-dimensional, got \(\)"),
        (np.zeros((2, 2)), r"one-dimensional, got \(2, 2\)"),
        ([], "must not be empty"),
        ((), "must not be empty"),
        (np.array([]), "must not be empty"),
        ((30, 1), "inverted"),
        ((1.5, 0.5, "log-uniform"), "inverted"),
        ((3, 3), r"empty; write \[3\]"),
        ((0.0, np.inf), "must be finite"),
        ((-np.inf, 0.0), "must be finite"),
        ((np.nan, 1.0), "must be finite"),
        ((0, 10, "log-uniform"), "needs low > 0"),
        ((0.0, 1.0, "log-uniform"), "needs low > 0"),
        ((-1.0, 1.0, "log-uniform", 2), "needs low > 0"),
        ((1, 10, "log uniform"), "prior must be one of .*'log-uniform.*got 'log uniform'"),
        ((100, 1000, 100), r"write Integer\(100, 1000, step=100\) or range\(100, 1001, 100\)\.$"),
        ((1, 10, 5), r"step=5\) or range\(1, 11, 5\), \[1, 10, 5\] for three choices"),
        ((0.0, 1.0, 0.1), r"write Real\(0\.0, 1\.0, step=0\.1\)"),
        ((1, 10, 10), r"write Integer\(1, 10, step=10\)|repeats a choice; write a list"),
        ((1, 10, 1, 10), "repeats a choice; write a list"),
        ((1e-3, 10, True), r"Write \(0\.001, 10, 'log-uniform'\)"),
        ((1, 10**400), "both ends must be finite.*an integer of 1329 bits"),
        ((-1e308, 1e308), "too wide for floating-point numbers"),
        ((1, 10, "lgo"), "prior must be one of .*got 'lgo'.*Did you mean 'log'"),
        ((0.1, 0.2, ""), "prior must be one of .*got ''"),
        ((1, 10, "log-uniform", "10"), r"a range is \(low, high"),
        ((1, 10, "log-uniform", 10, "x"), r"a range is \(low, high"),
        ([1, 10, "log-uniform"], r"list of choices; write a range as \(1, 10, 'log-uniform'\)"),
        ([0.1, 1.0, "uniform", 10], "list of choices; write a range as"),
        (stats.loguniform, "parameters are missing"),
        (stats.uniform(0, -1), "parameters are missing or not allowed"),
        (stats.multivariate_normal([0, 0]), "can only be sampled"),
        (stats.randint(1, 5, loc=0.5), "discrete, but not over integers"),
        (stats.rv_discrete(name="nothing"), "can only be sampled"),
    ],
    ids=short,
)
def test_wrong_dimensions(spec, message):
    with pytest.raises(InvalidSpaceError, match=message):
        check_dimension(spec)
    # In a space, the message says which entry is meant.
    with pytest.raises(InvalidSpaceError, match=rf"Search space of 'svc__C': .*{message}"):
        Space({"ok": [1], "svc__C": spec})


def test_a_range_to_more_digits_than_python_writes():
    with pytest.raises(InvalidSpaceError, match=r"must be finite.*an integer of 16610"):
        Space({"a": (1.0, 10**5000)})


def test_an_iterator_is_not_used_up():
    spec = iter([1, 2, 3])
    with pytest.raises(InvalidSpaceError, match="Choices must be a list"):
        check_dimension(spec)
    assert list(spec) == [1, 2, 3]


def test_invalid_space_error_is_a_value_error():
    with pytest.raises(ValueError, match="not a valid search space"):
        check_dimension("rbf")


# Spaces: dict, list of dicts, pairs


@pytest.mark.parametrize(
    ("spaces", "n_subspaces", "budgets"),
    [
        ({"a": [1]}, 1, [None]),
        ([{"a": [1]}], 1, [None]),
        ([{"a": [1]}, {"b": [2]}], 2, [None, None]),
        (({"a": [1]}, {"b": [2]}), 2, [None, None]),
        (({"a": [1]}, 4), 1, [4]),
        ([({"a": [1]}, 4)], 1, [4]),
        ([({"a": [1]}, 4), {"b": [2]}, ({"c": [3]}, np.int64(7))], 3, [4, None, 7]),
    ],
    ids=short,
)
def test_spellings_of_spaces(spaces, n_subspaces, budgets):
    space = check_space(spaces)
    assert space.n_subspaces == n_subspaces
    assert list(space.budgets) == budgets


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        (None, "A search space is a dict, or a non-empty list of dicts"),
        ("C", "A search space is a dict.*got 'C'"),
        (3, "A search space is a dict"),
        ([], "non-empty list"),
        ((), "non-empty list"),
        ([1], "sub-space must be a dict.*got 1"),
        ([{"a": [1]}, [("a", [1])]], "sub-space must be a dict"),
        ([("a", [1])], "sub-space must be a dict"),
        ([({"a": [1]}, 2.0)], r"sub-space must be a dict or \(dict, n_iter\)"),
        ([({"a": [1]}, "2")], "sub-space must be a dict"),
        ([({"a": [1]}, True)], "sub-space must be a dict"),
        ([({"a": [1]}, 0)], "n_iter of a sub-space must be at least 1, got 0"),
        (({"a": [1]}, -3), "n_iter of a sub-space must be at least 1, got -3"),
        ({1: [1]}, "got the name 1"),
        ({None: [1]}, "got the name None"),
        ([{"a": [1]}, {("a",): [1]}], r"got the name \('a',\)"),
    ],
    ids=short,
)
def test_wrong_spaces(spaces, message):
    with pytest.raises(InvalidSpaceError, match=message):
        check_space(spaces)


def test_a_second_constraint():
    space = Space({"a": [1, 2]}, constraint=lambda params: True)
    with pytest.raises(InvalidSpaceError, match="not to both"):
        check_space(space, constraint=lambda params: True)


@pytest.mark.parametrize("constraint", ["a > b", 3, {"a": 1}])
def test_constraint_must_be_callable(constraint):
    with pytest.raises(InvalidSpaceError, match="constraint must be callable"):
        check_space({"a": [1, 2]}, constraint=constraint)


def test_spellings_survive_clone_of_a_search():
    """``clone`` copies what is not an estimator: choices and conditions must still fit."""
    svc, forest = SVC(), RandomForestClassifier()
    spaces = [{"clf": [svc, forest], "clf__C": When((0.1, 1.0), clf=svc)}]
    copied = clone(spaces, safe=False)
    assert copied[0]["clf"][0] is not svc
    settings = Space(copied).from_unit([[0.1, 0.5], [0.9, 0.5]])
    assert [sorted(s) for s in settings] == [["clf", "clf__C"], ["clf"]]


def test_a_space_is_taken_as_it_is():
    space = Space({"a": [1]})
    assert check_space(space) is space


def test_a_choice_that_scikit_optimize_never_draws_is_left_out():
    dimension = check_dimension(skopt.space.Categorical(["a", "b", "c"], prior=[0.2, 0.0, 0.8]))
    assert dimension.choices == ["a", "c"]
    assert dimension.from_unit(0.1) == "a" and dimension.from_unit(0.3) == "c"
