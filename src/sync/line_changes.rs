//! Describes order lines that changed after the order was sent. Pure.

use crate::domain::text::one_line;

/// The most lines that one description names.
const MAX_DIFFERENCES: usize = 10;

/// Describes the lines whose quantity in Vendure differs from the one sent; `None` if there are none.
/// Each line is its SKU, the units sent and the units now.
pub fn describe_differences<'a>(
    lines: impl Iterator<Item = (&'a str, u32, u32)>,
) -> Option<String> {
    let mut differences = lines.filter(|(_, sent, now)| sent != now);
    let mut listed: Vec<String> = differences
        .by_ref()
        .take(MAX_DIFFERENCES)
        .map(|(sku, sent, now)| {
            let sku = one_line(sku, 80);
            match (sent, now) {
                (0, now) => format!("{sku}: not sent, {now} in Vendure now"),
                (sent, 0) => format!("{sku}: {sent} sent, not in Vendure any more"),
                (sent, now) => format!("{sku}: {sent} sent, {now} in Vendure now"),
            }
        })
        .collect();
    let more = differences.count();
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    (!listed.is_empty()).then(|| listed.join("; "))
}
