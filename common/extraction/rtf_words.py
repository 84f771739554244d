"""RTF's control words, by what they mean for a document's words."""

from __future__ import annotations

CODE_PAGES = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
    254: "cp437", 255: "cp850",
}  # fmt: skip
"""By a font's character set."""
SIGNS = {
    "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
    "tab": " ", "emspace": " ", "enspace": " ", "qmspace": " ", "line": "\n", "nestcell": " ", "nestrow": " ",
}  # fmt: skip
SYMBOLS = {"\\": "\\", "{": "{", "}": "}", "~": "\xa0", "_": "-"}
# Groups without words of the document. Of what is marked as optional ("\*") all but `READ` is skipped.
SKIPPED = frozenset(
    "colortbl filetbl pict object objdata header headerl headerr headerf footer footerl footerr footerf fldinst "  # noqa: SIM905
    "ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn annotation atnid atnauthor sp upr themedata colorschememapping "
    "datastore xe tc tcn rxe txe latentstyles listtable listoverridetable revtbl rsidtbl generator xmlnstbl mmathPr "
    "nonshppict".split()
)
READ = frozenset("shpinst shptxt ud footnote listtext pntext result fldrslt".split())  # noqa: SIM905
READ_AGAIN = frozenset({"shptxt", "ud", "result"})
STORIES = frozenset({"footnote", "shptxt"})
LABELS = frozenset({"listtext", "pntext"})
# Groups of the header, whose words are read for what they say of the document.
DESTINATIONS = frozenset(
    "fonttbl stylesheet info title author operator subject keywords doccomm company category manager".split()  # noqa: SIM905
)
