//! The settings as Markdown, for `README.md` and `docs/configuration.md`. Pure.
//!
//! Must not say anything of a setting that the list and `config/default.toml` do not say.

use std::fmt::Write as _;

use super::{
    file,
    keys::{SettingKind, SettingSpec},
    list::SETTINGS,
    plain::display_text,
    problem::Diagnostics,
};

/// The two tables, settings and the file's tables, as they stand between the marks
/// `<!-- settings:begin -->` and `<!-- settings:end -->` in the documents.
#[must_use]
pub fn settings_markdown() -> String {
    let mut text = String::from(
        "| variable | default | meaning | secret | can be stored | next start only |\n\
         |---|---|---|---|---|---|\n",
    );
    let defaults = file::default_layer(&mut Diagnostics::default());
    let is_table = |key: &&SettingSpec| key.kind == SettingKind::Table;
    for key in SETTINGS.iter().filter(|key| !is_table(key)) {
        let default = defaults
            .get(key)
            .and_then(|kind| display_text(key.kind, kind));
        let default = default.map_or_else(
            || key.unset_meaning.to_owned(),
            |value| format!("`{value}`"),
        );
        // Writing to a string cannot fail; the same below.
        let _ = writeln!(
            text,
            "| `{}` | {default} | {} | {} | {} | {} |",
            key.name,
            key.meaning,
            yes_or_blank(key.is_secret()),
            yes_or_blank(key.is_storable()),
            yes_or_blank(key.is_read_at_start()),
        );
    }
    text.push_str("\n| table of the file | an entry | meaning |\n|---|---|---|\n");
    for key in SETTINGS.iter().filter(is_table) {
        let _ = writeln!(
            text,
            "| `[{}]` | `{}` | {} |",
            key.name, key.example, key.meaning
        );
    }
    text
}

const fn yes_or_blank(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}
