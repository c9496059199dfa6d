//! The style `oms` over HTTP, with hand-written envelopes.

mod add_order;
mod cancel;
mod envelope;
mod faults;
mod lists;
mod order_info;

use super::*;
use crate::sandbox::{NewPackage, UnknownOrder};

const OMS: &str = "http://omscom/";

/// The path and headers of a call.
struct Post {
    path: &'static str,
    action: Option<String>,
    content_type: &'static str,
}

impl Post {
    fn of(operation: &str) -> Self {
        Self {
            path: "/pmomsws/oms.asmx",
            action: Some(format!("\"{OMS}{operation}\"")),
            content_type: "text/xml; charset=utf-8",
        }
    }

    /// The bytes of the response, as far as they were received.
    async fn bytes(&self, sandbox: &Sandbox, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(sandbox.addr()).await.unwrap();
        let action = self.action.as_ref();
        let action = action.map_or_else(String::new, |action| format!("SOAPAction: {action}\r\n"));
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: twin.test\r\nConnection: close\r\n{action}\
             Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
            self.path,
            self.content_type,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        timeout(Duration::from_secs(20), reading)
            .await
            .expect("the connection is closed")
            .unwrap();
        answer
    }

    async fn send(&self, sandbox: &Sandbox, body: impl AsRef<[u8]>) -> Raw {
        parse(&self.bytes(sandbox, body.as_ref()).await)
    }
}

fn login(space: &str, secret: &str) -> String {
    format!(
        "<AuthenticationHeader xmlns=\"{space}\"><Username>sandbox-client</Username>\
         <Password>{secret}</Password></AuthenticationHeader>"
    )
}

/// An envelope of version 1.1 around an operation of `oms.asmx`.
fn envelope(operation: &str, inner: &str) -> String {
    wrapped(
        &login(OMS, "sandbox-secret"),
        &format!("<{operation} xmlns=\"{OMS}\">{inner}</{operation}>"),
    )
}

fn wrapped(header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<s:Envelope \
         xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>{header}</s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

async fn ask(sandbox: &Sandbox, operation: &str, inner: &str) -> Raw {
    let post = Post::of(operation);
    post.send(sandbox, envelope(operation, inner)).await
}

/// The response of a successful operation.
async fn invoke(sandbox: &Sandbox, operation: &str, inner: &str) -> String {
    let answer = ask(sandbox, operation, inner).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer
            .head
            .contains("content-type: text/xml; charset=utf-8")
    );
    answer.text()
}

/// The message of a fault, without .NET's exception text around it.
fn message(answer: &Raw) -> String {
    let text = answer.text();
    assert_eq!(answer.status, 500, "{text}");
    let (_, rest) = text.split_once("---&gt; System.Exception: ").unwrap();
    let (message, _) = rest.split_once("\n   at VeraCore.Sandbox.").unwrap();
    message.to_owned()
}

async fn refusal(sandbox: &Sandbox, operation: &str, inner: &str) -> String {
    message(&ask(sandbox, operation, inner).await)
}

/// The `<order>` of an `AddOrder` with one line.
fn soap_order(number: &str, sku: &str, quantity: u32) -> String {
    format!(
        "<order><Header><ID>{number}</ID><EntryDate>2025-03-04T03:00:00</EntryDate>\
         <ReferenceNumber>REF</ReferenceNumber><PONumber>PO-7</PONumber>\
         <Comments>dock &amp; door</Comments></Header>\
         <Shipping><FreightCode>U11</FreightCode></Shipping>\
         <OrderedBy><FirstName>Ann</FirstName><LastName>Lee</LastName>\
         <CompanyName>Acme</CompanyName><Address1>1 Main St</Address1><City>Reno</City>\
         <State>NV</State><PostalCode>89501</PostalCode><Country>US</Country></OrderedBy>\
         <ShipTo><OrderShipTo><Flag>OrderedBy</Flag><Key>1</Key></OrderShipTo></ShipTo>\
         <BillTo><Flag>OrderedBy</Flag></BillTo>\
         <Offers><OfferOrdered><Offer><Header><ID>{sku}</ID></Header></Offer>\
         <Quantity>{quantity}</Quantity><OrderShipTo><Key>1</Key></OrderShipTo>\
         <UnitPrice>9.950</UnitPrice></OfferOrdered></Offers></order>"
    )
}

async fn add(sandbox: &Sandbox, number: &str, sku: &str, quantity: u32) -> String {
    invoke(sandbox, "AddOrder", &soap_order(number, sku, quantity)).await
}

async fn info(sandbox: &Sandbox, number: &str) -> String {
    let id = format!("<orderId>{number}</orderId>");
    invoke(sandbox, "GetOrderInfo", &id).await
}

/// The texts of all elements of this name.
fn all(xml: &str, name: &str) -> Vec<String> {
    xml.split(&format!("<{name}>"))
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap_or_default().to_owned())
        .collect()
}
