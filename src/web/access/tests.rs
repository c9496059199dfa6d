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
    match read_credential(&map)? {
        RequestCredential::Bearer(token) => Some(("bearer", token)),
        RequestCredential::ApiKey(key) => Some(("key", key)),
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
    let long = format!("Bearer {}", "a".repeat(MAX_CREDENTIAL_BYTES));
    assert_eq!(read(&[("authorization", &long)]), None);
}

#[test]
fn two_credentials_are_none() {
    let mut map = HeaderMap::new();
    for token in ["Bearer a", "Bearer b"] {
        map.append(header::AUTHORIZATION, HeaderValue::from_static(token));
    }
    assert!(read_credential(&map).is_none());
}

#[test]
fn texts_are_compared_whole() {
    let ours = SecretString::from("abc");
    assert!(constant_time_eq("abc", &ours));
    for other in ["", "ab", "abcd", "abC", "abc "] {
        assert!(!constant_time_eq(other, &ours), "{other}");
    }
}

#[test]
fn what_vendure_said_is_believed_for_a_minute_and_of_that_credential_alone() {
    let access = CredentialCache::default();
    let now = Instant::now();
    let session = fingerprint(&RequestCredential::Bearer("abc".into()));
    let key = fingerprint(&RequestCredential::ApiKey("abc".into()));
    let who = Principal {
        name: "ann".into(),
        rights: Rights::Only([Permission::ReadOrder].into()),
    };
    access.insert(session, &who, now);
    assert_eq!(
        access.lookup(&session, now),
        CachedIdentity::Fresh(who.clone())
    );
    assert_eq!(access.lookup(&key, now), CachedIdentity::Unknown);
    assert!(who.has_any_permission(&[Permission::UpdateOrder, Permission::ReadOrder]));
    assert!(!who.has_any_permission(&[Permission::UpdateOrder]));
    assert_eq!(
        access.lookup(&session, now + IDENTITY_FRESH_FOR),
        CachedIdentity::Stale
    );
    assert_eq!(
        access.lookup(&session, now + IDENTITY_KEPT_FOR),
        CachedIdentity::Unknown
    );
    access.remove(&session);
    assert_eq!(access.lookup(&session, now), CachedIdentity::Unknown);
    for n in 0..3000_u32 {
        let shown = RequestCredential::Bearer(n.to_string());
        access.insert(fingerprint(&shown), &who, now);
    }
    assert!(access.identities.lock().unwrap().len() <= MAX_CACHED_IDENTITIES);
}

#[test]
fn what_vendure_said_is_believed_for_a_minute_and_remembered_for_half_a_day() {
    let access = CredentialCache::default();
    let print = fingerprint(&RequestCredential::Bearer("abc".into()));
    let now = Instant::now();
    assert_eq!(access.lookup(&print, now), CachedIdentity::Unknown);
    assert_eq!(access.last_known(&print, now), None);
    let ann = Principal {
        name: "ann".into(),
        rights: Rights::Only(BTreeSet::from([Permission::UpdateOrder])),
    };
    access.insert(print, &ann, now);
    let soon = now + IDENTITY_FRESH_FOR - Duration::from_millis(1);
    assert_eq!(
        access.lookup(&print, soon),
        CachedIdentity::Fresh(ann.clone())
    );
    assert_eq!(
        access.lookup(&print, now + IDENTITY_FRESH_FOR),
        CachedIdentity::Stale
    );
    let late = now + IDENTITY_KEPT_FOR - Duration::from_millis(1);
    assert_eq!(access.last_known(&print, late), Some(ann));
    assert_eq!(
        access.lookup(&print, now + IDENTITY_KEPT_FOR),
        CachedIdentity::Unknown
    );
    assert_eq!(access.last_known(&print, now + IDENTITY_KEPT_FOR), None);
    access.remove(&print);
    assert_eq!(access.lookup(&print, now), CachedIdentity::Unknown);
}
