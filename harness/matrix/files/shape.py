"""What the entries of matrix and configuration files have in common."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A mapping with exactly these keys, without type conversion."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )
