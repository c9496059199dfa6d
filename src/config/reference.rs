//! The settings as Markdown, for `docs/configuration.md`. Pure.
//!
//! Contains nothing that the table of settings and `config/default.toml` do not say.

use std::fmt::Write as _;

use super::{
    diagnostics::Diagnostics, layers::file::default_layer, table::SETTINGS,
    value_text::display_text,
};

/// The settings and the file's tables, as two Markdown tables.
///
/// The document has them between `<!-- settings:begin -->` and `<!-- settings:end -->`.
pub fn settings_markdown() -> String {
    let mut text = String::from(
        "| variable | default | meaning | secret | can be stored | next start only |\n\
         |---|---|---|---|---|---|\n",
    );
    let defaults = default_layer(&mut Diagnostics::default());
    for setting in SETTINGS.iter().filter(|setting| !setting.is_table()) {
        let default = defaults.raw(setting);
        let default = default.and_then(|value| display_text(setting.kind, &value.kind));
        let default = default.map_or_else(
            || setting.unset_meaning().to_owned(),
            |value| format!("`{value}`"),
        );
        // Writing to a string cannot fail; the same below.
        let _ = writeln!(
            text,
            "| `{}` | {default} | {} | {} | {} | {} |",
            setting.name,
            setting.meaning(),
            yes_or_blank(setting.is_secret()),
            yes_or_blank(setting.is_storable()),
            yes_or_blank(setting.is_read_at_start()),
        );
    }
    text.push_str("\n| table of the file | an entry | meaning |\n|---|---|---|\n");
    for table in SETTINGS.iter().filter(|setting| setting.is_table()) {
        let (name, example, meaning) = (table.name, table.example, table.meaning());
        let _ = writeln!(text, "| `[{name}]` | `{example}` | {meaning} |");
    }
    text
}

const fn yes_or_blank(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}
