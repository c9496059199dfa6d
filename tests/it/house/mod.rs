//! The rules of the source tree: layers, circular imports, file sizes, crash points.

mod imports;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layers from top to bottom; modules of one layer do not import each other.
const GROUPS: [&[&str]; 8] = [
    &["main"],
    &["cli"],
    &["app"],
    &["web", "sync"],
    &["ledger", "vendure", "fulfillment"],
    &["http", "lifecycle"],
    &["telemetry", "clock", "crash"],
    &["domain"],
];

/// Further rules: `web` does not import the clients, only `app` and `cli` import `config`, which
/// itself imports only the domain, and the sandbox shares nothing with the client that it tests.
const ALSO: [(&str, &str); 2] = [("web", "sync"), ("app", "config")];
const NEVER: [(&str, &str); 1] = [("web", "fulfillment")];

fn rank(room: &str) -> Option<usize> {
    GROUPS.iter().position(|group| group.contains(&room))
}

fn may_use(from: &str, to: &str) -> bool {
    if from == to || ALSO.contains(&(from, to)) {
        return true;
    }
    if NEVER.contains(&(from, to)) {
        return false;
    }
    match (from, to) {
        ("cli", "config") => true,
        ("config", _) => to == "domain",
        (_, "config" | "sandbox") => false,
        ("sandbox", _) => matches!(to, "clock" | "domain"),
        _ => rank(from) < rank(to),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The program's code, without its tests.
pub fn sources() -> Vec<String> {
    sources_outside(&[])
}

/// The program's code, without these paths of `src`.
pub fn sources_outside(places: &[&str]) -> Vec<String> {
    let src = root().join("src");
    let is_left_out = |path: &Path| {
        let mut places = places.iter().chain(&["sandbox"]);
        places.any(|place| path.starts_with(src.join(place)))
    };
    files(&src)
        .iter()
        .filter(|path| !is_test(path) && !is_left_out(path))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().ends_with("tests.rs"))
}

/// The modules that a file names after `crate::`, including nested `use` lists.
fn rooms_used(code: &str) -> Vec<String> {
    let code: String = code
        .lines()
        .take_while(|line| !line.contains("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            rooms.extend(names_of_list(list));
        } else {
            rooms.push(name_at(rest));
        }
    }
    rooms
}

fn name_at(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn names_of_list(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut item = String::new();
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name_at(std::mem::take(&mut item).trim())),
            _ if depth == 0 => item.push(c),
            _ => {}
        }
    }
    names.push(name_at(item.trim()));
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn modules_import_only_lower_layers() {
    let src = root().join("src");
    let mut forbidden = Vec::new();
    let mut seen = 0;
    for path in files(&src) {
        if is_test(&path) || path.starts_with(src.join("bin")) {
            continue;
        }
        let inside = path.strip_prefix(&src).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let room = first.trim_end_matches(".rs").to_owned();
        if room == "lib" {
            continue;
        }
        for used in rooms_used(&fs::read_to_string(&path).unwrap()) {
            seen += 1;
            if !may_use(&room, &used) {
                forbidden.push(format!("{}: {room} must not use {used}", inside.display()));
            }
        }
    }
    assert!(
        seen > 50,
        "only {seen} uses were found: does this test still read them?"
    );
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
}

#[test]
fn a_forbidden_import_is_detected() {
    assert!(!may_use("vendure", "fulfillment"));
    assert!(!may_use("ledger", "sync"));
    assert!(!may_use("web", "fulfillment"));
    assert!(!may_use("sync", "config"));
    assert!(!may_use("domain", "clock"));
    assert!(may_use("sync", "ledger"));
    let code = "use crate::{\n    domain::{A, B},\n    ledger::C,\n    sync,\n};\nfn f() { crate::web::g() }";
    assert_eq!(rooms_used(code), ["domain", "ledger", "sync", "web"]);
}

/// The program's files relative to `src`, without tests, sandbox and `bin`.
fn program_imports() -> imports::Imports {
    let src = root().join("src");
    let sources = imports::read_sources(&src, |path| {
        is_test(path) || path.starts_with(src.join("bin"))
    });
    imports::imports_of(sources)
}

#[test]
fn no_module_has_circular_imports() {
    let imports = program_imports();
    let edges: usize = imports.values().map(std::collections::BTreeSet::len).sum();
    assert!(
        edges > 500,
        "only {edges} imports were found: does this test still read them?"
    );
    let circles: Vec<String> = imports::circles(&imports)
        .iter()
        .map(|circle| {
            let lines = circle.iter().map(|file| {
                let used = imports[file].intersection(circle);
                let used: Vec<_> = used.map(|file| file.display().to_string()).collect();
                format!("  {} uses {}", file.display(), used.join(", "))
            });
            lines.collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert!(
        circles.is_empty(),
        "{} circles:\n{}",
        circles.len(),
        circles.join("\n\n")
    );
}

#[test]
fn the_two_veracore_styles_do_not_import_each_other() {
    let styles = ["fulfillment/veracore/rest", "fulfillment/veracore/oms"];
    for (file, used) in program_imports() {
        for (style, sibling) in [(styles[0], styles[1]), (styles[1], styles[0])] {
            if file.starts_with(style) {
                let wrong: Vec<_> = used
                    .iter()
                    .filter(|used| used.starts_with(sibling))
                    .collect();
                assert!(wrong.is_empty(), "{}: uses {wrong:?}", file.display());
            }
        }
    }
}

#[test]
fn imports_are_followed_to_the_defining_file() {
    let sources = [
        ("lib.rs", "pub mod a;"),
        (
            "a/mod.rs",
            "mod b; mod c; mod d; pub use b::B; pub use d::*; pub struct Own;",
        ),
        (
            "a/b.rs",
            "use super::c::{self, C}; pub struct B(C); fn f() { c::g() }",
        ),
        (
            "a/c.rs",
            "pub struct C; pub fn g() {} #[cfg(test)] mod tests { use crate::a::B; }",
        ),
        ("a/d.rs", "use crate::a::B; pub struct D(super::Own);"),
        (
            "a/e.rs",
            "use crate::a::D; fn f(x: std::option::Option<D>) {}",
        ),
    ];
    let imports = imports::imports_of(sources.map(|(path, code)| (path.into(), code.into())));
    let used = |file: &str| {
        let used = imports[Path::new(file)].iter();
        used.map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(used("a/mod.rs"), "");
    assert_eq!(used("a/b.rs"), "a/c.rs");
    assert_eq!(used("a/c.rs"), "");
    assert_eq!(used("a/d.rs"), "a/b.rs a/mod.rs");
    assert_eq!(used("a/e.rs"), "a/d.rs");
    assert!(imports::circles(&imports).is_empty());
    let circle = imports::imports_of([
        ("a.rs".into(), "use crate::b::B; pub struct A;".into()),
        ("b.rs".into(), "pub struct B(crate::c::C);".into()),
        ("c.rs".into(), "use super::a::A; pub struct C;".into()),
        ("lib.rs".into(), "mod a; mod b; mod c;".into()),
    ]);
    assert_eq!(imports::circles(&circle).len(), 1);
    assert_eq!(imports::circles(&circle)[0].len(), 3);
}

#[test]
fn no_file_is_too_long_and_each_has_a_module_comment() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests/it"] {
        for path in files(&root().join(folder)) {
            let code = fs::read_to_string(&path).unwrap();
            let lines = code.lines().count();
            if lines > 600 {
                wrong.push(format!("{}: {lines} lines", path.display()));
            }
            if !is_test(&path) && !code.starts_with("//!") && !code.starts_with("#!") {
                wrong.push(format!("{}: does not say what it owns", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The texts that mark a writing function of the ledger: SQL, a transaction, or a shared helper.
const WRITING: [&str; 10] = [
    "insert into",
    "update veracore",
    "delete from",
    "begin()",
    "insert_orders(",
    "record_disposition(",
    "insert_event(",
    "write_",
    "extend_lease(",
    ".apply_migrations()",
];

/// The tests in `process::crash` would skip a write without a crash point.
#[test]
fn every_write_of_the_ledger_is_a_crash_point() {
    for path in files(&root().join("src/ledger")) {
        let code = fs::read_to_string(&path).unwrap();
        for (at, _) in code.match_indices("\n    pub async fn ") {
            let body = &code[at + 1..];
            let body = &body[..body.find("\n    }\n").unwrap()];
            let name = name_at(&body["    pub async fn ".len()..]);
            let writes = WRITING.iter().any(|words| body.contains(words));
            let marked = body.contains(&format!("crash::points_around(\"ledger\", \"{name}\")"))
                || body.contains(&format!("self.write(\"{name}\", statement)"));
            assert!(
                marked || !writes,
                "{}: {name} writes and is no crash point",
                path.display()
            );
        }
    }
}
