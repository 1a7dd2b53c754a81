"""Measure the language verifier: error on mixtures of known share, and time per completion.

Mixtures are made of the sentences below, as whole sentences in turn and as switches within a
sentence; the truth is counted in the verifier's own unit. Run `python -m benchmarks.language`.
"""

import random
import statistics
import time
from collections.abc import Mapping

from rewardd_verifiers.builtin.language import Language
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import scripts
from rewardd_verifiers.text.scripts import Scale

SENTENCES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "First we write down what is known about the train and its speed",
        "The distance between both towns does not change during the day",
        "Let me check this result again before I give the final answer",
        "If the number were even then its square would be even as well",
        "Wait, I should not have divided by zero in the second step",
        "So the remaining apples must be shared by the four children",
        "We can see from the figure that both angles are equal",
        "It follows that there is only one possible solution",
    ),
    "de": (
        "Zuerst schreiben wir auf, was über den Zug und seine Geschwindigkeit bekannt ist",
        "Der Abstand zwischen beiden Städten ändert sich während des Tages nicht",
        "Ich prüfe dieses Ergebnis noch einmal, bevor ich die Antwort gebe",
        "Wäre die Zahl gerade, dann wäre auch ihr Quadrat gerade",
        "Moment, im zweiten Schritt hätte ich nicht durch null teilen dürfen",
        "Also müssen die übrigen Äpfel unter den vier Kindern verteilt werden",
        "Aus der Zeichnung sehen wir, dass beide Winkel gleich groß sind",
        "Daraus folgt, dass es nur eine einzige mögliche Lösung gibt",
    ),
    "fr": (
        "Nous écrivons d'abord ce que nous savons du train et de sa vitesse",
        "La distance entre les deux villes ne change pas pendant la journée",
        "Je vérifie encore une fois ce résultat avant de donner la réponse",
        "Si le nombre était pair, alors son carré le serait aussi",
        "Attends, je n'aurais pas dû diviser par zéro dans la deuxième étape",
        "Les pommes qui restent doivent donc être partagées entre les quatre enfants",
        "On voit sur la figure que les deux angles sont égaux",
        "Il en résulte qu'il n'y a qu'une seule solution possible",
    ),
    "es": (
        "Primero escribimos lo que se sabe del tren y de su velocidad",
        "La distancia entre los dos pueblos no cambia durante el día",
        "Voy a comprobar otra vez este resultado antes de dar la respuesta",
        "Si el número fuera par, entonces su cuadrado también lo sería",
        "Espera, no debería haber dividido por cero en el segundo paso",
        "Por lo tanto las manzanas restantes se reparten entre los cuatro niños",
        "En la figura vemos que los dos ángulos son iguales",
        "De aquí se sigue que hay una sola solución posible",
    ),
    "vi": (
        "Trước hết chúng ta viết ra những gì đã biết về đoàn tàu và vận tốc của nó",
        "Khoảng cách giữa hai thị trấn không thay đổi trong suốt cả ngày",
        "Tôi sẽ kiểm tra lại kết quả này trước khi đưa ra câu trả lời",
        "Nếu số đó là số chẵn thì bình phương của nó cũng là số chẵn",
        "Vì vậy những quả táo còn lại phải được chia cho bốn đứa trẻ",
        "Từ hình vẽ chúng ta thấy rằng hai góc này bằng nhau",
    ),
    "ru": (
        "Сначала запишем, что известно о поезде и его скорости",
        "Расстояние между двумя городами не меняется в течение дня",
        "Я ещё раз проверю этот результат, прежде чем дать ответ",
        "Если бы число было чётным, то и его квадрат был бы чётным",
        "Значит, оставшиеся яблоки нужно разделить между четырьмя детьми",
        "Из рисунка видно, что оба угла равны между собой",
    ),
    "uk": (
        "Спочатку запишемо, що відомо про поїзд і його швидкість",
        "Відстань між двома містами не змінюється протягом дня",
        "Я ще раз перевірю цей результат, перш ніж дати відповідь",
        "Якби число було парним, то і його квадрат був би парним",
        "Отже, решту яблук потрібно поділити між чотирма дітьми",
        "З малюнка видно, що обидва кути рівні між собою",
    ),
    "ar": (
        "نكتب أولا ما نعرفه عن القطار وسرعته",
        "المسافة بين المدينتين لا تتغير خلال النهار",
        "سأتحقق من هذه النتيجة مرة أخرى قبل أن أعطي الجواب",
        "لو كان العدد زوجيا لكان مربعه زوجيا أيضا",
        "إذن يجب تقسيم التفاحات الباقية على الأطفال الأربعة",
    ),
    "hi": (
        "पहले हम लिखते हैं कि रेलगाड़ी और उसकी चाल के बारे में क्या पता है",
        "दोनों शहरों के बीच की दूरी दिन भर में नहीं बदलती",
        "उत्तर देने से पहले मैं इस परिणाम की फिर से जाँच करता हूँ",
        "यदि संख्या सम होती तो उसका वर्ग भी सम होता",
        "इसलिए बचे हुए सेब चार बच्चों में बाँटे जाने चाहिए",
    ),
    "zh": (
        "首先我们写下关于这列火车和它的速度的已知条件",
        "两个城镇之间的距离在一天之内不会改变",
        "在给出最终答案之前我再检查一遍这个结果",
        "如果这个数是偶数，那么它的平方也是偶数",
        "等一下，第二步里我不应该除以零",
        "所以剩下的苹果必须分给四个孩子",
    ),
    "ja": (
        "まず電車とその速さについて分かっていることを書きます",
        "二つの町の間の距離は一日のうちに変わりません",
        "答えを出す前にこの結果をもう一度確かめます",
        "もしその数が偶数ならば、その二乗も偶数になります",
        "したがって残りのりんごは四人の子供に分けなければなりません",
    ),
    "ko": (
        "먼저 기차와 그 속력에 대해 알려진 것을 적습니다",
        "두 도시 사이의 거리는 하루 동안 변하지 않습니다",
        "최종 답을 내기 전에 이 결과를 다시 확인하겠습니다",
        "만약 그 수가 짝수라면 그 제곱도 짝수일 것입니다",
        "따라서 남은 사과는 네 아이에게 나누어 주어야 합니다",
    ),
    "th": (
        "ก่อนอื่นเราเขียนสิ่งที่ทราบเกี่ยวกับรถไฟและความเร็วของมัน",
        "ระยะทางระหว่างสองเมืองไม่เปลี่ยนแปลงตลอดทั้งวัน",
        "ผมจะตรวจสอบผลลัพธ์นี้อีกครั้งก่อนที่จะให้คำตอบ",
        "ดังนั้นแอปเปิลที่เหลือต้องแบ่งให้เด็กสี่คน",
    ),
}
PAIRS = (
    *(("zh", "en"), ("ja", "en"), ("ko", "en"), ("ru", "en"), ("ar", "en"), ("hi", "en")),
    *(("th", "en"), ("ja", "ko"), ("zh", "ru"), ("de", "en"), ("fr", "en"), ("es", "en")),
    *(("vi", "en"), ("ru", "uk"), ("fr", "es")),
)
STOPS: Mapping[str, str] = {"zh": "。", "ja": "。", "hi": "। "}
UNBLANKED = frozenset({"zh", "ja", "th"})
NOISE = (" $x^2 + y = 7$ ", " `total = sum(a)` ", r" \frac{1}{2} ", " https://example.org/page ")
SIZE_BYTES = 16_384
ROUNDS = 40
SWITCHING = 0.7
"""Share of sentences with a clause of the other language, in mixtures within sentences."""
NOISY = 0.3
"""Share of sentences that end in a formula, code or an address."""


def main() -> None:
    """Print the table."""
    print(f"{'pair':8}{'sentences':>11}{'within':>9}   mean absolute error of the ratio")
    errors: list[float] = []
    for target, other in PAIRS:
        whole = statistics.mean(_error(target, other, seed, within=False) for seed in range(ROUNDS))
        within = statistics.mean(_error(target, other, seed, within=True) for seed in range(ROUNDS))
        errors += [whole, within]
        print(f"{target}-{other:5}{whole:11.4f}{within:9.4f}")
    print(f"worst {max(errors):.4f}, mean {statistics.mean(errors):.4f}\n")
    print(f"{'16 kB of':12}{'median ms':>10}")
    for target, other in (("zh", "en"), ("ja", "en"), ("ru", "en"), ("de", "en"), ("fr", "es")):
        print(f"{target}-{other:9}{_milliseconds(target, other):10.2f}")


def mixture(target: str, other: str, seed: int, *, within: bool) -> tuple[str, float]:
    """Return a text of both languages, and the share of the target in it."""
    drawn = random.Random(f"{target} {other} {seed} {within}")  # noqa: S311  a benchmark's draw
    share = drawn.uniform(0.1, 0.9)
    units = {target: 0.0, other: 0.0}
    pieces: list[str] = []
    for _ in range(40):
        first = target if drawn.random() < share else other
        sentence = drawn.choice(SENTENCES[first])
        units[first] += _units(sentence)
        if within and drawn.random() < SWITCHING:
            second = other if first == target else target
            clause = drawn.choice(SENTENCES[second])
            units[second] += _units(clause)
            sentence = _insert(sentence, clause, first, drawn)
        pieces.append(sentence + (drawn.choice(NOISE) if drawn.random() < NOISY else ""))
        pieces.append(STOPS.get(first, ". "))
    return "".join(pieces), units[target] / sum(units.values())


def _insert(sentence: str, clause: str, language: str, drawn: random.Random) -> str:
    if language in UNBLANKED:
        middle = drawn.randrange(len(sentence))
        return f"{sentence[:middle]} {clause} {sentence[middle:]}"
    words = sentence.split()
    middle = drawn.randrange(1, len(words))
    return " ".join([*words[:middle], clause, *words[middle:]])


def _units(text: str) -> float:
    return sum(scripts.count(text, Scale()).values())


def _error(target: str, other: str, seed: int, *, within: bool) -> float:
    text, truth = mixture(target, other, seed, within=within)
    sample: Sample[object] = Sample(completion=f"<think>{text}</think>", reference=None)
    verdict = Language(target=target, languages=[target, other]).verify(sample)
    if verdict.score is None:
        raise ValueError(verdict.detail)
    return abs(verdict.score - truth)


def _milliseconds(target: str, other: str) -> float:
    text = ""
    seed = 0
    while len(text.encode()) < SIZE_BYTES:
        text += mixture(target, other, seed, within=True)[0]
        seed += 1
    text = text.encode()[:SIZE_BYTES].decode(errors="ignore")
    verifier = Language(target=target, languages=[target, other])
    sample: Sample[object] = Sample(completion=f"<think>{text}</think>", reference=None)
    times: list[float] = []
    for _ in range(30):
        begin = time.perf_counter()
        verifier.verify(sample)
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
