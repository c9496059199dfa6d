//! Tables, colours and the filter for control characters.
//!
//! On a terminal, rows are cut to its width and statuses are coloured. In a pipe, the same columns
//! are plain and complete.

use console::Term;

use crate::domain::text::replace_control_chars;

/// The output device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    pub has_colors: bool,
    /// In columns; `None` for a pipe or a file.
    pub width: Option<usize>,
}

/// A column of a table, by its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// An identifier that people copy: never cut in favour of other columns.
    Key(&'static str),
    Text(&'static str),
    /// A status; coloured.
    Status(&'static str),
    /// Right-aligned.
    Number(&'static str),
    /// A sentence: cut first.
    LongText(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStyle {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

const RESET: &str = "\u{1b}[0m";
const TEXT_STYLES: [TextStyle; 5] = [
    TextStyle::Bold,
    TextStyle::Dim,
    TextStyle::Red,
    TextStyle::Green,
    TextStyle::Yellow,
];

impl TextStyle {
    /// The escape sequence that begins it (ECMA-48, SGR).
    const fn escape_code(self) -> &'static str {
        match self {
            Self::Bold => "\u{1b}[1m",
            Self::Dim => "\u{1b}[2m",
            Self::Red => "\u{1b}[31m",
            Self::Green => "\u{1b}[32m",
            Self::Yellow => "\u{1b}[33m",
        }
    }

    /// The colour of a status of the ledger or of a check.
    fn of_status(word: &str) -> Option<Self> {
        match word.trim() {
            "success" | "done" | "delivered" | "ok" => Some(Self::Green),
            "retrying" | "in_doubt" | "held" | "warning" => Some(Self::Yellow),
            "error" | "failed" | "dead" | "FAILED" => Some(Self::Red),
            "skipped" | "cancelled" | "kept" => Some(Self::Dim),
            _ => None,
        }
    }
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Key(title)
            | Self::Text(title)
            | Self::Status(title)
            | Self::Number(title)
            | Self::LongText(title) => title,
        }
    }

    /// The least width that it is cut to in favour of other columns.
    const fn min_width(self) -> Option<usize> {
        match self {
            Self::LongText(_) => Some(12),
            Self::Text(_) => Some(8),
            Self::Key(_) | Self::Status(_) | Self::Number(_) => None,
        }
    }
}

/// Spaces between two columns.
const GAP: usize = 2;

impl Terminal {
    /// Standard output; respects `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM=dumb`.
    pub fn stdout() -> Self {
        let size = Term::stdout().size_checked();
        let width = size.map(|(_, columns)| usize::from(columns));
        Self {
            has_colors: console::colors_enabled(),
            width: width.filter(|columns| *columns > 0),
        }
    }

    /// An aligned table. Cells may hold text from outside: control characters are removed.
    pub fn table(
        self,
        columns: &[Column],
        rows: impl IntoIterator<Item = impl AsRef<[String]>>,
    ) -> String {
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                row.as_ref()
                    .iter()
                    .map(|cell| sanitize_cell(cell))
                    .collect()
            })
            .collect();
        let widths = self.widths(columns, &rows);
        let mut out = String::new();
        let titles: Vec<String> = columns.iter().map(|c| c.title().to_owned()).collect();
        out.push_str(&self.row(columns, &widths, &titles, true));
        for row in &rows {
            out.push_str(&self.row(columns, &widths, row, false));
        }
        out
    }

    /// Column widths: those of the cells; on a narrow terminal, sentences are cut first, then other texts.
    fn widths(self, columns: &[Column], rows: &[Vec<String>]) -> Vec<usize> {
        let mut widths: Vec<usize> = columns.iter().map(|c| display_width(c.title())).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(display_width(cell));
            }
        }
        let Some(room) = self.width else {
            return widths;
        };
        let gaps = GAP * columns.len().saturating_sub(1);
        for sentences in [true, false] {
            let of_this_kind = |column: &Column| matches!(column, Column::LongText(_)) == sentences;
            while widths.iter().sum::<usize>() + gaps > room {
                let cuttable = columns.iter().zip(widths.iter_mut());
                let widest = cuttable
                    .filter(|(column, width)| {
                        of_this_kind(column)
                            && column.min_width().is_some_and(|least| **width > least)
                    })
                    .max_by_key(|(_, width)| **width);
                match widest {
                    Some((_, width)) => *width -= 1,
                    None => break,
                }
            }
        }
        widths
    }

    fn row(self, columns: &[Column], widths: &[usize], cells: &[String], is_head: bool) -> String {
        let mut line = String::new();
        let mut at = 0;
        for (nth, (column, width)) in columns.iter().zip(widths).enumerate() {
            let gap = if nth == 0 { 0 } else { GAP };
            // A column without room is left out: a wrapped line is harder to read than a short one.
            let room = self
                .width
                .map_or(*width, |all| all.saturating_sub(at + gap).min(*width));
            if room == 0 && *width > 0 {
                break;
            }
            let cell = truncate(cells.get(nth).map_or("", String::as_str), room);
            let padding = " ".repeat(room.saturating_sub(display_width(&cell)));
            let paint = match column {
                _ if is_head => Some(TextStyle::Bold),
                Column::Status(_) => TextStyle::of_status(&cell),
                _ => None,
            };
            let painted = self.styled(&cell, paint);
            line.push_str(&" ".repeat(gap));
            line.push_str(&match column {
                Column::Number(_) => padding + &painted,
                _ => painted + &padding,
            });
            at += gap + room;
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }

    /// A status in its colour, if it has one.
    pub fn status(self, word: &str) -> String {
        self.styled(word, TextStyle::of_status(word))
    }

    pub fn styled(self, text: &str, paint: impl Into<Option<TextStyle>>) -> String {
        match paint.into() {
            Some(paint) if self.has_colors && !text.is_empty() => {
                format!("{}{text}{RESET}", paint.escape_code())
            }
            _ => text.to_owned(),
        }
    }

    /// The text without control characters and escape sequences, except our own colours.
    pub fn sanitize(self, text: &str) -> String {
        if !self.has_colors {
            return replace_control_chars(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('\u{1b}') {
            out.push_str(&replace_control_chars(&rest[..at]));
            rest = &rest[at..];
            let mut ours = TEXT_STYLES
                .iter()
                .map(|paint| paint.escape_code())
                .chain([RESET]);
            let length = ours.find(|code| rest.starts_with(code)).map_or(0, str::len);
            out.push_str(&rest[..length]);
            // Any other sequence loses its escape character and becomes plain text.
            rest = &rest[length.max(1)..];
        }
        out.push_str(&replace_control_chars(rest));
        out
    }
}

fn sanitize_cell(cell: &str) -> String {
    replace_control_chars(cell).replace(['\n', '\t'], " ")
}

/// Width in terminal columns: wide characters take two.
fn display_width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The text, cut to fit with a final `…`.
fn truncate(text: &str, room: usize) -> String {
    if display_width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += display_width(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Terminal = Terminal {
        has_colors: false,
        width: None,
    };
    const COLUMNS: [Column; 4] = [
        Column::Key("ORDER"),
        Column::Status("STATUS"),
        Column::Number("TRIES"),
        Column::LongText(""),
    ];

    fn rows() -> Vec<Vec<String>> {
        [
            ["AB1", "success", "0", ""],
            [
                "AB22",
                "retrying",
                "10",
                "VeraCore did not answer within 30 s, and 倉庫 is asked again",
            ],
            ["X", "error", "3", "the address has no city"],
            ["Y", "skipped", "0", "a gift card"],
        ]
        .map(|row| row.map(str::to_owned).to_vec())
        .to_vec()
    }

    #[test]
    fn a_pipe_gets_plain_whole_rows() {
        let text = PIPE.table(&COLUMNS, rows());
        assert_eq!(
            text,
            "ORDER  STATUS    TRIES\n\
             AB1    success       0\n\
             AB22   retrying     10  VeraCore did not answer within 30 s, and 倉庫 is asked again\n\
             X      error         3  the address has no city\n\
             Y      skipped       0  a gift card\n"
        );
    }

    #[test]
    fn a_terminal_gets_colours() {
        let screen = Terminal {
            has_colors: true,
            ..PIPE
        };
        let text = screen.table(&COLUMNS, rows());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "\u{1b}[1mORDER\u{1b}[0m  \u{1b}[1mSTATUS\u{1b}[0m    \u{1b}[1mTRIES\u{1b}[0m"
        );
        assert_eq!(lines[1], "AB1    \u{1b}[32msuccess\u{1b}[0m       0");
        assert!(lines[2].starts_with("AB22   \u{1b}[33mretrying\u{1b}[0m "));
        assert!(lines[3].contains("\u{1b}[31merror\u{1b}[0m  "));
        assert!(lines[4].contains("\u{1b}[2mskipped\u{1b}[0m"));
        // Without its colours it is what a pipe gets.
        let mut bare = text.clone();
        for code in TEXT_STYLES
            .iter()
            .map(|paint| paint.escape_code())
            .chain([RESET])
        {
            bare = bare.replace(code, "");
        }
        assert_eq!(bare, PIPE.table(&COLUMNS, rows()));
        assert_eq!(screen.sanitize(&text), text);
        assert_eq!(screen.status("in_doubt"), "\u{1b}[33min_doubt\u{1b}[0m");
        assert_eq!(screen.status("pending"), "pending");
        assert_eq!(PIPE.styled("error:", TextStyle::Red), "error:");
    }

    #[test]
    fn no_row_is_wider_than_the_terminal() {
        for width in 1..100 {
            let screen = Terminal {
                width: Some(width),
                ..PIPE
            };
            let text = screen.table(&COLUMNS, rows());
            assert_eq!(text.lines().count(), 5);
            for line in text.lines() {
                assert!(display_width(line) <= width, "{width}: {line}");
            }
        }
        let narrow = |width| {
            Terminal {
                width: Some(width),
                ..PIPE
            }
            .table(&COLUMNS, rows())
        };
        let second = |text: String| text.lines().nth(2).unwrap().to_owned();
        assert_eq!(
            second(narrow(66)),
            "AB22   retrying     10  VeraCore did not answer within 30 s, and …",
            "a wide character that does not fit is left out"
        );
        assert_eq!(
            second(narrow(40)),
            "AB22   retrying     10  VeraCore did no…"
        );
        assert_eq!(second(narrow(30)), "AB22   retrying     10  VeraC…");
        assert_eq!(second(narrow(10)), "AB22   re…");
    }

    #[test]
    fn nothing_from_outside_reaches_the_terminal_as_a_command() {
        let hostile = "a\u{1b}]0;owned\u{7}b\u{1b}[2Jc\u{9b}31md\r\ne\u{202e}f";
        let rows = [vec![hostile.to_owned(), hostile.to_owned()]];
        let columns = [Column::Key("ORDER"), Column::Status("STATUS")];
        for colours in [false, true] {
            let screen = Terminal {
                has_colors: colours,
                width: None,
            };
            let text = screen.table(&columns, &rows);
            assert_eq!(text.lines().count(), 2, "{text:?}");
            for text in [text, screen.sanitize(hostile)] {
                let last = text.lines().last().unwrap();
                assert!(
                    !last.contains(['\u{1b}', '\u{7}', '\u{9b}', '\r', '\u{202e}']),
                    "{last:?}"
                );
            }
            assert!(!screen.sanitize(hostile).contains('\u{1b}'));
        }
    }
}
