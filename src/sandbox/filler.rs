//! Documents of any length, made as they are sent.
//!
//! Owns their bytes. Must not know who asked for one.

use hyper::body::Bytes;

const ROWS_PER_CHUNK: usize = 512;

/// What a document is made of.
pub(super) struct Pattern {
    pub content_type: &'static str,
    open: &'static [u8],
    row: &'static [u8],
    /// So many bytes of a row only stand between it and the next one.
    between: usize,
    close: &'static [u8],
}

/// Each row reads as an inventory item.
const JSON: Pattern = Pattern {
    content_type: "application/json",
    open: b"[",
    row: br#"{"SKU":"FILLER","AvailableQuantity":0,"ReservedQuantity":0,"OnHandQuantity":0},"#,
    between: 1,
    close: b"]",
};

/// Each row reads as an offer, but the document is no answer to anything: its body is the rows.
const XML: Pattern = Pattern {
    content_type: "text/xml; charset=utf-8",
    open: b"<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
<GetOffersResponse xmlns=\"http://omscom/\"><GetOffersResult>",
    row: b"<GetOfferResult><ID>FILLER</ID><Available>0</Available></GetOfferResult>",
    between: 0,
    close: b"</GetOffersResult></GetOffersResponse></soap:Body></soap:Envelope>",
};

/// A valid document of an exact length, or of the least length that its kind has.
pub(super) struct Filler {
    pub pattern: &'static Pattern,
    begun: bool,
    /// Bytes still to be sent, the close included.
    left: u64,
}

impl Filler {
    pub fn json(bytes: u64) -> Self {
        Self::new(&JSON, bytes)
    }

    pub fn xml(bytes: u64) -> Self {
        Self::new(&XML, bytes)
    }

    fn new(pattern: &'static Pattern, bytes: u64) -> Self {
        let least = (pattern.open.len() + pattern.close.len()) as u64;
        Self {
            pattern,
            begun: false,
            left: bytes.max(least),
        }
    }

    pub fn next_chunk(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let Pattern { open, row, .. } = *self.pattern;
        let mut chunk = Vec::with_capacity(row.len() * ROWS_PER_CHUNK + open.len());
        if !self.begun {
            self.begun = true;
            self.left -= open.len() as u64;
            chunk.extend_from_slice(open);
        }
        let close = self.pattern.close.len() as u64;
        for _ in 0..ROWS_PER_CHUNK {
            // The last row must leave room for the close.
            if self.left < 2 * row.len() as u64 + close {
                self.end(&mut chunk);
                break;
            }
            chunk.extend_from_slice(row);
            self.left -= row.len() as u64;
        }
        Some(chunk.into())
    }

    fn end(&mut self, chunk: &mut Vec<u8>) {
        let close = self.pattern.close;
        let last = &self.pattern.row[..self.pattern.row.len() - self.pattern.between];
        let mut room = self.left - close.len() as u64;
        if room >= last.len() as u64 {
            chunk.extend_from_slice(last);
            room -= last.len() as u64;
        }
        for _ in 0..room {
            chunk.push(b' ');
        }
        chunk.extend_from_slice(close);
        self.left = 0;
    }
}
