//! The forms of a shipping method in orders for VeraCore.

/// A form that VeraCore's web services accept; which one a system uses depends on its setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShipVia {
    /// `code:U11` or `code:U11 UPS Ground`: a freight code of the VeraCore system, and its description.
    FreightCode {
        code: String,
        description: Option<String>,
    },
    /// `UPS / Ground`: a carrier and its service.
    CarrierService { carrier: String, service: String },
    /// `option:Ground`: a shipping option by its description.
    ShippingOption(String),
    /// `handling:Ground`: a shipping option as the special handling of the address.
    SpecialHandling(String),
}

/// The maximum in ProMail's order schema.
const MAX_CODE: usize = 12;
const MAX_TEXT: usize = 255;

impl ShipVia {
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("code:") {
            let rest = rest.trim();
            let (code, description) = rest.split_once(' ').unwrap_or((rest, ""));
            let description = description.trim();
            return Ok(Self::FreightCode {
                code: parse_part("the freight code", code, MAX_CODE)?,
                description: match description {
                    "" => None,
                    _ => Some(parse_part("the description", description, MAX_TEXT)?),
                },
            });
        }
        if let Some(option) = text.strip_prefix("option:") {
            return parse_part("the shipping option", option, MAX_TEXT).map(Self::ShippingOption);
        }
        if let Some(handling) = text.strip_prefix("handling:") {
            return parse_part("the special handling", handling, MAX_TEXT)
                .map(Self::SpecialHandling);
        }
        let (carrier, service) = text.split_once('/').ok_or(
            "is none of: code:U11 UPS Ground, UPS / Ground, option:Ground, handling:Ground",
        )?;
        Ok(Self::CarrierService {
            carrier: parse_part("the carrier", carrier, MAX_TEXT)?,
            service: parse_part("the service", service, MAX_TEXT)?,
        })
    }
}

fn parse_part(name: &str, text: &str, max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(format!(
            "is invalid: {name} is blank or contains a control character"
        ));
    }
    if text.chars().count() > max {
        return Err(format!("{name} is longer than {max} characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_a_spelling() {
        let code = |code: &str, description: Option<&str>| ShipVia::FreightCode {
            code: code.into(),
            description: description.map(str::to_owned),
        };
        for (text, freight) in [
            ("code:U11", code("U11", None)),
            ("code: U11  UPS Ground ", code("U11", Some("UPS Ground"))),
            (
                "option: 2-Day / Air",
                ShipVia::ShippingOption("2-Day / Air".into()),
            ),
            ("handling:Ground", ShipVia::SpecialHandling("Ground".into())),
            (
                "UPS / Next Day",
                ShipVia::CarrierService {
                    carrier: "UPS".into(),
                    service: "Next Day".into(),
                },
            ),
        ] {
            assert_eq!(ShipVia::parse(text), Ok(freight), "{text}");
        }
        for bad in [
            "",
            "Ground",
            "code:",
            "option: ",
            "UPS /",
            "/ Ground",
            "code:1234567890123",
        ] {
            assert!(ShipVia::parse(bad).is_err(), "{bad}");
        }
    }
}
