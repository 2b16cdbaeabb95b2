import pytest

from burnish.tools.answers.numbers import first_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("about 1,250.5 kg", 1250.5),
        ("-3", -3.0),
        ("\u22123", -3.0),
        (".5 m", 0.5),
        ("6.02 x 10^23 per mole", 6.02e23),
        ("1.6 \u00d7 10^{-19} C", 1.6e-19),
        ("2e-3", 2e-3),
        ("the king", None),
        ("", None),
        ("between 3/4 and 1", 0.75),
        ("2^10 of 10^3", 2.0),
    ],
)
def test_the_first_number_of_a_text_is_read_with_its_power_of_ten(
    text: str, number: float | None
) -> None:
    found = first_number(text)
    assert (None if found is None else float(found.value)) == pytest.approx(number)
