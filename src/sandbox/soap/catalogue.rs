//! `GetOffers` and `GetProductAvailabilities`: the products and their stock.
//!
//! In the sandbox, each offer is one product of the same name.

use super::{
    super::{shared::Shared, stock::StockLevel},
    like::is_like,
    tree::Node,
    xml::Xml,
};

/// Offers whose ID (with `searchID`) or description (with `searchDescription`) is LIKE
/// `searchString`.
pub(super) fn offers(shared: &Shared, request: &Node) -> Result<String, String> {
    let pattern = request
        .text_at(&["searchString"])
        .ok_or("searchString is missing")?
        .to_lowercase();
    let flag = |name: &str| matches!(request.text_at(&[name]), Some("true" | "1"));
    let (by_id, by_description) = (flag("searchID"), flag("searchDescription"));
    let stock = shared.read(|state| state.warehouse.stock());
    let mut xml = Xml::default();
    xml.group("GetOffersResult", |xml| {
        for level in stock {
            let description = format!("Offer {}", level.sku);
            let hit = (by_id && is_like(&level.sku.to_lowercase(), &pattern))
                || (by_description && is_like(&description.to_lowercase(), &pattern));
            if hit {
                xml.group("GetOfferResult", |xml| offer(xml, &level, &description));
            }
        }
    });
    Ok(xml.into_string())
}

fn offer(xml: &mut Xml, level: &StockLevel, description: &str) {
    let available = level.available_quantity;
    xml.value("ID", &level.sku);
    xml.value("Description", description);
    xml.all(&["OrderMinimum", "OrderLimit"], 0);
    xml.value("Inactive", "N");
    xml.value("DefaultPrice", 0);
    xml.value("PriceType", "Each");
    xml.value("Available", available);
    xml.value("DisplayAvailable", true);
    xml.value("OrderUnavailable", true);
    xml.value("InStockText", "In stock");
    xml.value("OutOfStockText", "Out of stock");
    xml.value("ProdCount", 1);
    xml.all(&["KitCount", "PODCount"], 0);
    xml.all(&["DropShip", "CustAssem"], false);
}

/// Stock per warehouse; empty for a product that was never stocked or has another owner.
pub(super) fn availabilities(shared: &Shared, request: &Node) -> Result<String, String> {
    let part = request.text_at(&["partNumber"]);
    if part.is_none() && !shared.config.all_parts {
        return Err("partNumber is missing".into());
    }
    let owner = request.text_at(&["owner"]);
    let is_owner = owner.is_none_or(|owner| owner == shared.config.company_id);
    let stock = shared.read(|state| match part {
        Some(sku) => state.warehouse.stock_of(sku).into_iter().collect(),
        None => state.warehouse.stock(),
    });
    let mut xml = Xml::default();
    xml.group("GetProductAvailabilitiesResult", |xml| {
        for level in stock.iter().filter(|_| is_owner) {
            xml.group("ProductAvailabilities", |xml| {
                xml.group("Warehouses", |xml| {
                    for part in split_by_warehouse(level, shared.config.two_warehouses) {
                        xml.group("WarehouseLevels", |xml| warehouse(xml, level, &part));
                    }
                });
            });
        }
    });
    Ok(xml.into_string())
}

/// The part of a stock level in one warehouse.
struct WarehouseStock {
    warehouse: &'static str,
    on_hand: u32,
    reserved: u32,
    backordered: u32,
}

/// Allocates reserved units to the first warehouse first, which also has all backordered units. So
/// each count adds up to that of the whole level.
fn split_by_warehouse(level: &StockLevel, two: bool) -> Vec<WarehouseStock> {
    let mut reserved = level.reserved_quantity.min(level.on_hand_quantity);
    let backordered = level.reserved_quantity - reserved;
    let (first, second) = if two {
        let half = level.on_hand_quantity / 2;
        (level.on_hand_quantity - half, Some(half))
    } else {
        (level.on_hand_quantity, None)
    };
    let mut part = |warehouse, on_hand: u32, backordered| {
        let reserved_here = reserved.min(on_hand);
        reserved -= reserved_here;
        WarehouseStock {
            warehouse,
            on_hand,
            reserved: reserved_here,
            backordered,
        }
    };
    let mut parts = vec![part("MAIN", first, backordered)];
    parts.extend(second.map(|on_hand| part("EAST", on_hand, 0)));
    parts
}

fn warehouse(xml: &mut Xml, level: &StockLevel, stock: &WarehouseStock) {
    xml.group("Warehouse", |xml| {
        xml.value("ID", stock.warehouse);
        xml.value("OverrideAllowHistoricalConnection", false);
    });
    xml.value("PartNumber", &level.sku);
    xml.value("PartDescription", format!("Product {}", level.sku));
    xml.all(&["Size", "Color"], "");
    xml.value("ProductType", "Product");
    xml.value("OnHand", stock.on_hand);
    xml.value("Reserved", stock.reserved);
    xml.value("Marked", 0);
    xml.all(&["Backordered", "Needed"], stock.backordered);
    xml.all(&["Unavailable", "Expected", "OnOrder"], 0);
    xml.value("Available", stock.on_hand - stock.reserved);
    xml.value("TotalReserved", stock.reserved);
}
