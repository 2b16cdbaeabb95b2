"""What an encyclopaedia is made of: articles with sections, and passages cut from them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArticleSection:
    """The plain text under one heading; paragraphs are parted by newlines."""

    title: str
    """Empty for what stands before the first heading."""
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """An article before it is cut."""

    id: str
    title: str
    sections: tuple[ArticleSection, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that can be found and cited."""

    id: str
    title: str
    section: str
    text: str

    @property
    def headed(self) -> str:
        """The text after its title and section, as it is embedded and indexed."""
        return ". ".join(part for part in (self.title, self.section, self.text) if part)
