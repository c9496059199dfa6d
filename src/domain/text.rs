//! Text from outside, made safe to keep and to show.

/// Text that fits on one log line or in one table cell: control characters, line breaks and
/// direction overrides become single spaces, and at most `max` characters are kept.
pub fn one_line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut kept = 0;
    let mut blank = true;
    for c in text.chars() {
        let space = c.is_whitespace() || is_terminal_control(c);
        if space && blank {
            continue;
        }
        if kept == max {
            out.push('…');
            return out;
        }
        out.push(if space { ' ' } else { c });
        blank = space;
        kept += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces each character that controls a terminal by a space. Line breaks and tabs stay.
pub fn replace_control_chars(text: &str) -> String {
    text.chars()
        .map(|c| {
            if is_terminal_control(c) && !matches!(c, '\n' | '\t') {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// Control characters, including the escape character, and bidirectional overrides.
fn is_terminal_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Replaces payment card numbers: 13 to 19 digits, alone or in groups, with a valid check digit
/// (Luhn, ISO/IEC 7812-1).
pub fn mask_card_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == ' ' || c == '-'))
            .unwrap_or(rest.len());
        push_masked(rest[..end].trim_end_matches([' ', '-']), &mut out);
        rest = &rest[rest[..end].trim_end_matches([' ', '-']).len()..];
    }
    out.push_str(rest);
    out
}

/// Masks the card numbers in a run of digits, spaces and hyphens, which may contain other numbers,
/// such as an expiry date. A card number begins and ends with a group of digits.
fn push_masked(mut run: &str, out: &mut String) {
    let separators = [' ', '-'];
    while !run.is_empty() {
        let group = run.find(separators).unwrap_or(run.len());
        // No card number with its separators is longer.
        let ends = run
            .match_indices(separators)
            .map(|(at, _)| at)
            .chain([run.len()])
            .take_while(|end| *end <= 60);
        let card = ends.filter(|end| is_card_number(&run[..*end])).last();
        let next = card.unwrap_or(group);
        out.push_str(if card.is_some() {
            "[…]"
        } else {
            &run[..next]
        });
        run = &run[next..];
        let gap = run.len() - run.trim_start_matches(separators).len();
        out.push_str(&run[..gap]);
        run = &run[gap..];
    }
}

fn is_card_number(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    (13..=19).contains(&digits.len()) && passes_luhn(&digits)
}

fn passes_luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The trimmed text; `None` if nothing is left.
pub fn non_blank(text: Option<String>) -> Option<String> {
    text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
}

/// True if the text has two words of three letters or more. Warehouses write notes into the field
/// for the tracking number, and such a note may contain personal data.
pub fn is_sentence(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| {
        let letters = word.chars().filter(|c| c.is_alphabetic());
        !word.chars().any(|c| c.is_ascii_digit()) && letters.count() >= 3
    });
    words.count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_replaced_and_other_numbers_are_not() {
        let masked = mask_card_numbers;
        assert_eq!(
            masked("card 4111 1111 1111 1111 refused"),
            "card […] refused"
        );
        assert_eq!(masked("4111111111111111"), "[…]");
        assert_eq!(masked("a 4012-8888-8888-1881."), "a […].");
        assert_eq!(
            masked("4111111111111112 - order 12, zip 89501"),
            "4111111111111112 - order 12, zip 89501"
        );
        assert_eq!(masked("1Z0000000000000001 é 7"), "1Z0000000000000001 é 7");
        // With its date, or another number beside it.
        assert_eq!(masked("4111111111111111 12 2027"), "[…] 12 2027");
        assert_eq!(
            masked("order 7 4111-1111-1111-1111-123!"),
            "order 7 […]-123!"
        );
    }

    #[test]
    fn hostile_text_becomes_one_bounded_line() {
        assert_eq!(one_line(" a\r\n\tb\u{1b}[31m  c ", 80), "a b [31m c");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
        assert_eq!(one_line("\n\n", 3), "");
        assert_eq!(one_line("a\u{202e}b\u{9b}c", 80), "a b c");
        assert_eq!(
            replace_control_chars("a\u{1b}[2Jb\r\nc\td"),
            "a [2Jb \nc\td"
        );
    }

    #[test]
    fn tracking_numbers_are_not_sentences() {
        for number in [
            "1Z999AA10123456784",
            "1Z 999 AA1 01 2345 6784",
            "USPS 9400 1000",
            "",
        ] {
            assert!(!is_sentence(number), "{number}");
        }
        for note in [
            "Left with neighbour Ann Lee, 12 Desert Way",
            "see freight note",
        ] {
            assert!(is_sentence(note), "{note}");
        }
    }
}
