//! The documentation matches the program: settings and log messages.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use veracore_sync::config::settings_markdown;

use crate::house;

const BEGIN: &str = "<!-- settings:begin -->";
const END: &str = "<!-- settings:end -->";

#[test]
fn the_documented_settings_are_those_of_the_program() {
    let document = "docs/configuration.md";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let now = format!("{before}{BEGIN}\n\n{}\n{END}{after}", settings_markdown());
    if text != now {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("configuration.md");
        fs::write(&made, now).unwrap();
        panic!(
            "the settings in {document} are out of date; to renew them: cp {} {document}",
            made.display()
        );
    }
}

/// The message of a log line in docs/logging.md, without time, level and fields.
fn message_of(line: &str) -> String {
    if let Ok(object) = serde_json::from_str::<Value>(line) {
        return object["message"].as_str().unwrap().to_owned();
    }
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    let is_field = |word: &&str| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let end = words.iter().position(is_field).unwrap_or(words.len());
    words[..end].join(" ")
}

/// Whether the sources contain the text, with numbers and names filled in.
fn is_in_sources(text: &str, sources: &str) -> bool {
    let with_blanks: Vec<&str> = text
        .split(|c: char| c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .collect();
    let of_an_end = text.replacen("VeraCore", "{name}", 1);
    with_blanks.iter().all(|part| sources.contains(part)) || sources.contains(&of_an_end)
}

#[test]
fn the_log_lines_in_the_documentation_exist_in_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logging.md");
    let manual = fs::read_to_string(path).unwrap();
    let sources = house::sources().concat();
    let mut count = 0;
    for block in manual.split("```log\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            let message = message_of(line);
            count += 1;
            // Reasons follow a colon or a semicolon.
            let mut parts = message.split("; ").flat_map(|part| part.split(": "));
            assert!(
                is_in_sources(&message, &sources)
                    || parts.all(|part| is_in_sources(part, &sources)),
                "docs/logging.md quotes a line that is nowhere said: {message}"
            );
        }
    }
    assert!(count > 30, "{count}");
    assert!(!is_in_sources("VeraCore is said to be lost", &sources));
}

#[test]
fn the_searches_in_the_documentation_find_the_lines_below_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logging.md");
    let manual = fs::read_to_string(path).unwrap();
    let mut count = 0;
    for search in manual.split("log | grep ").skip(1) {
        let (arguments, after) = search.split_once('\n').unwrap();
        let Some((_, block)) = after.split_once("```log\n") else {
            continue;
        };
        let (block, _) = block.split_once("```").unwrap();
        let script = format!("grep -c {arguments}");
        let mut grep = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        grep.stdin
            .take()
            .unwrap()
            .write_all(block.as_bytes())
            .unwrap();
        let found = grep.wait_with_output().unwrap().stdout;
        count += 1;
        assert_ne!(
            found.trim_ascii(),
            b"0",
            "grep {arguments} finds no line below it"
        );
    }
    assert!(count >= 10, "{count}");
}
