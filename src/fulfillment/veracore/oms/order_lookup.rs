//! The call of `GetOrderInfo`.

use super::{
    calls::{ORDER_TERMS, SoapReply, SoapRequest},
    client::OmsClient,
    faults::SoapFaultKind,
    order_info::{OrderInfo, read_order_info},
    xml::XmlWriter,
};
use crate::{domain::OrderCode, fulfillment::ProviderError, http::CallKind};

impl OmsClient {
    /// Fetches an order; `None` when VeraCore says that it does not have it.
    pub(super) async fn fetch_order_info(
        &self,
        name: &'static str,
        number: &OrderCode,
    ) -> Result<Option<OrderInfo>, ProviderError> {
        let mut arguments = XmlWriter::default();
        arguments.text_element("orderId", number.as_str());
        let request = SoapRequest {
            name,
            operation: "GetOrderInfo",
            kind: CallKind::Read,
            arguments: arguments.into_string(),
            subject_terms: ORDER_TERMS,
            redactions: Vec::new(),
        };
        match self.call(&request, None).await? {
            SoapReply::Response {
                http_response,
                element,
            } => read_order_info(&element, self.timezone)
                .map_err(|problem| http_response.malformed(problem).into()),
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::NotFound => Ok(None),
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }
}
