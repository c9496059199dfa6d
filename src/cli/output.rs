//! What a command prints: one JSON document with `--json`, else words for people. Stdout carries
//! nothing else, so that it can be piped.

use std::{io::Write as _, sync::Arc};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::sync::passes::OnProgress;

#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// Prints `value`, or `text` for people.
    ///
    /// # Errors
    /// When stdout is gone or the value has no JSON form.
    pub fn print(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut text = if self.json {
            serde_json::to_string_pretty(value)?
        } else {
            text()
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        match std::io::stdout().lock().write_all(text.as_bytes()) {
            // The reader had enough, as with `| head`.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// A bar on stderr for a long pass; nothing is drawn unless a person looks at a terminal.
    #[must_use]
    pub fn progress(self, what: &'static str, total: u64) -> ProgressBar {
        let target = if self.json {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        ProgressBar::with_draw_target(Some(total), target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_message(what)
    }

    /// Tells something beside the result: on stderr.
    pub fn note(self, message: &str) {
        let _ = writeln!(std::io::stderr().lock(), "note: {message}");
    }

    /// Tells why a command failed: on stderr, and with `--json` as a document too.
    pub fn fail(self, message: &str) {
        let _ = writeln!(std::io::stderr().lock(), "error: {message}");
        if self.json {
            let _ = self.print(&serde_json::json!({ "error": message }), String::new);
        }
    }
}

/// A bar for a pass that tells how many of how many it has dealt with.
#[must_use]
pub fn progress_of(output: Output, what: &'static str) -> OnProgress {
    let bar = output.progress(what, 0);
    Arc::new(move |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if done >= total {
            bar.finish_and_clear();
        }
    })
}

/// Rows with their columns lined up; the last column is not padded.
#[must_use]
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let head: Vec<String> = header.iter().map(ToString::to_string).collect();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A moment as people at the warehouse read it.
#[must_use]
pub fn local(at: Option<DateTime<Utc>>, zone: Tz) -> String {
    at.map_or_else(
        || "-".into(),
        |at| {
            at.with_timezone(&zone)
                .format("%Y-%m-%d %H:%M:%S %Z")
                .to_string()
        },
    )
}
