//! Parses XML into a tree.
//!
//! Refuses DTDs, custom entities, processing instructions, and deep or long documents.

use quick_xml::{
    XmlVersion,
    events::{BytesDecl, BytesRef, BytesStart, Event},
    name::{NamespaceResolver, ResolveResult},
    reader::NsReader,
};

/// Far more than an order with hundreds of lines.
const MAX_BYTES: usize = 1024 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_ATTRIBUTES: usize = 16;
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element with its content.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Without its prefix.
    pub name: String,
    pub space: Option<String>,
    /// All text directly in it, without comments.
    pub text: String,
    pub children: Vec<Node>,
    /// `xsi:nil="true"`.
    pub nil: bool,
    /// Local names of other attributes, without namespace declarations.
    pub attributes: Vec<String>,
}

impl Node {
    pub fn is(&self, space: &str, name: &str) -> bool {
        self.name == name && self.space.as_deref() == Some(space)
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The descendant at a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.child(name))
    }

    /// The trimmed text of the descendant at a path; `None` if it is absent or empty.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        let text = self.at(path)?.text.trim();
        (!text.is_empty()).then_some(text)
    }
}

pub(super) fn parse(body: &[u8]) -> Result<Node, String> {
    if body.len() > MAX_BYTES {
        return Err(format!("the body is longer than {MAX_BYTES} bytes"));
    }
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_characters(text)?;
    let mut reader = NsReader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    let mut builder = TreeBuilder::default();
    loop {
        let (space, event) = reader
            .read_resolved_event()
            .map_err(|error| format!("the body is not well-formed: {error}"))?;
        let space = match space {
            ResolveResult::Bound(space) => Some(space.0.to_owned()),
            ResolveResult::Unbound => None,
            ResolveResult::Unknown(prefix) => {
                return Err(format!("the prefix {prefix} is not declared"));
            }
        };
        match event {
            Event::Start(start) => builder.open(read_start(&start, space, reader.resolver())?)?,
            Event::End(_) => builder.close(),
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(text) => builder.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => builder.text(&resolve(&reference)?)?,
            Event::Comment(_) => {}
            Event::Decl(declaration) => check_declaration(&declaration)?,
            Event::DocType(_) => return Err("a document type declaration is refused".into()),
            Event::PI(_) => return Err("a processing instruction is refused".into()),
            Event::Empty(_) => return Err("an empty element was not expanded".into()),
            Event::Eof => return builder.finish(),
        }
    }
}

/// The part of the tree read so far.
#[derive(Default)]
struct TreeBuilder {
    open: Vec<Node>,
    root: Option<Node>,
}

impl TreeBuilder {
    fn open(&mut self, node: Node) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("elements are nested more than {MAX_DEPTH} deep"));
        }
        if self.root.is_some() {
            return Err("an element follows the root element".into());
        }
        self.open.push(node);
        Ok(())
    }

    fn close(&mut self) {
        // The reader checks that each end tag has a start tag.
        let Some(node) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.root = Some(node),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        match self.open.last_mut() {
            Some(node) => node.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err("there is text outside the root element".into()),
        }
        Ok(())
    }

    fn finish(self) -> Result<Node, String> {
        if let Some(node) = self.open.last() {
            return Err(format!("the body ends inside {}", node.name));
        }
        self.root.ok_or_else(|| "the body is empty".into())
    }
}

fn read_start(
    start: &BytesStart<'_>,
    space: Option<String>,
    resolver: &NamespaceResolver,
) -> Result<Node, String> {
    let mut node = Node {
        name: start.local_name().as_ref().to_owned(),
        space,
        ..Node::default()
    };
    for (count, attribute) in start.attributes().enumerate() {
        if count == MAX_ATTRIBUTES {
            return Err(format!(
                "{} has more than {MAX_ATTRIBUTES} attributes",
                node.name
            ));
        }
        let unreadable = |error: String| format!("an attribute of {}: {error}", start_name(start));
        let attribute = attribute.map_err(|error| unreadable(error.to_string()))?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| unreadable(error.to_string()))?;
        let (space, name) = resolver.resolve_attribute(attribute.key);
        let known = matches!(space, ResolveResult::Bound(space) if space.0 == SCHEMA_INSTANCE);
        if known && name.as_ref() == "nil" {
            node.nil = matches!(value.as_ref(), "true" | "1");
        } else {
            node.attributes.push(name.as_ref().to_owned());
        }
    }
    Ok(node)
}

fn start_name(start: &BytesStart<'_>) -> String {
    start.local_name().as_ref().to_owned()
}

/// Resolves the references that XML defines; custom entities would need a DTD.
fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    let name = reference.xml10_content();
    let found = match name.as_ref() {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => match reference.resolve_char_ref() {
            Ok(Some(found)) if is_allowed(found) => found,
            _ => return Err(format!("the reference &{name}; is refused")),
        },
    };
    Ok(found.to_string())
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), String> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err("the declared encoding is not UTF-8".into()),
    }
}

/// The characters of XML 1.0, section 2.2.
pub(super) const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn check_characters(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !is_allowed(*c)) {
        None => Ok(()),
        Some(c) => Err(format!("the character {c:?} is not allowed in XML")),
    }
}
