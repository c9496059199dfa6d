//! Every setting there is, in the order of the documentation, with its example and its meaning.
//!
//! Owns the names. The tables in `README.md` and `docs/configuration.md` are made from this list
//! (see [`super::manual`]). Defaults are in `config/default.toml`.

use super::keys::{
    SettingKind::{self, List, Secret, Table, Text, TextOrFile},
    SettingSpec,
};

const fn setting_spec(name: &'static str, form: SettingKind, example: &'static str) -> SettingSpec {
    SettingSpec {
        name,
        kind: form,
        example,
        unset_meaning: "",
        meaning: "",
    }
}

impl SettingSpec {
    const fn required(self) -> Self {
        self.unset_means("required")
    }

    const fn optional(self) -> Self {
        self.unset_means("unset")
    }

    const fn unset_means(self, without: &'static str) -> Self {
        Self {
            unset_meaning: without,
            ..self
        }
    }

    const fn means(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }
}

pub const SETTINGS: &[SettingSpec] = &[
    setting_spec("VERACORE_API_URL", Text, "https://veracore.example.com/v1")
        .required()
        .means("base URL; the API's paths are appended to it. `https`; `http` only for this machine. No user, password, query or fragment"),
    setting_spec("VERACORE_API_STYLE", Text, "rest")
        .unset_means("`rest`; `oms` when the URL's path ends in `.asmx`")
        .means("which VeraCore interface is spoken: `rest` or `oms`"),
    setting_spec("VERACORE_AUTH", Text, "oauth2")
        .means("how `rest` logs in: `oauth2` or `basic`"),
    setting_spec("VERACORE_CLIENT_ID", TextOrFile, "acme-api")
        .required()
        .means("the API client, or the web-service user for `oms`"),
    setting_spec("VERACORE_CLIENT_SECRET", Secret, "the-secret-of-the-client")
        .required()
        .means("its secret or password"),
    setting_spec("VERACORE_COMPANY_ID", Text, "ACME")
        .unset_means("required for `rest`")
        .means("sent as `CompanyId`; the owner id for `oms`"),
    setting_spec("VERACORE_WEBHOOK_SECRET", Secret, "the-secret-agreed-with-VeraCore")
        .optional()
        .means("signs VeraCore's webhooks; without it their endpoints answer 404"),
    setting_spec("VERACORE_TIMEOUT_SECONDS", Text, "30")
        .means("for one call to VeraCore, 1 to 600"),
    setting_spec("VERACORE_RATE_LIMIT_PER_SECOND", Text, "10")
        .means("calls to VeraCore per second, 1 to 1000"),
    setting_spec("VERACORE_MAX_CONCURRENCY", Text, "4")
        .means("calls to VeraCore at the same time, 1 to 64"),
    setting_spec("VERACORE_OMS_NAMESPACE", Text, "http://omscom/")
        .unset_means("by the URL")
        .means("XML namespace of the services, for `oms`; unset: `http://sma-promail/` when the URL's path ends in `order.asmx`, else `http://omscom/`"),
    setting_spec("VERACORE_OMS_UNMAPPED_SHIPPING", Text, "send")
        .means("for `oms`, an order whose shipping method is not in `[freight]`: `send` it without one, with a warning in the log, or `refuse` it, for a person"),
    setting_spec("VERACORE_OMS_ORDER_ID_LENGTH", Text, "50")
        .means("the longest order number that is sent by `oms`, 10 to 255"),
    setting_spec("VERACORE_OMS_INVENTORY", Text, "offers")
        .means("where `oms` reads stock: `offers`, all warehouses together in one question, or `products`, the warehouses in `[warehouses]` with a question for each product"),
    setting_spec("VERACORE_OMS_NOT_FOUND_TEXT", Text, "Invalid order")
        .optional()
        .means("a part of the sentence with which VeraCore says that it does not have an order, should `oms` not recognize it by itself; at least 5 characters"),
    setting_spec("VERACORE_OMS_CANCEL_STYLE", Text, "soap")
        .means("how `oms` cancels an order: `soap` or `json`"),
    setting_spec("VERACORE_OMS_CANCEL_NAMESPACE", Text, "http://tempuri.org/")
        .means("XML namespace of that service, for `soap`"),
    setting_spec("VERACORE_OMS_CANCEL_ACTION", Text, "http://tempuri.org/IOrderAdjustment/CancelOrder")
        .unset_means("the namespace and `CancelOrder`")
        .means("its whole `SOAPAction`, for `soap`"),
    setting_spec("VENDURE_API_URL", Text, "https://shop.example.com/admin-api")
        .required()
        .means("the Admin API's URL, `http` or `https`"),
    setting_spec("VENDURE_USERNAME", Text, "veracore-sync")
        .unset_means("required, or the API key")
        .means("the login: an administrator's name"),
    setting_spec("VENDURE_PASSWORD", Secret, "the-password")
        .unset_means("required with the user")
        .means("the login's password"),
    setting_spec("VENDURE_API_KEY", Secret, "the-api-key")
        .optional()
        .means("an API key instead of user and password (Vendure 3.6 and later, where the shop has turned them on)"),
    setting_spec("VENDURE_CHANNEL_TOKEN", Text, "us-channel")
        .unset_means("unset: the default channel")
        .means("the channel"),
    setting_spec("VENDURE_STOCK_LOCATION", Text, "Main warehouse")
        .unset_means("the only one")
        .means("stock location, by name or id; required when the shop has several"),
    setting_spec("VENDURE_TIMEOUT_SECONDS", Text, "30")
        .means("for one call to Vendure, 1 to 600"),
    setting_spec("VENDURE_MAX_CONCURRENCY", Text, "4")
        .means("calls to Vendure at the same time, 1 to 64"),
    setting_spec("DATABASE_URL", Secret, "postgres://user:password@localhost:5432/veracore_sync")
        .required()
        .means("Postgres: `postgres://user:password@host:5432/database`. Signs such as @ and / in the password are written %40 and %2F"),
    setting_spec("DATABASE_MAX_CONNECTIONS", Text, "10")
        .means("connections to Postgres at the same time, 2 to 1000"),
    setting_spec("SYNC_ENABLED", Text, "true")
        .means("`false`: serve HTTP, move nothing"),
    setting_spec("ORDER_SYNC_TRIGGER_STATES", List, "PaymentSettled")
        .means("list: an order in one of these states is due"),
    setting_spec("ORDER_SYNC_EXISTING", Text, "skip")
        .means("orders already in such a state at the very first start: `skip` records them as skipped, `send` sends them"),
    setting_spec("ORDER_UNIT_PRICE", Text, "gross")
        .means("`gross`: what the customer pays for one unit, discounts and tax included; `net`: without tax"),
    setting_spec("ORDER_SHIPPING_METHODS", List, "standard,express")
        .unset_means("unset: all")
        .means("list of shipping method codes: only orders with one of them are VeraCore's"),
    setting_spec("ORDER_SKIP_SKUS", List, "GIFT-*,DIGITAL")
        .optional()
        .means("list of SKUs or globs that VeraCore does not ship; case counts"),
    setting_spec("ORDER_HOLD_MINUTES", Text, "15")
        .means("how long a found order waits before it is sent, so that it can still be cancelled or edited; up to 43200 (30 days)"),
    setting_spec("ORDER_POLL_INTERVAL_SECONDS", Text, "10")
        .means("how often new orders are looked for, 1 to 86400"),
    setting_spec("ORDER_SWEEP_INTERVAL_SECONDS", Text, "600")
        .means("how often all of them are, 1 to 86400"),
    setting_spec("ORDER_SYNC_MAX_ATTEMPTS", Text, "10")
        .means("tries before an order needs a person, 1 to 1000"),
    setting_spec("RETRY_INITIAL_SECONDS", Text, "15")
        .means("the delay after the first failure; it doubles with each further one. 1 to 86400"),
    setting_spec("RETRY_MAX_SECONDS", Text, "3600")
        .means("the longest delay, up to 604800 (a week); not less than `RETRY_INITIAL_SECONDS`"),
    setting_spec("SYNC_TIMEZONE", Text, "America/Los_Angeles")
        .means("IANA name; the zone of the times of day below"),
    setting_spec("SYNC_INVENTORY_TIME", Text, "02:00")
        .means("when stock is read"),
    setting_spec("SYNC_INVENTORY_INTERVAL_MINUTES", Text, "240")
        .means("1440: once a day at that time; less (a divisor of 1440): also every so many minutes from it, around the clock"),
    setting_spec("SYNC_TRACKING_INTERVAL_MINUTES", Text, "30")
        .means("how often tracking is read, 1 to 1440: from the opening time up to and including the closing time"),
    setting_spec("BUSINESS_HOURS", Text, "09:00-19:00")
        .means("opening and closing time, within one day"),
    setting_spec("BUSINESS_DAYS", List, "Mon-Fri")
        .means("list of days or spans: `Mon,Wed,Sat`, `Mon-Wed,Sat`"),
    setting_spec("INVENTORY_MAX_DROP_PERCENT", Text, "50")
        .means("a feed that would take more than this part of the SKUs in stock to zero is held for a person, 0 to 100"),
    setting_spec("INVENTORY_SAFETY_STOCK", Text, "2")
        .means("units of each SKU kept from sale"),
    setting_spec("INVENTORY_BATCH_SIZE", Text, "40")
        .means("stock levels written to the shop by one call, 1 to 500; `VENDURE_MAX_CONCURRENCY` calls are made at once"),
    setting_spec("safety_stock", Table, "\"MUG-RED\" = 5")
        .means("Vendure's SKU = units kept from sale, instead of `INVENTORY_SAFETY_STOCK`"),
    setting_spec("VENDURE_ORDER_NOTES", Text, "false")
        .means("private notes on the order when it is acknowledged, fails for good, ships or is cancelled, each at most once"),
    setting_spec("HTTP_LISTEN", Text, "127.0.0.1:8080")
        .means("IP address and port of the HTTP server"),
    setting_spec("API_TOKEN", Secret, "a-long-random-text")
        .optional()
        .means("bearer token for the API; without it only Vendure's credentials are accepted"),
    setting_spec("CONFIG_ENCRYPTION_KEY", Secret, "$(openssl rand -base64 32)")
        .optional()
        .means("32 bytes in base64 (`openssl rand -base64 32`); needed only to store a secret in the database. Several, separated by commas: the first seals, each opens"),
    setting_spec("EVENT_WEBHOOK_URL", Text, "https://hooks.example.com/veracore-sync")
        .unset_means("unset: events are only kept")
        .means("where events are posted; `https`, or `http` for this machine"),
    setting_spec("EVENT_WEBHOOK_SECRET", Secret, "the-secret-of-the-receiver")
        .unset_means("required with the URL")
        .means("signs them (HMAC-SHA256)"),
    setting_spec("CANCEL_IN_VENDURE", Text, "false")
        .means("whether an order cancelled at VeraCore is cancelled in Vendure"),
    setting_spec("VERACORE_TIMEZONE", Text, "America/New_York")
        .unset_means("`SYNC_TIMEZONE`")
        .means("the zone of VeraCore's zone-less dates"),
    setting_spec("PII_RETENTION_DAYS", Text, "90")
        .means("after so many days the words of other systems, which may hold a name or an e-mail address, are cleared from what is kept, 1 to 3650. Addresses are never kept"),
    setting_spec("shipping_methods", Table, "standard = \"UPS Ground\"")
        .means("Vendure's shipping method code = VeraCore's shipping method"),
    setting_spec("freight", Table, "standard = \"code:U11 UPS Ground\"")
        .means("for `oms`: VeraCore's shipping method (Vendure's code, where `[shipping_methods]` has no name for it) = how it is asked for"),
    setting_spec("skus", Table, "\"MUG-RED\" = \"100234\"")
        .means("Vendure's SKU = VeraCore's SKU"),
    setting_spec("warehouses", Table, "\"EAST\" = \"Main warehouse\"")
        .means("the warehouses that `VERACORE_OMS_INVENTORY=products` counts: VeraCore's warehouse = Vendure's stock location, by name or id, the same for all"),
    setting_spec("LOG_FORMAT", Text, "pretty")
        .means("`pretty` for people, or `json`: one object a line"),
    setting_spec("LOG_LEVEL", Text, "info")
        .means("`error`, `warn`, `info`, `debug` or `trace`; the variable `RUST_LOG` wins, and takes more (`info,sqlx=debug`)"),
];
