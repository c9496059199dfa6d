//! XML, written and read within bounds.
//!
//! A document may have no document type and no entities of its own, and its depth and number of
//! elements are limited. The contents of card fields are dropped while reading.

use quick_xml::{
    NsReader,
    escape::escape,
    events::{BytesRef, BytesStart, Event},
    name::ResolveResult,
};

use super::super::common::fields::ParseProblem;

/// VeraCore's responses are much flatter. The bound also limits recursion over an [`Element`].
const MAX_DEPTH: usize = 32;

/// Bytes of a start tag: the parser searches all declared prefixes for each tag.
const MAX_TAG: usize = 4096;

/// Fields whose text is dropped, in lower case.
const CARD_FIELDS: [&str; 8] = [
    "ccnumber",
    "ccexpirationdate",
    "cardnumber",
    "csc",
    "cvv",
    "expirationdate",
    "token",
    "password",
];

#[derive(Default)]
pub(super) struct XmlWriter(String);

impl XmlWriter {
    pub(super) fn open(&mut self, name: &str) {
        self.0.extend(["<", name, ">"]);
    }

    pub(super) fn open_in(&mut self, name: &str, namespace: &str) {
        self.open(&format!("{name} xmlns=\"{}\"", escape(namespace)));
    }

    pub(super) fn close(&mut self, name: &str) {
        self.0.extend(["</", name, ">"]);
    }

    pub(super) fn text_element(&mut self, name: &str, text: &str) {
        self.open(name);
        self.0.push_str(&escape(text));
        self.close(name);
    }

    pub(super) fn nested_text(&mut self, outer: &str, inner: &str, text: &str) {
        self.open(outer);
        self.text_element(inner, text);
        self.close(outer);
    }

    /// Appends text that is XML already.
    pub(super) fn raw(&mut self, xml: &str) {
        self.0.push_str(xml);
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

pub(super) fn text_elements(elements: &[(&str, &str)]) -> String {
    let mut xml = XmlWriter::default();
    for (name, text) in elements {
        xml.text_element(name, text);
    }
    xml.into_string()
}

/// Whether XML 1.0 allows the character at all, escaped or not.
pub(super) const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A parsed element: its name without a prefix, its own text and its children.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub name: String,
    text: String,
    children: Vec<Element>,
    /// Whether `xsi:nil` is set.
    nil: bool,
}

impl Element {
    /// The first child of this name that is not nil.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        let named = |child: &&Self| child.name == name && !child.nil;
        self.children.iter().find(named)
    }

    /// The children of this name that are not nil.
    pub(super) fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children
            .iter()
            .filter(move |child| child.name == name && !child.nil)
    }

    /// The items of a list that may be absent.
    pub(super) fn list_items<'a>(&'a self, list: &'a str, name: &'a str) -> Vec<&'a Self> {
        self.child(list)
            .map(|list| list.children_named(name).collect())
            .unwrap_or_default()
    }

    pub(super) fn children(&self) -> &[Self] {
        &self.children
    }

    /// Whether neither the element nor anything below it has a text.
    pub(super) fn is_blank(&self) -> bool {
        self.nil || self.own_text().is_empty() && self.children.iter().all(Self::is_blank)
    }

    /// The trimmed text of a child; `None` when it is blank.
    pub(super) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name)
            .map(Self::own_text)
            .filter(|t| !t.is_empty())
    }

    pub(super) fn own_text(&self) -> &str {
        self.text.trim()
    }

    /// The texts of the element and of everything below it.
    pub(super) fn all_text(&self) -> String {
        let below = self.children.iter().map(Self::all_text);
        let texts = std::iter::once(self.text.clone()).chain(below);
        texts.collect::<Vec<_>>().join(" ")
    }
}

/// The events of [`parse`].
pub(super) trait ElementVisitor {
    /// An element starts, `depth` elements deep.
    fn start_element(
        &mut self,
        depth: usize,
        namespace: &str,
        name: &str,
    ) -> Result<(), ParseProblem>;

    /// An element ended. A returned element becomes a child of its parent.
    fn end_element(
        &mut self,
        depth: usize,
        element: Element,
    ) -> Result<Option<Element>, ParseProblem>;
}

/// Reads a document and returns its root. At most `max_nodes` elements are in memory at a time.
pub(super) fn parse(
    body: &[u8],
    max_nodes: usize,
    visitor: &mut impl ElementVisitor,
) -> Result<Element, ParseProblem> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8")?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut stack: Vec<(Element, usize)> = Vec::new();
    let mut root = None;
    let mut nodes = 0;
    loop {
        let (resolved, event) = reader
            .read_resolved_event()
            .map_err(|_| "it is not well-formed XML")?;
        match event {
            Event::Start(tag) => {
                if root.is_some() {
                    return Err("it continues after its end".into());
                }
                if stack.len() == MAX_DEPTH {
                    return Err(format!("it is more than {MAX_DEPTH} elements deep"));
                }
                nodes += 1;
                if nodes > max_nodes {
                    return Err(format!(
                        "it has more than {max_nodes} elements in one place"
                    ));
                }
                let namespace = namespace(&resolved)?;
                let element = new_element(&tag)?;
                visitor.start_element(stack.len(), namespace, &element.name)?;
                stack.push((element, nodes));
            }
            Event::End(_) => {
                let (element, at) = stack.pop().ok_or("it is not well-formed XML")?;
                let Some(element) = visitor.end_element(stack.len(), element)? else {
                    nodes = at - 1;
                    continue;
                };
                match stack.last_mut() {
                    Some((parent, _)) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Event::Text(text) => append_text(&mut stack, &text.xml10_content())?,
            Event::CData(text) => append_text(&mut stack, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let c = resolve_reference(&reference)?;
                append_text(&mut stack, c.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => {
                return Err("it declares a document type, which SOAP forbids".into());
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if stack.is_empty() => Ok(root),
        _ => Err("it ends too early".into()),
    }
}

fn namespace<'a>(resolved: &'a ResolveResult<'_>) -> Result<&'a str, ParseProblem> {
    match resolved {
        ResolveResult::Bound(namespace) => Ok(namespace.0),
        ResolveResult::Unbound => Ok(""),
        ResolveResult::Unknown(_) => Err("it uses an undeclared prefix".into()),
    }
}

fn new_element(tag: &BytesStart<'_>) -> Result<Element, ParseProblem> {
    if tag.len() > MAX_TAG {
        return Err(format!("it has a tag of more than {MAX_TAG} bytes"));
    }
    let nil = tag
        .attributes()
        .with_checks(false)
        .flatten()
        .any(|attribute| {
            attribute.key.local_name().as_ref() == "nil"
                && matches!(attribute.value.as_ref(), "true" | "1")
        });
    Ok(Element {
        name: tag.local_name().as_ref().to_owned(),
        nil,
        ..Element::default()
    })
}

fn append_text(stack: &mut [(Element, usize)], text: &str) -> Result<(), ParseProblem> {
    match stack.last_mut() {
        Some((element, _)) if is_card_field(&element.name) => {}
        Some((element, _)) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("it is text, not XML".into()),
    }
    Ok(())
}

fn is_card_field(name: &str) -> bool {
    CARD_FIELDS
        .iter()
        .any(|field| name.eq_ignore_ascii_case(field))
}

fn resolve_reference(reference: &BytesRef<'_>) -> Result<char, ParseProblem> {
    if let Some(c) = reference
        .resolve_char_ref()
        .map_err(|_| "it refers to an invalid character")?
    {
        return Ok(c);
    }
    match reference.borrow().into_inner().as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err("it refers to an entity, which SOAP forbids".into()),
    }
}
