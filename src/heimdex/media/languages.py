"""Languages by the codes and names that files use, as ISO 639-1 where there is such a code."""

from __future__ import annotations

import re

# ISO 639-1 and ISO 639-2 (terminological, bibliographic where it differs).
_CODES = """
aa aar; ab abk; ae ave; af afr; ak aka; am amh; an arg; ar ara; as asm; av ava; ay aym; az aze; ba bak; be
bel; bg bul; bi bis; bm bam; bn ben; bo bod tib; br bre; bs bos; ca cat; ce che; ch cha; co cos; cr cre; cs
ces cze; cu chu; cv chv; cy cym wel; da dan; de deu ger; dv div; dz dzo; ee ewe; el ell gre; en eng; eo epo;
es spa; et est; eu eus baq; fa fas per; ff ful; fi fin; fj fij; fo fao; fr fra fre; fy fry; ga gle; gd gla;
gl glg; gn grn; gu guj; gv glv; ha hau; he heb; hi hin; ho hmo; hr hrv; ht hat; hu hun; hy hye arm; hz her;
ia ina; id ind; ie ile; ig ibo; ii iii; ik ipk; io ido; is isl ice; it ita; iu iku; ja jpn; jv jav; ka kat
geo; kg kon; ki kik; kj kua; kk kaz; kl kal; km khm; kn kan; ko kor; kr kau; ks kas; ku kur; kv kom; kw cor;
ky kir; la lat; lb ltz; lg lug; li lim; ln lin; lo lao; lt lit; lu lub; lv lav; mg mlg; mh mah; mi mri mao;
mk mkd mac; ml mal; mn mon; mr mar; ms msa may; mt mlt; my mya bur; na nau; nb nob; nd nde; ne nep; ng ndo;
nl nld dut; nn nno; no nor; nr nbl; nv nav; ny nya; oc oci; oj oji; om orm; or ori; os oss; pa pan; pi pli;
pl pol; ps pus; pt por; qu que; rm roh; rn run; ro ron rum; ru rus; rw kin; sa san; sc srd; sd snd; se sme;
sg sag; si sin; sk slk slo; sl slv; sm smo; sn sna; so som; sq sqi alb; sr srp; ss ssw; st sot; su sun; sv
swe; sw swa; ta tam; te tel; tg tgk; th tha; ti tir; tk tuk; tl tgl; tn tsn; to ton; tr tur; ts tso; tt tat;
tw twi; ty tah; ug uig; uk ukr; ur urd; uz uzb; ve ven; vi vie; vo vol; wa wln; wo wol; xh xho; yi yid; yo
yor; za zha; zh zho chi; zu zul
"""
_NAMES = """
ar arabic العربية; bg bulgarian български; ca catalan català; cs czech čeština; da danish dansk; de german
deutsch; el greek ελληνικά; en english; es spanish español espanol castellano latino; et estonian eesti; eu
basque euskara; fa persian farsi فارسی; fi finnish suomi; fr french français francais; he hebrew עברית; hi
hindi; hr croatian hrvatski; hu hungarian magyar; id indonesian; is icelandic íslenska; it italian italiano;
ja japanese 日本語; ko korean 한국어; lt lithuanian lietuvių; lv latvian latviešu; ms malay;
nl dutch nederlands;
no norwegian norsk; pl polish polski; pt portuguese português portugues brazilian; ro romanian română; ru
russian русский; sk slovak slovenčina; sl slovenian slovenščina; sr serbian srpski српски; sv swedish
svenska; ta tamil; te telugu; th thai ไทย; tr turkish türkçe; uk ukrainian українська; ur urdu; vi
vietnamese; zh chinese mandarin cantonese 中文 简体 繁體
"""
# Codes that subtitle sites and players use although no standard has them, or had them once.
_HABITS = (
    "cz cs; iw he; in id; jp ja; kr ko; pb pt; pob pt; scc sr; scr hr; zhs zh; zht zh; chs zh; cht zh; ze zh"
)

_TAG = re.compile(r"(?P<primary>[A-Za-z]{2,3})(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|[0-9]{3}))?$")


def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for group in (*_CODES.split(";"), *_NAMES.split(";")):
        code, *others = group.split()
        table |= dict.fromkeys((code, *others), code)
    for pair in _HABITS.split(";"):
        habit, code = pair.split()
        table[habit] = code
    return table


_LANGUAGES = _table()


def language_of(tag: str | None) -> str | None:
    """The ISO 639-1 code of a language given as such, as ISO 639-2, BCP 47 ("pt-BR") or by its name.

    None where the tag says no language that has one ("und", "mul", a word).
    """
    if tag is None:
        return None
    found = _LANGUAGES.get(tag.strip().casefold())
    match = _TAG.match(tag.strip())
    if found is None and match is not None:
        found = _LANGUAGES.get(match["primary"].lower())
    return found
