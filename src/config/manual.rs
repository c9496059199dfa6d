//! The settings as Markdown, for `README.md` and `docs/configuration.md`. Pure.
//!
//! Must not say anything of a setting that the list and `config/default.toml` do not say.

use std::fmt::Write as _;

use super::{
    file,
    keys::{Form, Key},
    list::KEYS,
    plain::line,
    problem::Findings,
};

/// The two tables, settings and the file's tables, as they stand between the marks
/// `<!-- settings:begin -->` and `<!-- settings:end -->` in the documents.
#[must_use]
pub fn settings_table() -> String {
    let mut text = String::from(
        "| variable | default | meaning | secret | can be stored | next start only |\n\
         |---|---|---|---|---|---|\n",
    );
    let defaults = file::defaults(&mut Findings::default());
    let is_table = |key: &&Key| key.form == Form::Table;
    for key in KEYS.iter().filter(|key| !is_table(key)) {
        let default = defaults.get(key).and_then(|kind| line(key.form, kind));
        let default = default.map_or_else(|| key.without.to_owned(), |value| format!("`{value}`"));
        // Writing to a string cannot fail; the same below.
        let _ = writeln!(
            text,
            "| `{}` | {default} | {} | {} | {} | {} |",
            key.name,
            key.meaning,
            yes(key.is_secret()),
            yes(key.is_storable()),
            yes(key.is_read_at_start()),
        );
    }
    text.push_str("\n| table of the file | an entry | meaning |\n|---|---|---|\n");
    for key in KEYS.iter().filter(is_table) {
        let _ = writeln!(
            text,
            "| `[{}]` | `{}` | {} |",
            key.name, key.example, key.meaning
        );
    }
    text
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}
