import ast
import importlib
import inspect
import pkgutil
from fractions import Fraction
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from burnish.tools import answers
from burnish.tools.answers.compare import Tolerance, compare
from burnish.tools.answers.normalize import plain
from burnish.tools.answers.parse import Text, reading_of
from burnish.tools.answers.symbolic import canonical

PIECES = st.sampled_from([
    "1", "2", "0", "12", "3.50", "1,000", "-", "+", "/", "*", "^", "**", "(", ")", "[", "]", "{",
    "}", ",", ";", ":", "=", "<", "<=", "%", "$", "€", " ", " and ", " or ", "x", "y", "pi", "sqrt",
    "oo", "cm", "m", "km/h", "percent", "e", "E", "e10", "e999999999", "10^999999999", "\\frac",
    "{1}{2}", "\\sqrt", "\\boxed{", "\\text{", "\\circ", "½", "√", "∞", "∪", "²", "thousand",
    "million", "three", "twenty-five", "A)", "(b)", "answer: ", "about ", "\n", "\x00", "\ud800",
    "Interval(", "Interval.open(", "Union(", "And(", " & ", " | ", " hours ", "5 ft ", "3 in",
    "__import__('os')", "٣", "²³", "１２", "!", ".", "..", "1/0", "None", "True",
])  # fmt: skip
ANSWERS = st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1/2", "0.5"), ("0.5", "50%"), ("1/2", "50 percent"), ("1,000", "1000"), ("50", "50%"),
        ("$1,000", "1000 dollars"), ("US$ 5", "$5.00"), ("50 cents", "$0.50"), ("-$5", "$-5"),
        ("100 cm", "1 m"), ("1 hour", "60 minutes"), ("60 mph", "60 miles per hour"),
        ("3 m^2", "3 square meters"), ("5 m", "5"), ("24 clips", "24"), ("24 clips", "24 clip"),
        ("2 1/2", "2.5"), ("2½", "5/2"), (r"2\frac{1}{2}", "2.5"), (r"\dfrac12", "0.5"),
        (r"$\boxed{\frac{3}{4}}$", "75%"), ("1.2e3", "1200"), (r"1.2 \times 10^{3}", "1,200"),
        ("3 million", "3,000,000"), ("10^3", "1000"), ("3:4", "6:8"), ("3:4", "0.75"),
        ("3 to 4", "3 : 4"), ("{1, 2}", "{2, 1}"), ("(1, 2)", "(1.0, 2)"), ("[1,2)", "[1, 2)"),
        ("x > 3", "(3, ∞)"), ("2 < x <= 5", "(2, 5]"), ("1 and 2", "2, 1"),
        ("x = 1 or x = 2", "{1, 2}"), ("five", "5"), ("twenty-five", "25"),
        ("The answer is 42.", "42"),
        ("x = 7", "7"), ("approximately 7", "7"), ("Tuesday", " tuesday. "), ("The Nile", "Nile"),
        ("True", "yes"), ("33.33", "33.333333333333336"), ("0.30000000000000004", "0.3"),
        ("[5]", "5"), ("x^2", "x**2"), ("2x", "2*x"), ("−5", "-5"), ("[-1, 1]", "-1 <= x <= 1"),
        ("2 < x < 5", "(2, 5)"), (r"x \in [0, 1)", "0 <= x < 1"), ("two thirds", "2/3"),
        ("one half", "50%"), ("2^{10}", "2^10"), ("10 000", "10,000"), ("¢50", "$0.50"),
        (r"\emptyset", "{}"), ("**5**", "5"), ("twenty-one", "21"), ("five hundred", "500"),
        ("5 ft 3 in", "63 inches"), ("2 hours and 30 minutes", "2.5 hours"),
        ("2h 30min", "150 min"), ("1 hour, 5 minutes, and 3 seconds", "3903 s"),
        ("$5 and 20 cents", "$5.20"),
        ("4 lb 8 oz", "4.5 pounds"), ("-2 hours 30 minutes", "-150 minutes"),
        ("Interval(2, 5)", "[2, 5]"), ("Interval.open(-oo, 3)", "x < 3"), ("2 < x", "x > 2"),
        ("Interval.Lopen(0, 1)", "(0, 1]"), ("Interval(0, 1, True, False)", "(0, 1]"),
        ("Union(Interval.open(-oo, -1), Interval(2, oo))", "(-∞, -1) ∪ [2, ∞)"),
        ("FiniteSet(1, 2)", "{2, 1}"), ("(x > 2) & (x < 3)", "(2, 3)"),
        ("(-oo < x) & (x < 3)", "x < 3"), ("And(x <= 4, x > 1)", "(1, 4]"),
        ("((-oo < x) & (x < -1)) | ((2 <= x) & (x < oo))", "x < -1 or x >= 2"),
    ],
)  # fmt: skip
def test_answers_that_are_one(left: str, right: str) -> None:
    assert compare(left, right).relation == "same"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("5 cm", "5 m"), ("5 cm", "5 kg"), ("$5", "5 €"), ("5 m", "5 m^2"), ("5 km", "5 km/h"),
        ("-5", "5"), ("1/2", "0.05"), ("50%", "5"), ("(1, 2)", "(2, 1)"), ("{1, 2}", "{1, 3}"),
        ("[1, 2)", "[1, 3)"), ("x > 3", "x >= 3"), ("3:4", "4:3"), ("Tuesday", "Wednesday"),
        ("100", "1000"), ("0.3", "0.34"), ("33.34", "33.3333"), ("7", "Paris"), ("1 cup", "1 pint"),
        ("{1, 2}", "{1, 2, 3}"), ("12 months", "2 years"), (".5", "5"),
        ("6 hours 30 minutes", "7 hours"), ("Interval(2, 5)", "Interval.open(2, 5)"),
        ("(x > 2) & (x < 3)", "(2, 4)"), ("FiniteSet(1, 2)", "{1, 3}"),
    ],
)  # fmt: skip
def test_answers_that_differ(left: str, right: str) -> None:
    assert compare(left, right).relation == "different"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("[1, 2]", "(1, 2)"), ("24 clips", "24 apples"), ("33", "33.3333"), ("x+1", "1+x"),
        ("", "5"), ("5!", "5"), ("5 X", "5 x"), ("30 days", "1 month"),
        ("1st", "1"), ("[2, 5]", "(2, 5]"), ("2 hours 90 minutes", "4 hours"),
        ("2 hours 30 minutes", "2.5"), ("5 ft 3", "63 inches"), ("3 apples 2 pears", "5"),
        ("Paris", "Paris in France"), ("1, 2", "3:4"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_unclear(left: str, right: str) -> None:
    assert compare(left, right).relation == "unclear"


@given(ANSWERS, ANSWERS)
@example("1e999999999", "10^999999999")
@example("9" * 1990, "9" * 1991)
@example("(" * 500, ")" * 500)
@example("\\frac" * 100, "\\boxed{" * 100)
@example("1:" * 900 + "1", "a" * 5000)
def test_comparison_never_raises_and_is_symmetric(left: str, right: str) -> None:
    assert compare(left, right) == compare(right, left)


@given(ANSWERS)
def test_an_answer_is_the_same_as_itself(text: str) -> None:
    assert compare(text, text).same


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_ways_to_write_a_number_are_one(top: int, bottom: int) -> None:
    assert compare(f"{top:,}", str(top)).same
    assert compare(f"{top}/{bottom}", rf"\frac{{{top}}}{{{bottom}}}").same
    assert compare(f"{top}%", str(Fraction(top, 100))).same
    assert compare(f"${top}", f"{top} dollars").same
    assert compare(f"{top} cm", f"{Fraction(top, 100)} m").same
    assert compare(str(top), str(top + 1)).relation == "different" or abs(top) > 10**5


@given(st.integers(1, 10**6), st.sampled_from(["cm", "kg", "s", "$", "ml", "km/h", "years"]))
def test_units_do_not_mix(value: int, unit: str) -> None:
    assert compare(f"{value} {unit}", f"{value} joules").relation == "different"


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_hours_minutes_and_seconds_are_one_number(hours: int, minutes: int, seconds: int) -> None:
    total = 3600 * hours + 60 * minutes + seconds
    for written in (
        f"{hours} hours {minutes} minutes {seconds} seconds",
        f"{hours} h, {minutes} min and {seconds} s",
        f"{hours}h{minutes}min{seconds}s",
    ):
        assert compare(written, f"{total} seconds").same
        assert compare(written, f"{total + 7} seconds").relation == "different" or total > 10**5


@given(st.integers(-99, 99), st.integers(1, 99), st.sampled_from(["()", "(]", "[)", "[]"]))
def test_an_interval_is_one_however_it_is_written(low: int, width: int, ends: str) -> None:
    high = low + width
    open_low, open_high = ends[0] == "(", ends[1] == ")"
    below, above = "<" if open_low else "<=", "<" if open_high else "<="
    brackets = f"{ends[0]}{low}, {high}{ends[1]}"
    ways = [
        f"Interval({low}, {high}, {open_low}, {open_high})",
        f"({low} {below} x) & (x {above} {high})",
        f"And({low} {below} y, y {above} {high})",
        f"{low} {below} t {above} {high}",
    ]
    assert all(compare(way, brackets).same for way in ways)
    closer = f"Interval({low}, {high}, {open_low}, {not open_high})"
    assert not any(compare(way, closer).same for way in ways)


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=6, unique=True), st.randoms())
def test_a_set_has_no_order(values: list[int], random: object) -> None:
    turned = values[::-1]
    written, other = (", ".join(map(str, found)) for found in (values, turned))
    assert compare(f"{{{written}}}", f"{{{other}}}").same
    assert not compare(f"({written})", f"({other})").same or values == turned


def test_the_tolerance_can_be_stated() -> None:
    assert compare("100", "101", Tolerance(relative=0.02)).same
    assert compare("33.33", "33.3333", Tolerance(rounding=False)).relation == "different"


def test_a_percentage_is_a_part_of_one_when_bare() -> None:
    assert compare("25%", "0.25").same
    assert compare("25%", "2.5").relation == "different"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2x", "2*x"), ("(x+1)(x-1)", "(x+1)*(x-1)"), ("x^2", "x**2"), ("2sqrt(3)", "2*sqrt(3)"),
        ("xy", "x*y"), ("e^x", "E**x"), ("5!", "5!"), ("3(x)", "3*(x)"), ("sin(x)", "sin(x)"),
    ],
)  # fmt: skip
def test_formulas_are_written_for_sympy(text: str, written: str) -> None:
    assert canonical(plain(text)) == written


@pytest.mark.parametrize("text", [
    "__import__('os').system('id')", "x.__class__", "lambda: 0", "open('/')", "x if y else z",
    "'a'", "a[0]", "x;y", "eval(x)", "x\n=1=2", "((x)", "x" * 400, "hello world", "9" * 40, "x__y",
    "1_000", "２x", "𝑥+1", "print(1)", "",
])  # fmt: skip
def test_what_is_no_formula_never_reaches_a_program(text: str) -> None:
    assert canonical(text) is None


@given(ANSWERS)
def test_a_formula_holds_only_known_tokens(text: str) -> None:
    formula = canonical(plain(text))
    if formula is not None:
        assert set(formula) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-*/(),=!"
        )
        assert compare(text, text).same


@given(ANSWERS, ANSWERS)
def test_a_comparing_program_is_valid_python_with_the_answers_as_literals(
    left: str, right: str
) -> None:
    program = compare(left, right).program
    if program is not None:
        names = {node.id for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Name)}
        assert names <= {
            node.id for node in ast.walk(ast.parse(REFERENCE)) if isinstance(node, ast.Name)
        }


REFERENCE = compare("x+1", "1+x").program or ""


MODULES = [
    importlib.import_module(f"burnish.tools.answers.{one.name}")
    for one in pkgutil.iter_modules(answers.__path__)
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_nothing_evaluates_text_outside_the_sandbox(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)
              if isinstance(node.func, ast.Name)}  # fmt: skip
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                for alias in node.names}  # fmt: skip
    assert not called & {
        "eval",
        "exec",
        "compile",
        "sympify",
        "parse_expr",
        "__import__",
        "literal_eval",
    }
    assert not imported & {"sympy", "pickle", "importlib"}


def test_long_answers_are_words() -> None:
    assert compare("9" * 5000, "9" * 5000).same
    assert isinstance(reading_of("9" * 5000), Text)
