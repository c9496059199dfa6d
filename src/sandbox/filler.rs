//! Documents of any length, generated while they are sent.

use hyper::body::Bytes;

const ROWS_PER_CHUNK: usize = 512;

/// The parts that a document is generated from.
pub(super) struct Pattern {
    pub content_type: &'static str,
    open: &'static [u8],
    /// A row, including the separator.
    row: &'static [u8],
    /// Bytes of the separator at the end of a row.
    separator: usize,
    close: &'static [u8],
}

/// Each row is a valid inventory item.
const JSON: Pattern = Pattern {
    content_type: "application/json",
    open: b"[",
    row: br#"{"SKU":"FILLER","AvailableQuantity":0,"ReservedQuantity":0,"OnHandQuantity":0},"#,
    separator: 1,
    close: b"]",
};

/// Each row is a valid offer; the document is the response of `GetOffers`.
const XML: Pattern = Pattern {
    content_type: "text/xml; charset=utf-8",
    open: b"<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
<GetOffersResponse xmlns=\"http://omscom/\"><GetOffersResult>",
    row: b"<GetOfferResult><ID>FILLER</ID><Available>0</Available></GetOfferResult>",
    separator: 0,
    close: b"</GetOffersResult></GetOffersResponse></soap:Body></soap:Envelope>",
};

/// A valid document of an exact length, or of its pattern's minimum length if that is longer.
pub(super) struct Filler {
    pub pattern: &'static Pattern,
    started: bool,
    /// Bytes still to send, including the close.
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
        let minimum = (pattern.open.len() + pattern.close.len()) as u64;
        Self {
            pattern,
            started: false,
            left: bytes.max(minimum),
        }
    }

    pub fn next_chunk(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let Pattern { open, row, .. } = *self.pattern;
        let mut chunk = Vec::with_capacity(row.len() * ROWS_PER_CHUNK + open.len());
        if !self.started {
            self.started = true;
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
        let last = &self.pattern.row[..self.pattern.row.len() - self.pattern.separator];
        let mut space = self.left - close.len() as u64;
        if space >= last.len() as u64 {
            chunk.extend_from_slice(last);
            space -= last.len() as u64;
        }
        for _ in 0..space {
            chunk.push(b' ');
        }
        chunk.extend_from_slice(close);
        self.left = 0;
    }
}
