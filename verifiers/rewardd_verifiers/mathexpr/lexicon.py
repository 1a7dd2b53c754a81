"""What commands, signs and words mean: tables, no code."""

import string


def words(text: str) -> frozenset[str]:
    """Return the words of a table that is written as prose."""
    return frozenset(text.split())


SIGNS: dict[str, str] = {
    "cdot": "*", "times": "×", "ast": "*", "div": "/", "over": "over", "bullet": "*",
    "le": "<=", "leq": "<=", "leqslant": "<=", "leqq": "<=",
    "ge": ">=", "geq": ">=", "geqslant": ">=", "geqq": ">=",
    "lt": "<", "gt": ">", "ne": "!=", "neq": "!=",
    "approx": "~", "approxeq": "~", "simeq": "~", "doteq": "~", "sim": "~", "thickapprox": "~",
    "equiv": "≡", "nequiv": "≢", "in": "in", "notin": "notin", "ni": "ni", "to": "->",
    "rightarrow": "->",
    "longrightarrow": "->", "mapsto": "->", "implies": "=>", "Rightarrow": "=>", "iff": "<=>",
    "subset": "⊂", "subseteq": "⊆", "subsetneq": "⊊", "supset": "⊃", "supseteq": "⊇",
    "succ": "≻", "prec": "≺", "succeq": "≽", "preceq": "≼", "perp": "⊥", "cong": "≅",
    "propto": "∝", "nmid": "∤",
    "cup": "union", "cap": "intersection", "setminus": "difference", "backslash": "difference",
    "smallsetminus": "difference", "pm": "±", "mp": "∓", "minus": "-",
     "mid": "|", "vert": "|", "lvert": "|",
    "rvert": "|", "Vert": "‖", "lVert": "‖", "rVert": "‖", "|": "‖",
    "{": "\\{", "}": "\\}", "lbrace": "\\{", "rbrace": "\\}", "langle": "⟨", "rangle": "⟩",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "lbrack": "[", "rbrack": "]",
    "lparen": "(", "rparen": ")",
    "%": "%", "$": "\\$", "#": "#", "_": "blank", "&": "&amp", "\\": "\\\\", "cr": "\\\\",
    "ldots": "...", "dots": "...", "cdots": "...", "dotsc": "...", "dotso": "...", "dotsb": "...",
    "vdots": "...", "ddots": "...", "prime": "'", "circ": "°", "degree": "°", "colon": ":",
    "land": "∧", "wedge": "∧", "lor": "∨", "vee": "∨", "bmod": "mod", "pmod": "pmod",
    "mod": "mod", "choose": "choose", "neg": "not", "lnot": "not", "euro": "€", "pounds": "£",
    "textdollar": "\\$", "textdegree": "°", "yen": "¥", "geqq ": ">=", "percent": "%",
}  # fmt: skip
"""LaTeX command to the sign that the parser knows."""

SILENT = words(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle "
    "displaystyle textstyle scriptstyle limits nolimits mathstrut strut mathopen mathclose "
    "mathrel mathbin mathord mathpunct mathinner rm bf it sf tt cal boldmath unboldmath large "
    "Large small normalsize noindent hfill qedhere hline"
)
"""Commands that say how, not what."""

BLANKS = frozenset(
    [
        *words(
            "quad qquad enspace enskip thinspace medspace thickspace space nobreakspace newline"
        ),
        *",;: >\n\t/",
    ]
)
"""Commands that are white."""

TEXT = words(
    "text textbf textit textrm textsf texttt textnormal textup textmd emph mbox hbox mathrm "
    "operatorname mathop mathsf mathtt textsc underline uline"
)
"""Commands whose argument is set upright: words, units, function names."""

FONTS = words(
    "mathbf mathit mathcal mathfrak mathscr boldsymbol bm pmb mathnormal ensuremath boxed fbox "
    "bold hbox phantom vphantom hphantom textcolor"
)
"""Commands whose argument is mathematics in another face."""

STRUCTURES = words(
    "frac dfrac tfrac cfrac sqrt binom dbinom tbinom sum prod int lim mathbb begin end"
)
"""The commonest commands with arguments that are no functions."""

ACCENTS = words(
    "hat widehat bar vec tilde widetilde dot ddot overrightarrow overleftarrow overline "
    "overbrace underbrace overset underset stackrel check breve acute grave"
)

GREEK = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi "
    "Sigma Upsilon Phi Psi Omega ell hbar nabla partial aleph imath jmath wp Re Im omicron "
    "triangle angle square star dagger heartsuit spadesuit perp parallel"
)

SPELLED_LETTERS = GREEK - words(
    "nabla partial Re Im imath jmath wp triangle angle square star dagger heartsuit spadesuit perp "
    "parallel ell aleph hbar"
)
"""Greek letters that plain text spells out."""

CONSTANTS: dict[str, str] = {
    "pi": "pi", "e": "e", "i": "i", "infty": "infinity", "infinity": "infinity", "oo": "infinity",
    "Infinity": "infinity", "inf": "infinity",
    "emptyset": "empty", "varnothing": "empty", "Pi": "Pi",
}  # fmt: skip

FUNCTIONS = words(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech "
    "csch arcsinh arccosh arctanh log ln lg exp min max gcd lcm det dim ker arg deg Re Im sgn sign "
    "cis floor ceil abs sqrt cbrt erf Gamma gamma tr trace rank Var Cov mod lb"
)
"""Names that take an argument; `asin` and its like are folded to them."""

ALIASES: dict[str, str] = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "arsinh": "arcsinh", "arcosh": "arccosh", "artanh": "arctanh",
    "cosec": "csc", "tg": "tan", "ctg": "cot", "arctg": "arctan", "sgn": "sign", "acot": "arccot",
    "sh": "sinh", "ch": "cosh", "th": "tanh", "cotan": "cot", "ceiling": "ceil", "Log": "log",
    "Ln": "ln", "Sin": "sin", "Cos": "cos", "Tan": "tan", "arcctg": "arccot", "hcf": "gcd",
    "asec": "arcsec", "acsc": "arccsc", "signum": "sign",
}  # fmt: skip

SPOKEN: dict[str, str] = {
    "and": "and", "or": "or", "percent": "%", "pct": "%", "percentage": "%", "in": "in",
    "union": "union", "mod": "mod", "otherwise": "otherwise", "else": "otherwise", "if": "if",
    "for": "if", "when": "if", "where": "if", "cup": "union", "to": "to", "is": "=",
    "equals": "=", "modulo": "mod", "degrees": "°", "degree": "°", "deg": "°", "plus": "+",
    "minus": "-",
}  # fmt: skip
"""Words that work like signs."""

UNICODE: dict[str, str] = {
    "−": "-", "–": "-", "—": "-", "﹣": "-", "－": "-", "‐": "-", "‑": "-", "×": r"\times ",
    "⋅": r"\cdot ", "·": r"\cdot ", "∙": r"\cdot ", "•": r"\cdot ", "÷": r"\div ", "∕": "/",
    "⁄": "/", "√": r"\sqrt ", "∛": r"\cbrt ", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ",
    "≦": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "≧": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ",
    "≈": r"\approx ", "≅": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ",
    "∈": r"\in ", "∉": r"\notin ", "∅": r"\emptyset ", "Ø": r"\emptyset ", "ø": r"\emptyset ",
    "±": r"\pm ", "∓": r"\mp ", "°": r"^\circ ", "º": r"^\circ ", "˚": r"^\circ ",
    "℃": r"^\circ C ", "℉": r"^\circ F ", "′": "'", "″": "''", "’": "'", "‘": "'", "“": '"',
    "”": '"', "″ ": "''", "…": r"\ldots ", "⋯": r"\ldots ", "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
    "⟨": r"\langle ", "⟩": r"\rangle ", "〈": r"\langle ", "〉": r"\rangle ", "⌊": r"\lfloor ",
    "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∧": r"\wedge ", "∨": r"\vee ",
    "→": r"\to ", "⇒": r"\implies ", "∣": "|", "｜": "|", "，": ", ", "、": ", ", "；": "; ",
    "：": ":", "（": "(", "）": ")", "【": "[", "】": "]", "。": ".", "﹪": "%", "％": "%",
    "＄": "$", "￥": "¥", "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ", "∂": r"\partial ",
    "∆": r"\Delta ", "µ": "μ", "ﬁ": "fi", "ﬂ": "fl", "∥": r"\parallel ", "⊥": r"\perp ",
    "∘": r"\circ ", "㎡": "m^2", "㎝": "cm", "㎞": "km", "㎏": "kg", "∼": r"\sim ", "～": "~",
    "∶": ":", "∴": r"\therefore ", "∠": r"\angle ",
    "△": r"\triangle ", "↦": r"\mapsto ", "¢": r"\text{ cents}",
    "½": r"\frac12 ", "⅓": r"\frac13 ", "⅔": r"\frac23 ", "¼": r"\frac14 ", "¾": r"\frac34 ",
    "⅕": r"\frac15 ", "⅖": r"\frac25 ", "⅗": r"\frac35 ", "⅘": r"\frac45 ", "⅙": r"\frac16 ",
    "⅚": r"\frac56 ", "⅐": r"\frac17 ", "⅛": r"\frac18 ", "⅜": r"\frac38 ", "⅝": r"\frac58 ",
    "⅞": r"\frac78 ", "⅑": r"\frac19 ",
}  # fmt: skip
"""Characters beyond ASCII, and what a LaTeX author would have written."""

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ", "0123456789+-()ni", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙᵢ", "0123456789+-()ni", strict=True))

_LETTER_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega "
    "varphi varepsilon"
)
GREEK_LETTERS = dict(
    zip(
        "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΣΥΦΨΩϕϵ",
        _LETTER_NAMES.split(),
        strict=True,
    )
)

UNINTERPRETED = frozenset("fghFGH") | {"varphi", "psi"}
"""Letters that before a bracket name a function rather than a factor."""

LETTERS = frozenset(string.ascii_letters)

WEIGHTY = words(
    "not no never except without neither nor cannot isn't doesn't less more greater fewer than "
    "least most over under above below between about approximately around almost nearly minus "
    "negative half twice double triple perhaps maybe possibly either probably likely wrong "
    "incorrect instead unless only"
)
"""Words that change what a label's value means: such a label is never dropped."""

REACHING = words(
    "of by from to through than but after before until within without per mod base between near "
    "outside inside excluding except beyond past times plus into with first last every"
)
"""Words that, in front of a value and without a sign, make something else of it."""

CHANGING = words(
    "square squared cube cubed root reciprocal opposite inverse complement subset subsets multiple "
    "multiples divisible power powers logarithm increased decreased divided multiplied transpose "
    "conjugate negation kernel closure hull span conv dim none"
)
"""Words that do so wherever they stand among those in front of a value."""

FILLING = words(
    "the line equation curve circle point answer value solution function so then therefore thus "
    "hence ratio parabola all either"
)
"""Words in front of a value or an equation that only say of what kind it is."""

_LABELS = {"maximum": "max", "minimum": "min", "average": "mean"}


def label(spoken: str) -> str:
    """Return the one spelling of words that call a value by name: "maximum value" is "max"."""
    kept = [_LABELS.get(word, word) for word in spoken.split()]
    if len(kept) > 1 and kept[-1] == "value" and kept[-2] in {"max", "min", "mean"}:
        kept.pop()
    return " ".join(kept)


MULTIPLIERS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Words behind a number that multiply it, with their powers of ten."""

RAISING = words(
    "even odd prime composite onward onwards upward upwards above "
    "squared cubed factorial times halves thirds quarters fourths fifths sixths tenths hundredths "
    "dozen repeating recurring hundreds thousands millions percentage root more"
)
"""Words behind a number that change its value in ways that we do not read."""
