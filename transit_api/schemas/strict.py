"""What all schemas have in common: requests take nothing unknown and have a quick path."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from marshmallow import RAISE, Schema, ValidationError, validates_schema
from marshmallow.fields import Field

from transit_api.schemas.fields import Elements, Quick, Unclean

# What a quick reader raises when data is of another kind or size than it expects.
QUICK_FAILURES: Final = (
    Unclean,
    ValidationError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
)


class StrictSchema(Schema):
    """A schema that refuses unknown fields; `example` is shown in the document."""

    example: ClassVar[dict[str, Any]] = {}

    class Meta:
        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._quick = {
            name: (field.quick, field.allow_none)
            for name, field in self.load_fields.items()
            if isinstance(field, Quick)
        }
        self._required = [n for n, field in self.load_fields.items() if field.required]
        self._absent = {
            n: field.load_default for n, field in self.load_fields.items() if not field.required
        }

    def check(self, data: dict[str, Any]) -> None:
        """What must hold between fields; raises ValidationError.

        `data` lacks the fields that break their own rules; absent ones are there as null.
        """

    @validates_schema(skip_on_field_errors=False)
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        self.check(data)

    def read(self, data: Any) -> dict[str, Any]:
        """The same as `load`, without marshmallow's ceremony where the data is plainly right."""
        try:
            return self._read_quickly(data)
        except QUICK_FAILURES:
            loaded: dict[str, Any] = self.load(data)
            return loaded

    def _read_quickly(self, data: dict[str, Any]) -> dict[str, Any]:
        read = self._absent.copy()
        for name, value in data.items():
            quick, allow_none = self._quick[name]
            read[name] = None if value is None and allow_none else quick(value)
        for name in self._required:
            read[name]
        self.check(read)
        return read


class BatchSchema(StrictSchema):
    """A request of one list; the elements are read in slices by `validation`."""

    @property
    def list_name(self) -> str:
        """The name of the one field."""
        (name,) = self.load_fields
        return name

    @property
    def element(self) -> StrictSchema:
        """The schema of an element."""
        nested: Any = self._elements.inner
        schema: StrictSchema = nested.schema
        return schema

    def envelope(self, data: Any) -> tuple[list[Any], dict[str, Any]]:
        """The elements, not yet looked at, and everything that is wrong around them."""
        if not isinstance(data, dict):
            raise ValidationError({"_schema": ["Must be an object."]})
        name = self.list_name
        errors: dict[str, Any] = {key: ["Unknown field."] for key in data if key != name}
        if name not in data:
            errors[name] = ["Missing data for required field."]
        else:
            try:
                self._elements.count(data[name])
            except ValidationError as error:
                errors[name] = list(error.messages)
        elements: list[Any] = [] if name in errors else data[name]
        return elements, errors

    @property
    def _elements(self) -> Elements:
        field: Field[Any] = self.load_fields[self.list_name]
        assert isinstance(field, Elements)
        return field


class ResponseSchema(Schema):
    """What goes out: every field is always there, null where the field allows it."""

    example: ClassVar[dict[str, Any]] = {}

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: Field[Any]) -> None:
        """Nothing is left out of an answer."""
        field_obj.required = True

    @classmethod
    def first_field(cls) -> str:
        """What identifies an item of a list."""
        return next(iter(cls._declared_fields))

    @classmethod
    def shape(cls, row: dict[str, Any]) -> dict[str, Any]:
        """The fields of this answer, out of a row that has them and more."""
        return {name: row[name] for name in cls._declared_fields}
