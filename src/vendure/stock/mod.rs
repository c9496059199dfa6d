//! Reads and writes the stock levels of product variants.

use std::collections::HashMap;

use async_trait::async_trait;
use cynic::{MutationBuilder, QueryBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    client::VendureClient,
    error::StorefrontError,
    model::{NewStockLevel, StockLevel, Variant, VariantPage, VariantSelection},
    operations::{
        self, GlobalFlag, IdOperators, InventorySettings, ProductVariantFilterParameter,
        ProductVariantListOptions, ProductVariantSortParameter, SetStockVariables, SortOrder,
        StockLevelInput, StringOperators, UpdateProductVariantInput, VariantItem,
        VariantsVariables,
    },
    raw_list::{RawList, batch_len, batches, field_error, item_id, parse_item},
    response::ResponseData,
    storefront::StockTarget,
};
use crate::domain::{LocationId, Sku, VariantId};

const LIST_VARIANTS: &str = "variants";
const SET_STOCK: &str = "set_stock";

/// Page size for a search by SKU, since several variants may share one.
const MIN_SKU_PAGE: u32 = 100;

pub(super) enum VariantFilter<'a> {
    All,
    Ids(&'a [&'a str]),
    Skus(&'a [&'a str]),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawVariants<'a> {
    global_settings: InventorySettings,
    #[serde(borrow)]
    product_variants: RawList<'a>,
}

#[async_trait]
impl StockTarget for VendureClient {
    async fn variants(
        &self,
        which: VariantSelection<'_>,
        location: &LocationId,
    ) -> Result<VariantPage, StorefrontError> {
        let mut found = VariantPage::default();
        match which {
            VariantSelection::Page { skip, take } => {
                return self
                    .read_variant_page(&VariantFilter::All, skip, take, location)
                    .await;
            }
            VariantSelection::Ids(ids) => {
                for group in batches(ids.iter().map(VariantId::as_str)) {
                    self.append_all_pages(
                        &VariantFilter::Ids(&group),
                        batch_len(&group),
                        location,
                        &mut found,
                    )
                    .await?;
                }
            }
            VariantSelection::Skus(skus) => {
                for group in batches(skus.iter().map(Sku::as_str)) {
                    let take = batch_len(&group).max(MIN_SKU_PAGE);
                    self.append_all_pages(&VariantFilter::Skus(&group), take, location, &mut found)
                        .await?;
                }
            }
        }
        Ok(found)
    }

    async fn set_stock(
        &self,
        location: &LocationId,
        levels: &[NewStockLevel],
    ) -> Result<Vec<(VariantId, StockLevel)>, StorefrontError> {
        if levels.is_empty() {
            return Ok(Vec::new());
        }
        let input = levels
            .iter()
            .map(|level| update_input(level, location))
            .collect::<Result<_, _>>()?;
        let operation = operations::SetStock::build(SetStockVariables { input });
        let data = self.mutate(SET_STOCK, &operation).await?;
        let updated = data
            .parse::<operations::SetStock>()?
            .update_product_variants;
        let updated: HashMap<&str, StockLevel> = updated
            .iter()
            .flatten()
            .filter_map(|variant| {
                let level = level_at(location, &variant.stock_levels)?;
                Some((variant.id.inner(), level))
            })
            .collect();
        let new_level = |NewStockLevel { variant, .. }: &NewStockLevel| {
            // Vendure also writes to a location outside the channel, but does not return it.
            let level = updated.get(variant.as_str()).ok_or_else(|| {
                data.malformed(format!(
                    "updateProductVariants has no level of variant {variant} at location {location}"
                ))
            })?;
            Ok((variant.clone(), *level))
        };
        levels.iter().map(new_level).collect()
    }
}

impl VendureClient {
    /// Reads all pages of the filter's variants, and adds them to `found`.
    async fn append_all_pages(
        &self,
        filter: &VariantFilter<'_>,
        take: u32,
        location: &LocationId,
        found: &mut VariantPage,
    ) -> Result<(), StorefrontError> {
        let mut skip = 0_u32;
        loop {
            let page = self.read_variant_page(filter, skip, take, location).await?;
            let total = page.total;
            let len = u32::try_from(page.len).unwrap_or(u32::MAX);
            if skip == 0 {
                found.total += total;
            }
            found.variants.extend(page.variants);
            found.unreadable.extend(page.unreadable);
            found.len += page.len;
            found.end_ids = match (found.end_ids.take(), page.end_ids) {
                (Some((first, _)), Some((_, last))) => Some((first, last)),
                (before, now) => now.or(before),
            };
            skip = skip.saturating_add(len);
            if len == 0 || u64::from(skip) >= total {
                return Ok(());
            }
        }
    }

    async fn read_variant_page(
        &self,
        filter: &VariantFilter<'_>,
        skip: u32,
        take: u32,
        location: &LocationId,
    ) -> Result<VariantPage, StorefrontError> {
        let options = ProductVariantListOptions {
            take: i32::try_from(take).ok(),
            skip: i32::try_from(skip).ok(),
            sort: Some(ProductVariantSortParameter {
                id: Some(SortOrder::Asc),
            }),
            filter: variant_filter(filter),
        };
        let operation = operations::Variants::build(VariantsVariables { options });
        parse_variant_page(
            &self.query(LIST_VARIANTS, &operation).await?,
            filter,
            take,
            location,
        )
    }
}

/// Parses a page item by item.
pub(super) fn parse_variant_page(
    data: &ResponseData,
    filter: &VariantFilter<'_>,
    take: u32,
    location: &LocationId,
) -> Result<VariantPage, StorefrontError> {
    let RawVariants {
        global_settings,
        product_variants: list,
    } = data.parse()?;
    list.check_len(data, "productVariants", take)?;
    let mut page = VariantPage {
        total: list.total_items,
        len: list.items.len(),
        end_ids: list
            .items
            .first()
            .zip(list.items.last())
            .map(first_and_last_id),
        ..VariantPage::default()
    };
    for item in list.items {
        match parse_item(item, "sku", |item| {
            parse_variant(item, location, global_settings)
        }) {
            Ok(variant) => match filter {
                VariantFilter::Ids(ids) if !ids.contains(&variant.id.as_str()) => {
                    return Err(data.malformed(format!(
                        "productVariants.items.id was not requested: {}",
                        variant.id
                    )));
                }
                // A shop's database may ignore case or trailing spaces.
                VariantFilter::Skus(skus) if !skus.contains(&variant.sku.as_str()) => {}
                _ => page.variants.push(variant),
            },
            Err(unreadable) => page.unreadable.push(unreadable),
        }
    }
    Ok(page)
}

fn variant_filter(variants: &VariantFilter<'_>) -> Option<ProductVariantFilterParameter> {
    let owned = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let mut filter = ProductVariantFilterParameter::default();
    match variants {
        VariantFilter::All => return None,
        VariantFilter::Ids(ids) => filter.id = Some(IdOperators { any_of: owned(ids) }),
        VariantFilter::Skus(skus) => {
            filter.sku = Some(StringOperators {
                any_of: owned(skus),
            });
        }
    }
    Some(filter)
}

fn first_and_last_id((first, last): (&&RawValue, &&RawValue)) -> (String, String) {
    (item_id(first), item_id(last))
}

fn parse_variant(
    item: VariantItem,
    location: &LocationId,
    settings: InventorySettings,
) -> Result<Variant, StorefrontError> {
    Ok(Variant {
        id: VariantId::parse(item.id.into_inner()).map_err(field_error(LIST_VARIANTS, "id"))?,
        sku: item.sku,
        is_tracked: match item.track_inventory {
            GlobalFlag::True => true,
            GlobalFlag::False => false,
            GlobalFlag::Inherit => settings.track_inventory,
        },
        level: level_at(location, &item.stock_levels).unwrap_or_default(),
        allocated_elsewhere: item
            .stock_levels
            .iter()
            .filter(|level| level.stock_location_id.inner() != location.as_str())
            .map(|level| i64::from(level.stock_allocated).max(0))
            .sum(),
    })
}

fn level_at(location: &LocationId, levels: &[operations::StockLevel]) -> Option<StockLevel> {
    let is_here =
        |level: &&operations::StockLevel| level.stock_location_id.inner() == location.as_str();
    levels.iter().find(is_here).map(|level| StockLevel {
        on_hand: level.stock_on_hand.into(),
        allocated: level.stock_allocated.into(),
    })
}

fn update_input(
    level: &NewStockLevel,
    location: &LocationId,
) -> Result<UpdateProductVariantInput, StorefrontError> {
    let stock_on_hand =
        i32::try_from(level.on_hand).map_err(|_| StorefrontError::InvalidField {
            operation: SET_STOCK,
            field: "stockOnHand".into(),
            problem: format!(
                "{} for variant {} is more than Vendure's maximum, {}",
                level.on_hand,
                level.variant,
                i32::MAX
            ),
        })?;
    Ok(UpdateProductVariantInput {
        id: cynic::Id::new(level.variant.as_str()),
        stock_levels: Some(vec![StockLevelInput {
            stock_location_id: cynic::Id::new(location.as_str()),
            stock_on_hand,
        }]),
    })
}

#[cfg(test)]
pub(super) mod tests;
