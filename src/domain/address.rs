//! The recipient of an order and their address.

/// A postal address as the shop has it. Blank fields are absent.
///
/// Personal data: `Debug` does not show it, so that it cannot get into a log line.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Address {
    pub full_name: Option<String>,
    pub company: Option<String>,
    pub street_line_1: Option<String>,
    pub street_line_2: Option<String>,
    pub city: Option<String>,
    pub province: Option<String>,
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<String>,
    pub phone: Option<String>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

impl Address {
    /// True if no field has a value, as in an order without a billing address.
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

/// The buyer. Personal data, like [`Address`].
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Contact {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").finish_non_exhaustive()
    }
}
