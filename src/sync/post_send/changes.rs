//! Compares an order in Vendure with what was sent to VeraCore. Pure.

use crate::{
    domain::{Order, SkuRules},
    ledger::{ChangedPart, PartDigests, PostSendLine},
    sync::{line_changes::describe_differences, orders::part_digests::part_digests},
};

/// The parts of the order that differ from what was sent. Ignores lines that are not VeraCore's, and
/// prices, which refunds change.
pub fn changed_parts(
    now: &Order,
    sent_parts: Option<&PartDigests>,
    sent_lines: &[PostSendLine],
    rules: &SkuRules,
) -> Vec<ChangedPart> {
    let mut changed = Vec::new();
    if let Some(lines) = changed_lines(now, sent_lines, rules) {
        changed.push(ChangedPart {
            part: "lines".into(),
            detail: Some(lines),
        });
    }
    let parts = part_digests(now);
    for (part, sent) in sent_parts.into_iter().flatten() {
        if parts.get(part).is_some_and(|now| now != sent) {
            changed.push(ChangedPart {
                part: part.clone(),
                detail: None,
            });
        }
    }
    changed.sort();
    changed
}

fn changed_lines(now: &Order, sent: &[PostSendLine], rules: &SkuRules) -> Option<String> {
    // In a partly shipped order, fewer units may be a return.
    let may_be_returned = now.state.is_partly_fulfilled();
    let kept = sent.iter().map(|line| {
        let ordered = now.lines.iter().find(|is| is.id == line.line_id);
        let ordered = ordered.map_or(0, |line| line.quantity);
        let is_return = ordered < line.quantity && may_be_returned;
        let ordered = if is_return { line.quantity } else { ordered };
        (line.sku.as_str(), line.quantity, ordered)
    });
    let added = now.lines.iter().filter(|line| {
        let was_sent = sent.iter().any(|sent| sent.line_id == line.id);
        !was_sent && !rules.skips(&line.sku)
    });
    let added = added.map(|line| (line.sku.as_str(), 0, line.quantity));
    describe_differences(kept.chain(added))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::domain::{
        Address, Contact, CurrencyCode, LineId, Money, OrderCode, OrderLine, OrderState,
        ShippingMethodCode, ShopOrderId,
    };

    fn line(id: &str, sku: &str, quantity: u32) -> OrderLine {
        OrderLine {
            id: LineId::parse(id).unwrap(),
            sku: sku.into(),
            quantity,
            unit_price_gross: Money::from_minor(1099, 2).unwrap(),
            unit_price_net: Money::from_minor(999, 2).unwrap(),
        }
    }

    fn order(state: &str, lines: Vec<OrderLine>) -> Order {
        let at: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
        Order {
            id: ShopOrderId::parse("1").unwrap(),
            code: OrderCode::parse("ABC").unwrap(),
            state: OrderState::parse(state).unwrap(),
            created_at: at,
            placed_at: None,
            currency: CurrencyCode::parse("USD").unwrap(),
            customer: Some(Contact {
                first_name: Some("Ann".into()),
                ..Contact::default()
            }),
            shipping_address: Some(Address {
                full_name: Some("Ann Lee".into()),
                street_line_1: Some("12 Desert Way".into()),
                ..Address::default()
            }),
            billing_address: None,
            shipping_methods: vec![ShippingMethodCode::parse("ground").unwrap()],
            lines,
        }
    }

    fn sent(lines: &[OrderLine]) -> Vec<PostSendLine> {
        let lines = lines.iter().map(|line| PostSendLine {
            line_id: line.id.clone(),
            sku: line.sku.clone(),
            quantity: line.quantity,
        });
        lines.collect()
    }

    fn found(now: &Order, then: &Order) -> Vec<String> {
        let parts = part_digests(then);
        let found = changed_parts(now, Some(&parts), &sent(&then.lines), &SkuRules::default());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_order_that_was_not_touched_does_not_differ() {
        let then = order("PaymentSettled", vec![line("10", "MUG", 2)]);
        assert_eq!(found(&then, &then), [""; 0]);
        // Customers change their accounts, and refunds the prices.
        let mut refunded = then.clone();
        refunded.customer.as_mut().unwrap().email = Some("ann@example.com".into());
        refunded.lines[0].unit_price_gross = Money::from_minor(0, 2).unwrap();
        assert_eq!(found(&refunded, &then), [""; 0]);
    }

    #[test]
    fn each_part_that_was_edited_is_named_and_no_address_is_told() {
        let then = order(
            "PaymentSettled",
            vec![line("10", "MUG", 2), line("11", "POT", 1)],
        );
        let mut now = then.clone();
        now.shipping_address.as_mut().unwrap().street_line_1 = Some("7 Hidden Lane".into());
        now.billing_address.clone_from(&then.shipping_address);
        now.shipping_methods = vec![ShippingMethodCode::parse("express").unwrap()];
        now.lines = vec![line("10", "MUG", 3), line("12", "LID", 1)];
        assert_eq!(
            found(&now, &then),
            [
                "billingAddress",
                "lines (MUG: 2 sent, 3 in Vendure now; POT: 1 sent, not in Vendure any more; LID: not sent, 1 in Vendure now)",
                "shippingAddress",
                "shippingMethod",
            ]
        );
    }

    #[test]
    fn words_that_move_from_one_field_to_another_are_an_edit() {
        let then = order("PaymentSettled", vec![]);
        let mut now = then.clone();
        let address = now.shipping_address.as_mut().unwrap();
        address.street_line_2 = address.street_line_1.take();
        assert_eq!(found(&now, &then), ["shippingAddress"]);
    }

    #[test]
    fn fewer_units_of_an_order_that_was_shipped_in_part_may_be_a_return() {
        let then = order(
            "PaymentSettled",
            vec![line("10", "MUG", 2), line("11", "POT", 1)],
        );
        let now = order(
            "PartiallyShipped",
            vec![line("10", "MUG", 1), line("11", "POT", 2)],
        );
        assert_eq!(
            found(&now, &then),
            ["lines (POT: 1 sent, 2 in Vendure now)"]
        );
    }

    #[test]
    fn an_order_of_which_only_lines_were_kept_is_compared_by_these() {
        let then = order("PaymentSettled", vec![line("10", "MUG", 2)]);
        let mut now = then.clone();
        now.shipping_address = None;
        let found = changed_parts(&now, None, &sent(&then.lines), &SkuRules::default());
        assert_eq!(found, []);
    }
}
