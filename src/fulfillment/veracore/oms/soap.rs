//! SOAP 1.1: the envelope of a question, and what comes back in one.
//!
//! Owns envelope, header, body and fault, and that an answer is of the service that was asked. Must
//! not know what is asked for. (SOAP 1.1, W3C note of 2000; the answers of 1.2 are understood too.)

use super::{
    super::rest::values::Problem,
    xml::{self, Element, Visitor, Xml},
};
use crate::domain::text::one_line;

const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_1_2: &str = "http://www.w3.org/2003/05/soap-envelope";

/// More rows than any answer within the bound on bodies has, unless it means harm.
const MAX_ROWS: usize = 500_000;

/// Elements of one row, and of an answer without rows.
const ROW_NODES: usize = 50_000;
const WHOLE_NODES: usize = 200_000;

/// Who asks, for the envelope's header.
pub(super) struct Login<'a> {
    pub username: &'a str,
    pub password: &'a str,
}

impl Login<'_> {
    /// `AuthenticationHeader`, in the namespace of what is around it.
    pub(super) fn write(&self, xml: &mut Xml, namespace: Option<&str>) {
        const NAME: &str = "AuthenticationHeader";
        match namespace {
            Some(namespace) => xml.open_in(NAME, namespace),
            None => xml.open(NAME),
        }
        xml.text("Username", self.username);
        xml.text("Password", self.password);
        xml.close(NAME);
    }
}

/// A whole envelope around the arguments of an operation. `login`: in its header, as all but one
/// service want it.
pub(super) fn envelope(
    namespace: &str,
    operation: &str,
    login: Option<&Login<'_>>,
    arguments: &str,
) -> String {
    let mut xml = Xml::default();
    xml.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    xml.raw("<soap:Envelope xmlns:soap=\"");
    xml.raw(SOAP_1_1);
    xml.raw("\">");
    if let Some(login) = login {
        xml.open("soap:Header");
        login.write(&mut xml, Some(namespace));
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

/// What an envelope held.
pub(super) enum Said {
    /// The code and the text of a fault, as they came.
    Fault { code: String, text: String },
    /// `<Operation>Response`, without the rows that were given away.
    Response(Element),
}

/// How an answer is read.
pub(super) struct Expected<'a> {
    pub operation: &'a str,
    /// `None` for a service whose namespace is not known.
    pub namespace: Option<&'a str>,
}

/// Whatever takes the elements below `<Operation>Result`, one by one, so that a list of any length
/// needs no more memory than what is made of it.
pub(super) type TakeElement<'a> = &'a mut (dyn FnMut(Element) + Send);

/// Reads an answer; `take` gets the result's elements, or they stay in the response.
///
/// # Errors
/// When it is not an answer to what was asked.
pub(super) fn read(
    body: &[u8],
    expected: &Expected<'_>,
    take: Option<TakeElement<'_>>,
) -> Result<Said, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".into());
    }
    let max_nodes = if take.is_some() {
        ROW_NODES
    } else {
        WHOLE_NODES
    };
    let mut envelope = Envelope {
        expected,
        take,
        rows: 0,
        in_body: false,
        fault: false,
        said: None,
    };
    xml::read(body, max_nodes, &mut envelope)?;
    let fault = envelope.fault;
    let said = envelope.said.ok_or("its Body is missing or empty")?;
    if !fault {
        return Ok(Said::Response(said));
    }
    let code = said.text("faultcode").map(str::to_owned);
    let code = code.or_else(|| said.child("Code").map(Element::all_text));
    let text = said.child("faultstring").or_else(|| said.child("Reason"));
    Ok(Said::Fault {
        code: code.unwrap_or_default().trim().to_owned(),
        text: text.map(Element::all_text).unwrap_or_default(),
    })
}

struct Envelope<'a, 'b> {
    expected: &'a Expected<'a>,
    take: Option<TakeElement<'b>>,
    rows: usize,
    in_body: bool,
    fault: bool,
    said: Option<Element>,
}

impl Envelope<'_, '_> {
    fn is_expected(&self, namespace: &str, name: &str) -> Result<(), Problem> {
        let operation = self.expected.operation;
        if name.strip_suffix("Response") != Some(operation) {
            return Err(format!("it is not the answer to {operation}"));
        }
        match self.expected.namespace {
            Some(ours) if ours != namespace => Err(format!(
                "it is of the namespace \"{}\" instead of \"{ours}\"; see VERACORE_OMS_NAMESPACE",
                one_line(namespace, 80)
            )),
            _ => Ok(()),
        }
    }
}

impl Visitor for Envelope<'_, '_> {
    fn begins(&mut self, depth: usize, namespace: &str, name: &str) -> Result<(), Problem> {
        let soap = matches!(namespace, SOAP_1_1 | SOAP_1_2);
        match depth {
            0 if name.eq_ignore_ascii_case("html") => Err("it is an HTML page".into()),
            0 if !soap || name != "Envelope" => Err("it is no SOAP envelope".into()),
            1 => {
                self.in_body = soap && name == "Body";
                Ok(())
            }
            2 if self.in_body && self.said.is_some() => {
                Err("its Body holds more than one answer".into())
            }
            2 if self.in_body && soap && name == "Fault" => {
                self.fault = true;
                Ok(())
            }
            2 if self.in_body => self.is_expected(namespace, name),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, depth: usize, element: Element) -> Result<Option<Element>, Problem> {
        if !self.in_body || self.fault && depth > 2 {
            return Ok(Some(element));
        }
        match (depth, &mut self.take) {
            (2, _) => {
                self.said = Some(element);
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
