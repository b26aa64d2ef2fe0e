//! Which characters can be seen.

/// Ranges of characters that show nothing by themselves, white space and control characters aside.
///
/// Most have Unicode's property `Default_Ignorable_Code_Point` (Unicode 16.0; a test compares).
/// Without it, but blank all the same: the braille pattern without dots (U+2800), interlinear
/// annotation controls (U+FFF9 to U+FFFB), hieroglyph format controls and blanks (U+13430 to
/// U+13442), the Khitan filler (U+16FE4), and the null notehead (U+1D159).
const INVISIBLE: [(char, char); 21] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{13442}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character shows nothing by itself although it is neither white space nor a control
/// character: it joins, directs or fills, or is blank.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    let index = INVISIBLE.partition_point(|(_, last)| *last < c);
    INVISIBLE.get(index).is_some_and(|(first, _)| *first <= c)
}

/// Whether a reader sees anything of a text.
#[must_use]
pub fn shows_something(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c))
}
