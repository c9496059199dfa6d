//! How credentials are read.

use axum::http::HeaderValue;

use super::*;

fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
    of.iter()
        .map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn read(of: &[(&'static str, &str)]) -> Option<(&'static str, String)> {
    let mut map = HeaderMap::new();
    for (name, value) in headers(of) {
        map.append(name.unwrap(), value);
    }
    match shown(&map)? {
        Shown::Bearer(token) => Some(("bearer", token)),
        Shown::ApiKey(key) => Some(("key", key)),
    }
}

#[test]
fn one_credential_is_read_and_anything_odd_is_none() {
    let bearer = |text: &str| Some(("bearer", text.to_owned()));
    assert_eq!(read(&[("authorization", "Bearer abc")]), bearer("abc"));
    assert_eq!(read(&[("authorization", "bearer  abc ")]), bearer("abc"));
    let key = Some(("key", "abc".to_owned()));
    assert_eq!(read(&[("vendure-api-key", "abc")]), key);
    // A wrong one is not made good by another.
    let both = [("authorization", "Basic abc"), ("vendure-api-key", "abc")];
    assert_eq!(read(&both), None);
    for odd in ["", "Bearer", "Bearer ", "Basic YWJj", "abc", "Bearer\tabc"] {
        assert_eq!(read(&[("authorization", odd)]), None, "{odd}");
    }
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[("vendure-api-key", " ")]), None);
    let long = format!("Bearer {}", "a".repeat(LONGEST));
    assert_eq!(read(&[("authorization", &long)]), None);
}

#[test]
fn two_credentials_are_none() {
    let mut map = HeaderMap::new();
    for token in ["Bearer a", "Bearer b"] {
        map.append(header::AUTHORIZATION, HeaderValue::from_static(token));
    }
    assert!(shown(&map).is_none());
}

#[test]
fn texts_are_compared_whole() {
    let ours = SecretString::from("abc");
    assert!(is_same("abc", &ours));
    for other in ["", "ab", "abcd", "abC", "abc "] {
        assert!(!is_same(other, &ours), "{other}");
    }
}

#[test]
fn what_vendure_said_is_believed_for_a_minute_and_of_that_credential_alone() {
    let access = Access::default();
    let now = Instant::now();
    let session = fingerprint(&Shown::Bearer("abc".into()));
    let key = fingerprint(&Shown::ApiKey("abc".into()));
    let who = Admitted {
        name: "ann".into(),
        rights: Rights::These([Permission::ReadOrder].into()),
    };
    access.remember(session, &who, now);
    assert_eq!(access.known(&session, now), Known::Now(who.clone()));
    assert_eq!(access.known(&key, now), Known::Never);
    assert!(who.has_any(&[Permission::UpdateOrder, Permission::ReadOrder]));
    assert!(!who.has_any(&[Permission::UpdateOrder]));
    assert_eq!(access.known(&session, now + BELIEVED), Known::Before);
    assert_eq!(access.known(&session, now + REMEMBERED_FOR), Known::Never);
    access.forget(&session);
    assert_eq!(access.known(&session, now), Known::Never);
    for n in 0..3000_u32 {
        let shown = Shown::Bearer(n.to_string());
        access.remember(fingerprint(&shown), &who, now);
    }
    assert!(access.known.lock().unwrap().len() <= REMEMBERED);
}

#[test]
fn what_vendure_said_is_believed_for_a_minute_and_remembered_for_half_a_day() {
    let access = Access::default();
    let print = fingerprint(&Shown::Bearer("abc".into()));
    let now = Instant::now();
    assert_eq!(access.known(&print, now), Known::Never);
    assert_eq!(access.remembered(&print, now), None);
    let ann = Admitted {
        name: "ann".into(),
        rights: Rights::These(BTreeSet::from([Permission::UpdateOrder])),
    };
    access.remember(print, &ann, now);
    let soon = now + BELIEVED - Duration::from_millis(1);
    assert_eq!(access.known(&print, soon), Known::Now(ann.clone()));
    assert_eq!(access.known(&print, now + BELIEVED), Known::Before);
    let late = now + REMEMBERED_FOR - Duration::from_millis(1);
    assert_eq!(access.remembered(&print, late), Some(ann));
    assert_eq!(access.known(&print, now + REMEMBERED_FOR), Known::Never);
    assert_eq!(access.remembered(&print, now + REMEMBERED_FOR), None);
    access.forget(&print);
    assert_eq!(access.known(&print, now), Known::Never);
}
