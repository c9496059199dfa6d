//! Formats log lines: time, level, message, then the fields of the event and of its spans (order,
//! run), each once. An event is always one line, whatever it quotes.

use std::{
    fmt::{Debug, Write as _},
    io::Write as _,
};

use serde_json::{Number, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime as _, SystemTime},
        writer::BoxMakeWriter,
    },
    layer::Context,
    registry::LookupSpan,
};

use crate::domain::{LineFormat, text::one_line};

/// Writes the lines of the log.
pub struct LogLayer {
    format: LineFormat,
    use_color: bool,
    writer: BoxMakeWriter,
}

impl LogLayer {
    /// `use_color`: for [`LineFormat::Pretty`] on a terminal.
    pub fn new(format: LineFormat, use_color: bool, writer: BoxMakeWriter) -> Self {
        Self {
            format,
            use_color,
            writer,
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = LineFields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<LineFields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = LineFields::default();
        event.record(&mut fields);
        // Innermost span first: its fields take precedence.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(more) = span.extensions().get::<LineFields>() {
                fields.add_missing(more);
            }
        }
        let level = *event.metadata().level();
        let mut line = match self.format {
            LineFormat::Pretty => fields.format_pretty(&timestamp(), level, self.use_color),
            LineFormat::Json => {
                let target = fields.target.as_deref();
                fields.format_json(
                    &timestamp(),
                    level,
                    target.unwrap_or(event.metadata().target()),
                )
            }
        };
        line.push('\n');
        // A failed write to the log cannot be reported anywhere.
        let _ = self.writer.make_writer().write_all(line.as_bytes());
    }
}

/// RFC 3339 in UTC, with microseconds.
fn timestamp() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// The message and fields of an event or a span.
#[derive(Debug, Default)]
struct LineFields {
    message: String,
    fields: Vec<(&'static str, Value)>,
    /// The target of a line from the crate `log`.
    target: Option<String>,
}

impl LineFields {
    fn set(&mut self, name: &'static str, value: Value) {
        let name = name.strip_prefix("r#").unwrap_or(name);
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name, value)),
        }
    }

    fn set_text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            "log.target" => self.target = Some(text),
            // The location in a library's source.
            name if name.starts_with("log.") => {}
            name => self.set(name, Value::String(text)),
        }
    }

    /// Adds the fields whose names are not present.
    fn add_missing(&mut self, more: &Self) {
        for (name, value) in &more.fields {
            if !self.fields.iter().any(|(known, _)| known == name) {
                self.fields.push((name, value.clone()));
            }
        }
    }

    fn format_pretty(&self, at: &str, level: Level, colours: bool) -> String {
        let (begin, dim, end) = if colours {
            (level_color(level), "\u{1b}[2m", "\u{1b}[0m")
        } else {
            ("", "", "")
        };
        let message = one_line(&self.message, usize::MAX);
        let mut line = format!("{dim}{at}{end} {begin}{level:>5}{end} {message}");
        for (name, value) in &self.fields {
            // Writing to a string cannot fail.
            let _ = match value {
                Value::String(text) if needs_no_quotes(text) => write!(line, " {name}={text}"),
                // Quoted as Rust quotes: nothing in it breaks the line or reaches the terminal.
                Value::String(text) => write!(line, " {name}={text:?}"),
                other => write!(line, " {name}={other}"),
            };
        }
        line
    }

    fn format_json(&self, at: &str, level: Level, target: &str) -> String {
        let text = |text: &str| Value::String(text.to_owned());
        let mut line = format!(
            "{{\"timestamp\":{},\"level\":\"{level}\",\"message\":{}",
            text(at),
            text(&self.message)
        );
        for (name, value) in &self.fields {
            let _ = write!(line, ",{}:{value}", text(name));
        }
        let _ = write!(line, ",\"target\":{}}}", text(target));
        line
    }
}

/// True if the text can be logged without quotes.
fn needs_no_quotes(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || "-_.:/+*#@[]".contains(c))
}

const fn level_color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

impl Visit for LineFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set_text(field, format!("{value:?}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // The line in a library's source.
        if field.name() != "log.line" {
            self.set(field.name(), value.into());
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let number = Number::from_f64(value).map_or(Value::Null, Value::Number);
        self.set(field.name(), number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::telemetry::{order_span, run_span};

    #[derive(Clone, Default)]
    struct Output(Arc<parking_lot::Mutex<Vec<u8>>>);

    impl std::io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut output = self.0.lock();
            output.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The logged lines.
    fn logged(format: LineFormat, colours: bool, write: impl FnOnce()) -> Vec<String> {
        let output = Output::default();
        let to = output.clone();
        let lines = LogLayer::new(format, colours, BoxMakeWriter::new(move || to.clone()));
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, write);
        let bytes = output.0.lock().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn log_lines() {
        let run = run_span("sync_tracking", 7);
        let _run = run.enter();
        tracing::info!(packages = 2, late = false, "VeraCore reported parcels");
        let order = order_span(&"A_1");
        let _order = order.enter();
        tracing::warn!(problem = "no \"city\"", again = %"2026-01-01", "VeraCore: tried again");
        tracing::error!(order = %"B_2", nothing = tracing::field::Empty, "its own name wins");
    }

    #[test]
    fn span_fields_follow_the_message() {
        let lines = logged(LineFormat::Pretty, false, log_lines);
        let ends: Vec<&str> = lines.iter().map(|l| l.split_once(' ').unwrap().1).collect();
        assert_eq!(
            ends,
            [
                " INFO VeraCore reported parcels packages=2 late=false job=sync_tracking run=7",
                " WARN VeraCore: tried again problem=\"no \\\"city\\\"\" again=2026-01-01 order=A_1 job=sync_tracking run=7",
                "ERROR its own name wins order=B_2 job=sync_tracking run=7",
            ]
        );
    }

    #[test]
    fn span_fields_are_fields_of_the_json_object() {
        let lines = logged(LineFormat::Json, false, log_lines);
        let mut line: Value = serde_json::from_str(&lines[1]).unwrap();
        let at = line["timestamp"].take();
        let at = chrono::DateTime::parse_from_rfc3339(at.as_str().unwrap());
        assert!(at.is_ok());
        line.as_object_mut().unwrap().remove("timestamp");
        assert_eq!(
            line,
            serde_json::json!({
                "level": "WARN", "message": "VeraCore: tried again", "problem": "no \"city\"",
                "again": "2026-01-01", "order": "A_1", "job": "sync_tracking", "run": 7,
                "target": "veracore_sync::telemetry::log_layer::tests",
            })
        );
        assert!(lines[2].contains("\"order\":\"B_2\"") && !lines[2].contains("A_1"));
    }

    #[test]
    fn hostile_words_stay_on_their_line_and_off_the_terminal() {
        const HOSTILE: &str = "a\u{1b}[2J\r\nERROR b\u{9b}c\u{202e}";
        let write = || tracing::info!(said = HOSTILE, also = %HOSTILE, "said: {HOSTILE}");
        for format in [LineFormat::Pretty, LineFormat::Json] {
            let lines = logged(format, false, write);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
        }
        let pretty = logged(LineFormat::Pretty, false, write).concat();
        assert!(!pretty.contains(['\u{9b}', '\u{202e}']), "{pretty:?}");
        let coloured = logged(LineFormat::Pretty, true, write).concat();
        assert_eq!(coloured.matches('\u{1b}').count(), 4, "{coloured:?}");
    }
}
