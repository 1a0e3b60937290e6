"""Columns that several tables have, the same on PostgreSQL and SQLite."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Enum, Integer


def row_number() -> Column[Any]:
    """Return a primary key that counts up; SQLite does that for INTEGER only."""
    return Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def enum_column(kind: type[StrEnum], **options: Any) -> Column[Any]:
    """Return a column of the enum's values, as text that a new release may add to."""
    values = Enum(kind, native_enum=False, length=16, values_callable=lambda k: [m.value for m in k])
    return Column(values, nullable=False, **options)
