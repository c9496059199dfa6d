//! Every setting, a row each, in the order of the documentation.
//!
//! A row holds the setting's name, type, range, example, meaning, and what may be done with it.
//! Defaults are in `config/default.toml`. The tables in `docs/configuration.md` are generated from
//! both (see [`super::reference`]).

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroU32, time::Duration};

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;
use globset::Glob;
use secrecy::SecretString;
use url::Url;

use super::{
    forms::{choices::*, database_url::*, names::*, times::*, urls::*},
    sealing::Keyring,
    setting::*,
    spec::{Mark::*, SettingSpec, Unset::*},
};
use crate::domain::{
    CancelProtocol, ExistingOrdersPolicy, LineFormat, OrderState, PriceBasis, RestAuth, ShipVia,
    ShippingMethodCode, Sku, StockSource, Units, UnmappedFreight,
};

/// Makes a static of each row, and the lists of them all. The columns: name, type, form, default,
/// marks, example, meaning.
macro_rules! settings {
    ($($name:ident: $type:ty = $form:expr, $unset:expr, [$($mark:ident),*], $example:literal,
       $meaning:literal;)*) => {
        $(pub static $name: Setting<$type> =
            $form.row(stringify!($name), $unset, &[$($mark),*], $example, $meaning);)*
        /// Every setting, with what is needed to read it.
        pub static ROWS: &[&dyn Row] = &[$(&$name),*];
        /// Every setting, in the order of the documentation.
        pub static SETTINGS: &[&SettingSpec] = &[$(&$name.spec),*];
    };
}

settings! {
    VERACORE_API_URL: Url = value(parse_secure_url), Required, [Guarded, Unquoted],
        "https://veracore.example.com/v1",
        "base URL; the API's paths are appended. `https`; `http` for this machine only. No user, password, query or fragment";
    VERACORE_API_STYLE: ApiStyle =
        choice(), Means("`rest`; `oms` if the URL's path ends in `.asmx`"), [Guarded], "rest",
        "VeraCore's interface: `rest`, or `oms` (SOAP)";
    VERACORE_AUTH: RestAuth = choice(), HasDefault, [Guarded], "oauth2",
        "authentication of `rest`: `oauth2` or `basic`";
    VERACORE_CLIENT_ID: String = text(), Required, [FromFile, Guarded], "acme-api",
        "the API client, or the web-service user for `oms`";
    VERACORE_CLIENT_SECRET: SecretString = secret(), Required, [Secret], "the-secret-of-the-client",
        "its secret or password";
    VERACORE_COMPANY_ID: String = text(), Means("required for `rest`"), [], "ACME",
        "sent as `CompanyId`; the owner id for `oms`";
    VERACORE_WEBHOOK_SECRET: SecretString = secret(), Means("unset"), [Secret],
        "the-secret-agreed-with-VeraCore",
        "signs VeraCore's webhooks; if unset, the webhook endpoints answer 404";
    VERACORE_TIMEOUT_SECONDS: Duration = seconds(1, 600), HasDefault, [], "30",
        "timeout of a call to VeraCore";
    VERACORE_RATE_LIMIT_PER_SECOND: NonZeroU32 =
        number_as(1, 1000, |n| NonZeroU32::new(n).ok_or_else(|| "is zero".into())), HasDefault, [],
        "10",
        "calls to VeraCore per second";
    VERACORE_MAX_CONCURRENCY: usize = count(1, 64), HasDefault, [], "4",
        "concurrent calls to VeraCore";
    VERACORE_OMS_NAMESPACE: String = value(parse_namespace), Means("from the URL"), [],
        "http://omscom/",
        "XML namespace of the services, for `oms`; if unset, `http://sma-promail/` for a URL whose path ends in `order.asmx`, else `http://omscom/`";
    VERACORE_OMS_UNMAPPED_SHIPPING: UnmappedFreight = choice(), HasDefault, [], "send",
        "for `oms`, orders whose shipping method is not in `[freight]`: `send` them without one and log a warning, or `refuse` them, so that they need attention";
    VERACORE_OMS_ORDER_ID_LENGTH: usize = count(10, 255), HasDefault, [], "50",
        "the longest order number that VeraCore accepts, for `oms`";
    VERACORE_OMS_INVENTORY: StockSource = choice(), HasDefault, [], "offers",
        "where `oms` reads stock: `offers`, all warehouses together in one request, or `products`, the warehouses in `[warehouses]` with one request for each product";
    VERACORE_OMS_NOT_FOUND_TEXT: String = text().min_chars(5), Means("unset"), [], "Invalid order",
        "part of the message by which VeraCore says that it does not have an order, if `oms` does not recognize it";
    VERACORE_OMS_CANCEL_STYLE: CancelProtocol = choice(), HasDefault, [], "soap",
        "how `oms` cancels an order: `soap` or `json`";
    VERACORE_OMS_CANCEL_NAMESPACE: String = value(parse_namespace), HasDefault, [],
        "http://tempuri.org/",
        "XML namespace of that service, for `soap`";
    VERACORE_OMS_CANCEL_ACTION: String =
        value(parse_namespace), Means("the namespace and `CancelOrder`"), [],
        "http://tempuri.org/IOrderAdjustment/CancelOrder",
        "`SOAPAction` of that service, for `soap`";
    VENDURE_API_URL: Url = value(parse_base_url), Required, [Guarded, Unquoted],
        "https://shop.example.com/admin-api",
        "URL of the Admin API, `http` or `https`";
    VENDURE_USERNAME: String = text(), Means("required, or the API key"), [Guarded],
        "veracore-sync",
        "user name of the administrator that veracore-sync logs in as";
    VENDURE_PASSWORD: SecretString = secret(), Means("required with the user"), [Secret],
        "the-password",
        "the administrator's password";
    VENDURE_API_KEY: SecretString = secret(), Means("unset"), [Secret], "the-api-key",
        "an API key instead of user name and password (Vendure 3.6 and later, if the shop has enabled them)";
    VENDURE_CHANNEL_TOKEN: String = text(), Means("the default channel"), [Guarded], "us-channel",
        "token of the channel";
    VENDURE_STOCK_LOCATION: String = text(), Means("the only one"), [], "Main warehouse",
        "stock location, by name or id; required if the shop has several";
    VENDURE_TIMEOUT_SECONDS: Duration = seconds(1, 600), HasDefault, [], "30",
        "timeout of a call to Vendure";
    VENDURE_MAX_CONCURRENCY: usize = count(1, 64), HasDefault, [], "4",
        "concurrent calls to Vendure";
    DATABASE_URL: SecretString =
        value(parse_database_url).masked(masked_url), Required, [Secret, NotStorable, ReadAtStart],
        "postgres://user:password@localhost:5432/veracore_sync",
        "Postgres: `postgres://user:password@host:5432/database`. Write characters such as @ and / in the password as %40 and %2F";
    // The runner, the listener and the lock of the migrations each hold a connection at times.
    DATABASE_MAX_CONNECTIONS: u32 = number(2, 1000), HasDefault, [NotStorable, ReadAtStart], "10",
        "concurrent connections to Postgres";
    SYNC_ENABLED: bool = boolean(), HasDefault, [], "true",
        "`false`: paused. HTTP is served, but nothing is sent or written";
    ORDER_SYNC_TRIGGER_STATES: Vec<OrderState> = list(add_order_state), HasDefault, [],
        "PaymentSettled",
        "list: orders in one of these states are due";
    ORDER_SYNC_EXISTING: ExistingOrdersPolicy = choice(), HasDefault, [], "skip",
        "orders already in such a state at the very first start: `skip` only records them, `send` sends them";
    ORDER_UNIT_PRICE: PriceBasis = choice(), HasDefault, [], "gross",
        "`gross`: the price that the customer pays for one unit, including discounts and tax; `net`: without tax";
    ORDER_SHIPPING_METHODS: Vec<ShippingMethodCode> = list(add_method_code), Means("all"), [],
        "standard,express",
        "list of shipping method codes: only orders with one of them are sent";
    ORDER_SKIP_SKUS: Vec<Glob> = list(add_glob), Means("unset"), [], "GIFT-*,DIGITAL",
        "list of SKUs or globs that VeraCore does not ship; case-sensitive";
    ORDER_HOLD_MINUTES: Duration = minutes(0, 30 * MINUTES_PER_DAY), HasDefault, [], "15",
        "how long a new order waits before it is sent, so that it can still be cancelled or edited";
    ORDER_POLL_INTERVAL_SECONDS: Duration = seconds(1, 86_400), HasDefault, [], "10",
        "how often to poll for new orders";
    ORDER_SWEEP_INTERVAL_SECONDS: Duration = seconds(1, 86_400), HasDefault, [], "600",
        "how often to read all orders in a trigger state";
    ORDER_SYNC_MAX_ATTEMPTS: u32 = number(1, 1000), HasDefault, [], "10",
        "attempts before an order needs attention";
    RETRY_INITIAL_SECONDS: Duration = seconds(1, 86_400), HasDefault, [], "15",
        "delay after the first failure, doubled by each further one";
    RETRY_MAX_SECONDS: Duration = seconds(1, 604_800), HasDefault, [], "3600",
        "the longest delay, at least `RETRY_INITIAL_SECONDS`";
    SYNC_TIMEZONE: Tz = value(parse_timezone), HasDefault, [], "America/Los_Angeles",
        "time zone of the times below, by its IANA name";
    SYNC_INVENTORY_TIME: NaiveTime = value(parse_time), HasDefault, [], "02:00",
        "when stock is read";
    SYNC_INVENTORY_INTERVAL_MINUTES: u32 =
        number_as(1, MINUTES_PER_DAY, day_divisor), HasDefault, [], "240",
        "1440: once a day at that time; a smaller divisor of 1440: also at this interval from that time, around the clock";
    SYNC_TRACKING_INTERVAL_MINUTES: u32 = number(1, MINUTES_PER_DAY), HasDefault, [], "30",
        "how often tracking is read, from the opening time up to and including the closing time";
    BUSINESS_HOURS: BusinessHours = value(parse_business_hours), HasDefault, [], "09:00-19:00",
        "opening and closing time, within one day";
    BUSINESS_DAYS: Vec<Weekday> = list(add_weekdays), HasDefault, [], "Mon-Fri",
        "list of days or spans of days: `Mon,Wed,Sat`, `Mon-Wed,Sat`";
    INVENTORY_MAX_DROP_PERCENT: u32 = number(0, 100), HasDefault, [], "50",
        "a feed that would take more than this percentage of the SKUs in stock to zero is held";
    INVENTORY_SAFETY_STOCK: Units = value(units), HasDefault, [], "2",
        "units of each SKU kept from sale";
    // Vendure refuses bodies above 100 kB; a level is about 100 bytes.
    INVENTORY_BATCH_SIZE: usize = count(1, 500), HasDefault, [], "40",
        "stock levels that one call writes to the shop, in `VENDURE_MAX_CONCURRENCY` concurrent calls";
    SAFETY_STOCK: BTreeMap<Sku, Units> = table("safety_stock", add_safety_stock), HasDefault, [],
        "\"MUG-RED\" = 5",
        "Vendure's SKU = units kept from sale, instead of `INVENTORY_SAFETY_STOCK`";
    VENDURE_ORDER_NOTES: bool = boolean(), HasDefault, [], "false",
        "private notes on the order when it is accepted, fails for good, ships or is cancelled, each at most once";
    HTTP_LISTEN: SocketAddr =
        value(|text| text.parse().map_err(|_| "is not an IP address with a port".into())), HasDefault, [Guarded, ReadAtStart],
        "127.0.0.1:8080",
        "IP address and port of the HTTP server";
    API_TOKEN: SecretString = secret(), Means("unset"), [Secret], "a-long-random-text",
        "bearer token for the API; if unset, only Vendure credentials work";
    CONFIG_ENCRYPTION_KEY: Keyring =
        value(Keyring::parse), Means("unset"), [Secret, NotStorable, ReadAtStart],
        "$(openssl rand -base64 32)",
        "32 bytes in base64 (`openssl rand -base64 32`); needed only to store secrets in the database. Several, separated by commas: the first encrypts, each decrypts";
    EVENT_WEBHOOK_URL: Url =
        value(parse_secure_url), Means("events are not posted"), [Guarded, Unquoted],
        "https://hooks.example.com/veracore-sync",
        "where events are posted; `https`, or `http` for this machine";
    EVENT_WEBHOOK_SECRET: SecretString = secret(), Means("required with the URL"), [Secret],
        "the-secret-of-the-receiver",
        "signs events (HMAC-SHA256)";
    CANCEL_IN_VENDURE: bool = boolean(), HasDefault, [], "false",
        "whether to cancel an order in Vendure if it is cancelled at VeraCore";
    VERACORE_TIMEZONE: Tz = value(parse_timezone), Means("`SYNC_TIMEZONE`"), [], "America/New_York",
        "time zone of VeraCore's dates without a zone";
    PII_RETENTION_DAYS: u32 = number(1, 3650), HasDefault, [], "90",
        "days after which names and e-mail addresses in stored messages of other systems are cleared (postal addresses are never stored)";
    SHIPPING_METHODS: BTreeMap<ShippingMethodCode, String> =
        table("shipping_methods", add_shipping_method), HasDefault, [], "standard = \"UPS Ground\"",
        "Vendure's shipping method code = VeraCore's shipping method";
    FREIGHT: BTreeMap<String, ShipVia> = table("freight", add_freight), HasDefault, [],
        "standard = \"code:U11 UPS Ground\"",
        "for `oms`: VeraCore's shipping method (or Vendure's code, if `[shipping_methods]` does not list it) = how it is requested";
    SKUS: BTreeMap<Sku, Sku> = table("skus", add_sku_pair), HasDefault, [],
        "\"MUG-RED\" = \"100234\"",
        "Vendure's SKU = VeraCore's SKU";
    WAREHOUSES: BTreeMap<String, String> = table("warehouses", add_warehouse), HasDefault, [],
        "\"EAST\" = \"Main warehouse\"",
        "the warehouses that `VERACORE_OMS_INVENTORY=products` counts: VeraCore's warehouse = Vendure's stock location, by name or id, the same for all";
    LOG_FORMAT: LineFormat = choice(), HasDefault, [ReadAtStart], "pretty",
        "`pretty`, or `json`: one object a line";
    LOG_LEVEL: LogLevel = choice(), HasDefault, [ReadAtStart], "info",
        "`error`, `warn`, `info`, `debug` or `trace`; the variable `RUST_LOG` overrides it, and accepts filters (`info,sqlx=debug`)";
}

/// The setting of this name, in upper or lower case.
pub fn find_setting(name: &str) -> Option<&'static SettingSpec> {
    let mut settings = SETTINGS.iter().copied();
    settings.find(|setting| setting.name.eq_ignore_ascii_case(name))
}
