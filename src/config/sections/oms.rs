//! The style `oms`: the settings in which VeraCore's SOAP services differ from system to system.

use crate::config::{
    forms::choices::{OmsCancelStyle, OmsInventory, UnmappedShipping},
    layers::values::Values,
    table,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmsConfig {
    /// `None`: from the URL.
    pub namespace: Option<String>,
    pub unmapped_shipping: UnmappedShipping,
    pub max_order_id_length: usize,
    pub inventory: OmsInventory,
    /// A part of the fault for an unknown order.
    pub not_found_text: Option<String>,
    pub cancel_style: OmsCancelStyle,
    pub cancel_namespace: String,
    /// `None`: namespace and operation.
    pub cancel_action: Option<String>,
}

pub fn build(values: &Values) -> Option<OmsConfig> {
    Some(OmsConfig {
        namespace: values.get(&table::VERACORE_OMS_NAMESPACE),
        unmapped_shipping: values.get(&table::VERACORE_OMS_UNMAPPED_SHIPPING)?,
        max_order_id_length: values.get(&table::VERACORE_OMS_ORDER_ID_LENGTH)?,
        inventory: values.get(&table::VERACORE_OMS_INVENTORY)?,
        not_found_text: values.get(&table::VERACORE_OMS_NOT_FOUND_TEXT),
        cancel_style: values.get(&table::VERACORE_OMS_CANCEL_STYLE)?,
        cancel_namespace: values.get(&table::VERACORE_OMS_CANCEL_NAMESPACE)?,
        cancel_action: values.get(&table::VERACORE_OMS_CANCEL_ACTION),
    })
}
