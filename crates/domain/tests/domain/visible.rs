//! Which characters can be seen, all of them looked at.

use domain::values::{Problem, Subject};
use domain::visible::{is_invisible, shows_something};
use regex_syntax::hir::{Class, HirKind};

/// Whether a character has this property, by the tables of `regex-syntax`.
fn having(property: &str) -> impl Fn(char) -> bool {
    let hir = regex_syntax::parse(&format!("\\p{{{property}}}")).expect(property);
    let HirKind::Class(Class::Unicode(class)) = hir.into_kind() else {
        panic!("{property} is not a set of characters")
    };
    move |c| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c))
}

#[test]
fn what_unicode_calls_ignorable_is_invisible() {
    let ignorable = having("Default_Ignorable_Code_Point");
    let blank_besides = |c: char| {
        matches!(c, '\u{2800}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{13442}')
            || matches!(c, '\u{16fe4}' | '\u{1d159}')
    };
    for c in '\0'..=char::MAX {
        assert_eq!(is_invisible(c), ignorable(c) || blank_besides(c), "U+{:04X}", u32::from(c));
    }
}

#[test]
fn a_subject_of_any_one_character_shows_something_or_is_refused() {
    for c in '\0'..=char::MAX {
        let text = c.to_string();
        let visible = !c.is_whitespace() && !c.is_control() && !is_invisible(c);
        assert_eq!(shows_something(&text), visible, "U+{:04X}", u32::from(c));
        assert_eq!(Subject::parse(&text).is_ok(), visible, "U+{:04X}", u32::from(c));
        if is_invisible(c) {
            assert_eq!(Subject::parse(&text.repeat(3)), Err(Problem::Empty));
            Subject::parse(&format!("{c}a{c}")).expect("a letter is there to be seen");
        }
    }
}
