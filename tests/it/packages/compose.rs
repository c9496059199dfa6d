//! `compose.yaml`.

use yaml_rust2::{Yaml, YamlLoader};

use super::{SHUTDOWN_TIMEOUT, is_setting, text};

fn read() -> Yaml {
    let mut documents = YamlLoader::load_from_str(&text("compose.yaml")).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn strings(list: &Yaml) -> Vec<String> {
    let items = list.as_vec().unwrap_or_else(|| panic!("{list:?}"));
    items
        .iter()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// The entries of a mapping by their names.
fn entries(mapping: &Yaml) -> Vec<(String, Yaml)> {
    let entries = mapping.as_hash().unwrap_or_else(|| panic!("{mapping:?}"));
    entries
        .iter()
        .map(|(name, value)| (name.as_str().unwrap().to_owned(), value.clone()))
        .collect()
}

#[test]
fn the_services_are_the_daemon_its_database_and_optionally_the_sandbox() {
    let compose = read();
    let services = entries(&compose["services"]);
    let names: Vec<&str> = services.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["postgres", "veracore-sync", "sandbox"]);
    let service = |name: &str| &compose["services"][name];
    assert!(service("postgres")["profiles"].is_badvalue());
    assert!(service("veracore-sync")["profiles"].is_badvalue());
    assert_eq!(strings(&service("sandbox")["profiles"]), ["sandbox"]);
    assert_eq!(
        service("sandbox")["build"]["target"].as_str(),
        Some("sandbox")
    );
    // The daemon allows http:// to loopback only.
    assert_eq!(
        service("sandbox")["network_mode"].as_str(),
        Some("service:veracore-sync")
    );
    let waits_for = &service("veracore-sync")["depends_on"]["postgres"]["condition"];
    assert_eq!(waits_for.as_str(), Some("service_healthy"));
}

#[test]
fn the_daemon_gets_only_settings_that_it_reads() {
    let compose = read();
    let daemon = &compose["services"]["veracore-sync"];
    let mounted = strings(&daemon["secrets"]);
    let mut named = Vec::new();
    for (name, value) in entries(&daemon["environment"]) {
        assert!(is_setting(&name), "{name} is not a setting");
        if let Some(secret) = name.strip_suffix("_FILE") {
            let secret = secret.to_ascii_lowercase();
            assert_eq!(value.as_str(), Some(&*format!("/run/secrets/{secret}")));
            named.push(secret);
        }
    }
    assert_eq!(mounted, named);
    assert_eq!(daemon["env_file"].as_str(), Some("veracore-sync.env"));
}

#[test]
fn each_secret_is_a_file_ignored_by_git() {
    let compose = read();
    let secrets = entries(&compose["secrets"]);
    for (name, secret) in &secrets {
        assert_eq!(secret["file"].as_str(), Some(&*format!("secrets/{name}")));
    }
    let ignored = text(".gitignore");
    assert!(ignored.lines().any(|line| line == "/secrets/"));
    assert!(ignored.lines().any(|line| line == "/veracore-sync.env"));
    let makes = text("deploy/make-secrets");
    for (name, _) in &secrets {
        assert!(makes.contains(name.as_str()), "nothing creates {name}");
    }
    for (service, body) in entries(&compose["services"]) {
        if let Some(used) = body["secrets"].as_vec() {
            for name in used {
                let is_there = secrets
                    .iter()
                    .any(|(known, _)| Some(&**known) == name.as_str());
                assert!(is_there, "{service}: {name:?}");
            }
        }
    }
}

#[test]
fn nothing_is_reachable_from_other_machines_and_privileges_are_minimal() {
    let compose = read();
    for (name, service) in entries(&compose["services"]) {
        if let Some(ports) = service["ports"].as_vec() {
            for port in ports {
                let port = port.as_str().unwrap();
                assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
            }
        }
        assert_eq!(
            strings(&service["security_opt"]),
            ["no-new-privileges:true"],
            "{name}"
        );
        assert_eq!(service["privileged"], Yaml::BadValue, "{name}");
        if name != "postgres" {
            assert_eq!(service["read_only"].as_bool(), Some(true), "{name}");
            assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}");
        }
    }
    assert!(compose["services"]["postgres"]["ports"].is_badvalue());
}

#[test]
fn every_service_has_a_health_check_and_time_to_stop() {
    let compose = read();
    let services = &compose["services"];
    // The daemon's health check is in the image.
    for name in ["postgres", "sandbox"] {
        assert!(services[name]["healthcheck"]["test"].as_vec().is_some());
    }
    let grace = services["veracore-sync"]["stop_grace_period"].as_str();
    let seconds = grace.unwrap().strip_suffix('s').unwrap();
    assert!(seconds.parse::<u64>().unwrap() > SHUTDOWN_TIMEOUT + 5);
    let volumes = strings(&services["postgres"]["volumes"]);
    let (volume, _) = volumes[0].split_once(':').unwrap();
    assert!(!compose["volumes"].is_badvalue());
    assert!(
        entries(&compose["volumes"])
            .iter()
            .any(|(name, _)| name == volume)
    );
}
