//! The style `oms`: what of VeraCore's SOAP services differs from system to system.

use super::{problem::ReadResult, reader::SettingReader};

/// What becomes of an order whose shipping method `[freight]` does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmappedShipping {
    Send,
    Refuse,
}

/// Where the stock of a single SKU is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmsInventory {
    Offers,
    Products,
}

/// How the service that cancels orders is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OmsCancelStyle {
    Soap,
    Json,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmsConfig {
    /// `None`: the one that belongs to the URL.
    pub namespace: Option<String>,
    pub unmapped_shipping: UnmappedShipping,
    pub max_order_id_length: usize,
    pub inventory: OmsInventory,
    /// What a fault for an unknown order says.
    pub not_found_text: Option<String>,
    pub cancel_style: OmsCancelStyle,
    pub cancel_namespace: String,
    /// `None`: namespace and operation.
    pub cancel_action: Option<String>,
}

pub(super) fn read(reader: &mut SettingReader) -> ReadResult<OmsConfig> {
    let namespace = reader.parse("VERACORE_OMS_NAMESPACE", parse_namespace);
    let unmapped = [
        ("send", UnmappedShipping::Send),
        ("refuse", UnmappedShipping::Refuse),
    ];
    let unmapped = reader.choice("VERACORE_OMS_UNMAPPED_SHIPPING", &unmapped);
    let unmapped = reader.require("VERACORE_OMS_UNMAPPED_SHIPPING", unmapped);
    let max_order_id = reader.number("VERACORE_OMS_ORDER_ID_LENGTH", 10..=255);
    let inventory = [
        ("offers", OmsInventory::Offers),
        ("products", OmsInventory::Products),
    ];
    let inventory = reader.choice("VERACORE_OMS_INVENTORY", &inventory);
    let inventory = reader.require("VERACORE_OMS_INVENTORY", inventory);
    let not_found_text = reader.parse("VERACORE_OMS_NOT_FOUND_TEXT", |text| {
        if text.chars().count() < 5 {
            return Err("is too short to tell anything by".into());
        }
        Ok(text.to_owned())
    });
    let styles = [
        ("soap", OmsCancelStyle::Soap),
        ("json", OmsCancelStyle::Json),
    ];
    let style = reader.choice("VERACORE_OMS_CANCEL_STYLE", &styles);
    let style = reader.require("VERACORE_OMS_CANCEL_STYLE", style);
    let cancel_namespace = reader.parse("VERACORE_OMS_CANCEL_NAMESPACE", self::parse_namespace);
    let cancel_namespace = reader.require("VERACORE_OMS_CANCEL_NAMESPACE", cancel_namespace);
    let cancel_action = reader.parse("VERACORE_OMS_CANCEL_ACTION", self::parse_namespace);
    Ok(OmsConfig {
        namespace: namespace?,
        unmapped_shipping: unmapped?,
        max_order_id_length: usize::try_from(max_order_id?).unwrap_or(50),
        inventory: inventory?,
        not_found_text: not_found_text?,
        cancel_style: style?,
        cancel_namespace: cancel_namespace?,
        cancel_action: cancel_action?,
    })
}

/// It also becomes part of a header.
fn parse_namespace(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= 200
        && text.chars().all(|c| c.is_ascii_graphic() && c != '"');
    if !fits || !text.contains(':') {
        return Err("is no XML namespace (such as http://omscom/, its last slash included)".into());
    }
    Ok(text.to_owned())
}
