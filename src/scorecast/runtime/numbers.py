"""DynamoDB's numbers. Pure."""

from __future__ import annotations

from decimal import Decimal

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.Number
NUMBER_DIGITS = 38
SMALLEST_MAGNITUDE = -130
LARGEST_MAGNITUDE = 125


def is_dynamodb_number(number: Decimal) -> bool:
    """Whether DynamoDB can hold a number exactly.

    >>> [is_dynamodb_number(Decimal(text)) for text in ("0", "-12.50", "1E-130", "9.99E+125", "1" + "0" * 40)]
    [True, True, True, True, True]
    >>> [is_dynamodb_number(Decimal(text)) for text in ("NaN", "1E-131", "1E+126", "1." + "1" * 38)]
    [False, False, False, False]
    """
    if not number.is_finite():
        return False
    digits = number.as_tuple().digits
    if len(digits) > NUMBER_DIGITS and len("".join(map(str, digits)).strip("0")) > NUMBER_DIGITS:
        return False
    return not number or SMALLEST_MAGNITUDE <= number.adjusted() <= LARGEST_MAGNITUDE
