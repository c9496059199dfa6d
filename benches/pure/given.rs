//! Deterministic input of a given size: orders, shops, feeds and responses.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use serde_json::json;
use veracore_sync::{
    domain::{
        Address, Contact, CurrencyCode, LineId, Money, Order, OrderCode, OrderLine, OrderState,
        PriceBasis, ShippingMethodCode, ShopOrderId, Sku, SkuRules, Units, VariantId,
    },
    fulfillment::StockItem,
    ledger::{ParcelItem, ParcelReport, SentLine, SentOrder},
    sync::{
        inventory::{AcknowledgedUnits, feed::Feed},
        jobs::calendar::CalendarSettings,
        orders::mapping::MappingRules,
        tracking::parcels::Parcel,
    },
    vendure::{FulfillmentProgress, FulfillmentProgressLine, StockLevel, Variant},
};

pub fn moment(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// Unique for 100,000 SKUs; not sorted like the shop's ids.
fn sku(at: usize) -> String {
    format!("SKU-{:06}-{}", at * 7919 % 1_000_003, at % 10)
}

fn level(at: usize) -> u32 {
    u32::try_from(at % 500).expect("a level")
}

pub fn feed(skus: usize) -> Feed {
    let mut feed = Feed::new(DateTime::UNIX_EPOCH);
    for at in 0..skus {
        let available = Units::new(level(at)).expect("units");
        feed.add_row(Ok(StockItem {
            sku: Sku::parse(sku(at)).expect("a SKU"),
            available,
            reserved: Some(Units::ZERO),
            on_hand: Some(available),
        }));
    }
    feed
}

/// A shop with the same SKUs, of which `percent` have a wrong level.
pub fn variants(skus: usize, percent: usize) -> Vec<Variant> {
    let variant = |at: usize| {
        let wrong = i64::from(at % 100 < percent);
        Variant {
            id: VariantId::parse((at + 1).to_string()).expect("an id"),
            sku: sku(at),
            is_tracked: true,
            level: StockLevel {
                on_hand: i64::from(level(at)) + wrong,
                allocated: 0,
            },
            allocated_elsewhere: 0,
        }
    };
    (0..skus).map(variant).collect()
}

/// A thousand acknowledged orders of one line each.
pub fn acknowledged() -> AcknowledgedUnits {
    let (sent, shop): (Vec<_>, Vec<_>) = (0..1000).map(in_flight).unzip();
    AcknowledgedUnits::from_orders(&sent, &shop)
}

fn in_flight(at: usize) -> (SentOrder, FulfillmentProgress) {
    let (id, code) = (format!("{at}"), format!("ORDER{at}"));
    let line = LineId::parse(id.clone()).expect("an id");
    let sent = SentOrder {
        id: i64::try_from(at).expect("an id"),
        order_id: ShopOrderId::parse(id.clone()).expect("an id"),
        code: OrderCode::parse(code.clone()).expect("a code"),
        acknowledged_at: None,
        is_cancelled_at_provider: false,
        lines: vec![SentLine {
            line: line.clone(),
            sku: Sku::parse(sku(at)).expect("a SKU"),
            quantity: 1,
        }],
    };
    let shop = FulfillmentProgress {
        id: ShopOrderId::parse(id).expect("an id"),
        code: OrderCode::parse(code).expect("a code"),
        state: OrderState::parse("PaymentSettled").expect("a state"),
        lines: vec![FulfillmentProgressLine {
            id: line,
            variant: VariantId::parse((at + 1).to_string()).expect("an id"),
            sku: sku(at),
            quantity: 1,
        }],
        fulfillments: Vec::new(),
    };
    (sent, shop)
}

pub fn order() -> Order {
    let line = |at: usize| OrderLine {
        id: LineId::parse(at.to_string()).expect("an id"),
        sku: sku(at),
        quantity: 2,
        unit_price_gross: Money::from_minor(1099, 2).expect("a price"),
        unit_price_net: Money::from_minor(999, 2).expect("a price"),
    };
    let text = |text: &str| Some(text.to_owned());
    Order {
        id: ShopOrderId::parse("1").expect("an id"),
        code: OrderCode::parse("3HRYTW5VQBHBBMJB").expect("a code"),
        state: OrderState::parse("PaymentSettled").expect("a state"),
        created_at: moment("2026-11-21T10:00:00Z"),
        placed_at: Some(moment("2026-11-21T10:05:00Z")),
        currency: CurrencyCode::parse("USD").expect("a currency"),
        customer: Some(Contact {
            first_name: text("Ann"),
            last_name: text("Lee"),
            email: text("ann@example.com"),
            phone: text("+1 775 555 0100"),
        }),
        shipping_address: Some(Address {
            full_name: text("Ann Lee"),
            street_line_1: text("12 Desert Way"),
            city: text("Reno"),
            province: text("NV"),
            postal_code: text("89501"),
            country_code: text("US"),
            ..Address::default()
        }),
        billing_address: None,
        shipping_methods: vec![ShippingMethodCode::parse("ground").expect("a code")],
        lines: (1..=3).map(line).collect(),
    }
}

pub fn mapping_rules() -> MappingRules {
    MappingRules {
        unit_price: PriceBasis::Gross,
        shipping_methods: None,
        skus: SkuRules::default(),
        shipping_method_map: BTreeMap::new(),
    }
}

/// An order of five lines shipped in three packages.
pub fn shipped_order() -> (FulfillmentProgress, Vec<SentLine>, Vec<Parcel>) {
    let line = |at: usize| LineId::parse(at.to_string()).expect("an id");
    let shop = FulfillmentProgress {
        id: ShopOrderId::parse("1").expect("an id"),
        code: OrderCode::parse("O1").expect("a code"),
        state: OrderState::parse("PaymentSettled").expect("a state"),
        lines: (0..5)
            .map(|at| FulfillmentProgressLine {
                id: line(at),
                variant: VariantId::parse(at.to_string()).expect("an id"),
                sku: sku(at),
                quantity: 3,
            })
            .collect(),
        fulfillments: Vec::new(),
    };
    let sent = (0..5).map(|at| SentLine {
        line: line(at),
        sku: Sku::parse(sku(at)).expect("a SKU"),
        quantity: 3,
    });
    let item = |at| ParcelItem {
        sku: sku(at),
        quantity: 1,
    };
    let package = |number: usize| Parcel {
        key: format!("id:{number}"),
        report: ParcelReport {
            shipment_id: Some(number.to_string()),
            tracking_number: Some(format!("1Z{number}")),
            carrier: Some("UPS".into()),
            service: None,
            shipped_at: Some(moment("2026-11-20T10:00:00Z")),
            provider_status: "Shipped".into(),
            items: Some((0..5).map(item).collect()),
        },
        status: None,
        intended: None,
        fulfillment: None,
        changed: true,
    };
    (shop, sent.collect(), (1..=3).map(package).collect())
}

pub fn rest_stock(rows: usize) -> Vec<u8> {
    let row = |at| {
        json!({
            "SKU": sku(at), "AvailableQuantity": level(at), "ReservedQuantity": 2,
            "OnHandQuantity": level(at) + 2,
        })
    };
    bytes(&(0..rows).map(row).collect())
}

pub fn rest_shipments(rows: usize) -> Vec<u8> {
    let row = |at: usize| {
        json!({
            "ShipmentId": at, "OrderNumber": format!("ORDER{at}"),
            "TrackingNumber": format!("1Z{at:016}"), "Carrier": "UPS", "Service": "Ground",
            "ShipDate": "2026-11-20T10:00:00-08:00", "Status": "Shipped",
            "Items": [{"SKU": sku(at), "Quantity": 2}, {"SKU": sku(at + 1), "Quantity": 1}],
        })
    };
    bytes(&(0..rows).map(row).collect())
}

pub fn offers(rows: usize) -> Vec<u8> {
    envelope("GetOffers", rows, |at| {
        format!(
            "<GetOfferResult><ID>{}</ID><Description>A thing of many &amp; more</Description>\
             <OnHand>{}</OnHand><Available>{}</Available><Committed>0</Committed>\
             <UnitPrice>9.99</UnitPrice></GetOfferResult>",
            sku(at),
            level(at),
            level(at),
        )
    })
}

pub fn charges(rows: usize) -> Vec<u8> {
    envelope("GetShippingCharge", rows, |at| {
        format!(
            "<ShippingCharge><OrderId>ORDER{at}</OrderId><PPSlip>{at}</PPSlip>\
             <DateShipped>2026-11-20T10:00:00</DateShipped><FreightCarrier>UPS</FreightCarrier>\
             <FreightService>Ground</FreightService><TrackingID>1Z{at:016}</TrackingID>\
             <Charge>12.50</Charge></ShippingCharge>"
        )
    })
}

fn envelope(operation: &str, rows: usize, row: impl Fn(usize) -> String) -> Vec<u8> {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
         <{operation}Response xmlns=\"http://omscom/\"><{operation}Result>"
    );
    for at in 0..rows {
        xml.push_str(&row(at));
    }
    let _ = write!(
        xml,
        "</{operation}Result></{operation}Response></soap:Body></soap:Envelope>"
    );
    xml.into_bytes()
}

pub fn variant_page(items: usize) -> Vec<u8> {
    let item = |at: usize| {
        json!({
            "id": (at + 1).to_string(), "sku": sku(at), "trackInventory": "INHERIT",
            "stockLevels": [{"stockLocationId": "1", "stockOnHand": level(at), "stockAllocated": 3}],
        })
    };
    let items: serde_json::Value = (0..items).map(item).collect();
    bytes(&json!({"data": {
        "activeChannel": {"code": "__default_channel__", "token": "t"},
        "globalSettings": {"trackInventory": true},
        "productVariants": {"totalItems": 100_000, "items": items},
    }}))
}

pub fn order_page(items: usize) -> Vec<u8> {
    let item = |at: usize| {
        json!({
            "id": at.to_string(), "code": format!("ORDER{at}"), "state": "PaymentSettled",
            "createdAt": "2026-11-21T10:00:00.123Z", "orderPlacedAt": "2026-11-21T10:05:00.123Z",
        })
    };
    let items: serde_json::Value = (0..items).map(item).collect();
    bytes(&json!({"data": {
        "activeChannel": {"code": "__default_channel__", "token": "t"},
        "orders": {"totalItems": 20_000, "items": items},
    }}))
}

fn bytes(json: &serde_json::Value) -> Vec<u8> {
    json.to_string().into_bytes()
}

/// The default settings of both jobs.
pub fn times() -> CalendarSettings {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("a time");
    CalendarSettings {
        timezone: chrono_tz::America::Los_Angeles,
        inventory_time: time(2),
        inventory_interval_minutes: 1440,
        tracking_interval_minutes: 30,
        business_opens_at: time(9),
        business_closes_at: time(19),
        business_days: vec![
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
        ],
    }
}
