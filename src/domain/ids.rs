//! Identifiers, each its own type, so that an order's ID is never mistaken for its code.

use std::{borrow::Borrow, fmt};

use serde::{Deserialize, Serialize};

/// The longest identifier accepted from outside, far above Vendure's and VeraCore's own.
const MAX_CHARS: usize = 255;

/// The reason why a text from outside is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    #[error("{what} is empty")]
    Empty { what: &'static str },
    #[error("{what} is {chars} characters long; at most {MAX_CHARS} are accepted")]
    TooLong { what: &'static str, chars: usize },
    #[error("{what} contains a control character")]
    ControlCharacter { what: &'static str },
}

fn check(what: &'static str, text: &str) -> Result<(), InvalidIdentifier> {
    if text.trim().is_empty() {
        return Err(InvalidIdentifier::Empty { what });
    }
    // No text has more characters than bytes.
    if text.len() > MAX_CHARS {
        let chars = text.chars().count();
        if chars > MAX_CHARS {
            return Err(InvalidIdentifier::TooLong { what, chars });
        }
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidIdentifier::ControlCharacter { what });
    }
    Ok(())
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $type:ident = $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Keeps the text unchanged, including spaces and case.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidIdentifier> {
                let text = text.into();
                check($what, &text)?;
                Ok(Self(text))
            }

            /// True if [`Self::parse`] accepts the text.
            pub fn is_valid(text: &str) -> bool {
                check($what, text).is_ok()
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidIdentifier;
            fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
                Self::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

identifiers! {
    /// Vendure's id of an order: `"17"`, or a UUID, as the shop's id strategy has it.
    ShopOrderId = "the order id";

    /// Vendure's order code, `"3HRYTW5VQBHBBMJB"`: what people see, and VeraCore's `OrderNumber`.
    OrderCode = "the order code";

    /// A state of Vendure's order process, `"PaymentSettled"`; shops may define their own.
    OrderState = "the order state";

    /// Vendure's id of an order line.
    LineId = "the order line id";

    /// A stock keeping unit. Compared exactly: case and spaces count.
    Sku = "the SKU";

    /// Vendure's id of a product variant.
    VariantId = "the variant id";

    /// Vendure's id of a stock location.
    LocationId = "the stock location id";

    /// Vendure's id of a fulfillment.
    FulfillmentId = "the fulfillment id";

    /// The code of a Vendure shipping method.
    ShippingMethodCode = "the shipping method code";

    /// The id that VeraCore gave to an order.
    ProviderOrderId = "VeraCore's order id";
}

impl OrderState {
    /// Vendure's own name for a cancelled order, which is final.
    pub const CANCELLED: &str = "Cancelled";

    pub fn cancelled() -> Self {
        Self(Self::CANCELLED.into())
    }

    pub fn is_cancelled(&self) -> bool {
        self.0 == Self::CANCELLED
    }

    /// The order is being edited in Vendure. Vendure accepts a fulfillment even so, and moves the
    /// order out of this state.
    pub fn is_being_edited(&self) -> bool {
        matches!(self.as_str(), "Modifying" | "ArrangingAdditionalPayment")
    }

    /// Nothing is left to ship.
    pub fn is_fulfilled(&self) -> bool {
        matches!(self.as_str(), "Shipped" | "Delivered")
    }

    /// A part of the order was shipped or delivered.
    pub fn is_partly_fulfilled(&self) -> bool {
        self.as_str().starts_with("Partially")
    }
}

/// Lets a map be searched by `&str`.
impl Borrow<str> for Sku {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_they_are_and_bad_ones_refused() {
        assert_eq!(Sku::parse(" ab C ").unwrap().as_str(), " ab C ");
        assert_eq!(
            Sku::parse(" \t"),
            Err(InvalidIdentifier::Empty { what: "the SKU" })
        );
        assert_eq!(
            Sku::parse("a\nb"),
            Err(InvalidIdentifier::ControlCharacter { what: "the SKU" })
        );
        assert_eq!(
            Sku::parse("x".repeat(256)),
            Err(InvalidIdentifier::TooLong {
                what: "the SKU",
                chars: 256
            })
        );
    }
}
