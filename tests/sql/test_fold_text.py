"""api.fold_text: names are found without typing their accents."""

import pytest


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Usaquén", "usaquen"),
        ("ÁÉÍÓÚÜÑ", "aeiouun"),
        ("Br. El Listón", "br. el liston"),
        ("", ""),
        ("Usaque\u0301n", "usaquen"),
    ],
)
def test_text_loses_case_and_accents(pg, text, folded):
    with pg.cursor() as cursor:
        cursor.execute("SELECT api.fold_text(%s)", (text,))
        assert cursor.fetchone() == (folded,)
