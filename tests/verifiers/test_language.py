import importlib.util
from collections.abc import Mapping
from typing import Any

import pytest

from rewardd_verifiers import (
    Catalog,
    InvalidParamsError,
    MissingExtraError,
    Reason,
    Sample,
    Verdict,
)
from rewardd_verifiers.builtin.language import Language
from rewardd_verifiers.text import detector, languages, scripts
from rewardd_verifiers.text.scripts import Scale

HAN = "我们先把已知条件写下来然后再求解"  # 16 characters, 10 units
ENGLISH = "first check known values"
MIXED = "".join(
    f"{HAN[:8]} {word} {HAN[8:]}。" for word in [ENGLISH] * 5 + [f"{ENGLISH} again"] * 5
)
FORMULAS = (
    "\n```python\nfor apple in basket: print(apple)\n```\n"
    r"\[ \text{speed} = \frac{distance}{time} \] and_x $speed = 3$ \(v = speed\)"
).replace("and_x", "") * 20
GERMAN = "Also müssen wir die Äpfel gerecht unter den vier Kindern verteilen. "
FRENCH = "Il faut donc partager les pommes entre les quatre enfants de la classe. "
LATIN_PROMPT = "Wie viele Äpfel bekommt jedes der vier Kinder am Ende des Tages?"


def _judge(
    completion: str,
    *,
    prompt: str = "",
    metadata: Mapping[str, object] | None = None,
    **params: object,
) -> Verdict:
    verifier = Catalog().build("language", params)
    assert isinstance(verifier, Language)
    return verifier.verify(
        Sample(completion=completion, reference=None, prompt=prompt, metadata=metadata or {})
    )


def test_a_switch_within_sentences_lowers_the_ratio_by_its_share() -> None:
    verdict = _judge(f"<think>{MIXED}</think>42", target="zh")
    assert verdict.evidence["units"] == {"en": 45, "zh": 100}
    assert verdict.score == pytest.approx(100 / 145)


def test_160_han_characters_and_25_english_words_are_four_fifths() -> None:
    words = iter(f"{ENGLISH} again".split() * 5)
    text = "".join(
        f"{HAN[:5]} {' '.join(next(words) for _ in range(2))} {HAN[5:]}。" for _ in range(5)
    )
    text += "".join(
        f"{HAN[:5]} {' '.join(next(words) for _ in range(3))} {HAN[5:]}。" for _ in range(5)
    )
    plain = _judge(f"<think>{text}</think>", target="zh")
    noisy = _judge(f"<think>{text}{FORMULAS}</think>", target="zh")
    assert plain.score == pytest.approx(0.8)
    assert noisy.score == plain.score


SENTENCES = {
    "zh": "首先我们写下关于这列火车和它的速度的已知条件，然后求解",
    "ja": "まず電車とその速さについて分かっていることを書き、それから計算します",
    "ko": "먼저 기차와 그 속력에 대해 알려진 것을 모두 적은 다음 차례대로 계산하겠습니다",
    "ru": "Сначала запишем всё, что известно о поезде, и только потом начнём считать ответ",
    "uk": "Спочатку запишемо все, що відомо про поїзд, і лише потім почнемо шукати відповідь",
    "el": "Πρώτα γράφουμε όλα όσα ξέρουμε για το τρένο και μετά υπολογίζουμε την απάντηση",
    "he": "קודם נכתוב את כל מה שידוע לנו על הרכבת ואחר כך נחשב את התשובה הסופית",
    "ar": "نكتب أولا كل ما نعرفه عن القطار ثم نحسب بعد ذلك الجواب النهائي للسؤال",
    "fa": "ابتدا هر آنچه درباره قطار می‌دانیم می‌نویسیم و سپس پاسخ نهایی را حساب می‌کنیم",
    "hi": "पहले हम रेलगाड़ी के बारे में जो कुछ पता है वह लिखते हैं और फिर उत्तर निकालते हैं",
    "bn": "প্রথমে আমরা ট্রেন সম্পর্কে যা জানা আছে তা লিখি এবং তারপর উত্তর বের করি এখন",
    "pa": "ਪਹਿਲਾਂ ਅਸੀਂ ਰੇਲਗੱਡੀ ਬਾਰੇ ਜੋ ਪਤਾ ਹੈ ਉਹ ਲਿਖਦੇ ਹਾਂ ਅਤੇ ਫਿਰ ਜਵਾਬ ਕੱਢਦੇ ਹਾਂ",
    "gu": "પહેલા આપણે ટ્રેન વિશે જે જાણીએ છીએ તે લખીએ છીએ અને પછી જવાબ શોધીએ છીએ",
    "ta": "முதலில் ரயிலைப் பற்றி நமக்குத் தெரிந்த எல்லாவற்றையும் எழுதி"
    " பிறகு விடையைக் கணக்கிடுவோம் இப்போது நாம் தொடங்கலாம்",
    "te": "ముందుగా రైలు గురించి మనకు తెలిసినదంతా రాసి ఆ తర్వాత సమాధానం లెక్కిద్దాం ఇప్పుడు మొదలు పెడదాం",
    "kn": "ಮೊದಲು ರೈಲಿನ ಬಗ್ಗೆ ನಮಗೆ ತಿಳಿದಿರುವುದನ್ನು ಬರೆದು ನಂತರ ಉತ್ತರವನ್ನು ಲೆಕ್ಕ ಹಾಕೋಣ ಈಗ ನಾವು ಶುರು ಮಾಡೋಣ",
    "ml": "ആദ്യം തീവണ്ടിയെക്കുറിച്ച് നമുക്ക് അറിയാവുന്നത് എഴുതാം പിന്നെ ഉത്തരം കണക്കാക്കാം ഇനി നമുക്ക് പതുക്കെ തുടങ്ങാം അല്ലേ",
    "th": "ก่อนอื่นเราเขียนสิ่งที่ทราบเกี่ยวกับรถไฟและความเร็วของมัน",
    "my": "ပထမဦးစွာ ရထားအကြောင်း သိထားသမျှကို ရေးချပြီး နောက်မှ အဖြေကို တွက်ပါမယ်",
    "ka": "ჯერ ჩავწეროთ ყველაფერი რაც ვიცით მატარებლის შესახებ და მერე გამოვთვალოთ პასუხი",
    "hy": "Նախ գրենք այն ամենը ինչ գիտենք գնացքի մասին և հետո հաշվենք վերջնական պատասխանը",
    "am": "መጀመሪያ ስለ ባቡሩ የምናውቀውን ሁሉ እንጽፋለን ከዚያም በኋላ የመጨረሻውን መልስ እናሰላለን እንጀምር",
    "en": "First we write down all that is known about the train and then compute the answer",
    "de": "Zuerst schreiben wir alles auf, was über den Zug bekannt ist, und rechnen dann",
    "fr": "Nous écrivons d'abord tout ce que nous savons du train avant de calculer la réponse",
    "es": "Primero escribimos todo lo que se sabe del tren y después calculamos la respuesta",
    "vi": "Trước hết chúng ta viết ra tất cả những gì đã biết về đoàn tàu rồi mới tính",
}


@pytest.mark.parametrize("target", SENTENCES)
def test_text_in_one_language_is_all_of_that_language(target: str) -> None:
    assert _judge(f"<think>{SENTENCES[target]}</think>", target=target).score == 1.0


@pytest.mark.parametrize("target", sorted(SENTENCES.keys() - {"en"}))
def test_english_instead_of_the_target_earns_nothing(target: str) -> None:
    assert _judge(f"<think>{SENTENCES['en']}</think>", target=target).score == 0.0


@pytest.mark.parametrize("target", sorted(SENTENCES.keys() - {"en"}))
def test_a_clause_of_english_within_a_sentence_counts_by_its_words(target: str) -> None:
    clause, sentence = SENTENCES["en"], SENTENCES[target]
    middle = sentence.find(" ", len(sentence) // 2) if " " in sentence else len(sentence) // 2
    verdict = _judge(
        f"<think>{sentence[:middle]} {clause} {sentence[middle:]}</think>", target=target
    )
    ours = sum(scripts.count(sentence, Scale()).values())
    theirs = sum(scripts.count(clause, Scale()).values())
    assert verdict.score == pytest.approx(ours / (ours + theirs), abs=0.07)


@pytest.mark.parametrize(
    ("completion", "params", "score", "reason"),
    [
        pytest.param("<think></think>a", {}, 0.0, Reason.BAD_FORMAT, id="hollow"),
        pytest.param("<think>\u200b \n</think>a", {}, 0.0, Reason.BAD_FORMAT, id="blank"),
        pytest.param(GERMAN * 3, {}, 0.0, Reason.BAD_FORMAT, id="no_thinking"),
        pytest.param(GERMAN * 3, {"missing": "none"}, None, Reason.UNDECIDED, id="hidden"),
        pytest.param(GERMAN * 3, {"part": "answer"}, 1.0, Reason.MATCH, id="answer"),
        pytest.param("x = 3 + 4 \\to 7</think>", {}, None, Reason.UNDECIDED, id="signs"),
        pytest.param("Also gut so</think>", {}, None, Reason.UNDECIDED, id="too_little"),
        pytest.param("Also gut so</think>", {"min_words": 3}, 1.0, Reason.MATCH, id="asked_less"),
        pytest.param(GERMAN * 3 + "</think>", {"mode": "strict"}, 1.0, Reason.MATCH, id="strict"),
        pytest.param(
            f"{GERMAN * 3}{FRENCH}</think>",
            {"mode": "strict", "languages": ["de", "fr"]},
            0.0,
            Reason.MISMATCH,
            id="strict_and_mixed",
        ),
        pytest.param(
            f"{GERMAN * 3}{FRENCH}</think>",
            {"mode": "strict", "languages": ["de", "fr"], "at_least": 0.5},
            1.0,
            Reason.MATCH,
            id="strict_with_room",
        ),
    ],
)
def test_what_can_be_told_of_thinking(
    completion: str, params: dict[str, Any], score: float | None, reason: Reason
) -> None:
    verdict = _judge(completion, target="de", **params)
    assert (verdict.score, verdict.reason) == (score, reason)


@pytest.mark.parametrize(
    ("prompt", "metadata", "target"),
    [
        pytest.param("", {"language": "zh-CN"}, "zh", id="metadata"),
        pytest.param(LATIN_PROMPT, {}, "de", id="prompt_in_latin"),
        pytest.param("这列火车需要多长时间才能到达？", {}, "zh", id="prompt_in_han"),
        pytest.param(LATIN_PROMPT, {"language": "ko"}, "ko", id="metadata_first"),
    ],
)
def test_the_target_is_found_in_metadata_or_else_in_the_prompt(
    prompt: str, metadata: dict[str, object], target: str
) -> None:
    verdict = _judge(f"{GERMAN}{HAN}</think>", prompt=prompt, metadata=metadata)
    assert verdict.evidence["target"] == target


@pytest.mark.parametrize(
    ("prompt", "metadata"),
    [("", {}), ("2 + 2 = ?", {}), (LATIN_PROMPT, {"language": "xx"}), ("", {"language": 3})],
)
def test_an_unknown_target_leaves_the_sample_open(prompt: str, metadata: dict[str, object]) -> None:
    verdict = _judge(f"{GERMAN * 3}</think>", prompt=prompt, metadata=metadata)
    assert (verdict.score, verdict.reason) == (None, Reason.UNDECIDED)


@pytest.mark.parametrize(
    ("prompt", "completion", "score"),
    [
        pytest.param(
            LATIN_PROMPT, f"{GERMAN * 3}</think>Jedes Kind bekommt drei Äpfel.", 1.0, id="same"
        ),
        pytest.param(LATIN_PROMPT, f"{GERMAN * 3}</think>42", 1.0, id="answer_too_short"),
        pytest.param(
            LATIN_PROMPT, f"{FRENCH * 3}</think>Jedes Kind bekommt drei Äpfel.", 0.0, id="thinking"
        ),
        pytest.param(LATIN_PROMPT, f"{GERMAN * 3}</think>每个孩子得到三个苹果。", 0.0, id="answer"),
        pytest.param("2 + 2", f"{GERMAN * 3}</think>vier", None, id="prompt_too_short"),
        pytest.param(LATIN_PROMPT, "gut</think>vier", None, id="thinking_too_short"),
        pytest.param(LATIN_PROMPT, GERMAN, 0.0, id="no_thinking"),
    ],
)
def test_prompt_thinking_and_answer_share_their_language(
    prompt: str, completion: str, score: float | None
) -> None:
    assert _judge(completion, prompt=prompt, mode="same_language").score == score


def test_units_can_be_letters() -> None:
    verdict = _judge("ab 漢字</think>", target="zh", unit="character", min_words=1)
    assert verdict.evidence["units"] == {"en": 2, "zh": 2}


def test_a_lone_word_of_a_shared_script_is_in_no_sum() -> None:
    verdict = _judge(f"{GERMAN * 2}\nWow\n</think>", target="de")
    assert (verdict.score, verdict.evidence["abstained"]) == (1.0, 1)


def test_a_script_that_no_configured_language_uses_counts_against_the_target() -> None:
    verdict = _judge(f"{HAN} {SENTENCES['ru']}</think>", target="zh")
    units = verdict.evidence["units"]
    assert isinstance(units, dict)
    assert set(units) == {"zh", "cyrillic"}  # pyright: ignore[reportUnknownArgumentType]  of JSON


def test_three_languages_of_a_script_are_told_apart() -> None:
    text = f"{GERMAN * 2}{FRENCH}{SENTENCES['en']}."
    verdict = _judge(f"{text}</think>", target="de", languages=["fr", "en"])
    assert verdict.evidence["units"] == {"de": 22, "fr": 13, "en": 16}


@pytest.mark.parametrize(
    "params", [{"target": "xx"}, {"languages": ["de", "klingon"]}, {"languages": []}]
)
def test_unknown_languages_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(InvalidParamsError):
        Catalog().build("language", params)


def test_a_missing_extra_is_told_when_a_verifier_that_needs_it_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector.forget()
    monkeypatch.setattr(importlib.util, "find_spec", _find_nothing)
    with pytest.raises(MissingExtraError, match=r"rewardd-verifiers\[language\]"):
        Catalog().build("language", {"target": "de"})
    assert Catalog().build("language", {"target": "zh"})


def _find_nothing(_name: str) -> None:
    """Stand for an environment without the extra."""


def test_the_detector_knows_every_language_that_shares_a_script() -> None:
    shared = [
        code
        for code, script in languages.SCRIPT_OF.items()
        if list(languages.SCRIPT_OF.values()).count(script) > 1
    ]
    assert detector.classify(["zug", "train"], tuple(sorted(shared))) in shared
