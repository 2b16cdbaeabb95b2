"""The common words that tell running text from labels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from burnish.agents.line_tagger.tokens import Words32, tokenize

_STOP_WORDS: Final = (
    "the of and to a in is that for it as was with be by on not he his but at are this have "
    "from or had an they which you were her all she there would their we him been has when who "
    "will no more if out so up said what its about than into them can only other some could "
    "these two may then do first any my now such like our over me even most made after also did "
    "many before must through years where much your way well down should because each just "
    "those people how too little us very i de la le les des et un une que en el los der die das "
    "und ist von mit den zu im nicht ein eine auf est pas pour dans il per di che non è"
)


def _stop_table() -> NDArray[np.bool_]:
    table = np.zeros(1 << 16, np.bool_)
    table[tokenize([_STOP_WORDS]).tokens >> np.uint32(16)] = True
    return table


_STOP_TABLE: Final = _stop_table()


def is_stop(tokens: Words32) -> NDArray[np.bool_]:
    """Which of the token hashes are those of stop words."""
    return _STOP_TABLE[tokens >> np.uint32(16)]
