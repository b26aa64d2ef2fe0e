//! Which texts and numbers are values, and which are not, and why not.

use domain::Limits;
use domain::ids::{
    AccountId, GroupId, GroupSerial, JoinRequestId, PhoneNumberId, RequestId, UserId,
};
use domain::limits::{
    DESCRIPTION_CHARS_MAX, GROUPS_PER_NUMBER_MAX, ID_BYTES_MAX, OPEN_REQUESTS_MAX,
    PARTICIPANTS_MAX, PICTURE_BYTES_MAX, PICTURE_SIDE_MIN, SUBJECT_CHARS_MAX,
};
use domain::values::{
    Batch, BusinessNumber, Description, InviteCode, JoinApprovalMode, Problem, Subject, Timestamp,
    WaId,
};
use proptest::prelude::*;

use crate::common::config;

/// Text of many kinds: any characters, often blanks and controls, and long enough to break limits.
fn text(max: usize) -> impl Strategy<Value = String> {
    let c = prop_oneof![
        4 => any::<char>(),
        4 => prop::char::range('a', 'z'),
        2 => prop::sample::select(vec![' ', '\t', '\n', '\r', '\u{a0}', '\0', '\u{7f}', '\u{301}', '👪']),
    ];
    prop::collection::vec(c, 0..=max).prop_map(String::from_iter)
}

const fn too_long(max: usize, found: usize) -> Problem {
    Problem::TooLong { max, found }
}

const fn control(c: char) -> Problem {
    Problem::ControlCharacter { code: c as u32 }
}

/// A family of four: seven scalar values, twenty-five bytes, one thing to see.
const FAMILY: &str = "👨\u{200d}👩\u{200d}👧\u{200d}👦";

#[test]
fn subjects() {
    let accepted = [
        ("one character", "x".to_owned(), "x".to_owned()),
        ("trimmed", " \t\n\u{a0}\u{3000} Tea at five \u{2003}\r\n".into(), "Tea at five".into()),
        ("blanks within stay", "Tea  at   five".into(), "Tea  at   five".into()),
        ("longest", "x".repeat(128), "x".repeat(128)),
        ("longest after trimming", format!("  {}  ", "x".repeat(128)), "x".repeat(128)),
        ("two bytes each", "é".repeat(128), "é".repeat(128)),
        ("four bytes each", "🦀".repeat(128), "🦀".repeat(128)),
        ("letter and accent are two", "e\u{301}".repeat(64), "e\u{301}".repeat(64)),
        ("a family is seven", FAMILY.repeat(18), FAMILY.repeat(18)),
        ("right to left", "שלום".into(), "שלום".into()),
        ("one letter among fillers", "\u{3164}x\u{3164}".into(), "\u{3164}x\u{3164}".into()),
        ("a heart with its selector", "❤\u{fe0f}".into(), "❤\u{fe0f}".into()),
        ("a flag made of tags", "🏴\u{e0067}\u{e007f}".into(), "🏴\u{e0067}\u{e007f}".into()),
        ("a control at the end that is a blank", "Tea\u{85}".into(), "Tea".into()),
    ];
    for (name, text, expected) in accepted {
        assert_eq!(Subject::parse(&text).map(|s| s.as_str().to_owned()), Ok(expected), "{name}");
    }
    let refused = [
        ("empty", String::new(), Problem::Empty),
        ("blank", " \t\r\n\u{a0}\u{2003}\u{3000}".into(), Problem::Empty),
        ("too long", "x".repeat(129), too_long(128, 129)),
        ("too long by far", "x".repeat(5_000), too_long(128, 5_000)),
        ("too long, two bytes each", "é".repeat(129), too_long(128, 129)),
        ("too long by an accent", "e\u{301}".repeat(65), too_long(128, 130)),
        ("too long by families", FAMILY.repeat(19), too_long(128, 133)),
        ("length comes first", "\0".repeat(129), too_long(128, 129)),
        ("nothing to see", "\u{200b}\u{feff} \u{202e}".into(), Problem::Empty),
        ("Hangul fillers", "\u{3164}\u{ffa0}\u{115f}\u{1160}".into(), Problem::Empty),
        ("braille without dots", "\u{2800}".into(), Problem::Empty),
        ("joiners and selectors", "\u{34f}\u{fe0f}\u{180e}".into(), Problem::Empty),
        ("tags", "\u{e0001}\u{e0041}\u{e007f}".into(), Problem::Empty),
        ("blanks between them", "\u{3164} \u{3000}\u{2800}".into(), Problem::Empty),
        ("line separator", "a\u{2028}b".into(), control('\u{2028}')),
        ("paragraph separator", "a\u{2029}b".into(), control('\u{2029}')),
        ("NUL", "a\0b".into(), control('\0')),
        ("NUL alone", "\0".into(), control('\0')),
        ("NUL at the end", "a\0".into(), control('\0')),
        ("line break", "a\nb".into(), control('\n')),
        ("tab", "a\tb".into(), control('\t')),
        ("escape", "a\u{1b}[31mb".into(), control('\u{1b}')),
        ("delete", "a\u{7f}b".into(), control('\u{7f}')),
        ("next line", "a\u{85}b".into(), control('\u{85}')),
        ("the first of two", "a\u{1}\u{2}b".into(), control('\u{1}')),
    ];
    for (name, text, problem) in refused {
        assert_eq!(Subject::parse(&text), Err(problem), "{name}");
    }
}

#[test]
fn a_subject_from_earlier_need_not_show_anything() {
    for text in ["Tea", "\u{3164}", "\u{2800}\u{e0041}"] {
        assert_eq!(Subject::restore(text).map(|s| s.as_str().to_owned()), Ok(text.to_owned()));
    }
    assert_eq!(Subject::restore(""), Err(Problem::Empty));
    assert_eq!(Subject::restore("a\nb"), Err(control('\n')));
    assert_eq!(Subject::restore(&"x".repeat(129)), Err(too_long(128, 129)));
}

#[test]
fn descriptions() {
    let accepted = [
        ("empty", String::new()),
        ("blank", " \t ".to_owned()),
        ("not trimmed", "  a\n".to_owned()),
        ("lines and tabs", "a\nb\r\nc\td".to_owned()),
        ("longest", "x".repeat(2_048)),
        ("longest, four bytes each", "🦀".repeat(2_048)),
        ("longest, with accents", "e\u{301}".repeat(1_024)),
    ];
    for (name, text) in accepted {
        let description = Description::parse(&text).expect(name);
        assert_eq!(description.as_str(), text, "{name}");
        assert_eq!(description.is_empty(), text.is_empty(), "{name}");
    }
    let refused = [
        ("too long", "x".repeat(2_049), too_long(2_048, 2_049)),
        ("too long, four bytes each", "🦀".repeat(2_049), too_long(2_048, 2_049)),
        ("too long by an accent", format!("{}\u{301}", "e".repeat(2_048)), too_long(2_048, 2_049)),
        ("too long by a blank", format!("{} ", "x".repeat(2_048)), too_long(2_048, 2_049)),
        ("NUL", "a\0".into(), control('\0')),
        ("vertical tab", "a\u{b}b".into(), control('\u{b}')),
        ("form feed", "a\u{c}b".into(), control('\u{c}')),
        ("escape", "\u{1b}".into(), control('\u{1b}')),
        ("delete", "\u{7f}".into(), control('\u{7f}')),
        ("next line", "\u{85}".into(), control('\u{85}')),
    ];
    for (name, text, problem) in refused {
        assert_eq!(Description::parse(&text), Err(problem), "{name}");
    }
    assert!(Description::default().is_empty());
}

#[test]
fn phone_numbers() {
    let accepted = [
        ("4915112345678", "4915112345678"),
        ("+4915112345678", "4915112345678"),
        ("  +49 151 12345678\n", "4915112345678"),
        ("+49\u{a0}151\u{a0}12345678", "4915112345678"),
        ("+1 (555) 010-9999", "15550109999"),
        ("1.555.010.9999", "15550109999"),
        ("12345", "12345"),
        ("+12345", "12345"),
        ("1-2-3-4-5", "12345"),
        ("123456789012345", "123456789012345"),
        ("+123 456 789 012 345 ", "123456789012345"),
        ("0016505551234", "16505551234"),
        ("+0016505551234", "16505551234"),
        ("00 1 (650) 555-1234", "16505551234"),
        ("00123456789012345", "123456789012345"),
        ("016505551234", "016505551234"),
        ("001234", "001234"),
        ("\u{202a}+1 650 555 1234\u{202c}", "16505551234"),
        ("\u{2066}+1\u{a0}650\u{202f}555\u{2007}1234\u{2069}", "16505551234"),
        ("\u{200e}+1\u{200f}6505551234\u{feff}", "16505551234"),
        ("+1 (650) 555\u{2011}1234", "16505551234"),
    ];
    for (text, digits) in accepted {
        let wa_id = WaId::parse(text).expect(text);
        assert_eq!((wa_id.as_str(), wa_id.to_string().as_str()), (digits, digits), "{text}");
    }
    let refused = [
        "",
        " ",
        "+",
        "++",
        "-",
        "()",
        "1234",
        "+1234",
        "1 2 3 4",
        "1234567890123456",
        "+1234567890123456",
        "1 234 567 890 123 456",
        "++4915112345678",
        "49+15112345678",
        "(+49) 15112345678",
        "+49 151 abc 5678",
        "49151x12345678",
        "tel:4915112345678",
        "+49/151/12345678",
        "49\t15112345678",
        "49_15112345678",
        "US.13491208655302741918",
        "٤٩١٥١١٢٣٤٥٦٧٨",
        "４９１５１１２３４５",
        "4915112345678\0",
        "+ + 12345",
        "\u{202a}\u{202c}",
        "1\u{2028}2345",
        "001234567890123456",
    ];
    for text in refused {
        assert_eq!(WaId::parse(text), Err(Problem::NotAPhoneNumber), "{text:?}");
    }
}

#[test]
fn user_ids() {
    let (longest, endless) = ("9".repeat(128), "9".repeat(129));
    let accepted = [
        "US.13491208655302741918".to_owned(),
        "US.ENT.11815799212886844830".to_owned(),
        "DE.a".to_owned(),
        "DE.AbC123".to_owned(),
        "DE.ENT".to_owned(),
        format!("DE.{longest}"),
        format!("DE.ENT.{longest}"),
    ];
    for text in accepted {
        let user_id = UserId::parse(&text).expect(&text);
        assert_eq!((user_id.as_str(), user_id.to_string()), (text.as_str(), text.clone()));
    }
    let refused = [
        String::new(),
        ".".to_owned(),
        "US".to_owned(),
        "US.".to_owned(),
        "US.ENT.".to_owned(),
        ".123".to_owned(),
        "U.123".to_owned(),
        "USA.123".to_owned(),
        "us.123".to_owned(),
        "Us.123".to_owned(),
        "U1.123".to_owned(),
        "ÜS.123".to_owned(),
        "Ü.123".to_owned(),
        "US.123.456".to_owned(),
        "US.ENT.ENT.123".to_owned(),
        "US.ent.123".to_owned(),
        "US..123".to_owned(),
        "US.12-3".to_owned(),
        "US.12_3".to_owned(),
        "US.12 3".to_owned(),
        " US.123".to_owned(),
        "US.123 ".to_owned(),
        "US.123\n".to_owned(),
        "US.é".to_owned(),
        "US-123".to_owned(),
        "4915112345678".to_owned(),
        format!("US.{endless}"),
        format!("US.ENT.{endless}"),
    ];
    for text in refused {
        assert_eq!(UserId::parse(&text), Err(Problem::NotAUserId), "{text:?}");
    }
}

#[test]
fn invite_codes() {
    let longest = "a".repeat(64);
    for text in ["a", "7", "AbCdEfGhIjKlMnOpQrStUv", &longest] {
        let code = InviteCode::parse(text).expect(text);
        assert_eq!(code.as_str(), text);
        assert_eq!(code.link(), format!("https://chat.whatsapp.com/{text}"));
    }
    let endless = "a".repeat(65);
    for text in
        ["", " ", "a b", " a", "a ", "a-b", "a_b", "a/b", "a.b", "é", "a\0", "a\n", &endless]
    {
        assert_eq!(InviteCode::parse(text), Err(Problem::NotAnInvite), "{text:?}");
    }
    assert_ne!(InviteCode::parse("abc"), InviteCode::parse("ABC"), "letter case counts");
}

#[test]
fn invite_links() {
    let accepted = [
        "https://chat.whatsapp.com/AbC123",
        "http://chat.whatsapp.com/AbC123",
        "chat.whatsapp.com/AbC123",
        "https://chat.whatsapp.com/AbC123/",
        "https://chat.whatsapp.com/AbC123?mode=r_t",
        "https://chat.whatsapp.com/AbC123/?mode=r_t&fbclid=x/y#z",
        "https://chat.whatsapp.com/AbC123?",
        "HTTPS://Chat.WhatsApp.com/AbC123",
        "https://chat.whatsapp.com/invite/AbC123",
        "https://chat.whatsapp.com/AbC123#top",
        "chat.whatsapp.com/AbC123/#top?x",
        "  https://chat.whatsapp.com/AbC123\r\n",
    ];
    for link in accepted {
        assert_eq!(InviteCode::from_link(link), InviteCode::parse("AbC123"), "{link}");
        assert!(InviteCode::from_link(link).is_ok(), "{link}");
    }
    let refused = [
        "",
        "AbC123",
        "/AbC123",
        "https://",
        "https://chat.whatsapp.com",
        "https://chat.whatsapp.com/",
        "https://chat.whatsapp.com//",
        "https://chat.whatsapp.com/?code=AbC123",
        "https://chat.whatsapp.com/#AbC123",
        "https://chat.whatsapp.com//AbC123",
        "https://chat.whatsapp.com/AbC123/more",
        "https://chat.whatsapp.com/AbC 123",
        "https://chat.whatsapp.com/AbC-123",
        "https://chat.whatsapp.com:443/AbC123",
        "https://chat.whatsapp.com.evil.example/AbC123",
        "https://evil.example/chat.whatsapp.com/AbC123",
        "https://me@chat.whatsapp.com/AbC123",
        "https://whatsapp.com/AbC123",
        "https://wa.me/AbC123",
        "ftp://chat.whatsapp.com/AbC123",
        "https://http://chat.whatsapp.com/AbC123",
        "//chat.whatsapp.com/AbC123",
        "see https://chat.whatsapp.com/AbC123",
    ];
    for link in refused {
        assert_eq!(InviteCode::from_link(link), Err(Problem::NotAnInvite), "{link:?}");
    }
    let too_long = format!("https://chat.whatsapp.com/{}", "a".repeat(65));
    assert_eq!(InviteCode::from_link(&too_long), Err(Problem::NotAnInvite));
}

/// Every kind of opaque id reads the same texts.
fn opaque(text: &str) -> [Result<String, Problem>; 5] {
    [
        AccountId::parse(text).map(|id| id.to_string()),
        PhoneNumberId::parse(text).map(|id| id.to_string()),
        GroupId::parse(text).map(|id| id.to_string()),
        JoinRequestId::parse(text).map(|id| id.to_string()),
        RequestId::parse(text).map(|id| id.as_str().to_owned()),
    ]
}

#[test]
fn opaque_ids() {
    let accepted = [
        "1".to_owned(),
        "106540352242922".to_owned(),
        "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD".to_owned(),
        "req_01:A/b+c=".to_owned(),
        "%00".to_owned(),
        "é".to_owned(),
        "x".repeat(256),
        "é".repeat(128),
        "🦀".repeat(64),
    ];
    for text in accepted {
        assert_eq!(opaque(&text), [(); 5].map(|()| Ok(text.clone())), "{text:?}");
    }
    let refused = [
        String::new(),
        " ".to_owned(),
        " a".to_owned(),
        "a ".to_owned(),
        "a b".to_owned(),
        "a\tb".to_owned(),
        "a\n".to_owned(),
        "a\u{a0}b".to_owned(),
        "a\u{2028}b".to_owned(),
        "a\u{3000}b".to_owned(),
        "a\0b".to_owned(),
        "a\u{7f}".to_owned(),
        "a\u{9f}".to_owned(),
        "x".repeat(257),
        format!("x{}", "é".repeat(128)),
    ];
    for text in refused {
        let problem = || Err(Problem::NotAnId { max: 256 });
        assert_eq!(opaque(&text), [(); 5].map(|()| problem()), "{text:?}");
    }
}

#[test]
fn group_serials() {
    for (number, well_formed) in [
        (0, false),
        (99_999_999_999_999_999, false),
        (100_000_000_000_000_000, true),
        (120_363_404_694_233_820, true),
        (999_999_999_999_999_999, true),
        (1_000_000_000_000_000_000, false),
        (u64::MAX, false),
    ] {
        let serial = GroupSerial::new(number).map(GroupSerial::get);
        assert_eq!(serial, well_formed.then_some(number), "{number}");
    }
}

#[test]
fn batches() {
    for (size, max, problem) in [
        (0, 0, Some(Problem::Empty)),
        (0, 8, Some(Problem::Empty)),
        (1, 0, Some(Problem::TooManyEntries { max: 0, found: 1 })),
        (1, 1, None),
        (1, 8, None),
        (8, 8, None),
        (9, 8, Some(Problem::TooManyEntries { max: 8, found: 9 })),
        (1_000, 8, Some(Problem::TooManyEntries { max: 8, found: 1_000 })),
    ] {
        let entries: Vec<usize> = (0..size).rev().collect();
        let batch = Batch::new(entries.clone(), max).map(|batch| batch.entries().to_vec());
        assert_eq!(batch, problem.map_or(Ok(entries), Err), "{size} of {max}");
    }
}

#[test]
fn join_approval_modes() {
    let words = [
        ("auto_approve", JoinApprovalMode::AutoApprove),
        ("approval_required", JoinApprovalMode::ApprovalRequired),
    ];
    for (word, mode) in words {
        assert_eq!(JoinApprovalMode::parse(word), Ok(mode));
        assert_eq!(mode.as_str(), word);
    }
    let problem = Problem::NotOneOf { allowed: &["auto_approve", "approval_required"] };
    for word in [
        "",
        "AUTO_APPROVE",
        "Auto_Approve",
        "auto-approve",
        " auto_approve",
        "auto_approve ",
        "auto",
    ] {
        assert_eq!(JoinApprovalMode::parse(word), Err(problem.clone()), "{word:?}");
    }
    assert_eq!(JoinApprovalMode::default(), JoinApprovalMode::AutoApprove);
}

#[test]
fn moments() {
    for (millis, secs) in [
        (0, 0),
        (999, 0),
        (1_000, 1),
        (1_751_234_567_890, 1_751_234_567),
        (-1, -1),
        (-1_000, -1),
        (-1_001, -2),
    ] {
        let moment = Timestamp::from_millis(millis);
        assert_eq!((moment.as_millis(), moment.as_secs()), (millis, secs));
    }
    let moment = Timestamp::from_millis(5_000);
    assert_eq!(moment.minus_millis(1_500), Timestamp::from_millis(3_500));
    assert_eq!(moment.minus_millis(0), moment);
    let first = Timestamp::from_millis(i64::MIN);
    assert_eq!(first.minus_millis(1), first, "there is nothing before the first");
    assert!(first < moment);
}

#[test]
fn published_figures() {
    assert_eq!((SUBJECT_CHARS_MAX, DESCRIPTION_CHARS_MAX), (128, 2_048));
    assert_eq!((PARTICIPANTS_MAX, GROUPS_PER_NUMBER_MAX), (8, 10_000));
    assert_eq!((PICTURE_BYTES_MAX, PICTURE_SIDE_MIN), (5_242_880, 192));
    assert_eq!((OPEN_REQUESTS_MAX, ID_BYTES_MAX), (1_024, 256));
    assert_eq!(Limits::default(), Limits { participants: 8, groups: 10_000, operations: None });
}

#[test]
fn problems_read_on_after_the_name_of_a_field() {
    for (problem, words) in [
        (Problem::Empty, "must not be empty"),
        (too_long(128, 129), "must not be longer than 128 characters (it has 129)"),
        (control('\0'), "must not contain the control character U+0000"),
        (control('\u{9f}'), "must not contain the control character U+009F"),
        (Problem::NotOneOf { allowed: &["a", "b"] }, "must be one of a, b"),
        (Problem::NotAPhoneNumber, "must be a phone number of 5 to 15 digits"),
        (Problem::NotAUserId, "must be a user id such as US.13491208655302741918"),
        (Problem::NotAnId { max: 256 }, "must be an id of 1 to 256 bytes without blanks"),
        (
            Problem::NotAnInvite,
            "must be an invite link such as https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv",
        ),
        (
            Problem::TooManyEntries { max: 8, found: 9 },
            "must not have more than 8 entries (it has 9)",
        ),
        (Problem::OutOfRange { min: 1, max: 100 }, "must be a whole number from 1 to 100"),
    ] {
        assert_eq!(problem.to_string(), words);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_subject_is_a_trimmed_visible_line(text in text(150)) {
        let trimmed = text.trim();
        let fits = (1..=128).contains(&trimmed.chars().count());
        // Something to see in it, nothing that cannot be shown, and one line.
        let shows = |c: char| {
            let joins = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
                || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}');
            !c.is_whitespace() && !joins
        };
        let hidden = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let visible = trimmed.chars().any(shows) && !trimmed.chars().any(hidden);
        match Subject::parse(&text) {
            Ok(subject) => {
                prop_assert!(fits && visible);
                prop_assert_eq!(subject.as_str(), trimmed);
                prop_assert_eq!(Subject::parse(subject.as_str()), Ok(subject.clone()));
            }
            Err(problem) => prop_assert!(!(fits && visible), "{problem}"),
        }
    }

    #[test]
    fn a_description_is_kept_as_it_is(text in text(60), filler in 1_990_usize..2_060) {
        for text in [text.clone(), format!("{}{text}", "x".repeat(filler))] {
            let fits = text.chars().count() <= 2_048;
            let visible = !text.chars().any(|c| c.is_control() && !"\n\r\t".contains(c));
            let parsed = Description::parse(&text);
            prop_assert_eq!(parsed.is_ok(), fits && visible);
            prop_assert!(parsed.is_err() || parsed.is_ok_and(|about| about.as_str() == text));
        }
    }

    #[test]
    fn a_phone_number_is_its_digits(
        digits in "[0-9]{1,20}",
        plus in any::<bool>(),
        marks in prop::collection::vec("[ \u{a0}.()-]{0,2}", 21),
    ) {
        let spelled: String = digits.chars().zip(&marks).flat_map(|(c, mark)| [c.to_string(), mark.clone()]).collect();
        let spelled = if plus { format!("+{spelled}") } else { spelled };
        let parsed = WaId::parse(&spelled);
        // Zeros in front and countries with two spellings have tests of their own.
        prop_assume!(!digits.starts_with("00"));
        prop_assume!(!["52", "54", "55"].iter().any(|country| digits.starts_with(country)));
        if (5..=15).contains(&digits.len()) {
            prop_assert_eq!(parsed.as_ref().map(WaId::as_str), Ok(digits.as_str()));
        } else {
            prop_assert_eq!(parsed, Err(Problem::NotAPhoneNumber));
        }
    }

    #[test]
    fn a_user_id_is_kept_as_it_is(text in "[A-Z]{2}\\.(ENT\\.)?[A-Za-z0-9]{1,128}") {
        prop_assert_eq!(UserId::parse(&text).map(|id| id.to_string()), Ok(text));
    }

    #[test]
    fn an_invite_code_survives_its_link(text in "[A-Za-z0-9]{1,64}", tail in "/?([?#][ -~]{0,20}[!-~])?") {
        let code = InviteCode::parse(&text).expect("well formed");
        prop_assert_eq!(InviteCode::from_link(&code.link()), Ok(code.clone()));
        prop_assert_eq!(InviteCode::from_link(&format!("{}{tail}", code.link())), Ok(code));
    }

    #[test]
    fn an_opaque_id_is_kept_as_it_is_or_refused(text in text(100)) {
        let bad = |c: char| c.is_whitespace() || c.is_control();
        let well_formed = (1..=256).contains(&text.len()) && !text.contains(bad);
        for parsed in opaque(&text) {
            prop_assert_eq!(parsed, if well_formed { Ok(text.clone()) } else { Err(Problem::NotAnId { max: 256 }) });
        }
    }

    #[test]
    fn what_has_been_read_reads_the_same_again(
        number in "\\+?[0-9 ().-]{3,24}",
        link in "(https?://)?chat\\.whatsapp\\.com/[A-Za-z0-9]{0,8}[A-Za-z0-9/?#-]{0,4}",
        user in "[A-Z]{1,3}\\.?(ENT)?[.A-Za-z0-9]{0,6}",
    ) {
        if let Ok(wa_id) = WaId::parse(&number) {
            prop_assert_eq!(WaId::parse(wa_id.as_str()), Ok(wa_id.clone()));
            let business = BusinessNumber::parse(&number).expect("the same texts are numbers");
            prop_assert!(business.is(&wa_id));
            prop_assert!(number.replace(|c: char| !c.is_ascii_digit(), "").ends_with(business.as_str()));
        }
        if let Ok(code) = InviteCode::from_link(&link) {
            prop_assert_eq!(InviteCode::parse(code.as_str()), Ok(code.clone()));
            prop_assert!(link.contains(code.as_str()));
        }
        if let Ok(user_id) = UserId::parse(&user) {
            prop_assert_eq!(user_id.as_str(), user.as_str());
        }
    }

    #[test]
    fn a_serial_has_eighteen_digits(number in prop_oneof![any::<u64>(), 0..2_000_000_000_000_000_000_u64]) {
        prop_assert_eq!(GroupSerial::new(number).is_some(), number.to_string().len() == 18);
    }
}
