"""The columns of the whole input: checked file by file, then brought to one schema."""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.types as kinds

from burnish.corpora.errors import SourceError
from burnish.corpora.readers.row_checks import no_column
from burnish.corpora.readers.rows import Fields, Head, SourcePart
from burnish.corpora.storage.type_inference import is_json

MADE = "id"
_MADE_BESIDE = "burnish_id"


def check_head(part: SourcePart, head: Head, fields: Fields) -> None:
    """Check that the columns of text and id are there, and are of kinds that can be used.

    Raises:
        SourceError: they are not; JSON lines are judged row by row instead.
    """
    if head.schema is None:
        return
    names: list[str] = head.schema.names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SourceError(f"{part.name}: there are two columns {twice!r}; rename one")
    if fields.text not in names:
        raise SourceError(no_column(part.name, fields.text, head.columns, "--text-field"))
    _check_kind(part, head.schema.field(fields.text), "text", _is_text)
    if fields.id is not None:
        if fields.id not in names:
            raise SourceError(no_column(part.name, fields.id, head.columns, "--id-field"))
        _check_kind(part, head.schema.field(fields.id), "id", _is_id)


def id_column(heads: Iterable[Head], fields: Fields) -> str | None:
    """Return the column that gives ids, None when they must be made.

    Without a name given it is "id", when every part that shows columns has it, of a kind
    that can be one; a file of JSON lines shows those of its first row.
    """
    if fields.id is not None:
        return fields.id
    shown = [head for head in heads if head.columns is not None]
    if not shown or not all(MADE in (head.columns or ()) for head in shown):
        return None
    if any(MADE in head.unfit for head in shown):
        return None
    typed = [head.schema.field(MADE).type for head in shown if head.schema is not None]
    return MADE if all(map(_is_id, typed)) else None


def made_column(names: Sequence[str]) -> str:
    """Return a name for the column of made ids that no column of the source has."""
    if MADE not in names:
        return MADE
    name = _MADE_BESIDE
    while name in names:
        name += "_"
    return name


def one_schema(named: Sequence[tuple[str, pa.Schema]], text: str) -> pa.Schema:
    """Return the schema that fits all parts, in the order in which columns were first seen.

    Raises:
        SourceError: two parts hold one column as types that do not go together.
    """
    whole = _with_text(pa.schema([]) if not named else named[0][1], text)
    for name, schema in named[1:]:
        _check_marks(name, whole, schema)
        try:
            both = [whole, _with_text(schema, text)]
            whole = pa.unify_schemas(both, promote_options="permissive")
        except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
            reason = " ".join(str(error).split())[:200]
            raise SourceError(
                f"{name}: its columns do not fit those of the files before it ({reason}); "
                "run it by itself, or convert it"
            ) from error
    return whole


def without_nulls(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """Make the columns of that name that held nothing but nulls columns of strings."""
    for name in names:
        at = schema.get_field_index(name)
        if kinds.is_null(schema.field(at).type):
            schema = schema.set(at, schema.field(at).with_type(pa.string()))
    return schema


def with_made(schema: pa.Schema, made: str) -> pa.Schema:
    """Put the column of made ids first, and drop metadata that would not know of it."""
    known = {
        key: value
        for key, value in (schema.metadata or {}).items()
        if key not in {b"huggingface", b"pandas"}
    }
    return pa.schema([pa.field(made, pa.string()), *schema], metadata=known or None)


def _with_text(schema: pa.Schema, text: str) -> pa.Schema:
    """Make the column of texts a plain string, large where the source has it large."""
    at = schema.get_field_index(text)
    if at < 0:
        return schema.append(pa.field(text, pa.string()))
    field = schema.field(at)
    if kinds.is_large_string(field.type):
        return schema
    return schema.set(at, field.with_type(pa.string()))


def _check_marks(name: str, whole: pa.Schema, schema: pa.Schema) -> None:
    for field in schema:
        at = whole.get_field_index(field.name)
        if at < 0 or kinds.is_null(field.type) or kinds.is_null(whole.field(at).type):
            continue
        if is_json(field) != is_json(whole.field(at)):
            raise SourceError(
                f"{name}: column {field.name!r} is of mixed JSON kinds in some files and of one "
                "kind in others; run them apart"
            )


def _check_kind(
    part: SourcePart, field: pa.Field, role: str, fits: Callable[[pa.DataType], bool]
) -> None:
    if not fits(field.type):
        raise SourceError(
            f"{part.name}: column {field.name!r} is {field.type} and cannot be the {role}; "
            f"name another with --{role}-field"
        )


def _is_text(kind: pa.DataType) -> bool:
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    plain = kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind)
    return plain or kinds.is_null(kind)


def _is_id(kind: pa.DataType) -> bool:
    return _is_text(kind) or kinds.is_integer(kind)
