"""PURE: a name as a card or an inspector's page shows it: enough for its owner to know it, too little for a finder."""

from __future__ import annotations

from unicodedata import category, combining

STAR = "＊"
_WORDS = 3


def hint_of(name: str) -> str:
    """王小明 → 王＊明, 王明 → 王＊, Maria Silva → M＊＊ S＊＊. At most 14 letters, whatever the name."""
    words = name.split()[:_WORDS]
    if len(words) == 1 and _is_ideographic(words[0]):
        return _of_ideographs(_letters(words[0]))
    return " ".join(_letters(word)[0] + 2 * STAR for word in words)


def _of_ideographs(letters: list[str]) -> str:
    match len(letters):
        case 1:
            return letters[0]
        case 2:
            return letters[0] + STAR
        case count:
            return letters[0] + min(count - 2, 2) * STAR + letters[-1]


def _letters(word: str) -> list[str]:
    """Each with at most one mark that combines with it."""
    found: list[str] = []
    for sign in word:
        if found and combining(sign):
            found[-1] = (found[-1] + sign)[:2]
        else:
            found.append(sign)
    return found


def _is_ideographic(word: str) -> bool:
    return all(category(sign) == "Lo" and ord(sign) >= 0x3400 for sign in word)
