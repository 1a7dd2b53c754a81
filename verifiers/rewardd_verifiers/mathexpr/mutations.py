"""Respell golds, and change them a little: what must match, and what must not.

Whether a change kept the value is decided by how the pair is made, never by the verifier.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random
from typing import NamedTuple


class Mutation(NamedTuple):
    """A gold with another text for it.

    Attributes:
        equal: whether the text still says the gold.
        kind: what was done.
    """

    gold: str
    answer: str
    equal: bool
    kind: str


def mutations(random: Random, count: int) -> Iterator[Mutation]:
    """Give pairs of all kinds by turns; the same random state gives the same pairs."""
    makers = list(_MAKERS)
    for place in range(count):
        yield from makers[place % len(makers)](random)


def _fraction(random: Random) -> tuple[int, int]:
    bottom = random.choice([3, 4, 6, 7, 8, 9, 11, 12, 13, 16, 25])
    top = random.choice([n for n in range(1, 60) if Fraction(n, bottom).denominator == bottom])
    return top, bottom


def _integers(random: Random) -> Iterator[Mutation]:
    value = random.randint(1000, 9_999_999)
    gold = str(value)
    for grouped in (
        f"{value:,}",
        f"{value:,}".replace(",", "{,}"),
        f"{value:,}".replace(",", r"\,"),
    ):
        yield Mutation(gold, grouped, equal=True, kind="grouping")
    yield Mutation(gold, f"+{gold}.0", equal=True, kind="spelling")
    place = random.randrange(len(gold))
    digit = str((int(gold[place]) + random.randint(1, 9)) % 10)
    yield Mutation(gold, gold[:place] + digit + gold[place + 1 :], equal=False, kind="digit")
    yield Mutation(gold, f"-{gold}", equal=False, kind="sign")
    yield Mutation(gold, gold + "0", equal=False, kind="factor of ten")


def _fractions(random: Random) -> Iterator[Mutation]:
    top, bottom = _fraction(random)
    scale = random.randint(2, 9)
    gold = rf"\frac{{{top}}}{{{bottom}}}"
    yield Mutation(gold, f"{top}/{bottom}", equal=True, kind="spelling")
    yield Mutation(gold, rf"\dfrac{{{top * scale}}}{{{bottom * scale}}}", equal=True, kind="scaled")
    yield Mutation(gold, rf"\left(\tfrac{{{-top}}}{{{-bottom}}}\right)", equal=True, kind="signs")
    whole, rest = divmod(top, bottom)
    if whole:
        yield Mutation(gold, rf"{whole}\frac{{{rest}}}{{{bottom}}}", equal=True, kind="mixed")
    yield Mutation(gold, rf"\frac{{{bottom}}}{{{top}}}", equal=top == bottom, kind="upside down")
    yield Mutation(gold, rf"\frac{{{top + 1}}}{{{bottom}}}", equal=False, kind="digit")
    yield Mutation(gold, rf"-\frac{{{top}}}{{{bottom}}}", equal=False, kind="sign")
    if bottom in {4, 8, 16, 25}:
        yield Mutation(gold, str(top / bottom), equal=True, kind="decimal")


def _surds(random: Random) -> Iterator[Mutation]:
    root, factor, shift = random.choice([2, 3, 5, 7]), random.randint(2, 9), random.randint(1, 9)
    gold = rf"{shift}+{factor}\sqrt{{{root}}}"
    inner = factor * factor * root
    yield Mutation(gold, rf"\sqrt{{{inner}}}+{shift}", equal=True, kind="into the root")
    yield Mutation(gold, rf"{factor} \cdot \sqrt {root} + {shift}", equal=True, kind="spelling")
    yield Mutation(gold, f"{shift} + {factor}*sqrt({root})", equal=True, kind="plain text")
    yield Mutation(gold, rf"{shift}-{factor}\sqrt{{{root}}}", equal=False, kind="sign")
    yield Mutation(gold, rf"{shift}+{factor + 1}\sqrt{{{root}}}", equal=False, kind="digit")
    yield Mutation(gold, rf"{shift}+\sqrt{{{inner + 1}}}", equal=False, kind="digit")


def _tuples(random: Random) -> Iterator[Mutation]:
    items = random.sample(range(-20, 20), 3)
    joined = ",".join(map(str, items))
    gold = f"({joined})"
    yield Mutation(gold, rf"\left({', '.join(map(str, items))}\right)", equal=True, kind="spelling")
    yield Mutation(gold, "(" + r",\ ".join(map(str, items)) + ")", equal=True, kind="blanks")
    turned = [items[1], items[0], items[2]]
    yield Mutation(gold, f"({','.join(map(str, turned))})", equal=False, kind="order")
    yield Mutation(gold, rf"\{{{joined}\}}", equal=False, kind="bracket")
    yield Mutation(gold, f"({','.join(map(str, items[:2]))})", equal=False, kind="element")


def _sets(random: Random) -> Iterator[Mutation]:
    items = random.sample(range(-30, 30), 4)
    turned = random.sample(items, 4)
    gold = rf"\{{{','.join(map(str, items))}\}}"
    yield Mutation(gold, rf"\{{{','.join(map(str, turned))}\}}", equal=True, kind="order")
    yield Mutation(gold, ", ".join(map(str, turned)), equal=True, kind="without braces")
    listed = ", ".join(map(str, turned[:-1])) + f" and {turned[-1]}"
    yield Mutation(gold, listed, equal=True, kind="joined by and")
    yield Mutation(gold, rf"\{{{','.join(map(str, items[:-1]))}\}}", equal=False, kind="element")
    changed = [*items[:-1], items[-1] + 61]
    yield Mutation(gold, rf"\{{{','.join(map(str, changed))}\}}", equal=False, kind="digit")


def _intervals(random: Random) -> Iterator[Mutation]:
    low = random.randint(-20, 10)
    high = low + random.randint(1, 20)
    left, right = random.choice("[("), random.choice("])")
    signs = {"[": r"\le", "(": "<", "]": r"\le", ")": "<"}
    gold = f"{left}{low},{high}{right}"
    body = f"{low} {signs[left]} x {signs[right]} {high}"
    yield Mutation(gold, body, equal=True, kind="inequality")
    yield Mutation(
        gold, rf"x \in \left{left}{low}, {high}\right{right}", equal=True, kind="element"
    )
    yield Mutation(gold, rf"\{{u : {body.replace('x', 'u')}\}}", equal=True, kind="builder")
    other = {"[": "(", "(": "["}[left]
    yield Mutation(gold, f"{other}{low},{high}{right}", equal=False, kind="bracket")
    yield Mutation(gold, f"{left}{low},{high + 1}{right}", equal=False, kind="end")
    turned = body.replace(r"\le", "<") if r"\le" in body else body.replace("<", r"\le", 1)
    yield Mutation(gold, turned, equal=False, kind="relation")


def _polynomials(random: Random) -> Iterator[Mutation]:
    a, b, c = (random.randint(2, 9) for _ in range(3))
    gold = f"{a}x^2+{b}x-{c}"
    yield Mutation(gold, f"{b}x - {c} + {a}x^{{2}}", equal=True, kind="order of terms")
    yield Mutation(gold, f"x({a}x+{b})-{c}", equal=True, kind="factored")
    yield Mutation(gold, f"-({c}-{b}x-{a}x^2)", equal=True, kind="signs")
    yield Mutation(gold, f"{a}*x**2 + {b}*x - {c}", equal=True, kind="plain text")
    yield Mutation(gold, f"{a}x^2+{b}x+{c}", equal=False, kind="sign")
    yield Mutation(gold, f"{a}x^3+{b}x-{c}", equal=False, kind="exponent")
    yield Mutation(gold, f"{a}y^2+{b}y-{c}", equal=False, kind="name")


def _equations(random: Random) -> Iterator[Mutation]:
    a, b, k = (random.randint(2, 9) for _ in range(3))
    gold = f"y={a}x+{b}"
    yield Mutation(gold, f"{a}x - y + {b} = 0", equal=True, kind="moved")
    yield Mutation(gold, f"{k}y={k * a}x+{k * b}", equal=True, kind="multiplied")
    yield Mutation(gold, f"{a}x + {b}", equal=True, kind="label left out")
    yield Mutation(gold, f"y={a}x-{b}", equal=False, kind="sign")
    yield Mutation(gold, f"x={a}y+{b}", equal=False, kind="names")


def _units(random: Random) -> Iterator[Mutation]:
    value = random.randint(2, 90)
    gold = rf"{value}\text{{ km}}"
    yield Mutation(gold, f"{value * 1000} m", equal=True, kind="converted")
    yield Mutation(gold, f"{value} kilometers", equal=True, kind="spelled")
    yield Mutation(gold, str(value), equal=True, kind="unit left out")
    yield Mutation(gold, f"{value} m", equal=False, kind="unit")
    yield Mutation(gold, rf"{value}\text{{ km}}^2", equal=False, kind="dimension")


def _bases(random: Random) -> Iterator[Mutation]:
    base = random.randint(3, 9)
    digits = "".join(str(random.randrange(base)) for _ in range(3))
    gold = f"{random.randint(1, base - 1)}{digits}_{{{base}}}"
    written = gold.partition("_")[0]
    yield Mutation(gold, f"{int(written, base)}_{{10}}", equal=True, kind="to ten")
    yield Mutation(gold, rf"{written}_{base}", equal=True, kind="spelling")
    yield Mutation(gold, f"{written}_{{{base + 1}}}", equal=False, kind="base")
    last = str((int(written[-1]) + 1) % base)
    yield Mutation(gold, f"{written[:-1]}{last}_{{{base}}}", equal=False, kind="digit")


def _matrices(random: Random) -> Iterator[Mutation]:
    a, b, c, d = random.sample(range(1, 40), 4)
    gold = rf"\begin{{pmatrix}}{a}&{b}\\{c}&{d}\end{{pmatrix}}"
    same = rf"\begin{{bmatrix}} {a} & {b} \\ {c} & {d} \end{{bmatrix}}"
    yield Mutation(gold, same, equal=True, kind="bracket")
    yield Mutation(gold, f"[[{a}, {b}], [{c}, {d}]]", equal=True, kind="plain text")
    turned = rf"\begin{{pmatrix}}{a}&{c}\\{b}&{d}\end{{pmatrix}}"
    yield Mutation(gold, turned, equal=False, kind="transposed")
    changed = rf"\begin{{pmatrix}}{a}&{b}\\{c}&{d + 41}\end{{pmatrix}}"
    yield Mutation(gold, changed, equal=False, kind="entry")


def _percents(random: Random) -> Iterator[Mutation]:
    value = random.randint(2, 99)
    gold = rf"{value}\%"
    yield Mutation(gold, f"{value / 100}", equal=True, kind="share")
    yield Mutation(gold, f"{value} percent", equal=True, kind="spelled")
    yield Mutation(gold, rf"{value + 1}\%", equal=False, kind="digit")
    yield Mutation(gold, f"{value / 10}", equal=False, kind="factor of ten")


def _functions(random: Random) -> Iterator[Mutation]:
    a, b = random.sample(range(2, 30), 2)
    name = random.choice("tuvw")
    gold = f"f(x)={a}x^3+{b}"
    yield Mutation(gold, f"f({name}) = {a}{name}^3 + {b}", equal=True, kind="bound name")
    yield Mutation(gold, f"{b} + {a}x^3", equal=True, kind="name left out")
    yield Mutation(gold, f"f({name})={a}x^3+{b}", equal=False, kind="free name")
    yield Mutation(gold, f"f(x)={a}x^2+{b}", equal=False, kind="exponent")
    free = f"f(x)={a}x+p"
    yield Mutation(free, f"f({name})={a}{name}+p", equal=True, kind="bound name")
    yield Mutation(free, f"f(x)={a}x+q", equal=False, kind="free name")


def _builders(random: Random) -> Iterator[Mutation]:
    bound = random.randint(-50, 50)
    name = random.choice("akmnst")
    gold = rf"\{{x : x > {bound}\}}"
    yield Mutation(gold, rf"\{{{name} \mid {name} > {bound}\}}", equal=True, kind="bound name")
    yield Mutation(gold, rf"({bound}, \infty)", equal=True, kind="interval")
    yield Mutation(gold, rf"\{{x : {bound} < x\}}", equal=True, kind="turned round")
    yield Mutation(gold, rf"\{{x : x < {bound}\}}", equal=False, kind="relation")
    yield Mutation(gold, rf"[{bound}, \infty)", equal=False, kind="bracket")
    yield Mutation(gold, rf"\{{x : x > {bound + 1}\}}", equal=False, kind="digit")


def _labels(random: Random) -> Iterator[Mutation]:
    first, second = random.sample(range(2, 60), 2)
    gold = f"a={first}, b={second}"
    yield Mutation(gold, rf"b = {second},\; a = {first}", equal=True, kind="order")
    yield Mutation(gold, f"a={first} and b={second}", equal=True, kind="joined by and")
    yield Mutation(gold, f"{first}, {second}", equal=True, kind="labels left out")
    yield Mutation(gold, f"b={first}, a={second}", equal=False, kind="label")
    yield Mutation(gold, f"a={first}, c={second}", equal=False, kind="label")
    yield Mutation(gold, f"{second}, {first}", equal=False, kind="order")
    yield Mutation(gold, f"a={first}, b={second + 60}", equal=False, kind="digit")


def _scientific(random: Random) -> Iterator[Mutation]:
    whole, part = random.randint(1, 9), random.randint(1, 9)
    power = random.randint(3, 12)
    gold = rf"{whole}.{part} \times 10^{{{power}}}"
    yield Mutation(gold, f"{whole}.{part}e{power}", equal=True, kind="plain text")
    yield Mutation(gold, rf"{whole}{part}\cdot 10^{{{power - 1}}}", equal=True, kind="moved point")
    yield Mutation(
        gold, f"{(10 * whole + part) * 10 ** (power - 1):,}", equal=True, kind="grouping"
    )
    yield Mutation(gold, rf"{whole}.{part}\times10^{{-{power}}}", equal=False, kind="sign")
    yield Mutation(gold, rf"{whole}.{part}\times10^{{{power + 1}}}", equal=False, kind="exponent")


def _repeating(random: Random) -> Iterator[Mutation]:
    top = random.choice([n for n in range(1, 99) if n % 11])
    value = Fraction(top, 99)
    gold = rf"0.\overline{{{top:02d}}}"
    fraction = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
    yield Mutation(gold, fraction, equal=True, kind="fraction")
    yield Mutation(fraction, f"0.({top:02d})", equal=True, kind="decimal")
    yield Mutation(gold, rf"0.{top:02d}", equal=False, kind="cut off")
    yield Mutation(gold, rf"0.0\overline{{{top:02d}}}", equal=False, kind="factor of ten")


def _complexes(random: Random) -> Iterator[Mutation]:
    real, imaginary = random.sample(range(2, 40), 2)
    gold = f"{real}-{imaginary}i"
    yield Mutation(gold, f"-{imaginary}i + {real}", equal=True, kind="order of terms")
    yield Mutation(gold, f"{real} - i*{imaginary}", equal=True, kind="plain text")
    yield Mutation(gold, f"{real}+{imaginary}i", equal=False, kind="sign")
    yield Mutation(gold, f"{imaginary}-{real}i", equal=False, kind="order")
    yield Mutation(gold, f"{real}-{imaginary}", equal=False, kind="unit left out")


def _measures(random: Random) -> Iterator[Mutation]:
    hours, cents = random.randint(2, 9), random.randint(101, 999)
    yield Mutation(rf"{hours}\text{{ hours}}", f"{hours * 60} min", equal=True, kind="converted")
    yield Mutation(rf"{hours}\text{{ hours}}", f"{hours * 6} min", equal=False, kind="digit")
    degrees = random.choice([15, 30, 45, 60, 75, 120, 135, 150])
    turned = Fraction(degrees, 180)
    radians = rf"\frac{{{turned.numerator}\pi}}{{{turned.denominator}}}"
    yield Mutation(rf"{degrees}^\circ", radians, equal=True, kind="converted")
    yield Mutation(rf"{degrees}^\circ", f"{degrees} degrees", equal=True, kind="spelled")
    yield Mutation(rf"{degrees}^\circ", rf"{degrees + 1}^\circ", equal=False, kind="digit")
    money = rf"\${cents // 100}.{cents % 100:02d}"
    yield Mutation(money, f"{cents} cents", equal=True, kind="converted")
    yield Mutation(money, f"{money[2:]} dollars", equal=True, kind="spelled")
    yield Mutation(money, f"€{money[2:]}", equal=False, kind="unit")


_MAKERS: tuple[Callable[[Random], Iterator[Mutation]], ...] = (
    _integers, _fractions, _surds, _tuples, _sets, _intervals, _polynomials, _equations, _units,
    _bases, _matrices, _percents, _functions, _builders, _labels, _scientific, _repeating,
    _complexes, _measures,
)  # fmt: skip
