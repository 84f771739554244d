"""What was filled into a PDF page: values of a form's fields, and text typed onto it, which are no part of its text."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2.raw as pdfium

from common.extraction.decoding import clean

_MOST_ANNOTATIONS = 5_000
_LONGEST = 100_000  # characters of a value
_PASSWORD = 1 << 13  # a field's flag (ISO 32000-1, table 228)
_WITH_VALUES = frozenset(
    {pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX}
)
_CHOSEN = frozenset({pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON})


def filled_in(page: Any, form: Any | None) -> list[str]:
    """A line for each: `label: value` of the fields of `form` that have a value or are chosen, and what was typed.

    A field's label is what its author wants shown, else its name. Passwords are left out.
    """
    return [line for line in _lines(page.raw, form.raw if form else None) if line]


def _lines(page: Any, form: Any | None) -> Iterator[str]:
    for index in range(min(_MOST_ANNOTATIONS, pdfium.FPDFPage_GetAnnotCount(page))):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_FREETEXT:
            yield _string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
        elif kind == pdfium.FPDF_ANNOT_WIDGET and form:
            yield _field(form, annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)


def _field(form: Any, annotation: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _CHOSEN:
        if not pdfium.FPDFAnnot_IsChecked(form, annotation):
            return ""
    elif kind not in _WITH_VALUES or pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
        return ""
    value = _string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    if not value:
        return ""
    label = _string(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation) or _string(
        pdfium.FPDFAnnot_GetFormFieldName, form, annotation
    )
    return f"{label}: {value}" if label else value


def _string(ask: Callable[..., int], *arguments: Any) -> str:
    """What pdfium writes into a buffer of UTF-16, whose length it tells when it gets none; with single spaces."""
    size = min(ask(*arguments, None, 0), 2 * _LONGEST)
    buffer = ctypes.create_string_buffer(size)
    ask(*arguments, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return " ".join(clean(buffer.raw.decode("utf-16-le", errors="replace")).split())
