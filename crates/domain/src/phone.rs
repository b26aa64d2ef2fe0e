//! Phone numbers. One WhatsApp account is known by several spellings of its number, and WhatsApp
//! answers with the one that it keeps.

use std::fmt;

use crate::values::Problem;
use crate::visible::is_invisible;

/// Fewest digits of a phone number. Ours: short enough for every national number.
const DIGITS_MIN: usize = 5;
/// Most digits of a phone number in international form. ITU-T E.164.
const DIGITS_MAX: usize = 15;
/// What is dialled in most countries in place of `+`.
const INTERNATIONAL_PREFIX: &str = "00";

/// The digits of a WhatsApp user's phone number in the spelling that WhatsApp keeps, without `+`.
///
/// Two spellings of one number are equal: `+55 31 99688 3193` and `553196883193` are one person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WaId(String);

impl WaId {
    /// Reads a phone number with or without `+` or a leading `00`, and with blanks, dashes, dots,
    /// brackets and invisible characters between the digits, as they come along from copied
    /// contacts. Whether the number can exist is not checked: older APIs show national numbers,
    /// with a leading 0.
    ///
    /// # Errors
    ///
    /// [`Problem::NotAPhoneNumber`] for any other character, and for fewer than 5 or more than 15
    /// digits.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Ok(Self::of_digits(digits_of(text)?))
    }

    fn of_digits(digits: String) -> Self {
        Self(match Respelled::find(&digits) {
            Some(number) => number.kept(),
            None => digits,
        })
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every spelling of this number, digits only; the one that WhatsApp keeps comes first.
    #[must_use]
    pub fn spellings(&self) -> Vec<String> {
        let other = Respelled::find(&self.0).map(|number| number.other());
        std::iter::once(self.0.clone()).chain(other).collect()
    }
}

impl fmt::Display for WaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digits of a business's phone number as its operator spells them, without `+`: they are
/// shown to people and are part of other names. Compared with a person's number by
/// [`BusinessNumber::is`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BusinessNumber(String);

impl BusinessNumber {
    /// Reads what [`WaId::parse`] reads, and keeps the spelling.
    ///
    /// # Errors
    ///
    /// As [`WaId::parse`].
    pub fn parse(text: &str) -> Result<Self, Problem> {
        digits_of(text).map(Self)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same number in the spelling that WhatsApp keeps.
    #[must_use]
    pub fn wa_id(&self) -> WaId {
        WaId::of_digits(self.0.clone())
    }

    /// Whether this is a person's number, in whichever spelling.
    #[must_use]
    pub fn is(&self, person: &WaId) -> bool {
        self.wa_id() == *person
    }
}

impl fmt::Display for BusinessNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn digits_of(text: &str) -> Result<String, Problem> {
    let most = DIGITS_MAX + INTERNATIONAL_PREFIX.len();
    let mut digits = String::with_capacity(most);
    let mut begun = false;
    for c in text.trim().chars() {
        match c {
            '0'..='9' if digits.len() < most => digits.push(c),
            '+' if !begun => {}
            // No-break spaces of every width, and the no-break hyphen, which address books print.
            ' ' | '\u{a0}' | '\u{2007}' | '\u{202f}' => continue,
            '-' | '\u{2010}' | '\u{2011}' | '.' | '(' | ')' => {}
            invisible if is_invisible(invisible) => continue,
            _ => return Err(Problem::NotAPhoneNumber),
        }
        begun = true;
    }
    // What is too short without the prefix is a short number that begins with zeros.
    let mut digits = digits.as_str();
    while let Some(rest) = digits.strip_prefix(INTERNATIONAL_PREFIX)
        && rest.len() >= DIGITS_MIN
    {
        digits = rest;
    }
    let well_formed = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len());
    if well_formed { Ok(digits.to_owned()) } else { Err(Problem::NotAPhoneNumber) }
}

/// A country in which one number is written with and without a certain digit.
struct Plan {
    /// The calling code.
    country: &'static str,
    /// Digits before the one that may be missing, the calling code included.
    before: usize,
    /// The digit that may be missing.
    digit: char,
    /// Digits after it.
    after: usize,
    /// Whether what stands before and after that digit belongs to a number that has two spellings.
    fits: fn(&str, &str) -> bool,
    /// Whether WhatsApp keeps the digit, given what stands before it.
    keeps: fn(&str) -> bool,
}

/// Brazil gave its mobile numbers a ninth digit from 2012 to 2016, area by area; Mexico did without
/// the 1 of its mobile numbers from 2019; in Argentina the 9 of mobile numbers is dialled from
/// abroad alone. Which spelling WhatsApp keeps is documented by vendors that send through it
/// (Gupshup and Zoho for Brazil and Mexico; Whapi and Green API for Argentina as well).
const PLANS: [Plan; 3] = [
    Plan {
        country: "55",
        before: 4,
        digit: '9',
        after: 8,
        // Landlines begin with 2 to 5 and have never had the digit.
        fits: |before, after| {
            BRAZILIAN_AREAS.contains(&&before[2..]) && after.starts_with(['6', '7', '8', '9'])
        },
        keeps: |before| BRAZILIAN_AREAS_WITH_NINE.contains(&&before[2..]),
    },
    Plan {
        country: "52",
        before: 2,
        digit: '1',
        after: 10,
        fits: |_, after| !after.starts_with(['0', '1']),
        keeps: |_| true,
    },
    Plan {
        country: "54",
        before: 2,
        digit: '9',
        after: 10,
        fits: |_, after| after.starts_with("11") || after.starts_with(['2', '3']),
        keeps: |_| true,
    },
];

/// The area codes of São Paulo, Rio de Janeiro and Espírito Santo. They had the ninth digit before
/// WhatsApp was common there; for all others WhatsApp keeps the number without it.
const BRAZILIAN_AREAS_WITH_NINE: [&str; 14] =
    ["11", "12", "13", "14", "15", "16", "17", "18", "19", "21", "22", "24", "27", "28"];

/// All area codes of Brazil. Anatel's numbering plan.
const BRAZILIAN_AREAS: [&str; 67] = [
    "11", "12", "13", "14", "15", "16", "17", "18", "19", "21", "22", "24", "27", "28", "31", "32",
    "33", "34", "35", "37", "38", "41", "42", "43", "44", "45", "46", "47", "48", "49", "51", "53",
    "54", "55", "61", "62", "63", "64", "65", "66", "67", "68", "69", "71", "73", "74", "75", "77",
    "79", "81", "82", "83", "84", "85", "86", "87", "88", "89", "91", "92", "93", "94", "95", "96",
    "97", "98", "99",
];

/// A number that has two spellings, taken apart.
struct Respelled<'a> {
    plan: &'static Plan,
    before: &'a str,
    after: &'a str,
}

impl<'a> Respelled<'a> {
    fn find(digits: &'a str) -> Option<Self> {
        let plan = PLANS.iter().find(|plan| digits.starts_with(plan.country))?;
        let (before, rest) = digits.split_at_checked(plan.before)?;
        let after = match rest.len() {
            length if length == plan.after => rest,
            length if length == plan.after + 1 => rest.strip_prefix(plan.digit)?,
            _ => return None,
        };
        (plan.fits)(before, after).then_some(Self { plan, before, after })
    }

    fn spelled(&self, with_digit: bool) -> String {
        let Self { plan, before, after } = self;
        if with_digit {
            format!("{before}{}{after}", plan.digit)
        } else {
            format!("{before}{after}")
        }
    }

    fn kept(&self) -> String {
        self.spelled((self.plan.keeps)(self.before))
    }

    fn other(&self) -> String {
        self.spelled(!(self.plan.keeps)(self.before))
    }
}
