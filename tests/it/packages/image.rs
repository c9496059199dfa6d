//! The Dockerfile and `.dockerignore`.

use super::text;

/// Each instruction with its arguments, continuation lines joined.
fn instructions() -> Vec<(String, String)> {
    let joined = text("Dockerfile").replace("\\\n", " ");
    joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()))
        .collect()
}

/// The last stage, which `docker build .` builds.
fn last_stage() -> Vec<(String, String)> {
    let all = instructions();
    let at = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    all[at..].to_vec()
}

fn only(stage: &[(String, String)], name: &str) -> String {
    let found: Vec<&String> = stage
        .iter()
        .filter(|(instruction, _)| instruction == name)
        .map(|(_, rest)| rest)
        .collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0].clone()
}

#[test]
fn the_image_runs_the_daemon_unprivileged_with_a_health_check() {
    let stage = last_stage();
    assert!(only(&stage, "FROM").starts_with("debian:"));
    assert_eq!(only(&stage, "USER"), "10001:10001");
    assert_eq!(only(&stage, "ENTRYPOINT"), r#"["veracore-sync"]"#);
    assert_eq!(only(&stage, "CMD"), r#"["run"]"#);
    assert_eq!(only(&stage, "STOPSIGNAL"), "SIGTERM");
    let check = only(&stage, "HEALTHCHECK");
    assert!(
        check.ends_with(r#"CMD ["veracore-sync", "healthcheck"]"#),
        "{check}"
    );
    assert!(only(&stage, "ENV").contains("HTTP_LISTEN=0.0.0.0:8080"));
    assert!(
        stage.iter().all(|(name, _)| name != "RUN"),
        "nothing is installed in it"
    );
}

#[test]
fn every_base_image_is_pinned_and_rust_has_cargos_version() {
    let all = instructions();
    let froms = all.iter().filter(|(name, _)| name == "FROM");
    let bases: Vec<&str> = froms
        .map(|(_, rest)| rest.split(' ').next().unwrap())
        .collect();
    assert!(
        bases
            .iter()
            .all(|base| *base == "build" || base.contains(':')),
        "{bases:?}"
    );
    let manifest = text("Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap()
        .trim_matches('"');
    assert!(
        bases[0].starts_with(&format!("rust:{version}-")),
        "{bases:?}"
    );
}

#[test]
fn no_secret_is_copied_into_the_image() {
    let ignored = text(".dockerignore");
    let lines: Vec<&str> = ignored.lines().collect();
    for name in [".git", ".env", "*.env", "**/*.env", "secrets", "target"] {
        assert!(lines.contains(&name), "{name}");
    }
    // No exception re-includes anything.
    assert!(lines.iter().all(|line| !line.starts_with('!')));
    for name in ["src", "migrations", "config", ".sqlx", "Cargo.lock"] {
        assert!(!lines.contains(&name), "{name} is needed");
    }
}
