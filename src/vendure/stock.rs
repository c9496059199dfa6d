//! Stock levels of product variants: reading them by the thousand, and writing them in batches.

use cynic::{MutationBuilder, QueryBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    StorefrontError, UnreadableItem, VendureClient,
    operations::{
        IdOperators, SortOrder, StringOperators,
        stock::{
            self, GlobalFlag, ProductVariantFilterParameter, ProductVariantListOptions,
            ProductVariantSortParameter, SetStockVariables, StockLevelInput,
            UpdateProductVariantInput, VariantsVariables,
        },
    },
};
use crate::domain::{LocationId, Sku, VariantId};
use crate::http::parse_json;

/// A product variant and its stock at the location that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub id: VariantId,
    /// As the shop has it, possibly blank. Not unique in the shop.
    pub sku: String,
    /// Whether the shop counts it at all (its own setting, or the shop's where it inherits that).
    pub tracked: bool,
    pub level: StockLevel,
}

/// What the shop has of a variant at one location, in units. A shop's numbers can be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StockLevel {
    pub on_hand: i64,
    /// Promised to orders that were paid and not yet fulfilled.
    pub allocated: i64,
}

/// Which variants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variants<'a> {
    /// All of the channel's, in the order of their ids.
    Page { skip: u32, take: u32 },
    /// No more than a page holds (1000).
    Ids(&'a [VariantId]),
    /// Those with one of these SKUs, spelled exactly so; no more than a page holds.
    Skus(&'a [Sku]),
}

/// A page of variants, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantPage {
    pub total: u64,
    pub variants: Vec<Variant>,
    /// Variants that could not be understood, each with the field: they stop nothing else.
    pub unreadable: Vec<UnreadableItem>,
    /// How many variants the page held, readable or not.
    pub len: usize,
    /// The ids of the first and the last one, readable or not, to see whether pages join.
    pub ends: Option<(String, String)>,
}

/// A stock on hand to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLevel {
    pub variant: VariantId,
    pub on_hand: u32,
}

const READ: &str = "variants";
const WRITE: &str = "set_stock";

/// A list with its items still as text, so that a bad one spoils no other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Loose<'a> {
    global_settings: Default_,
    #[serde(borrow)]
    product_variants: LooseList<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Default_ {
    track_inventory: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LooseList<'a> {
    total_items: u64,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Key {
    #[serde(default)]
    id: serde_json::Value,
}

impl VendureClient {
    pub(super) async fn read_variants(
        &self,
        which: Variants<'_>,
        location: &LocationId,
    ) -> Result<VariantPage, StorefrontError> {
        let options = match which {
            Variants::Page { skip, take } => ProductVariantListOptions {
                take: i32::try_from(take).ok(),
                skip: i32::try_from(skip).ok(),
                sort: Some(ProductVariantSortParameter {
                    id: Some(SortOrder::Asc),
                }),
                filter: None,
            },
            Variants::Ids(ids) => chosen(
                ids.len(),
                ProductVariantFilterParameter {
                    id: Some(IdOperators {
                        any_of: Some(ids.iter().map(ToString::to_string).collect()),
                    }),
                    sku: None,
                },
            ),
            Variants::Skus(skus) => chosen(
                1000,
                ProductVariantFilterParameter {
                    id: None,
                    sku: Some(StringOperators {
                        any_of: Some(skus.iter().map(ToString::to_string).collect()),
                    }),
                },
            ),
        };
        let operation = stock::Variants::build(VariantsVariables { options });
        let data = self.run(READ, &operation).await?;
        let loose: Loose<'_> = data.parse()?;
        let mut page = VariantPage {
            total: loose.product_variants.total_items,
            len: loose.product_variants.items.len(),
            ..VariantPage::default()
        };
        for item in loose.product_variants.items {
            let key: Key = serde_json::from_str(item.get()).unwrap_or_default();
            let key = key.id.as_str().unwrap_or_default().to_owned();
            page.ends = Some((
                page.ends.map_or_else(|| key.clone(), |(first, _)| first),
                key.clone(),
            ));
            match parse_json(item.get().as_bytes()).and_then(|item| {
                variant(item, location, loose.global_settings.track_inventory)
                    .map_err(|e| e.to_string())
            }) {
                Ok(found) => page.variants.push(found),
                Err(problem) => page.unreadable.push(UnreadableItem { key, problem }),
            }
        }
        Ok(page)
    }

    pub(super) async fn write_stock(
        &self,
        location: &LocationId,
        levels: &[NewLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError> {
        let input = levels.iter().map(|level| UpdateProductVariantInput {
            id: cynic::Id::new(level.variant.as_str()),
            stock_levels: Some(vec![StockLevelInput {
                stock_location_id: cynic::Id::new(location.as_str()),
                stock_on_hand: i32::try_from(level.on_hand).unwrap_or(i32::MAX),
            }]),
        });
        let operation = stock::SetStock::build(SetStockVariables {
            input: input.collect(),
        });
        let data = self.run(WRITE, &operation).await?;
        let answer: stock::SetStock = data.parse()?;
        answer
            .update_product_variants
            .into_iter()
            .flatten()
            .map(|v| {
                let id = VariantId::parse(v.id.into_inner())
                    .map_err(|p| StorefrontError::field(WRITE, "id", &p))?;
                Ok((id, at(location, &v.stock_levels)))
            })
            .collect()
    }
}

fn chosen(take: usize, filter: ProductVariantFilterParameter) -> ProductVariantListOptions {
    ProductVariantListOptions {
        take: i32::try_from(take.max(1)).ok(),
        skip: None,
        sort: None,
        filter: Some(filter),
    }
}

fn at(location: &LocationId, levels: &[stock::Level]) -> StockLevel {
    levels
        .iter()
        .find(|level| level.stock_location_id.inner() == location.as_str())
        .map_or_else(StockLevel::default, |level| StockLevel {
            on_hand: level.stock_on_hand.into(),
            allocated: level.stock_allocated.into(),
        })
}

fn variant(
    item: stock::VariantItem,
    location: &LocationId,
    by_default: bool,
) -> Result<Variant, StorefrontError> {
    Ok(Variant {
        id: VariantId::parse(item.id.into_inner())
            .map_err(|p| StorefrontError::field(READ, "id", &p))?,
        sku: item.sku,
        tracked: match item.track_inventory {
            GlobalFlag::True => true,
            GlobalFlag::False => false,
            GlobalFlag::Inherit => by_default,
        },
        level: at(location, &item.stock_levels),
    })
}
