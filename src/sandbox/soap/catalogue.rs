//! `GetOffers` and `GetProductAvailabilities`: what there is, and how much.
//!
//! Owns the shape of both answers, and how stock is told in two parts. An offer and the product of
//! the same name are one here. Must not change anything.

use super::{
    super::{shared::Shared, stock::StockLevel},
    like::is_like,
    tree::Node,
    xml::Xml,
};

/// Offers whose ID (`searchID`) or description (`searchDescription`) is like `searchString`.
pub(super) fn offers(shared: &Shared, request: &Node) -> Result<String, String> {
    let pattern = request
        .words(&["searchString"])
        .ok_or("searchString is missing")?
        .to_lowercase();
    let wanted = |name: &str| matches!(request.words(&[name]), Some("true" | "1"));
    let (by_id, by_description) = (wanted("searchID"), wanted("searchDescription"));
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

/// Stock per warehouse; nothing of a product that was never stocked, or is another owner's.
pub(super) fn availabilities(shared: &Shared, request: &Node) -> Result<String, String> {
    let part = request.words(&["partNumber"]);
    if part.is_none() && !shared.config.all_parts {
        return Err("partNumber is missing".into());
    }
    let owner = request.words(&["owner"]);
    let own = owner.is_none_or(|owner| owner == shared.config.company_id);
    let stock = shared.read(|state| match part {
        Some(sku) => state.warehouse.stock_of(sku).into_iter().collect(),
        None => state.warehouse.stock(),
    });
    let mut xml = Xml::default();
    xml.group("GetProductAvailabilitiesResult", |xml| {
        for level in stock.iter().filter(|_| own) {
            xml.group("ProductAvailabilities", |xml| {
                xml.group("Warehouses", |xml| {
                    for shelf in shelves(level, shared.config.two_warehouses) {
                        xml.group("WarehouseLevels", |xml| warehouse(xml, level, &shelf));
                    }
                });
            });
        }
    });
    Ok(xml.into_string())
}

/// A part of a stock level.
struct Shelf {
    warehouse: &'static str,
    on_hand: u32,
    reserved: u32,
    backordered: u32,
}

/// Reserved units are taken from the first part first; those that are nowhere are backordered
/// there. So the sum over the parts is the whole in each count.
fn shelves(level: &StockLevel, two: bool) -> Vec<Shelf> {
    let mut reserved = level.reserved_quantity.min(level.on_hand_quantity);
    let backordered = level.reserved_quantity - reserved;
    let (first, second) = if two {
        let half = level.on_hand_quantity / 2;
        (level.on_hand_quantity - half, Some(half))
    } else {
        (level.on_hand_quantity, None)
    };
    let mut shelf = |warehouse, on_hand: u32, backordered| {
        let taken = reserved.min(on_hand);
        reserved -= taken;
        Shelf {
            warehouse,
            on_hand,
            reserved: taken,
            backordered,
        }
    };
    let mut shelves = vec![shelf("MAIN", first, backordered)];
    shelves.extend(second.map(|on_hand| shelf("EAST", on_hand, 0)));
    shelves
}

fn warehouse(xml: &mut Xml, level: &StockLevel, shelf: &Shelf) {
    xml.group("Warehouse", |xml| {
        xml.value("ID", shelf.warehouse);
        xml.value("OverrideAllowHistoricalConnection", false);
    });
    xml.value("PartNumber", &level.sku);
    xml.value("PartDescription", format!("Product {}", level.sku));
    xml.all(&["Size", "Color"], "");
    xml.value("ProductType", "Product");
    xml.value("OnHand", shelf.on_hand);
    xml.value("Reserved", shelf.reserved);
    xml.value("Marked", 0);
    xml.all(&["Backordered", "Needed"], shelf.backordered);
    xml.all(&["Unavailable", "Expected", "OnOrder"], 0);
    xml.value("Available", shelf.on_hand - shelf.reserved);
    xml.value("TotalReserved", shelf.reserved);
}
