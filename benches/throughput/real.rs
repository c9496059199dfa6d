//! The same with a real Vendure, if `TEST_VENDURE_URL` is set: the cost of a poll for new orders, and
//! an inventory sync compared with a client that only writes.

use std::{collections::BTreeMap, process::Command, sync::Arc};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::{task::JoinSet, time::Instant};
use veracore_sync::{
    app::App,
    domain::{LocationId, VariantId},
    vendure::{NewStockLevel, Storefront, Variant, VariantSelection},
};

use super::{
    discovery::{self, median},
    inventory::sync,
    place::{ON_HAND, Place, env_variable},
    report::{Goal, Report},
};

/// The raw client's batch sizes and concurrency.
const SWEPT: [(usize, usize); 9] = [
    (20, 4),
    (20, 8),
    (40, 2),
    (40, 4),
    (40, 8),
    (100, 2),
    (100, 4),
    (100, 8),
    (250, 4),
];

/// The daemon's services with the real shop; `None` if there is none.
async fn app(place: &Place, changes: &[(&str, &str)]) -> Option<App> {
    let Some(url) = env_variable("TEST_VENDURE_URL") else {
        eprintln!("    no real Vendure: not measured (TEST_VENDURE_URL)");
        return None;
    };
    let mut changes = changes.to_vec();
    changes.push(("VENDURE_API_URL", &url));
    // A shop used for other tests may have more than one stock location.
    changes.push(("VENDURE_STOCK_LOCATION", "1"));
    Some(place.app(&changes).await)
}

pub async fn discovery(report: &mut Report, open: &[usize]) {
    let Some(database) = env_variable("TEST_VENDURE_DATABASE_URL") else {
        eprintln!("    no database of a real Vendure: not measured (TEST_VENDURE_DATABASE_URL)");
        return;
    };
    let mut shop = PgConnection::connect(&database).await.unwrap();
    // Warm up: the first queries are slow.
    look(report, &mut shop, 0, true).await;
    let mut costs = Vec::new();
    for count in open {
        let Some(cost) = look(report, &mut shop, *count, false).await else {
            return;
        };
        costs.push(cost);
    }
    discovery::ratios(report, &costs, "a real Vendure");
    // An index that the shop's owner can create.
    let create = "create index bench_state on \"order\" (state)";
    sqlx::query(create).execute(&mut shop).await.unwrap();
    let cost = look(report, &mut shop, open[2], true).await.unwrap();
    let drop = "drop index bench_state";
    sqlx::query(drop).execute(&mut shop).await.unwrap();
    fill(&mut shop, 0).await;
    report.figure(
        format!(
            "a poll with {} open orders to one with none, on a real Vendure with an index on state",
            open[2]
        ),
        cost / costs[0],
        "",
    );
}

/// The cost of a poll with this number of open orders; `None` if there is no shop.
async fn look(
    report: &mut Report,
    shop: &mut PgConnection,
    count: usize,
    quietly: bool,
) -> Option<f64> {
    let place = Place::with(10).await;
    let Some(app) = app(&place, &[]).await else {
        place.leave(Vec::new()).await;
        return None;
    };
    fill(shop, count).await;
    let times = report.scaled(100, 5);
    let mut nowhere = report.aside();
    let report = if quietly { &mut nowhere } else { report };
    let cost = discovery::cost(report, &app, count, times, "a real Vendure").await;
    place.leave(vec![app]).await;
    Some(cost)
}

/// Replaces all orders with `count` copies of a paid one, directly in the shop's tables: placing twenty
/// thousand orders would take an hour.
async fn fill(shop: &mut PgConnection, count: usize) {
    let template: Option<i32> =
        sqlx::query_scalar(r#"select id from "order" where code like 'TEMPLATE%' limit 1"#)
            .fetch_optional(&mut *shop)
            .await
            .unwrap();
    if template.is_none() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vendure/orders.cjs");
        let paid = Command::new("node")
            .args([script, "pay", "--count", "1", "--lines", "1"])
            .env("ADMIN_API", env_variable("TEST_VENDURE_URL").unwrap())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(paid.success(), "an order could not be placed");
        let hide = r#"update "order" set code = 'TEMPLATE' || id, state = 'Cancelled'
             where id = (select max(id) from "order")"#;
        sqlx::query(hide).execute(&mut *shop).await.unwrap();
    }
    let columns: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.columns
         where table_name = 'order' and table_schema = 'public'
             and column_name not in ('id', 'code', 'state', 'createdAt', 'orderPlacedAt')",
    )
    .fetch_all(&mut *shop)
    .await
    .unwrap();
    let columns = format!("\"{}\"", columns.join("\",\""));
    let statements = format!(
        r#"delete from order_channels_channel where "orderId" in
             (select id from "order" where code like 'COPY%');
         delete from "order" where code like 'COPY%';
         with copy as (
             insert into "order" (code, state, "createdAt", "orderPlacedAt", {columns})
             select 'COPY' || n, 'PaymentSettled', now() - n * interval '1 second',
                 now() - n * interval '1 second', {columns}
             from "order", generate_series(1, {count}) n
             where id = (select min(id) from "order" where code like 'TEMPLATE%')
             returning id
         )
         insert into order_channels_channel ("orderId", "channelId")
         select copy.id, channel.id from copy, (select min(id) as id from channel) channel;
         analyze "order"; analyze order_channels_channel;"#
    );
    let fill = sqlx::raw_sql(AssertSqlSafe(statements));
    fill.execute(&mut *shop).await.unwrap();
}

pub async fn inventory(report: &mut Report) {
    let place = Place::with(0).await;
    let Some(app) = app(&place, &[]).await else {
        return place.leave(Vec::new()).await;
    };
    // Without a rate limit.
    let unbounded = app_of_raw(&place).await;
    let most = report.scaled(1000, 40);
    let location = app.storefront.stock_locations().await.unwrap().remove(0);
    let location = LocationId::parse(location.id).unwrap();
    let (variants, _) = read(&*app.storefront, &location).await;
    let mut named: BTreeMap<String, Vec<Variant>> = BTreeMap::new();
    for variant in variants.into_iter().filter(|variant| variant.is_tracked) {
        named.entry(variant.sku.clone()).or_default().push(variant);
    }
    // Variants that share a SKU are always written together.
    let alone = named.into_values().filter(|same| same.len() == 1).flatten();
    let variants: Vec<Variant> = alone.take(most).collect();
    assert_eq!(
        variants.len(),
        most,
        "the real shop has too few variants: scripts/bench makes them"
    );
    for variant in &variants {
        place.sandbox.set_stock(&variant.sku, ON_HAND);
    }
    let mut best = (f64::INFINITY, (0, 0));
    for (batch, at_once) in SWEPT {
        let took = raw(&unbounded, &location, &variants, batch, at_once).await;
        report.figure(
            format!(
                "{most} SKUs on a real Vendure: raw client, {batch} per call, {at_once} concurrent"
            ),
            variants.len() as f64 / took,
            "/s",
        );
        if took < best.0 {
            best = (took, (batch, at_once));
        }
    }
    let (batch, at_once) = best.1;
    let settings = (batch.to_string(), at_once.to_string());
    let changes = [
        ("INVENTORY_BATCH_SIZE", settings.0.as_str()),
        ("VENDURE_MAX_CONCURRENCY", &settings.1),
    ];
    let Some(alike) = self::app(&place, &changes).await else {
        return;
    };
    let (mut usual, mut same, mut raws) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        raws.push(raw(&unbounded, &location, &variants, batch, at_once).await);
        same.push(sync_seconds(&alike, variants.len()).await);
        raw(&unbounded, &location, &variants, batch, at_once).await;
        usual.push(sync_seconds(&app, variants.len()).await);
    }
    let (usual, same, raw) = (median(usual), median(same), median(raws));
    let of = format!("{most} SKUs on a real Vendure: full sync");
    let best =
        format!("to the best raw client ({batch} per call, {at_once} concurrent; medians of 5)");
    report.figure(
        format!("{of} as configured by default"),
        variants.len() as f64 / usual,
        "/s",
    );
    report.figure(
        format!("{of} as configured by default, {best}"),
        raw / usual,
        "",
    );
    report.goal(
        format!("{of} with the same batches and concurrency, {best}"),
        raw / same,
        "",
        Goal::AtLeast(0.9),
    );
    alike.ledger.close().await;
    place.leave(vec![app, unbounded]).await;
}

/// Seconds of an inventory sync that writes all levels.
async fn sync_seconds(app: &App, levels: usize) -> f64 {
    let start = Instant::now();
    let summary = sync(app).await;
    assert_eq!(summary.counts.written, levels as u64);
    start.elapsed().as_secs_f64()
}

async fn app_of_raw(place: &Place) -> App {
    app(place, &[("VENDURE_MAX_CONCURRENCY", "32")])
        .await
        .unwrap()
}

/// All variants, and the seconds taken to read them.
async fn read(shop: &dyn Storefront, location: &LocationId) -> (Vec<Variant>, f64) {
    let start = Instant::now();
    let (mut variants, mut skip) = (Vec::new(), 0);
    loop {
        let which = VariantSelection::Page { skip, take: 1000 };
        let page = shop.variants(which, location).await.unwrap();
        variants.extend(page.variants);
        skip += 1000;
        if u64::from(skip) >= page.total {
            return (variants, start.elapsed().as_secs_f64());
        }
    }
}

/// Seconds of a client that reads all levels once and then only writes.
async fn raw(
    app: &App,
    location: &LocationId,
    variants: &[Variant],
    batch: usize,
    at_once: usize,
) -> f64 {
    let start = Instant::now();
    let (now, _) = read(&*app.storefront, location).await;
    let level = |variant: &VariantId| {
        let known = now.iter().find(|known| known.id == *variant).unwrap();
        u32::try_from(known.level.on_hand + 1).unwrap()
    };
    let levels: Vec<NewStockLevel> = variants
        .iter()
        .map(|variant| NewStockLevel {
            variant: variant.id.clone(),
            on_hand: level(&variant.id),
        })
        .collect();
    let mut waiting = levels.chunks(batch).map(<[NewStockLevel]>::to_vec);
    let mut working = JoinSet::new();
    loop {
        while working.len() < at_once {
            let Some(levels) = waiting.next() else { break };
            let (shop, location) = (Arc::clone(&app.storefront), location.clone());
            working.spawn(async move { shop.set_stock(&location, &levels).await.unwrap() });
        }
        if working.join_next().await.is_none() {
            return start.elapsed().as_secs_f64();
        }
    }
}
