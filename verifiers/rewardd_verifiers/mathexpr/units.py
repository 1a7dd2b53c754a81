"""Units of measure: an exact table, and how a run of tokens names one."""

from collections.abc import Sequence
from fractions import Fraction

from rewardd_verifiers.mathexpr.tokens import END, NAME, NUMBER, SIGN, WORD, Token
from rewardd_verifiers.mathexpr.tree import Unit

_F = Fraction

# Base units: metre, kilogram, second, ampere, kelvin, mole, candela; bit; and each currency.
_DIMENSIONS: dict[str, dict[str, int]] = {
    "length": {"m": 1}, "mass": {"kg": 1}, "time": {"s": 1}, "current": {"A": 1},
    "temperature": {"K": 1}, "amount": {"mol": 1}, "light": {"cd": 1}, "data": {"bit": 1},
    "area": {"m": 2}, "volume": {"m": 3}, "speed": {"m": 1, "s": -1}, "frequency": {"s": -1},
    "force": {"kg": 1, "m": 1, "s": -2}, "pressure": {"kg": 1, "m": -1, "s": -2},
    "energy": {"kg": 1, "m": 2, "s": -2}, "power": {"kg": 1, "m": 2, "s": -3},
    "charge": {"A": 1, "s": 1}, "voltage": {"kg": 1, "m": 2, "s": -3, "A": -1},
    "resistance": {"kg": 1, "m": 2, "s": -3, "A": -2}, "conductance":
    {"kg": -1, "m": -2, "s": 3, "A": 2}, "capacitance": {"kg": -1, "m": -2, "s": 4, "A": 2},
    "inductance": {"kg": 1, "m": 2, "s": -2, "A": -2}, "flux": {"kg": 1, "m": 2, "s": -2, "A": -1},
    "field": {"kg": 1, "s": -2, "A": -1}, "dose": {"m": 2, "s": -2}, "viscosity":
    {"kg": 1, "m": -1, "s": -1}, "concentration": {"mol": 1, "m": -3}, "angle": {"rad": 1},
    "pure": {},
    "USD": {"USD": 1}, "EUR": {"EUR": 1}, "GBP": {"GBP": 1}, "JPY": {"JPY": 1}, "CNY": {"CNY": 1},
    "INR": {"INR": 1}, "KRW": {"KRW": 1}, "RUB": {"RUB": 1}, "CHF": {"CHF": 1}, "CAD": {"CAD": 1},
    "AUD": {"AUD": 1},
}  # fmt: skip

# Symbols that take SI prefixes; case is theirs.
_PREFIXED: dict[str, tuple[str, Fraction]] = {
    "m": ("length", _F(1)), "g": ("mass", _F(1, 1000)), "s": ("time", _F(1)),
    "A": ("current", _F(1)), "K": ("temperature", _F(1)), "mol": ("amount", _F(1)),
    "cd": ("light", _F(1)), "Hz": ("frequency", _F(1)), "N": ("force", _F(1)),
    "Pa": ("pressure", _F(1)), "J": ("energy", _F(1)), "W": ("power", _F(1)),
    "C": ("charge", _F(1)), "V": ("voltage", _F(1)), "F": ("capacitance", _F(1)),
    "S": ("conductance", _F(1)), "Wb": ("flux", _F(1)), "T": ("field", _F(1)),
    "H": ("inductance", _F(1)), "Omega": ("resistance", _F(1)), "ohm": ("resistance", _F(1)),
    "L": ("volume", _F(1, 1000)), "l": ("volume", _F(1, 1000)), "Bq": ("frequency", _F(1)),
    "Gy": ("dose", _F(1)), "Sv": ("dose", _F(1)), "bar": ("pressure", _F(100_000)),
    "eV": ("energy", _F(1602176634, 10**28)), "cal": ("energy", _F(4184, 1000)),
    "Wh": ("energy", _F(3600)), "bit": ("data", _F(1)), "B": ("data", _F(8)),
    "M": ("concentration", _F(1000)), "t": ("mass", _F(1000)), "P": ("viscosity", _F(1, 10)),
    "pc": ("length", _F(30856775814913673)),
}  # fmt: skip
_PREFIXES: dict[str, Fraction] = {
    "Y": _F(10**24), "Z": _F(10**21), "E": _F(10**18), "P": _F(10**15), "T": _F(10**12),
    "G": _F(10**9), "M": _F(10**6), "k": _F(1000), "h": _F(100), "da": _F(10), "d": _F(1, 10),
    "c": _F(1, 100), "m": _F(1, 1000), "μ": _F(1, 10**6), "u": _F(1, 10**6), "n": _F(1, 10**9),
    "p": _F(1, 10**12), "f": _F(1, 10**15), "a": _F(1, 10**18),
}  # fmt: skip
_SPELLED_PREFIXES: dict[str, str] = {
    "giga": "G",
    "mega": "M",
    "kilo": "k",
    "hecto": "h",
    "deca": "da",
    "deci": "d",
    "centi": "c",
    "milli": "m",
    "micro": "u",
    "nano": "n",
    "pico": "p",
    "tera": "T",
    "femto": "f",
}
_SPELLED: dict[str, str] = {
    "meter": "m", "metre": "m", "gram": "g", "gramme": "g", "second": "s", "ampere": "A",
    "amp": "A", "kelvin": "K", "mole": "mol", "candela": "cd", "hertz": "Hz", "newton": "N",
    "pascal": "Pa", "joule": "J", "watt": "W", "coulomb": "C", "volt": "V", "farad": "F",
    "siemens": "S", "weber": "Wb", "tesla": "T", "henry": "H", "ohm": "ohm", "liter": "L",
    "litre": "L", "becquerel": "Bq", "gray": "Gy", "sievert": "Sv", "calorie": "cal",
    "bit": "bit", "byte": "B", "parsec": "pc", "electronvolt": "eV", "poise": "P",
}  # fmt: skip

# Names without prefixes, in the singular; spelled ones also take an s.
_OTHERS: dict[str, tuple[str, Fraction]] = {
    "min": ("time", _F(60)), "minute": ("time", _F(60)), "sec": ("time", _F(1)),
    "h": ("time", _F(3600)), "hr": ("time", _F(3600)), "hour": ("time", _F(3600)),
    "day": ("time", _F(86400)), "week": ("time", _F(604800)), "d": ("time", _F(86400)),
    "month": ("month", _F(1)), "year": ("month", _F(12)), "yr": ("month", _F(12)),
    "decade": ("month", _F(120)), "century": ("month", _F(1200)),
    "fortnight": ("time", _F(1209600)),
    "inch": ("length", _F(254, 10**4)), "in": ("length", _F(254, 10**4)),
    "foot": ("length", _F(3048, 10**4)), "ft": ("length", _F(3048, 10**4)),
    "yard": ("length", _F(9144, 10**4)), "yd": ("length", _F(9144, 10**4)),
    "mile": ("length", _F(1609344, 1000)), "mi": ("length", _F(1609344, 1000)),
    "micron": ("length", _F(1, 10**6)), "angstrom": ("length", _F(1, 10**10)),
    "fathom": ("length", _F(18288, 10**4)), "furlong": ("length", _F(201168, 1000)),
    "ly": ("length", _F(9460730472580800)), "au": ("length", _F(149597870700)),
    "acre": ("area", _F(40468564224, 10**7)), "hectare": ("area", _F(10**4)),
    "ha": ("area", _F(10**4)), "are": ("area", _F(100)),
    "gallon": ("volume", _F(3785411784, 10**12)), "gal": ("volume", _F(3785411784, 10**12)),
    "quart": ("volume", _F(946352946, 10**12)), "qt": ("volume", _F(946352946, 10**12)),
    "pint": ("volume", _F(473176473, 10**12)), "cup": ("volume", _F(2365882365, 10**13)),
    "tablespoon": ("volume", _F(14786764781, 10**15) + _F(25, 10**17)),
    "tbsp": ("volume", _F(147867647812500, 10**19)),
    "teaspoon": ("volume", _F(492892159375, 10**17)),
    "tsp": ("volume", _F(492892159375, 10**17)),
    "cc": ("volume", _F(1, 10**6)),
    "pound": ("mass", _F(45359237, 10**8)), "lb": ("mass", _F(45359237, 10**8)),
    "lbs": ("mass", _F(45359237, 10**8)), "ounce": ("mass", _F(45359237, 16 * 10**8)),
    "oz": ("mass", _F(45359237, 16 * 10**8)), "ton": ("mass", _F(45359237 * 2000, 10**8)),
    "tonne": ("mass", _F(1000)), "stone": ("mass", _F(45359237 * 14, 10**8)),
    "carat": ("mass", _F(2, 10**4)), "amu": ("mass", _F(166053906892, 10**38)),
    "mph": ("speed", _F(44704, 10**5)), "kph": ("speed", _F(5, 18)), "kmph": ("speed", _F(5, 18)),
    "knot": ("speed", _F(463, 900)), "fps": ("speed", _F(3048, 10**4)),
    "rpm": ("frequency", _F(1, 60)), "atm": ("pressure", _F(101325)),
    "atmosphere": ("pressure", _F(101325)), "torr": ("pressure", _F(101325, 760)),
    "Torr": ("pressure", _F(101325, 760)), "mmHg": ("pressure", _F(133322387415, 10**9)),
    "psi": ("pressure", _F(6894757293168, 10**9)), "lbf": ("force", _F(44482216152605, 10**13)),
    "dyne": ("force", _F(1, 10**5)), "dyn": ("force", _F(1, 10**5)),
    "erg": ("energy", _F(1, 10**7)),
    "Btu": ("energy", _F(105505585262, 10**8)), "BTU": ("energy", _F(105505585262, 10**8)),
    "hp": ("power", _F(7456998715822702, 10**13)), "horsepower":
    ("power", _F(7456998715822702, 10**13)), "gauss": ("field", _F(1, 10**4)),
    "rad": ("angle", _F(1)), "radian": ("angle", _F(1)),
    "unit": ("unit", _F(1)), "ppm": ("pure", _F(1, 10**6)), "dozen": ("pure", _F(12)),
    "dollar": ("USD", _F(1)), "USD": ("USD", _F(1)), "buck": ("USD", _F(1)),
    "cent": ("USD", _F(1, 100)), "dime": ("USD", _F(1, 10)), "nickel": ("USD", _F(1, 20)),
    "quarter": ("USD", _F(1, 4)), "penny": ("USD", _F(1, 100)), "¢": ("USD", _F(1, 100)),
    "euro": ("EUR", _F(1)), "EUR": ("EUR", _F(1)), "GBP": ("GBP", _F(1)),
    "pence": ("GBP", _F(1, 100)), "quid": ("GBP", _F(1)),
    "yen": ("JPY", _F(1)), "JPY": ("JPY", _F(1)), "yuan": ("CNY", _F(1)), "RMB": ("CNY", _F(1)),
    "CNY": ("CNY", _F(1)), "rupee": ("INR", _F(1)), "INR": ("INR", _F(1)), "Rs": ("INR", _F(1)),
    "won": ("KRW", _F(1)), "ruble": ("RUB", _F(1)), "rouble": ("RUB", _F(1)),
    "franc": ("CHF", _F(1)),
    "元": ("CNY", _F(1)), "円": ("JPY", _F(1)),
    "米": ("length", _F(1)), "厘米": ("length", _F(1, 100)), "千米": ("length", _F(1000)),
    "公里": ("length", _F(1000)), "千克": ("mass", _F(1)), "克": ("mass", _F(1, 1000)),
    "小时": ("time", _F(3600)), "分钟": ("time", _F(60)), "秒": ("time", _F(1)),
    "天": ("time", _F(86400)), "平方米": ("area", _F(1)), "立方米": ("volume", _F(1)),
}  # fmt: skip
_PLURALS = {"feet": "foot", "inches": "inch", "centuries": "century", "pennies": "penny",
            "hertz": "hertz", "siemens": "siemens", "henries": "henry"}  # fmt: skip
_SINGLE_LETTERS = frozenset("mgshLlNJWVAKCFTHd")
_MOST_FACTORS = 8
CURRENCIES = {"\\$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB"}
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_POWERS_AFTER = {"squared": 2, "cubed": 3}
_DEGREES = Unit((("K", _F(1)),), _F(1), _F(27315, 100), name="°C")
_FAHRENHEIT = Unit((("K", _F(1)),), _F(5, 9), _F(45967, 100), name="°F")
TEMPERATURES = {"C": _DEGREES, "F": _FAHRENHEIT, "celsius": _DEGREES, "fahrenheit": _FAHRENHEIT,
                "degC": _DEGREES, "degF": _FAHRENHEIT, "Celsius": _DEGREES,
                "Fahrenheit": _FAHRENHEIT}  # fmt: skip
RADIANS = (("rad", _F(1)),)
"""The dimension of an angle that was given in radians."""


def _dimension(name: str) -> tuple[tuple[str, Fraction], ...]:
    powers = _DIMENSIONS.get(name, {name: 1})
    return tuple(sorted((base, _F(power)) for base, power in powers.items()))


def named(name: str) -> Unit | None:
    """Return the unit of this name or symbol, in singular or plural; None if we know none."""
    if len(name) > 1 and name in TEMPERATURES:
        return TEMPERATURES[name]
    for candidate in (name, _PLURALS.get(name, ""), _singular(name)):
        found = _OTHERS.get(candidate) or _OTHERS.get(candidate.lower() if len(name) > 3 else "")  # noqa: PLR2004  symbols are short and keep their case
        found = found or _prefixed(candidate) or _spelled(candidate.lower())
        if found:
            return Unit(_dimension(found[0]), found[1], name=name)
    return None


def _singular(name: str) -> str:
    return name[:-1] if len(name) > 2 and name.endswith("s") else ""  # noqa: PLR2004  "ms" is none


def _prefixed(name: str) -> tuple[str, Fraction] | None:
    if name in _PREFIXED:
        return _PREFIXED[name]
    for length in (1, 2):
        prefix, rest = name[:length], name[length:]
        if prefix in _PREFIXES and rest in _PREFIXED and rest not in {"t", "M", "pc"}:
            dimension, factor = _PREFIXED[rest]
            return dimension, factor * _PREFIXES[prefix]
    return None


def _spelled(name: str) -> tuple[str, Fraction] | None:
    if name in _SPELLED:
        return _PREFIXED[_SPELLED[name]]
    for spelled, prefix in _SPELLED_PREFIXES.items():
        rest = name.removeprefix(spelled)
        if rest != name and rest in _SPELLED:
            dimension, factor = _PREFIXED[_SPELLED[rest]]
            return dimension, factor * _PREFIXES[prefix]
    return None


def noun(words: str) -> Unit:
    """Return the unit of things that are counted: a dimension of its own, by its noun."""
    folded = words.lower()
    folded = folded[:-1] if folded.endswith("s") and not folded.endswith("ss") else folded
    return Unit((("#" + folded, _F(1)),), name=words)


def currency(sign: str) -> Unit:
    """Return the unit of a currency sign."""
    name = CURRENCIES[sign]
    return Unit(_dimension(name), name=name)


def times(left: Unit, right: Unit, power: Fraction) -> Unit:
    """Return left * right ** power."""
    exponents = dict(left.dimension)
    for base, exponent in right.dimension:
        exponents[base] = exponents.get(base, _F(0)) + exponent * power
    dimension = tuple(sorted((base, power_) for base, power_ in exponents.items() if power_))
    factor = left.factor * right.factor ** int(power)
    sign = "/" if power < 0 else " "
    name = f"{left.name}{sign}{right.name}".strip()
    return Unit(dimension, factor, name=name if abs(power) == 1 else f"{name}^{abs(power)}")


class Reader:
    """Reads a unit from tokens: `cm^2`, `m/s^2`, `square feet`, `miles per hour`, `kg m^2`."""

    def __init__(self, tokens: Sequence[Token], *, plain_letters: bool) -> None:
        self._tokens = tokens
        self._plain = plain_letters

    def read(self, start: int) -> tuple[Unit, int] | None:
        """Return the unit that begins at `start` and the index behind it; None if none does."""
        first = self._factor(self._behind_articles(start))
        if first is None:
            return None
        unit, position = first
        for _ in range(_MOST_FACTORS):
            below = self._divisors(position)
            if below is not None:
                unit, position = times(unit, below[0], _F(-1)), below[1]
                continue
            power, after = self._link(position)
            following = self._factor(after)
            if following is None:
                return unit, position
            unit, position = times(unit, following[0], power), following[1]
        return None

    def _divisors(self, position: int) -> tuple[Unit, int] | None:
        """Read what stands between the brackets of `J/(mol K)`."""
        if [token.text for token in self._tokens[position : position + 2]] != ["/", "("]:
            return None
        factor = self._factor(position + 2)
        for _ in range(_MOST_FACTORS):
            if factor is None or self._tokens[factor[1]].text == ")":
                break
            power, after = self._link(factor[1])
            following = self._factor(after)
            factor = following and (times(factor[0], following[0], power), following[1])
        return None if factor is None else (factor[0], factor[1] + 1)

    def _behind_articles(self, position: int) -> int:
        """Step over "of an" in "3/4 of an hour"."""
        if self._tokens[position].text != "of":
            return position
        return position + 1 + (self._tokens[position + 1].text in {"a", "an", "the"})

    def _link(self, position: int) -> tuple[Fraction, int]:
        token = self._tokens[position]
        if token.text == "/" or (token.kind == WORD and token.text in {"per", "an"}):
            return _F(-1), position + 1
        if token.text in {"*", "×", "-"}:
            return _F(1), position + 1
        return _F(1), position

    def _factor(self, position: int) -> tuple[Unit, int] | None:
        token = self._tokens[position]
        raise_by = 1
        if token.kind == WORD and token.text.lower() in _POWERS:
            raise_by, position = _POWERS[token.text.lower()], position + 1
            if self._tokens[position].text == ".":
                position += 1
            token = self._tokens[position]
        unit = self._name(position)
        if unit is None:
            return None
        power, position = self._power(position + 1)
        power *= raise_by
        if power == 1:
            return unit, position
        return times(Unit((), name=""), unit, power), position

    def _name(self, position: int) -> Unit | None:
        token = self._tokens[position]
        name = token.raw or token.text
        if token.kind == NAME and not token.upright:
            allowed = self._plain and name in _SINGLE_LETTERS
            return named(name) if allowed or name == "Omega" else None
        if token.kind == WORD or (token.kind == SIGN and token.raw == "in"):
            return None if len(name) == 1 and name in {"e", "i"} else named(name)
        return None

    def _power(self, position: int) -> tuple[Fraction, int]:
        token = self._tokens[position]
        if token.kind == WORD and token.text in _POWERS_AFTER:
            return _F(_POWERS_AFTER[token.text]), position + 1
        if token.text != "^":
            return _F(1), position
        end = position + 1
        texts: list[str] = []
        braced = self._tokens[end].text == "{"
        end += braced
        while self._tokens[end].kind == NUMBER or self._tokens[end].text == "-":
            texts.append(self._tokens[end].text)
            end += 1
        written = "".join(texts)
        closed = not braced or self._tokens[end].text == "}"
        if not closed or not written.lstrip("-").isdigit() or len(written) > 2:  # noqa: PLR2004  no unit has a higher power
            return _F(1), position
        return _F(int(written)), end + braced


def ends(token: Token) -> bool:
    """Whether a quantity may end before this token."""
    return token.kind == END or token.text in {
        ",",
        ";",
        ")",
        "]",
        "\\}",
        "and",
        "or",
        "=",
        "}",
        ".",
    }
