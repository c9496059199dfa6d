//! Settings of the sync services, from the configuration.

use crate::{
    config::{self, Config},
    domain::SkuRules,
    http::Backoff,
    sync::{
        inventory::{self, InventorySettings},
        jobs::calendar::{Calendar, CalendarSettings},
        orders::{self, OrderSettings, mapping},
        reconcile::{self, ReconcileSettings},
        tracking::TrackingSettings,
    },
};

pub fn calendar(schedule: &config::ScheduleConfig) -> Calendar {
    Calendar::new(CalendarSettings {
        timezone: schedule.timezone,
        inventory_time: schedule.inventory_time,
        inventory_interval_minutes: schedule.inventory_interval_minutes,
        tracking_interval_minutes: schedule.tracking_interval_minutes,
        business_opens_at: schedule.business_hours.opens,
        business_closes_at: schedule.business_hours.closes,
        business_days: schedule.business_days.clone(),
    })
}

fn sku_rules(config: &Config) -> SkuRules {
    SkuRules {
        skip: config.orders.skip_skus.clone(),
        map: config.maps.skus.clone(),
    }
}

pub(super) fn inventory_settings(config: &Config) -> InventorySettings {
    InventorySettings {
        rules: inventory::plan::StockRules {
            skus: sku_rules(config),
            safety: config.inventory.safety_stock.clone(),
        },
        max_drop_percent: config.inventory.max_drop_percent,
        location: config.vendure.stock_location.clone(),
        batch_size: config.inventory.batch_size,
        concurrency: config.vendure.max_concurrency,
        lease_ttl: inventory::stock_lease_ttl(config.vendure.timeout),
        lease_wait: inventory::stock_lease_ttl(config.vendure.timeout),
        page_size: inventory::PAGE_SIZE,
    }
}

pub(super) fn reconcile_settings(config: &Config) -> ReconcileSettings {
    ReconcileSettings {
        sweep_interval: config.orders.sweep_interval,
        concurrency: config.veracore.max_concurrency,
        max_lookups: reconcile::MAX_LOOKUPS,
    }
}

pub(super) fn order_settings(config: &Config) -> OrderSettings {
    let settings = &config.orders;
    let veracore = config.veracore.timeout;
    OrderSettings {
        trigger_states: settings.trigger_states.clone(),
        existing_orders: settings.existing_orders,
        mapping_rules: mapping::MappingRules {
            unit_price: settings.unit_price,
            shipping_methods: settings.shipping_methods.clone(),
            skus: sku_rules(config),
            shipping_method_map: config.maps.shipping_methods.clone(),
        },
        send_delay: settings.send_delay,
        max_attempts: settings.max_attempts,
        cancel_in_shop: settings.cancel_in_vendure,
        backoff: Backoff {
            initial: settings.retry_initial,
            max: settings.retry_max,
        },
        quiet_period: orders::quiet_period(veracore),
        lease_ttl: orders::lease_ttl(config.vendure.timeout, veracore),
        concurrency: orders::order_concurrency(config.veracore.max_concurrency),
        sweep_page_size: orders::SWEEP_PAGE_SIZE,
        newest_page_size: orders::NEWEST_PAGE_SIZE,
    }
}

pub(super) fn tracking_settings(config: &Config) -> TrackingSettings {
    TrackingSettings {
        lease_ttl: inventory::stock_lease_ttl(config.vendure.timeout),
        lease_wait: inventory::stock_lease_ttl(config.vendure.timeout),
        concurrency: config.vendure.max_concurrency,
    }
}
