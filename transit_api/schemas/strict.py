"""What all schemas have in common: requests take nothing unknown and have a quick path."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import Any, ClassVar, Final

from marshmallow import RAISE, Schema, ValidationError, missing, validates_schema
from marshmallow.fields import Field

from transit_api.errors import LONGEST_NAME, TOLD_ERRORS
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


class ManyErrors(ValidationError):
    """What is told of the errors of a request, and how many more there are."""

    def __init__(self, messages: dict[Any, Any], more: int, data: Any = None) -> None:
        super().__init__(messages, data=data)
        self.more = more


def more_of(error: ValidationError) -> int:
    """How many errors there are beside those that `error` tells."""
    return error.more if isinstance(error, ManyErrors) else 0


def unknown_fields(data: dict[str, Any], known: Collection[str] = ()) -> ManyErrors:
    """What to say of the names that are not `known`; the first ones are told, and cut if long."""
    strange = (name for name in data if name not in known)
    told = {name[:LONGEST_NAME]: ["Unknown field."] for name in islice(strange, TOLD_ERRORS)}
    return ManyErrors(told, _count_unknown(data, known) - len(told), data)


def _count_unknown(data: dict[str, Any], known: Collection[str]) -> int:
    return len(data) - sum(name in data for name in known)


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
            n: field.load_default
            for n, field in self.load_fields.items()
            # What has no default is absent from what was read too.
            if not field.required and field.load_default is not missing
        }

    def check(self, data: dict[str, Any]) -> None:
        """What must hold between fields; raises ValidationError.

        `data` lacks the fields that break their own rules; absent ones are there as null.
        """

    def set_aside(self, data: Any, error: ValidationError) -> dict[str, Any] | None:
        """What to go on with where `data` is refused alone among its neighbours; None: it is not.

        Only elements of a batch are asked.
        """
        return None

    @validates_schema(skip_on_field_errors=False)
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        self.check(data)

    def read(self, data: Any) -> dict[str, Any]:
        """The same as `load`, without marshmallow's ceremony where the data is plainly right."""
        try:
            return self._read_quickly(data)
        except QUICK_FAILURES:
            return self._read_bounded(data)

    def count_errors(self, data: Any) -> int:
        """How many fields break their rules; nothing is worded."""
        try:
            self._read_quickly(data)
        except QUICK_FAILURES:
            return self._count_errors(data)
        return 0

    def _read_bounded(self, data: Any) -> dict[str, Any]:
        """What marshmallow reads; of 100,000 unknown names it never sees one."""
        if not isinstance(data, dict) or not _count_unknown(data, self.load_fields):
            loaded: dict[str, Any] = self.load(data)
            return loaded
        unknown = unknown_fields(data, self.load_fields)
        try:
            self.load({name: data[name] for name in self.load_fields if name in data})
        except ValidationError as error:
            both = {**error.messages_dict, **unknown.messages_dict}
            raise ManyErrors(both, unknown.more, data) from None
        raise unknown

    def _count_errors(self, data: Any) -> int:
        if not isinstance(data, dict):
            return 1
        wrong = _count_unknown(data, self.load_fields)
        read = self._absent.copy()
        for name, field in self.load_fields.items():
            if name not in data:
                wrong += field.required
                continue
            try:
                read[name] = self._read_field(name, data[name])
            except QUICK_FAILURES:
                wrong += 1
                read.pop(name, None)
        try:
            self.check(read)
        except ValidationError:
            wrong += 1
        return wrong

    def _read_field(self, name: str, value: Any) -> Any:
        if name not in self._quick:
            return self.load_fields[name].deserialize(value)
        quick, allow_none = self._quick[name]
        return None if value is None and allow_none else quick(value)

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

    def envelope(self, data: Any) -> tuple[list[Any], dict[str, Any], int]:
        """The elements, not yet looked at, what is wrong around them, and how much more is."""
        if not isinstance(data, dict):
            raise ValidationError({"_schema": ["Must be an object."]})
        name = self.list_name
        unknown = unknown_fields(data, (name,))
        errors = unknown.messages_dict
        if name not in data:
            errors[name] = ["Missing data for required field."]
        else:
            try:
                self._elements.count(data[name])
            except ValidationError as error:
                errors[name] = list(error.messages)
        elements: list[Any] = [] if name in errors else data[name]
        return elements, errors, unknown.more

    @property
    def _elements(self) -> Elements:
        field: Field[Any] = self.load_fields[self.list_name]
        assert isinstance(field, Elements)
        return field


class ResponseSchema(Schema):
    """What goes out: every field is there, null where the field allows it.

    Only those that `sometimes` names are left out where they have nothing to say.
    """

    example: ClassVar[dict[str, Any]] = {}
    sometimes: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: Field[Any]) -> None:
        """Nothing else is left out of an answer."""
        field_obj.required = field_name not in self.sometimes

    @classmethod
    def first_field(cls) -> str:
        """What identifies an item of a list."""
        return next(iter(cls._declared_fields))

    @classmethod
    def shape(cls, row: dict[str, Any]) -> dict[str, Any]:
        """The fields of this answer, out of a row that has them and more."""
        return {name: row[name] for name in cls._declared_fields}
