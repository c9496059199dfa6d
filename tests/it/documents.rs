//! What the documents say of the program is what the program says.

use std::{fs, path::Path};

use veracore_sync::config::settings_table;

const BEGIN: &str = "<!-- settings:begin -->";
const END: &str = "<!-- settings:end -->";

#[test]
fn the_documents_have_the_settings_of_the_program() {
    let mut to_copy = Vec::new();
    for document in ["README.md", "docs/configuration.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let text = fs::read_to_string(path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let now = format!("{before}{BEGIN}\n\n{}\n{END}{after}", settings_table());
        if text != now {
            let name = Path::new(document).file_name().unwrap();
            let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            fs::write(&made, now).unwrap();
            to_copy.push(format!("cp {} {document}", made.display()));
        }
    }
    assert!(
        to_copy.is_empty(),
        "the settings in the documents are out of date; to renew them: {}",
        to_copy.join(" && ")
    );
}
