//! The depot: the warehouse's side of the files.
//!
//! Reads the orders, keeps its own records, and rewrites its lists. Does not use the provider's code
//! to read and write the files, so that an error in one of them shows.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use chrono::NaiveDateTime;
use chrono_tz::America::Los_Angeles;
use serde_json::Value;
use veracore_sync::{
    clock::{Clock as _, MockClock},
    fulfillment::{FulfillmentProvider, NewOrder},
};

use super::{
    super::{
        bench::{Arrived, Bench, Capabilities, Failure, Parcel, Place, RawPackage},
        sample,
    },
    CANCELLED, FlatFiles, ORDERS, SHIPMENTS, STOCK, Settings,
    folder::{MAX_BYTES, Step, StepFailure},
    lists::PACKAGES,
};

/// The number of depots opened.
static OPENED: AtomicUsize = AtomicUsize::new(0);

pub struct Depot {
    root: PathBuf,
    clock: Arc<MockClock>,
    provider: Arc<FlatFiles>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    on_hand: BTreeMap<String, u32>,
    packages: Vec<Package>,
}

struct Package {
    order: String,
    tracking: String,
    shipped: NaiveDateTime,
    void: bool,
    items: Vec<(String, u32)>,
}

impl Drop for Depot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Depot {
    pub fn at(clock: Arc<MockClock>) -> Self {
        let opened = OPENED.fetch_add(1, Ordering::Relaxed);
        let name = format!("depot-{}-{opened}", std::process::id());
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        for folder in [ORDERS, CANCELLED] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let depot = Self {
            provider: Arc::new(FlatFiles::new(Settings {
                root: root.clone(),
                timezone: Los_Angeles,
                page: 40,
            })),
            root,
            clock,
            books: Mutex::default(),
        };
        depot.catch_up();
        depot
    }

    /// The provider, shared with the services.
    pub fn shared(&self) -> Arc<dyn FulfillmentProvider> {
        Arc::clone(&self.provider) as Arc<dyn FulfillmentProvider>
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        // Atomically, because others read the file.
        let draft = self.root.join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, self.root.join(name)).unwrap();
    }

    fn write_list(&self, name: &str, columns: &[&str], rows: &[Vec<String>]) {
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .from_writer(Vec::new());
        writer.write_record(columns).unwrap();
        for row in rows {
            writer.write_record(row).unwrap();
        }
        writer
            .write_record(["#END", &rows.len().to_string()])
            .unwrap();
        self.write(name, writer.into_inner().unwrap());
    }

    fn write_stock(&self, rows: impl Iterator<Item = (String, String)>) {
        let rows: Vec<_> = rows.map(|(sku, units)| vec![sku, units]).collect();
        self.write_list(STOCK, &["sku", "available"], &rows);
    }

    /// The order files, as JSON.
    fn files(&self) -> Vec<Value> {
        let folder = fs::read_dir(self.root.join(ORDERS));
        let Ok(folder) = folder.or_else(|_| fs::read_dir(self.root.join("away/orders"))) else {
            return Vec::new();
        };
        let paths = folder.map(|entry| entry.unwrap().path());
        paths
            .map(|path| {
                assert_eq!(
                    path.extension().unwrap(),
                    "json",
                    "{path:?} was left behind"
                );
                serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
            })
            .collect()
    }

    /// The path of an existing order's file.
    fn file_of(&self, folder: &str, number: &str) -> PathBuf {
        let orders = fs::read_dir(self.root.join(ORDERS)).unwrap();
        let path = orders.map(|entry| entry.unwrap().path()).find(|path| {
            let order: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            order["number"] == number
        });
        self.root
            .join(folder)
            .join(path.unwrap().file_name().unwrap())
    }

    fn spoil(&self, way: usize) -> Option<&'static str> {
        let cut = |name: &str| {
            let text = fs::read(self.root.join(name)).unwrap();
            text[..text.len() - 4].to_vec()
        };
        let ways: [(&str, Vec<u8>); 7] = [
            ("nothing in it", Vec::new()),
            ("a page", b"<!DOCTYPE html><html>Log in</html>".to_vec()),
            ("another list", b"a,b\n#END,0\n".to_vec()),
            (
                "more rows promised",
                b"sku,available\nMUG-1,5\n#END,2\n".to_vec(),
            ),
            ("no UTF-8", b"\xff\xfe,\xff".to_vec()),
            (
                "too much",
                vec![b'x'; usize::try_from(MAX_BYTES).unwrap() + 1],
            ),
            ("no file", Vec::new()),
        ];
        let order = self.root.join("orders/A-1.json");
        if way == ways.len() {
            self.catch_up();
            self.write(STOCK, cut(STOCK));
            self.write(SHIPMENTS, cut(SHIPMENTS));
            fs::write(order, r#"{"number":"A-1","items":[{"quantity":1}"#).unwrap();
            return Some("a file that is still being written");
        }
        let (name, text) = ways.into_iter().nth(way)?;
        if name == "no file" {
            fs::remove_file(self.root.join(STOCK)).unwrap();
            fs::remove_file(self.root.join(SHIPMENTS)).unwrap();
            // An existing order with an unknown status.
            fs::write(order, r#"{"number":"A-1","items":[]}"#).unwrap();
        } else {
            self.write(STOCK, &text);
            self.write(SHIPMENTS, &text);
            fs::write(order, &text).unwrap();
        }
        Some(name)
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn place(address: &Value) -> Place {
    [
        ("first name", "firstName"),
        ("last name", "lastName"),
        ("company", "company"),
        ("address 1", "address1"),
        ("address 2", "address2"),
        ("city", "city"),
        ("state", "state"),
        ("zip", "zip"),
        ("country", "country"),
        ("phone", "phone"),
    ]
    .into_iter()
    .filter_map(|(field, name)| Some((field, text(&address[name])?)))
    .collect()
}

fn lines(order: &Value) -> Vec<(String, u32, String)> {
    let items = order["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let units = item["quantity"].as_u64().unwrap();
            let units = u32::try_from(units).unwrap();
            (
                text(&item["sku"]).unwrap(),
                units,
                text(&item["unitPrice"]).unwrap(),
            )
        })
        .collect()
}

fn arrived(order: &Value) -> Arrived {
    let ship_to = place(&order["shipTo"]);
    let mut pays = match &order["billTo"] {
        Value::Null => ship_to.clone(),
        address => place(address),
    };
    pays.remove("phone");
    Arrived {
        number: text(&order["number"]).unwrap(),
        placed_at: order["placedAt"].as_str().unwrap().parse().unwrap(),
        shipping: text(&order["shippingMethod"]).unwrap(),
        lines: lines(order),
        ship_to,
        pays,
        email: text(&order["customer"]["email"]),
        comments: text(&order["comments"]),
    }
}

#[async_trait]
impl Bench for Depot {
    const CAPABILITIES: Capabilities = Capabilities {
        cancels: true,
        refuses: false,
    };

    async fn open() -> Self {
        Self::at(MockClock::at("2026-11-20T22:15:00Z".parse().unwrap()))
    }

    fn provider(&self) -> &dyn FulfillmentProvider {
        &*self.provider
    }

    fn clock(&self) -> &MockClock {
        &self.clock
    }

    /// Files have no password.
    fn password(&self) -> Option<&'static str> {
        None
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.files().iter().map(arrived).collect()
    }

    fn sends(&self) -> usize {
        self.provider.0.folder.links.load(Ordering::Relaxed)
    }

    fn stock(&self, levels: &[(&str, u32)]) {
        let levels = levels
            .iter()
            .map(|(sku, units)| ((*sku).to_owned(), *units));
        self.books.lock().unwrap().on_hand.extend(levels);
        self.catch_up();
    }

    fn ship(&self, number: &str, parcels: &[Parcel<'_>]) {
        let shipped = self.clock.now().with_timezone(&Los_Angeles).naive_local();
        let packages = parcels.iter().map(|parcel| Package {
            order: number.into(),
            tracking: parcel.tracking.into(),
            shipped,
            void: false,
            items: parcel
                .items
                .iter()
                .map(|(sku, n)| ((*sku).into(), *n))
                .collect(),
        });
        self.books.lock().unwrap().packages.extend(packages);
        self.catch_up();
    }

    fn void(&self, number: &str, tracking: &str) {
        let mut books = self.books.lock().unwrap();
        let package = books
            .packages
            .iter_mut()
            .find(|p| p.order == number && p.tracking == tracking);
        package.unwrap().void = true;
        drop(books);
        self.catch_up();
    }

    fn cancel(&self, number: &str) {
        fs::write(self.file_of(CANCELLED, number), "{}").unwrap();
        self.catch_up();
    }

    /// Updates and writes both lists.
    fn catch_up(&self) {
        let books = self.books.lock().unwrap();
        let mut available = books.on_hand.clone();
        for order in self.files() {
            for (sku, units, _) in lines(&order) {
                available
                    .entry(sku)
                    .and_modify(|there| *there = there.saturating_sub(units));
            }
        }
        self.write_stock(
            available
                .into_iter()
                .map(|(sku, units)| (sku, units.to_string())),
        );
        let mut rows = Vec::new();
        for (package, at) in books.packages.iter().zip(1..) {
            for (sku, units) in &package.items {
                rows.push(vec![
                    format!("P{at}"),
                    package.order.clone(),
                    package.tracking.clone(),
                    "UPS".into(),
                    "Ground".into(),
                    package.shipped.format("%Y-%m-%dT%H:%M:%S").to_string(),
                    if package.void { "Void" } else { "Shipped" }.into(),
                    sku.clone(),
                    units.to_string(),
                ]);
            }
        }
        self.write_list(SHIPMENTS, &PACKAGES, &rows);
    }

    fn set_stock_rows(&self, rows: &[(&str, &str)]) {
        self.write_stock(
            rows.iter()
                .map(|(sku, units)| ((*sku).into(), (*units).into())),
        );
    }

    fn set_package_rows(&self, rows: &[RawPackage<'_>]) {
        let row = |row: &RawPackage<'_>| {
            [
                row.tracking,
                row.order,
                row.tracking,
                "UPS",
                "",
                row.shipped,
                "Shipped",
                "MUG-1",
                "1",
            ]
            .map(str::to_owned)
            .to_vec()
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        self.write_list(SHIPMENTS, &PACKAGES, &rows);
    }

    fn return_other_order(&self, asked: &str, other: &str) {
        fs::copy(self.file_of(ORDERS, other), self.file_of(ORDERS, asked)).unwrap();
    }

    fn failure(&self, kind: Failure, way: usize) -> Option<&'static str> {
        let (folder, lost) = match kind {
            Failure::CancelLost => (CANCELLED, true),
            other => (ORDERS, other == Failure::ResponseLost),
        };
        // The next step of this kind fails; with `done`, although it is executed.
        let fail = |name, step, done| {
            let failure = StepFailure { folder, step, done };
            *self.provider.0.folder.failure.lock().unwrap() = Some(failure);
            Some(name)
        };
        match (kind, way) {
            (_, 0) if lost => fail("the folder cannot be flushed", Step::Settle, false),
            (_, 1) if lost => fail("the file is there, and said not to be", Step::Link, true),
            (Failure::RequestLost, 0) => fail("the file cannot be put there", Step::Link, false),
            (Failure::Rejected, 0) => fail("the disk is full", Step::Write, false),
            (Failure::Rejected, 1) => fail("the disk is full in the end", Step::Write, true),
            (Failure::Malformed, way) => self.spoil(way),
            (Failure::Echoing, 0) => {
                let text = format!("{{\"number\": \"{}", sample::PRIVATE.join("\n"));
                fs::write(self.root.join("orders/A-1.json"), text).unwrap();
                Some("a file of this number with anything in it")
            }
            _ => None,
        }
    }

    /// Removes the folder, as if the disk were not mounted.
    async fn go_down(&self) {
        fs::create_dir(self.root.join("away")).unwrap();
        for name in [ORDERS, CANCELLED, STOCK, SHIPMENTS] {
            fs::rename(self.root.join(name), self.root.join("away").join(name)).unwrap();
        }
    }

    fn unsendable(&self) -> Vec<(NewOrder, &'static str)> {
        vec![
            (sample::order(&"9".repeat(201)), "the order number"),
            (sample::order(&"é".repeat(40)), "the order number"),
        ]
    }
}
