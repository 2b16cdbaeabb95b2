from hypothesis import given

from burnish.tools.text.typography import fold
from tests.support.strategies import texts


def test_typography_folds_away() -> None:
    assert fold("- “Ça” va…\n\n").symbols == fold('"ca" va...').symbols


@given(texts())
def test_symbols_have_rising_places_in_the_text(text: str) -> None:
    folded = fold(text)
    places = folded.places.tolist()
    assert len(places) == len(folded.symbols)
    assert places == sorted(set(places))
    assert all(0 <= place < len(text) for place in places)
    assert "\n\n" not in folded.symbols
    assert folded.flat().symbols == folded.symbols.replace("\n", "")
