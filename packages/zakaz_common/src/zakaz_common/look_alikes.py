"""Latin and Greek letters that look like a Cyrillic one, lower case to lower case.

Made by scripts/make_look_alikes.py, do not edit. From Unicode's confusables.txt (UTS #39; Unicode License V3,
https://www.unicode.org/license.txt) as confusable-homoglyphs 3.3.1 (MIT) ships it. A letter is read as a capital first:
B is В, though b alone could be ь.
"""

LOOK_ALIKES = {
    "a": "а",  # LATIN SMALL LETTER A
    "b": "в",  # LATIN SMALL LETTER B
    "c": "с",  # LATIN SMALL LETTER C
    "e": "е",  # LATIN SMALL LETTER E
    "h": "н",  # LATIN SMALL LETTER H
    "i": "і",  # LATIN SMALL LETTER I
    "j": "ј",  # LATIN SMALL LETTER J
    "k": "к",  # LATIN SMALL LETTER K
    "m": "м",  # LATIN SMALL LETTER M
    "o": "о",  # LATIN SMALL LETTER O
    "p": "р",  # LATIN SMALL LETTER P
    "r": "г",  # LATIN SMALL LETTER R
    "t": "т",  # LATIN SMALL LETTER T
    "x": "х",  # LATIN SMALL LETTER X
    "y": "у",  # LATIN SMALL LETTER Y
    "ı": "і",  # LATIN SMALL LETTER DOTLESS I
    "ĸ": "к",  # LATIN SMALL LETTER KRA
    "ƅ": "ь",  # LATIN SMALL LETTER TONE SIX
    "ǝ": "ә",  # LATIN SMALL LETTER TURNED E
    "ȝ": "з",  # LATIN SMALL LETTER YOGH
    "ɑ": "а",  # LATIN SMALL LETTER ALPHA
    "ə": "ә",  # LATIN SMALL LETTER SCHWA
    "ɜ": "з",  # LATIN SMALL LETTER REVERSED OPEN E
    "ɣ": "у",  # LATIN SMALL LETTER GAMMA
    "ɩ": "і",  # LATIN SMALL LETTER IOTA
    "ɪ": "і",  # LATIN LETTER SMALL CAPITAL I
    "ɸ": "ф",  # LATIN SMALL LETTER PHI
    "ʌ": "л",  # LATIN SMALL LETTER TURNED V
    "ʍ": "м",  # LATIN SMALL LETTER TURNED W
    "ʏ": "у",  # LATIN LETTER SMALL CAPITAL Y
    "ʒ": "з",  # LATIN SMALL LETTER EZH
    "ʙ": "в",  # LATIN LETTER SMALL CAPITAL B
    "ʜ": "н",  # LATIN LETTER SMALL CAPITAL H
    "ʝ": "ј",  # LATIN SMALL LETTER J WITH CROSSED-TAIL
    "ͷ": "и",  # GREEK SMALL LETTER PAMPHYLIAN DIGAMMA
    "α": "а",  # GREEK SMALL LETTER ALPHA
    "β": "в",  # GREEK SMALL LETTER BETA
    "γ": "г",  # GREEK SMALL LETTER GAMMA
    "ε": "е",  # GREEK SMALL LETTER EPSILON
    "η": "н",  # GREEK SMALL LETTER ETA
    "ι": "і",  # GREEK SMALL LETTER IOTA
    "κ": "к",  # GREEK SMALL LETTER KAPPA
    "λ": "л",  # GREEK SMALL LETTER LAMDA
    "μ": "м",  # GREEK SMALL LETTER MU
    "ο": "о",  # GREEK SMALL LETTER OMICRON
    "π": "п",  # GREEK SMALL LETTER PI
    "ρ": "р",  # GREEK SMALL LETTER RHO
    "σ": "о",  # GREEK SMALL LETTER SIGMA
    "τ": "т",  # GREEK SMALL LETTER TAU
    "υ": "у",  # GREEK SMALL LETTER UPSILON
    "φ": "ф",  # GREEK SMALL LETTER PHI
    "χ": "х",  # GREEK SMALL LETTER CHI
    "ϳ": "ј",  # GREEK LETTER YOT
    "ϻ": "м",  # GREEK SMALL LETTER SAN
    "ᴄ": "с",  # LATIN LETTER SMALL CAPITAL C
    "ᴈ": "з",  # LATIN SMALL LETTER TURNED OPEN E
    "ᴋ": "к",  # LATIN LETTER SMALL CAPITAL K
    "ᴍ": "м",  # LATIN LETTER SMALL CAPITAL M
    "ᴎ": "и",  # LATIN LETTER SMALL CAPITAL REVERSED N
    "ᴏ": "о",  # LATIN LETTER SMALL CAPITAL O
    "ᴑ": "о",  # LATIN SMALL LETTER SIDEWAYS O
    "ᴙ": "я",  # LATIN LETTER SMALL CAPITAL REVERSED R
    "ᴛ": "т",  # LATIN LETTER SMALL CAPITAL T
    "ᴦ": "г",  # GREEK LETTER SMALL CAPITAL GAMMA
    "ᴨ": "п",  # GREEK LETTER SMALL CAPITAL PI
    "ᶌ": "у",  # LATIN SMALL LETTER V WITH PALATAL HOOK
    "ỿ": "у",  # LATIN SMALL LETTER Y WITH LOOP
    "ꝫ": "з",  # LATIN SMALL LETTER ET
    "ꞵ": "в",  # LATIN SMALL LETTER BETA
    "ꬲ": "е",  # LATIN SMALL LETTER BLACKLETTER E
    "ꬽ": "о",  # LATIN SMALL LETTER BLACKLETTER O
    "ꭇ": "г",  # LATIN SMALL LETTER R WITHOUT HANDLE
    "ꭈ": "г",  # LATIN SMALL LETTER DOUBLE R
    "ꭓ": "х",  # LATIN SMALL LETTER CHI
    "ꭚ": "у",  # LATIN SMALL LETTER Y WITH SHORT RIGHT LEG
}
