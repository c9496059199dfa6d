//! The published schema.

use std::path::Path;

#[test]
fn the_published_schema_is_the_servers() {
    let published = include_str!("../../../docs/schema.graphql");
    let now = veracore_sync::web::sdl();
    if published != now {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema.graphql");
        std::fs::write(&path, &now).unwrap();
        panic!(
            "docs/schema.graphql is out of date; if the change is meant: cp {} docs/schema.graphql",
            path.display()
        );
    }
}

/// The agreed lines, which must be in the schema.
#[test]
fn the_schema_has_the_agreed_operations() {
    let published = include_str!("../../../docs/schema.graphql");
    for line in [
        "veracoreOrderSyncStatus(orderId: String!): VeraCoreOrderSyncStatus",
        "veraCoreOrderSyncStatus(orderCode: String!): VeraCoreOrderSyncStatus",
        "veracoreOrderSyncStats: VeraCoreOrderSyncStats!",
        "veracoreFailedOrderSyncs: [VeraCoreOrderSyncStatus!]!",
        "): VeraCoreOrderSyncConnection!",
        "status: String",
        "search: String",
        "first: Int",
        "after: String",
        "veracoreInventorySyncStats: VeraCoreInventorySyncStats!",
        "veracoreTrackingSyncStats: VeraCoreTrackingSyncStats!",
        "veracoreConfig: VeraCoreConfig!",
        "retryVeracoreOrderSync(orderId: String!): VeraCoreSimpleResult!",
        "forceVeraCoreOrderSync(orderId: String!): VeraCoreForceResult!",
        "skipVeracoreOrderSync(orderId: String!): VeraCoreSimpleResult!",
        "forceVeracoreInventorySync: VeraCoreOperationResult!",
        "forceVeraCoreInventorySync: VeraCoreForceInventoryResult!",
        "syncVeracoreInventoryForSku(sku: String!): VeraCoreSimpleResult!",
        "forceVeracoreTrackingSync: VeraCoreOperationResult!",
        "syncVeracoreTrackingForOrder(orderId: String!): VeraCoreSimpleResult!",
        "updateVeracoreConfig(input: VeraCoreConfigInput!): VeraCoreConfig!",
        "id: ID!",
        "vendureOrderId: String!",
        "vendureOrderCode: String!",
        "veracoreOrderId: String",
        "syncStatus: String!",
        "errorCategory: String",
        "errorMessage: String",
        "retryCount: Int!",
        "lastSyncAttempt: DateTime",
        "lastSuccessfulSync: DateTime",
        "nextAttempt: DateTime",
        "trackingNumbers: [String!]!",
        "createdAt: DateTime!",
        "updatedAt: DateTime!",
        "totalSynced: Int!",
        "totalFailed: Int!",
        "totalPending: Int!",
        "recentErrors: [VeraCoreOrderSyncStatus!]!",
        "lastSyncTime: DateTime",
        "nextSyncTime: DateTime",
        "isRunning: Boolean!",
        "lastResult: VeraCoreInventorySyncResult",
        "lastResult: VeraCoreTrackingSyncResult",
        "totalOrdersTracked: Int!",
        "totalProcessed: Int!",
        "updated: Int!",
        "errors: Int!",
        "skipped: Int!",
        "ordersChecked: Int!",
        "trackingUpdated: Int!",
        "success: Boolean!",
        "error: String",
        "result: JSON",
        "message: String",
        "message: String!",
        "syncedProducts: Int!",
    ] {
        let found = published
            .lines()
            .any(|l| l.trim().trim_end_matches(',') == line);
        assert!(found, "{line}");
    }
}
