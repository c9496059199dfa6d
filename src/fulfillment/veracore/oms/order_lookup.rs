//! The call of `GetOrderInfo`.

use super::{
    calls::{ORDER_TERMS, SoapReply, SoapRequest},
    client::OmsClient,
    faults::SoapFaultKind,
    order_info::{OrderInfo, read_order_info},
};
use crate::{domain::OrderCode, fulfillment::ProviderError};

impl OmsClient {
    /// Fetches an order; `None` when VeraCore says that it does not have it.
    pub(super) async fn fetch_order_info(
        &self,
        name: &'static str,
        number: &OrderCode,
    ) -> Result<Option<OrderInfo>, ProviderError> {
        let arguments = [("orderId", number.as_str())];
        let request = SoapRequest::read(name, "GetOrderInfo", &arguments, ORDER_TERMS);
        match self.call(&request, None).await? {
            SoapReply::Response {
                http_response,
                element,
            } => read_order_info(&element, self.settings.timezone)
                .map_err(|problem| http_response.malformed(problem).into()),
            SoapReply::Fault(fault) if fault.kind == SoapFaultKind::NotFound => Ok(None),
            SoapReply::Fault(fault) => Err(fault.into_error()),
        }
    }
}
