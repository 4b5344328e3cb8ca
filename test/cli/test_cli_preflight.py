"""Overrides that are wrong for sure are refused at once; all others are left to the nodes."""

import pytest

from pamiq_ros.cli.preflight import check_overrides


@pytest.fixture
def system(tmp_path):
    def write(source):
        file = tmp_path / "my_system.py"
        file.write_text(source)
        return f"{file}:system"

    return write


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("latent=3", ("latent_size", "latent=3")),
        ("latent_size=many", ("latent_size", "int", "many")),
        ("learning_rate=[1]", ("learning_rate", "float")),
    ],
)
def test_mistakes_are_named(override, words):
    with pytest.raises(ValueError) as error:
        check_overrides("vae", [override])
    for word in words:
        assert word in str(error.value)


def test_good_overrides_pass():
    check_overrides("vae", ["learning_rate=1e-3", "latent_size=8", "channels=[8,8]", "beta=1"])
    check_overrides("vae", [])


@pytest.mark.parametrize(
    "source",
    [
        "def system(**anything): ...",
        "@wrap\ndef system(a): ...",
        "system = make()",
        "def system(a",
        "def system(a: 'Whatever' = 1, *, b: list[int] = ()): ...",
    ],
)
def test_what_cannot_be_told_for_sure_is_left_to_the_nodes(system, source):
    check_overrides(system(source), ["a=text"])
    check_overrides("some.module:system", ["a=text"])
    check_overrides("/no/such/file.py:system", ["a=text"])
