//! The elements of the requests of `oms.asmx`.
//!
//! The sequence is the WSDL's. The WSDL has no lengths; they are those of ProMail's XML order files.

use super::shape::{Field, Kind, Parts, field, group, int, text};

const fn decimal(name: &'static str) -> Field {
    field(name, Kind::Decimal)
}

const fn flag(name: &'static str) -> Field {
    field(name, Kind::Bool)
}

const fn date_time(name: &'static str) -> Field {
    field(name, Kind::DateTime)
}

const SEQ_ID: Field = int("SeqID");
const SEQ: &[Field] = &[SEQ_ID];
const DESCRIPTION: &[Field] = &[text("Description", 255)];
const VARIABLE: Parts = &[&[
    SEQ_ID,
    group("VariableField", &[&[text("FieldName", 50)]]),
    text("Value", 255),
    text("ValueDescription", 255),
]];
const CARRIER: Field = group("FreightCarrier", &[&[text("Name", 50)]]);
const SERVICE: Field = group("FreightService", &[DESCRIPTION]);

/// A person or place.
const MAILER: &[Field] = &[
    text("Prefix", 20),
    text("FirstName", 50),
    text("MiddleInitial", 20),
    text("LastName", 50),
    text("Suffix", 20),
    text("CompanyName", 50),
    text("Title", 50),
    text("Address1", 255),
    text("Address2", 255),
    text("Address3", 255),
    text("City", 50),
    text("State", 20),
    text("PostalCode", 15),
    text("Country", 50),
    text("Phone", 20),
    text("Fax", 20),
    text("Email", 255),
    text("UID", 20),
    flag("TaxExempt"),
    text("TaxExemptID", 50),
    flag("TaxExemptApproved"),
    flag("Commercial"),
    field("Variables", Kind::List("PersonVariable", VARIABLE)),
];

const FULL_NAME: &[Field] = &[
    text("FullName", 255),
    text("FullNameWithSuffix", 255),
    text("CityStateZip", 255),
    text("CityStateZipCountry", 255),
    text("CompoundAddress", 1000),
];

const HEADER: Parts = &[&[
    text("ID", 50),
    date_time("EntryDate"),
    group("OrderEntryView", &[SEQ, DESCRIPTION]),
    text("ReferenceNumber", 50),
    text("PONumber", 50),
    text("Comments", 8000),
    text("IpAddress", 50),
    text("ApprovalComment", 8000),
    date_time("InsertDate"),
    date_time("UTCEntryDateTime"),
]];

const CLASSIFICATION: Parts = &[&[
    text("CampaignID", 50),
    group("ResponseMedia", &[&[text("Description", 10)]]),
    group("Source", &[DESCRIPTION]),
    group("Issue", &[&[text("Issue", 50)]]),
    group("CustomerProject", &[&[text("ID", 20)]]),
    text("CustomerCode", 50),
    text("Store", 50),
    text("Department", 50),
    text("DistributionCenter", 50),
    text("Vendor", 50),
]];

const SHIPPING: Parts = &[&[
    CARRIER,
    SERVICE,
    field("FreightAccount", Kind::Unchecked),
    group("ShippingOption", &[DESCRIPTION]),
    text("FreightCode", 12),
    text("FreightCodeDescription", 255),
    text("ShipComments", 8000),
    text("NeededBy", 50),
    flag("Rush"),
    date_time("ReleaseDate"),
    int("ThirdPartyType"),
    text("ThirdAccountNumber", 50),
    flag("NCShip"),
    flag("NCPack"),
    flag("NCOffers"),
    flag("NCHandling"),
    flag("NCOffShipHandling"),
    flag("NCSpecialHandling"),
    flag("NCRush"),
]];

const MONEY: Parts = &[&[
    group("PriceClass", &[SEQ, DESCRIPTION]),
    decimal("ShippingHandlingCharge"),
    decimal("RushHandlingCharge"),
    group("NoChargeType", &[DESCRIPTION]),
    decimal("DiscountAmount"),
    decimal("DiscountPercent"),
    group("DiscountCode", &[&[text("ID", 20)], DESCRIPTION]),
    group("Coupon", &[&[text("Code", 50)]]),
    decimal("SpecialHandlingCharge"),
    decimal("CreditAmount"),
    group("GiftCertificate", &[&[text("UID", 50), decimal("Amount")]]),
    decimal("GiftCertificateAmount"),
    decimal("TaxPercent"),
    decimal("NoChargeAmount"),
    decimal("TaxAmount"),
]];

const PAYMENT: Parts = &[&[
    group("PaymentType", &[DESCRIPTION, &[int("Sequence")]]),
    decimal("PaymentAmount"),
    text("CCNumber", 50),
    text("CCExpirationDate", 10),
    text("CSC", 10),
    text("ARReference", 50),
    text("Token", 255),
    text("TransactionID", 255),
    text("AuthorizationCode", 50),
    decimal("AuthorizationAmount"),
    date_time("AuthorizationDate"),
]];

const SHIP_TO: &[Field] = &[
    SEQ_ID,
    field("Flag", Kind::OneOf(&["Other", "OrderedBy"])),
    text("Key", 50),
    text("NeededBy", 50),
    date_time("ReleaseDate"),
    flag("Rush"),
    decimal("RushHandling"),
    text("Comments", 8000),
    CARRIER,
    SERVICE,
    int("ThirdPartyType"),
    text("ThirdPartyAccountNumber", 50),
    text("FreightCode", 12),
    text("FreightCodeDescription", 255),
    group("SpecialHandling", &[DESCRIPTION]),
    decimal("SpecialHandlingCharge"),
    decimal("ShippingHandlingCharge"),
];

const SHIP_TO_TAX: &[Field] = &[
    decimal("ShippingHandlingTaxAmount"),
    decimal("ShippingHandlingTaxPercent"),
];

const BILL_TO: &[Field] = &[field(
    "Flag",
    Kind::OneOf(&["Other", "OrderedBy", "DoNotUse", "ShipTo"]),
)];

const KEY: Parts = &[&[text("Key", 50)]];

const LINE: Parts = &[&[
    group("Offer", &[&[group("Header", &[SEQ, &[text("ID", 50)]])]]),
    int("Quantity"),
    int("CanceledQuantity"),
    group("OrderShipTo", KEY),
    group("OrderShipToKey", KEY),
    field("PriceType", Kind::Whole(0, 255)),
    decimal("UnitPrice"),
    field("ShipType", Kind::Whole(-32768, 32767)),
    decimal("ShippingHandling"),
    decimal("Discounts"),
    int("DiscountPercent"),
    text("DocumentID", 50),
    SEQ_ID,
    flag("CloneLine"),
    flag("Unapproved"),
    text("ShipToKey", 50),
    text("FgnOrder", 50),
    text("Comments", 8000),
    text("RCOrderKey", 50),
    flag("Recurring"),
    field("LineNumber", Kind::Whole(i64::MIN, i64::MAX)),
    text("ProofLink", 1000),
    field("Variables", Kind::List("OfferVariable", VARIABLE)),
    field("ProductDetails", Kind::List("OrderProductDetail", DETAIL)),
    decimal("LineTaxPercent"),
    decimal("ShippingHandlingTaxPercent"),
    decimal("LineTaxAmount"),
]];

const DETAIL: Parts = &[&[
    text("ClusterPartNumber", 50),
    text("PartNumber", 50),
    text("Size", 50),
    text("Color", 50),
    int("QuantityFactor"),
    int("Quantity"),
]];

const ORDER: Parts = &[&[
    group("Header", HEADER),
    group("Classification", CLASSIFICATION),
    group("Shipping", SHIPPING),
    group("Money", MONEY),
    group("Payment", PAYMENT),
    field("OrderVariables", Kind::List("OrderVariable", VARIABLE)),
    group(
        "OrderedBy",
        &[MAILER, &[SEQ_ID, text("CustomerID", 50)], FULL_NAME],
    ),
    field(
        "ShipTo",
        Kind::List("OrderShipTo", &[MAILER, SHIP_TO, FULL_NAME, SHIP_TO_TAX]),
    ),
    group("BillTo", &[MAILER, BILL_TO, FULL_NAME]),
    field("Offers", Kind::List("OfferOrdered", LINE)),
    field("OrderRecurrenceSchedule", Kind::Unchecked),
    field("OrderBudget", Kind::Unchecked),
]];

pub(super) const ADD_ORDER: Parts = &[&[group("order", ORDER)]];

pub(super) const GET_ORDER_INFO: Parts = &[&[text("orderId", 50)]];

pub(super) const GET_SHIPPING_CHARGE: Parts =
    &[&[field("StartDate", Kind::Date), field("EndDate", Kind::Date)]];

pub(super) const GET_OFFERS: Parts = &[&[
    field("sortGroups", Kind::Unchecked),
    text("categoryGroupDescription", 255),
    field("customCategories", Kind::Unchecked),
    text("mailerUID", 20),
    text("searchString", 255),
    flag("searchID"),
    flag("searchDescription"),
    text("priceClassDescription", 255),
]];

pub(super) const GET_PRODUCT_AVAILABILITIES: Parts = &[&[
    text("partNumber", 50),
    text("owner", 50),
    text("sizeCode", 50),
    text("colorCode", 50),
    text("sizeDescription", 50),
    text("colorDescription", 50),
]];

pub(super) const AUTHENTICATION: Parts = &[&[text("Username", 255), text("Password", 255)]];

pub(super) const DEBUG: Parts = &[&[flag("Debug"), field("Request", Kind::Unchecked)]];
