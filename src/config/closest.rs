//! The known name that a misspelled one probably means. Pure; knows nothing about settings.

/// Longer words are not misspelled names.
const MAX_CHARS: usize = 64;

/// The candidate that `word` most likely means, ignoring case: a few letters away, or with words
/// left out (`VERACORE_TIMEOUT` for `VERACORE_TIMEOUT_SECONDS`).
pub(super) fn closest_name<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.chars().count() > MAX_CHARS {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let tolerance = (word.chars().count() / 6).clamp(1, 3);
    // Fewest wrong letters first; a left-out word is worse than any number of them.
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_ascii_lowercase();
            let letters = strsim::levenshtein(&word, &lower);
            if letters <= tolerance {
                Some((letters, candidate))
            } else if omits_words(&word, &lower) {
                Some((MAX_CHARS + letters, candidate))
            } else {
                None
            }
        })
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, candidate)| candidate)
}

/// Whether `short` is `long` with words left out, and has at least two.
fn omits_words(short: &str, long: &str) -> bool {
    let mut rest = long.split('_');
    short.contains('_') && short.split('_').all(|word| rest.any(|w| w == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_names_are_recognized_and_others_are_not() {
        let known = ["VERACORE_API_URL", "VERACORE_TIMEOUT_SECONDS", "skus"];
        let near = |word| closest_name(word, known);
        assert_eq!(near("VERACORE_APU_URL"), Some("VERACORE_API_URL"));
        assert_eq!(near("VERACORE_URL"), Some("VERACORE_API_URL"));
        assert_eq!(near("veracore_api_url"), Some("VERACORE_API_URL"));
        assert_eq!(near("VERACORE_TIMEOUT"), Some("VERACORE_TIMEOUT_SECONDS"));
        assert_eq!(near("sku"), Some("skus"));
        assert_eq!(near("VERACORE"), None);
        assert_eq!(near("VERACORE_PLUGIN_DIRECTORY"), None);
        assert_eq!(near(&"x".repeat(10_000)), None);
    }
}
