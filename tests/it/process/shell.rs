//! Shell completions, manual pages, and output on a terminal.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::harness::run_program;

const PROGRAM: &str = env!("CARGO_BIN_EXE_veracore-sync");

/// Every command and subcommand, from the help.
const COMMANDS: [&str; 24] = [
    "run",
    "migrate",
    "check",
    "sync",
    "orders",
    "inventory",
    "tracking",
    "list",
    "show",
    "retry",
    "skip",
    "backfill",
    "stock",
    "explain",
    "reconcile",
    "status",
    "schedule",
    "events",
    "resend",
    "config",
    "set",
    "unset",
    "rotate-key",
    "completions",
];

/// The stdout of a command without any configuration.
async fn without_settings(args: &[&str]) -> String {
    let output = run_program(BTreeMap::new(), args).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(output.stderr, "");
    output.stdout
}

#[tokio::test]
async fn completions_contain_every_command() {
    let mut shell = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let bash = without_settings(&["completions", "bash"]).await;
    let mut stdin = shell.stdin.take().unwrap();
    stdin.write_all(bash.as_bytes()).unwrap();
    drop(stdin);
    assert!(shell.wait().unwrap().success(), "bash cannot read it");
    let zsh = without_settings(&["completions", "zsh"]).await;
    let fish = without_settings(&["completions", "fish"]).await;
    for (script, offers_settings) in [(&bash, true), (&zsh, true), (&fish, false)] {
        let words: Vec<&str> = script
            .split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
            .collect();
        for word in COMMANDS.iter().chain(&["man", "in_doubt"]) {
            assert!(words.contains(word), "{word}");
        }
        assert_eq!(words.contains(&"ORDER_UNIT_PRICE"), offers_settings);
        assert!(!words.contains(&"DATABASE_URL"), "it cannot be stored");
    }
    let json = without_settings(&["completions", "bash", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["script"], bash.as_str());
}

#[tokio::test]
async fn there_is_a_manual_page_for_each_command() {
    let page = without_settings(&["man"]).await;
    for line in [
        ".TH veracore-sync 1 \" \" \"veracore-sync",
        ".SH ENVIRONMENT",
        ".SH \"EXIT STATUS\"",
    ] {
        assert!(page.lines().any(|l| l.starts_with(line)), "{line}");
    }
    assert!(page.contains("VERACORE_OMS_NOT_FOUND_TEXT"));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    let written = without_settings(&["man", "--dir", dir.to_str().unwrap()]).await;
    for name in [
        "veracore-sync",
        "veracore-sync-run",
        "veracore-sync-orders-backfill",
    ] {
        let path = dir.join(format!("{name}.1"));
        assert!(
            written.lines().any(|line| Path::new(line) == path),
            "{written}"
        );
        assert!(
            fs::read_to_string(path)
                .unwrap()
                .contains(&format!(".TH {name} 1"))
        );
    }
    // If groff is installed, it reports no error.
    for path in written.lines() {
        let Ok(read) = Command::new("groff")
            .args(["-man", "-Tutf8", "-wall", "-Wbreak", path])
            .output()
        else {
            return;
        };
        assert_eq!(String::from_utf8_lossy(&read.stderr), "", "{path}");
        assert!(String::from_utf8_lossy(&read.stdout).contains("Print help"));
    }
}

/// The output on a terminal of 40 columns, by `script` of util-linux.
fn on_a_terminal(variables: &[(&str, &str)], args: &str) -> String {
    let command = format!("stty rows 24 cols 40; exec '{PROGRAM}' {args}");
    let output = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_terminal_gets_colors_and_short_rows_and_a_pipe_neither() {
    const COMMAND: &str = "schedule --days 1 --from 2026-06-01T00:00:00Z";
    let terminal = on_a_terminal(&[], COMMAND);
    assert!(terminal.contains("\u{1b}[1mJOB\u{1b}[0m"), "{terminal:?}");
    for quiet in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_a_terminal(&[quiet], COMMAND);
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
        let rows = plain.lines().filter(|line| line.starts_with("tracking"));
        let rows: Vec<&str> = rows.collect();
        assert!(!rows.is_empty());
        for row in rows {
            assert!(row.chars().count() <= 40 && row.ends_with('…'), "{row:?}");
        }
    }
    let args: Vec<&str> = COMMAND.split(' ').collect();
    let pipe = run_program(BTreeMap::new(), &args).await.stdout;
    assert!(!pipe.contains('\u{1b}'), "{pipe}");
    assert!(pipe.contains("tracking   2026-06-01T09:00:00-07:00  2026-06-01T16:00:00Z\n"));
}
