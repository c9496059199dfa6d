//! The parcels that VeraCore reported, and their fulfillments in Vendure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::handle::Ledger;
use crate::{
    crash,
    domain::{FulfillmentId, LineUnits, OrderCode},
    ledger::{
        db::{
            error::LedgerError,
            lease_time::{is_half_spent, to_time_delta},
            rows::RowRef,
        },
        jobs::leases::{Lease, extend_lease},
        outbox::events::insert_event,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ShipmentStatus {
    /// Not shipped yet, or its contents are unknown.
    Waiting,
    /// To be fulfilled; started if an intent is recorded.
    Pending,
    Fulfilled,
    /// Its items were fulfilled in Vendure in another way.
    Covered,
    Void,
    /// Needs attention.
    Problem,
}

impl ShipmentStatus {
    /// Returns whether nothing is left to do, unless VeraCore reports a change.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Fulfilled | Self::Covered | Self::Void)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelReport {
    pub shipment_id: Option<String>,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub service: Option<String>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub provider_status: String,
    /// By VeraCore's SKUs; `None` if not reported.
    pub items: Option<Vec<ParcelItem>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParcelItem {
    pub sku: String,
    pub quantity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedShipment {
    pub id: i64,
    pub package_key: String,
    #[serde(flatten)]
    pub report: ParcelReport,
    pub status: ShipmentStatus,
    pub message: Option<String>,
    /// The fulfillment intent, if recorded.
    pub intended: Option<Vec<LineUnits>>,
    pub fulfillment: Option<FulfillmentId>,
    pub fulfilled_at: Option<DateTime<Utc>>,
    pub first_seen_at: DateTime<Utc>,
    #[serde(skip)]
    pub order: i64,
}

impl Ledger {
    /// Lists the parcels of these orders, in the order in which they were first reported.
    pub async fn shipments_of_orders(
        &self,
        codes: &[OrderCode],
    ) -> Result<Vec<RecordedShipment>, LedgerError> {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            "select s.id, s.order_sync_id, package_key, shipment_id, tracking_number, carrier,
                 service, shipped_at, provider_status, items, shipment_status, message,
                 intended_lines, vendure_fulfillment_id, fulfilled_at, first_seen_at
             from veracore_shipment s join veracore_order_sync o on o.id = s.order_sync_id
             where o.vendure_order_code = any($1) order by s.id",
            &codes,
        )
        .fetch_all(&self.pool)
        .await?;
        let shipments = rows.into_iter().map(|row| {
            let reference = RowRef::new("veracore_shipment", row.id);
            let status = reference.parse("shipment_status", &row.shipment_status, |text| {
                text.parse().ok()
            })?;
            let fulfillment = row.vendure_fulfillment_id.as_deref();
            let fulfillment =
                reference.parse_optional("vendure_fulfillment_id", fulfillment, |text| {
                    FulfillmentId::parse(text).ok()
                })?;
            Ok(RecordedShipment {
                id: row.id,
                status,
                intended: reference.optional_json("intended_lines", row.intended_lines)?,
                report: ParcelReport {
                    items: reference.optional_json("items", row.items)?,
                    shipment_id: row.shipment_id,
                    tracking_number: row.tracking_number,
                    carrier: row.carrier,
                    service: row.service,
                    shipped_at: row.shipped_at,
                    provider_status: row.provider_status,
                },
                package_key: row.package_key,
                message: row.message,
                fulfillment,
                fulfilled_at: row.fulfilled_at,
                first_seen_at: row.first_seen_at,
                order: row.order_sync_id,
            })
        });
        shipments.collect()
    }

    /// Lists accepted orders with unsettled parcels first reported since `since`.
    pub async fn orders_with_unsettled_shipments(
        &self,
        since: DateTime<Utc>,
    ) -> Result<Vec<OrderCode>, LedgerError> {
        let rows = sqlx::query!(
            "select distinct o.id, o.vendure_order_code
             from veracore_shipment s join veracore_order_sync o on o.id = s.order_sync_id
             where s.shipment_status in ('waiting', 'pending', 'problem')
                 and s.first_seen_at >= $1 and o.sync_status = 'success'
             order by o.id",
            since,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| RowRef::order(row.id).order_code(&row.vendure_order_code))
            .collect()
    }

    /// Inserts or updates a parcel, without changing its status. Returns the row's id.
    pub async fn record_shipment(
        &self,
        order: i64,
        package_key: &str,
        report: &ParcelReport,
    ) -> Result<i64, LedgerError> {
        let _write = crash::points_around("ledger", "record_shipment");
        let items = report.items.as_ref().map(serde_json::to_value).transpose();
        Ok(sqlx::query_scalar!(
            "insert into veracore_shipment
                 (order_sync_id, package_key, shipment_id, tracking_number, carrier, service,
                  shipped_at, provider_status, items, shipment_status, first_seen_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $10, $10)
             on conflict (order_sync_id, package_key) do update
                 set shipment_id = excluded.shipment_id, tracking_number = excluded.tracking_number,
                     carrier = excluded.carrier, service = excluded.service,
                     shipped_at = excluded.shipped_at, items = excluded.items,
                     provider_status = excluded.provider_status, updated_at = excluded.updated_at
             returning id",
            order,
            package_key,
            report.shipment_id,
            report.tracking_number,
            report.carrier,
            report.service,
            report.shipped_at,
            report.provider_status,
            items.unwrap_or_default(),
            self.now(),
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Deletes a parcel without a name that VeraCore now reports with a name, or no longer reports.
    pub async fn delete_unnamed_shipment(
        &self,
        order: i64,
        package_key: &str,
    ) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "delete from veracore_shipment
             where order_sync_id = $1 and package_key = $2 and vendure_fulfillment_id is null",
            order,
            package_key,
        );
        self.write("delete_unnamed_shipment", statement)
            .await
            .map(drop)
    }

    /// Records the lines that are about to be fulfilled, and extends the leases to outlive the call.
    /// `false` if a lease was lost or ends soon: fulfill nothing.
    pub async fn record_fulfillment_intent(
        &self,
        shipment: i64,
        lines: &[LineUnits],
        leases: [&Lease; 2],
        ttl: std::time::Duration,
    ) -> Result<bool, LedgerError> {
        let _write = crash::points_around("ledger", "record_fulfillment_intent");
        let now = self.now();
        let until = now + to_time_delta(ttl);
        let lines = serde_json::to_value(lines).unwrap_or_default();
        let mut tx = self.pool.begin().await?;
        for lease in leases {
            if !extend_lease(&mut tx, lease, now, until).await? {
                return Ok(false);
            }
        }
        sqlx::query!(
            "update veracore_shipment
             set shipment_status = 'pending', message = null, intended_lines = $2,
                 intended_at = $3, updated_at = $3
             where id = $1",
            shipment,
            lines,
            now,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(!is_half_spent(ttl, now, self.now()))
    }

    /// Records the Vendure fulfillment of a parcel. Needs no lease: it exists.
    pub async fn record_fulfillment(
        &self,
        shipment: i64,
        fulfillment: &FulfillmentId,
    ) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_shipment
             set vendure_fulfillment_id = $2, shipment_status = 'pending', message = null,
                 updated_at = $3
             where id = $1",
            shipment,
            fulfillment.as_str(),
            self.now(),
        );
        self.write("record_fulfillment", statement).await.map(drop)
    }

    pub async fn set_shipment_status(
        &self,
        shipment: i64,
        status: ShipmentStatus,
        message: Option<&str>,
    ) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_shipment
             set shipment_status = $2, message = $3, updated_at = $4,
                 fulfilled_at = case when $2 = 'fulfilled' then coalesce(fulfilled_at, $4) end
             where id = $1",
            shipment,
            status.into_str(),
            message,
            self.now(),
        );
        self.write("set_shipment_status", statement).await.map(drop)
    }

    /// Returns the value last written to the tracking fields of the Vendure order.
    pub async fn last_written_tracking(&self, order: i64) -> Result<Option<String>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select tracking_written from veracore_order_sync where id = $1",
            order
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Records the value written to the tracking fields, with an event.
    pub async fn record_tracking(
        &self,
        order: i64,
        fields: &str,
        event: &serde_json::Value,
    ) -> Result<(), LedgerError> {
        let _write = crash::points_around("ledger", "record_tracking");
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "update veracore_order_sync set tracking_written = $2, updated_at = $3 where id = $1",
            order,
            fields,
            now,
        )
        .execute(&mut *tx)
        .await?;
        insert_event(&mut tx, "tracking.updated", Some(order), event, now).await?;
        Ok(tx.commit().await?)
    }

    /// Returns the start of the last complete read of the shipments.
    pub async fn shipments_cursor(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(
            sqlx::query_scalar!("select shipments_read_at from veracore_config where id = 1")
                .fetch_one(&self.pool)
                .await?,
        )
    }

    pub async fn set_shipments_cursor(&self, at: DateTime<Utc>) -> Result<(), LedgerError> {
        let statement = sqlx::query!(
            "update veracore_config set shipments_read_at = $1 where id = 1",
            at
        );
        self.write("set_shipments_cursor", statement)
            .await
            .map(drop)
    }

    /// Returns the time from which shipments must be read so that none is missed: that of the oldest
    /// waiting parcel since `oldest`, and of the oldest order accepted since the last read. VeraCore
    /// may have shipped an order long before a lookup found it.
    pub async fn shipments_lookback_start(
        &self,
        oldest: DateTime<Utc>,
        read_at: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, LedgerError> {
        Ok(sqlx::query_scalar!(
            "select least(
                 (select min(coalesce(shipped_at, first_seen_at)) from veracore_shipment
                  where shipment_status = 'waiting' and first_seen_at >= $1),
                 (select min(least(placed_at, created_at, last_successful_sync))
                  from veracore_order_sync
                  where sync_status = 'success' and closed_at is null
                      and ($2::timestamptz is null or last_successful_sync >= $2)))",
            oldest,
            read_at,
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
