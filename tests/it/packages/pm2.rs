//! The pm2 configuration file, evaluated by Node.

use std::process::Command;

use serde_json::Value;

use super::{SHUTDOWN_TIMEOUT, path};

#[test]
fn pm2_runs_the_program_with_the_settings_of_the_example() {
    let print = "process.stdout.write(JSON.stringify(require(process.argv[1])))";
    let output = Command::new("node")
        .args(["-e", print])
        .arg(path("deploy/ecosystem.config.js"))
        .env(
            "VERACORE_SYNC_ENV",
            path("deploy/veracore-sync.env.example"),
        )
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [app] = read["apps"].as_array().unwrap().as_slice() else {
        panic!("{read}");
    };
    assert_eq!(app["script"], "/usr/local/bin/veracore-sync");
    assert_eq!(app["args"], "run");
    assert_eq!(app["interpreter"], "none");
    assert_eq!(app["exec_mode"], "fork");
    assert_eq!(app["instances"], 1);
    assert_eq!(app["watch"], false);
    assert!(app["kill_timeout"].as_u64().unwrap() >= (SHUTDOWN_TIMEOUT + 5) * 1000);
    assert_eq!(app["env"]["VERACORE_COMPANY_ID"], "ACME");
    assert_eq!(
        app["env"]["VENDURE_API_URL"],
        "https://shop.example.com/admin-api"
    );
    // Commented-out settings are not set.
    assert_eq!(app["env"]["HTTP_LISTEN"], Value::Null);
}

#[test]
fn an_invalid_line_is_refused_without_repeating_it() {
    let file = std::env::temp_dir().join(format!("veracore-pm2-{}.env", std::process::id()));
    std::fs::write(&file, "VENDURE_USERNAME=me\nhunter2\n").unwrap();
    let output = Command::new("node")
        .arg(path("deploy/ecosystem.config.js"))
        .env("VERACORE_SYNC_ENV", &file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("not a setting"), "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
}
