//! The output of a command: one JSON document with `--json`, otherwise text. Nothing else goes to
//! stdout, so that it can be piped.

use std::{io::Write as _, sync::Arc};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use super::{
    context::{CommandOutcome, CommandResult},
    terminal::{Terminal, TextStyle},
};
use crate::sync::jobs::run_once::OnProgress;

#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub json: bool,
    pub terminal: Terminal,
}

impl Output {
    pub fn new(json: bool) -> Self {
        let terminal = Terminal::stdout();
        Self { json, terminal }
    }

    /// Prints `value` with `--json`, otherwise `text`.
    pub fn print(self, value: &impl Serialize, text: impl FnOnce() -> String) -> CommandResult {
        let mut text = if self.json {
            serde_json::to_string_pretty(value)?
        } else {
            self.terminal.sanitize(&text())
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        match std::io::stdout().lock().write_all(text.as_bytes()) {
            // The reader closed the pipe, as `| head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
        Ok(CommandOutcome::Done)
    }

    /// Prints the outcome for each item of a list: whether it was done, and a message.
    pub fn print_outcomes(
        self,
        (list, item): (&str, &str),
        outcomes: &[(String, bool, String)],
    ) -> CommandResult {
        let documents: Vec<_> = outcomes
            .iter()
            .map(|(id, done, message)| json!({ item: id, "done": done, "message": message }))
            .collect();
        self.print(&json!({ list: documents }), || {
            let lines = outcomes
                .iter()
                .map(|(id, _, message)| format!("{id}: {message}\n"));
            lines.collect()
        })?;
        let all_done = outcomes.iter().all(|(_, done, _)| *done);
        Ok(CommandOutcome::from_ok(all_done))
    }

    /// A progress bar on stderr; drawn only on a terminal.
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

    /// Prints a note to stderr.
    pub fn note(self, message: &str) {
        self.print_to_stderr("note:", TextStyle::Yellow, message);
    }

    /// Prints why the command failed to stderr, and with `--json` as a document too.
    pub fn print_error(self, message: &str) {
        self.print_to_stderr("error:", TextStyle::Red, message);
        if self.json {
            let _ = self.print(&json!({ "error": message }), String::new);
        }
    }

    fn print_to_stderr(self, label: &str, paint: TextStyle, message: &str) {
        let screen = Terminal {
            has_colors: console::colors_enabled_stderr(),
            ..self.terminal
        };
        let label = screen.styled(label, paint);
        let text = screen.sanitize(&format!("{label} {message}"));
        // A closed stderr leaves nowhere to report to.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

pub fn progress_callback(output: Output, what: &'static str) -> OnProgress {
    let bar = output.progress(what, 0);
    Arc::new(move |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if done >= total {
            bar.finish_and_clear();
        }
    })
}

/// A timestamp in the warehouse's time zone.
pub fn local_time(at: Option<DateTime<Utc>>, zone: Tz) -> String {
    at.map_or_else(
        || "-".into(),
        |at| {
            at.with_timezone(&zone)
                .format("%Y-%m-%d %H:%M:%S %Z")
                .to_string()
        },
    )
}
