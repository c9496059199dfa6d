//! Which known name somebody may have meant. Pure; knows nothing about settings.

/// Longer words are nobody's misspelling of ours.
const MAX_CHARS: usize = 64;

/// The candidate that `word` is most likely a slip of: a few letters away, or the same words with
/// one left out (`VERACORE_TIMEOUT` for `VERACORE_TIMEOUT_SECONDS`). Case does not count.
pub(super) fn closest_name<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.chars().count() > MAX_CHARS {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let tolerance = (word.chars().count() / 6).clamp(1, 3);
    // Fewest wrong letters first; a left-out word counts as worse than any slip of letters.
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_ascii_lowercase();
            let letters = edit_distance(&word, &lower);
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

/// Whether `short` is `long` with words left out, keeping two at least.
fn omits_words(short: &str, long: &str) -> bool {
    let mut rest = long.split('_');
    short.contains('_') && short.split('_').all(|word| rest.any(|w| w == word))
}

/// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
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
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
