//! SOAP envelopes: written as SOAP 1.1 (W3C note of 2000), read as 1.1 or 1.2.

use super::{
    super::common::{MAX_ROWS, fields::ParseProblem},
    xml::{self, Element, ElementVisitor, XmlWriter},
};
use crate::domain::text::one_line;

const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_1_2: &str = "http://www.w3.org/2003/05/soap-envelope";

/// Elements of one row, and of a response without rows.
const MAX_ROW_NODES: usize = 50_000;
const MAX_RESPONSE_NODES: usize = 200_000;

/// The credentials in an envelope's header.
pub(super) struct AuthenticationHeader<'a> {
    pub username: &'a str,
    pub password: &'a str,
}

impl AuthenticationHeader<'_> {
    /// Writes the element in `namespace`, or in that of the element around it.
    pub(super) fn write(&self, xml: &mut XmlWriter, namespace: Option<&str>) {
        const NAME: &str = "AuthenticationHeader";
        match namespace {
            Some(namespace) => xml.open_in(NAME, namespace),
            None => xml.open(NAME),
        }
        xml.text_element("Username", self.username);
        xml.text_element("Password", self.password);
        xml.close(NAME);
    }
}

/// Writes an envelope around the arguments of an operation. All services but one expect the
/// credentials in its header.
pub(super) fn write_envelope(
    namespace: &str,
    operation: &str,
    auth: Option<&AuthenticationHeader<'_>>,
    arguments: &str,
) -> String {
    let mut xml = XmlWriter::default();
    xml.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    xml.open(&format!("soap:Envelope xmlns:soap=\"{SOAP_1_1}\""));
    if let Some(auth) = auth {
        xml.open("soap:Header");
        auth.write(&mut xml, Some(namespace));
        xml.close("soap:Header");
    }
    xml.open("soap:Body");
    xml.open_in(operation, namespace);
    xml.raw(arguments);
    xml.close(operation);
    xml.close("soap:Body");
    xml.close("soap:Envelope");
    xml.into_string()
}

pub(super) enum SoapBody {
    /// The raw code and text of a fault.
    Fault { code: String, text: String },
    /// `<Operation>Response`, without the rows that went to an [`ElementSink`].
    Response(Element),
}

pub(super) struct ExpectedResponse<'a> {
    pub operation: &'a str,
    /// `None` for a service whose namespace is unknown.
    pub namespace: Option<&'a str>,
}

/// Takes the elements below `<Operation>Result` one by one, so that a long list is never in memory
/// as XML.
pub(super) type ElementSink<'a> = &'a mut (dyn FnMut(Element) + Send);

/// Reads a response. `take` gets the result's elements; without it, they stay in the response.
pub(super) fn parse(
    body: &[u8],
    expected: &ExpectedResponse<'_>,
    take: Option<ElementSink<'_>>,
) -> Result<SoapBody, ParseProblem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".into());
    }
    let max_nodes = if take.is_some() {
        MAX_ROW_NODES
    } else {
        MAX_RESPONSE_NODES
    };
    let mut envelope = EnvelopeReader {
        expected,
        sink: take,
        rows: 0,
        in_body: false,
        is_fault: false,
        content: None,
    };
    xml::parse(body, max_nodes, &mut envelope)?;
    let content = envelope.content.ok_or("its Body is missing or empty")?;
    if !envelope.is_fault {
        return Ok(SoapBody::Response(content));
    }
    let code = content.child_text("faultcode").map(str::to_owned);
    let code = code.or_else(|| content.child("Code").map(Element::all_text));
    let text = content
        .child("faultstring")
        .or_else(|| content.child("Reason"));
    Ok(SoapBody::Fault {
        code: code.unwrap_or_default().trim().to_owned(),
        text: text.map(Element::all_text).unwrap_or_default(),
    })
}

struct EnvelopeReader<'a, 'b> {
    expected: &'a ExpectedResponse<'a>,
    sink: Option<ElementSink<'b>>,
    rows: usize,
    in_body: bool,
    is_fault: bool,
    content: Option<Element>,
}

impl EnvelopeReader<'_, '_> {
    fn check_expected(&self, namespace: &str, name: &str) -> Result<(), ParseProblem> {
        let operation = self.expected.operation;
        if name.strip_suffix("Response") != Some(operation) {
            return Err(format!("it is not the response to {operation}"));
        }
        match self.expected.namespace {
            Some(ours) if ours != namespace => Err(format!(
                "its namespace is \"{}\" instead of \"{ours}\"; see VERACORE_OMS_NAMESPACE",
                one_line(namespace, 80)
            )),
            _ => Ok(()),
        }
    }
}

impl ElementVisitor for EnvelopeReader<'_, '_> {
    fn start_element(
        &mut self,
        depth: usize,
        namespace: &str,
        name: &str,
    ) -> Result<(), ParseProblem> {
        let soap = matches!(namespace, SOAP_1_1 | SOAP_1_2);
        match depth {
            0 if name.eq_ignore_ascii_case("html") => Err("it is an HTML page".into()),
            0 if !soap || name != "Envelope" => Err("it is not a SOAP envelope".into()),
            1 => {
                self.in_body = soap && name == "Body";
                Ok(())
            }
            2 if self.in_body && self.content.is_some() => {
                Err("its Body contains more than one response".into())
            }
            2 if self.in_body && soap && name == "Fault" => {
                self.is_fault = true;
                Ok(())
            }
            2 if self.in_body => self.check_expected(namespace, name),
            _ => Ok(()),
        }
    }

    fn end_element(
        &mut self,
        depth: usize,
        element: Element,
    ) -> Result<Option<Element>, ParseProblem> {
        if !self.in_body || self.is_fault && depth > 2 {
            return Ok(Some(element));
        }
        match (depth, &mut self.sink) {
            (2, _) => {
                self.content = Some(element);
                Ok(None)
            }
            (4, Some(take)) => {
                self.rows += 1;
                if self.rows > MAX_ROWS {
                    return Err(format!("it has more than {MAX_ROWS} rows in one page"));
                }
                take(element);
                Ok(None)
            }
            _ => Ok(Some(element)),
        }
    }
}
