"""Articles of Wikipedia as passages: dumps, tables, the text inside wikitext."""
