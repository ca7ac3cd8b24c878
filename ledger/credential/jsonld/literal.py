"""Turning JSON values into RDF literals (JSON-LD 1.1 API §8.2.2 object to RDF conversion, §5.3 value expansion)."""

from ledger.credential import jcs
from ledger.credential.jsonld.nquads import RDF, XSD, XSD_STRING, encode_literal
from ledger.credential.strict_json import JSONValue, name_type
from ledger.errors import MalformedError

XSD_BOOLEAN, XSD_INTEGER, XSD_DOUBLE = f"{XSD}boolean", f"{XSD}integer", f"{XSD}double"
RDF_JSON = f"{RDF}JSON"
I18N = "https://www.w3.org/ns/i18n#"
"""Text with a direction becomes a literal of datatype `I18N` + language + `_` + direction, so that it is signed too."""

_SMALLEST_DOUBLE = 1e21
"""From here on whole numbers are doubles too."""


def encode_value(
    value: JSONValue, where: str, *, datatype: str | None = None, language: str | None, direction: str | None
) -> str:
    """The term of a text, number or truth value.

    Args:
        value: what the document holds.
        where: subject of error messages, the member's name.
        datatype: IRI of the datatype its term or its own `@type` gives, if any.
        language, direction: of text without datatype.

    Raises:
        MalformedError: an integer no double holds exactly, no language tag, no datatype, or another kind of value.
    """
    if type(value) is str:
        return _encode_text(value, datatype, language, direction)
    if type(value) is bool:
        return encode_literal("true" if value else "false", datatype or XSD_BOOLEAN)
    if type(value) is int or type(value) is float:
        return _encode_number(value, datatype)
    raise MalformedError(f"{where}: expected a text, a number or a truth value, found {name_type(value)}")


def encode_json(value: JSONValue) -> str:
    """The term of a value kept as JSON (`@type: @json`): its canonical form."""
    return encode_literal(jcs.canonicalize(value).decode(), RDF_JSON)


def _encode_text(text: str, datatype: str | None, language: str | None, direction: str | None) -> str:
    if datatype is not None:
        return encode_literal(text, datatype)
    if direction is not None:
        return encode_literal(text, f"{I18N}{language or ''}_{direction}")
    return encode_literal(text, XSD_STRING, language or "")


def _encode_number(number: int | float, datatype: str | None) -> str:
    jcs.canonicalize(number)  # refuses what no double holds
    if datatype == XSD_DOUBLE or number != int(number) or abs(number) >= _SMALLEST_DOUBLE:
        return encode_literal(format_double(float(number)), datatype or XSD_DOUBLE)
    return encode_literal(str(int(number)), datatype or XSD_INTEGER)


def format_double(number: float) -> str:
    """A double as JSON-LD writes it: one digit, up to 15 decimals without trailing zeros, `E`, exponent."""
    mantissa, _, exponent = f"{number:.15e}".partition("e")
    mantissa = mantissa.rstrip("0")
    return f"{mantissa}{'0' if mantissa.endswith('.') else ''}E{int(exponent)}"
