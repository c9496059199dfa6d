//! SOAP around a request and a response: envelopes of both versions, actions, credentials, faults.
//!
//! Behaves like .NET's service framework.

use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};

use super::{
    super::{call::Call, config::SandboxConfig, reply::Reply},
    shape,
    tables::{AUTHENTICATION, DEBUG},
    tree::{self, Node},
    xml::Xml,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V11,
    V12,
}

impl Version {
    const fn space(self) -> &'static str {
        match self {
            Self::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml; charset=utf-8",
            Self::V12 => "application/soap+xml; charset=utf-8",
        }
    }

    /// The version by content type; `None` for any other type.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = header(headers, CONTENT_TYPE.as_str())?;
        let mut parts = value.split(';').map(str::trim);
        let version = match parts.next()?.to_ascii_lowercase().as_str() {
            "text/xml" => Self::V11,
            "application/soap+xml" => Self::V12,
            _ => return None,
        };
        let charset = parts.find_map(|part| parameter(part, "charset"));
        charset
            .is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
            .then_some(version)
    }
}

/// The message of a SOAP fault, and its fault code.
#[derive(Debug)]
pub(super) enum SoapFault {
    /// The request is invalid; the operation was not called.
    Client(String),
    /// The operation failed.
    Server(String),
}

/// The parts of an envelope.
#[derive(Debug)]
pub(super) struct Request {
    /// The `AuthenticationHeader`.
    pub login: Option<Node>,
    /// The body's element, named after the operation.
    pub operation: Node,
}

/// The action without quotes, from the header (SOAP 1.1) or the content type's parameter (1.2).
pub(super) fn action(headers: &HeaderMap) -> Option<&str> {
    if let Some(action) = header(headers, "soapaction") {
        return Some(action.trim().trim_matches('"'));
    }
    let value = header(headers, CONTENT_TYPE.as_str())?;
    value
        .split(';')
        .find_map(|part| parameter(part.trim(), "action"))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn parameter<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = part.split_once('=')?;
    let same = found.trim().eq_ignore_ascii_case(name);
    same.then(|| value.trim().trim_matches('"'))
}

/// Reads the envelope of an `.asmx` call and checks its action and namespace.
pub(super) fn open(call: &Call, version: Version, space: &str) -> Result<Request, SoapFault> {
    let request = unwrap_body(call, version)?;
    let name = &request.operation.name;
    check_action(call, version, space, name)?;
    if request.operation.space.as_deref() != Some(space) {
        return Err(SoapFault::Client(format!("{name} is not in {space}")));
    }
    Ok(request)
}

/// Reads an envelope, without checking the operation's namespace.
pub(super) fn unwrap_body(call: &Call, version: Version) -> Result<Request, SoapFault> {
    let unreadable = |message: String| SoapFault::Client(message);
    let soap = version.space();
    let mut envelope = tree::parse(&call.body).map_err(unreadable)?;
    if !envelope.is(soap, "Envelope") {
        return Err(SoapFault::Client(format!(
            "the document is not an Envelope of {soap}"
        )));
    }
    let mut parts = std::mem::take(&mut envelope.children).into_iter();
    let mut next = parts.next();
    let mut login = None;
    if next.as_ref().is_some_and(|part| part.is(soap, "Header")) {
        login = read_header(next.take().unwrap_or_default())?;
        next = parts.next();
    }
    let mut body = match next {
        Some(body) if body.is(soap, "Body") && parts.next().is_none() => body,
        _ => {
            let message = "the Envelope does not have exactly one Body";
            return Err(SoapFault::Client(message.into()));
        }
    };
    let (Some(operation), None) = (body.children.pop(), body.children.pop()) else {
        return Err(SoapFault::Client(
            "the Body does not contain exactly one element".into(),
        ));
    };
    Ok(Request { login, operation })
}

fn read_header(header: Node) -> Result<Option<Node>, SoapFault> {
    let mut login = None;
    for block in header.children {
        let Some(space) = block.space.clone() else {
            let message = format!("{} is in no namespace", block.name);
            return Err(SoapFault::Client(message));
        };
        let checked = match block.name.as_str() {
            "AuthenticationHeader" if login.is_none() => {
                let checked = shape::check(&block, "AuthenticationHeader", AUTHENTICATION, &space);
                login = Some(block);
                checked
            }
            "DebugHeader" => shape::check(&block, "DebugHeader", DEBUG, &space),
            name => Err(format!("the header block {name} is unknown or repeated")),
        };
        checked.map_err(SoapFault::Client)?;
    }
    Ok(login)
}

/// SOAP 1.1 requires the action, in quotes; in 1.2 it is optional.
fn check_action(call: &Call, version: Version, space: &str, name: &str) -> Result<(), SoapFault> {
    let expected = format!("{space}{name}");
    let matches = match version {
        Version::V11 => header(&call.headers, "soapaction") == Some(&format!("\"{expected}\"")),
        Version::V12 => action(&call.headers).is_none_or(|action| action == expected),
    };
    if matches {
        return Ok(());
    }
    let found = header(&call.headers, "soapaction").unwrap_or_default();
    Err(SoapFault::Client(format!(
        "Server did not recognize the value of HTTP Header SOAPAction: {found}. \
         It should be \"{expected}\""
    )))
}

/// Checks the user name and password of the `AuthenticationHeader`.
pub(super) fn authorize(
    config: &SandboxConfig,
    login: Option<&Node>,
    space: &str,
) -> Result<(), SoapFault> {
    let Some(login) = login.filter(|login| login.space.as_deref() == Some(space)) else {
        return Err(SoapFault::Server(format!(
            "the AuthenticationHeader of {space} is missing"
        )));
    };
    let text = |name| login.child(name).map(|node| node.text.as_str());
    if is_user(config, text("Username"), text("Password")) {
        Ok(())
    } else {
        Err(SoapFault::Server("Invalid user name or password".into()))
    }
}

pub(super) fn is_user(config: &SandboxConfig, id: Option<&str>, secret: Option<&str>) -> bool {
    id == Some(config.client_id.as_str()) && secret == Some(config.client_secret.as_str())
}

/// 200 with `<NameResponse>` around the operation's result.
pub(super) fn answer(version: Version, space: &str, name: &str, result: &str) -> Reply {
    let body = format!("<{name}Response xmlns=\"{space}\">{result}</{name}Response>");
    wrap(StatusCode::OK, version, &body)
}

/// 500 with a fault in the format of a .NET exception.
pub(super) fn fault(version: Version, name: &str, fault: &SoapFault) -> Reply {
    let (code, summary, message) = match fault {
        SoapFault::Client(message) => ("Client", "Server was unable to read request.", message),
        SoapFault::Server(message) => ("Server", "Server was unable to process request.", message),
    };
    let text = format!(
        "System.Web.Services.Protocols.SoapException: {summary} ---> System.Exception: {message}\n   \
         at VeraCore.Sandbox.Oms.{name}()\n   --- End of inner exception stack trace ---"
    );
    let mut xml = Xml::default();
    xml.group("soap:Fault", |xml| match version {
        Version::V11 => {
            xml.value("faultcode", format!("soap:{code}"));
            xml.value("faultstring", &text);
            xml.value("detail", "");
        }
        Version::V12 => {
            let code = if code == "Client" {
                "Sender"
            } else {
                "Receiver"
            };
            xml.group("soap:Code", |xml| {
                xml.value("soap:Value", format!("soap:{code}"));
            });
            xml.group("soap:Reason", |xml| xml.value("soap:Text", &text));
            xml.value("soap:Detail", "");
        }
    });
    // The only attribute that .NET writes in a fault.
    let body = xml
        .into_string()
        .replace("<soap:Text>", "<soap:Text xml:lang=\"en\">");
    wrap(StatusCode::INTERNAL_SERVER_ERROR, version, &body)
}

fn wrap(status: StatusCode, version: Version, body: &str) -> Reply {
    let soap = version.space();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"{soap}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soap:Body>{body}</soap:Body></soap:Envelope>"
    );
    Reply::text(status, version.content_type(), text)
}

pub(super) fn text_page(status: StatusCode, message: &str) -> Reply {
    Reply::text(status, "text/plain; charset=utf-8", message.to_owned())
}

pub(super) fn wrong_type() -> Reply {
    let message = "the body must be text/xml or application/soap+xml, in UTF-8";
    text_page(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
}
