'use strict';
// Fills an empty shop through the Admin API alone, so that orders can be placed
// in it. A second run adds only what is missing and changes nothing that is there.
//
//   ADMIN_API=http://127.0.0.1:PORT/admin-api node seed.cjs [--products 20] [--stock 100]
//
// Prints one JSON document with the ids of everything.

const { Admin, each, main, options, wholeNumber } = require('./admin.cjs');

const text = (name, more = {}) => [{ languageCode: 'en', name, ...more }];

async function seed({ admin = new Admin(), products = 20, stock = 100 } = {}) {
    const start = await admin.query(`{
        activeChannel { id code token defaultCurrencyCode defaultTaxZone { id } defaultShippingZone { id } }
        countries(options: { filter: { code: { eq: "US" } } }) { items { id } }
        zones(options: { filter: { name: { eq: "USA" } } }) { items { id members { id } } }
        taxCategories(options: { filter: { name: { eq: "Standard" } } }) { items { id } }
        taxRates(options: { filter: { name: { eq: "US standard" } } }) { items { id } }
        shippingMethods { items { id code } }
        paymentMethods(options: { filter: { code: { eq: "dummy" } } }) { items { id } }
        customers(options: { filter: { emailAddress: { eq: "ann@example.com" } } }) { items { id addresses { id } } }
        stockLocations { items { id name } }
    }`);
    const channel = start.activeChannel;
    const first = (list) => list.items[0] && list.items[0].id;

    const countryId = first(start.countries) || (await admin.query(
        'mutation ($input: CreateCountryInput!) { createCountry(input: $input) { id } }',
        { input: { code: 'US', enabled: true, translations: text('United States') } },
    )).createCountry.id;

    const zoneId = first(start.zones) || (await admin.query(
        'mutation ($input: CreateZoneInput!) { createZone(input: $input) { id } }',
        { input: { name: 'USA', memberIds: [countryId] } },
    )).createZone.id;

    // Without a default tax zone no price can be computed, so nothing can be added to an order.
    if (!channel.defaultTaxZone || !channel.defaultShippingZone) {
        await admin.mutate(
            `mutation ($input: UpdateChannelInput!) {
                updateChannel(input: $input) { ... on Channel { id } ... on ErrorResult { errorCode message } }
            }`,
            { input: { id: channel.id, defaultTaxZoneId: zoneId, defaultShippingZoneId: zoneId } },
        );
    }

    const taxCategoryId = first(start.taxCategories) || (await admin.query(
        'mutation ($input: CreateTaxCategoryInput!) { createTaxCategory(input: $input) { id } }',
        { input: { name: 'Standard', isDefault: true } },
    )).createTaxCategory.id;

    const taxRateId = first(start.taxRates) || (await admin.query(
        'mutation ($input: CreateTaxRateInput!) { createTaxRate(input: $input) { id } }',
        { input: { name: 'US standard', value: 10, enabled: true, categoryId: taxCategoryId, zoneId } },
    )).createTaxRate.id;

    const shippingMethods = {};
    for (const [code, name, rate] of [['standard-shipping', 'Standard', 500], ['express-shipping', 'Express', 1500]]) {
        const known = start.shippingMethods.items.find((one) => one.code === code);
        shippingMethods[code] = known ? known.id : (await admin.query(
            'mutation ($input: CreateShippingMethodInput!) { createShippingMethod(input: $input) { id } }',
            {
                input: {
                    code,
                    fulfillmentHandler: 'manual-fulfillment',
                    checker: { code: 'default-shipping-eligibility-checker', arguments: [{ name: 'orderMinimum', value: '0' }] },
                    calculator: {
                        code: 'default-shipping-calculator',
                        arguments: [
                            { name: 'rate', value: String(rate) },
                            { name: 'includesTax', value: 'auto' },
                            { name: 'taxRate', value: '10' },
                        ],
                    },
                    translations: text(name, { description: '' }),
                },
            },
        )).createShippingMethod.id;
    }

    const paymentMethodId = first(start.paymentMethods) || (await admin.query(
        'mutation ($input: CreatePaymentMethodInput!) { createPaymentMethod(input: $input) { id } }',
        {
            input: {
                code: 'dummy',
                enabled: true,
                handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'true' }] },
                translations: text('Dummy', { description: '' }),
            },
        },
    )).createPaymentMethod.id;

    const customerId = first(start.customers) || (await admin.mutate(
        `mutation ($input: CreateCustomerInput!) {
            createCustomer(input: $input) { ... on Customer { id } ... on ErrorResult { errorCode message } }
        }`,
        { input: { firstName: 'Ann', lastName: 'Lee', emailAddress: 'ann@example.com', phoneNumber: '+1 775 555 0100' } },
    )).createCustomer.id;
    if (!start.customers.items.some((one) => one.addresses.length > 0)) {
        await admin.query(
            'mutation ($id: ID!, $input: CreateAddressInput!) { createCustomerAddress(customerId: $id, input: $input) { id } }',
            { id: customerId, input: { ...ANN, defaultShippingAddress: true, defaultBillingAddress: true } },
        );
    }

    const wanted = Array.from({ length: products }, (_, at) => ({
        sku: `SKU-${String(at + 1).padStart(3, '0')}`,
        name: `Item ${at + 1}`,
        // Amounts that are not round, so that rounding errors and mixed-up lines show.
        price: 599 + ((at * 1237) % 9000),
        track: 'TRUE',
    }));
    // A product without goods: the warehouse never gets it.
    wanted.push({ sku: 'GIFT-CARD', name: 'Gift card', price: 2500, track: 'FALSE' });

    const variants = await variantsBySku(admin);
    await each(wanted.filter(({ sku }) => !variants.has(sku)), 4, async ({ sku, name, price, track }) => {
        variants.set(sku, await addProduct(admin, { sku, name, price, track, taxCategoryId, stock }));
    });

    return {
        channel: { id: channel.id, code: channel.code, token: channel.token, currency: channel.defaultCurrencyCode },
        countryId, zoneId, taxCategoryId, taxRateId, shippingMethods, paymentMethodId, customerId,
        stockLocations: start.stockLocations.items,
        variants: Object.fromEntries(wanted.map(({ sku }) => [sku, variants.get(sku)])),
    };
}

const ANN = {
    fullName: 'Ann Lee', company: '', streetLine1: '12 Desert Way', streetLine2: 'Apt 3', city: 'Reno', province: 'NV',
    postalCode: '89501', countryCode: 'US', phoneNumber: '+1 775 555 0100',
};

async function variantsBySku(admin) {
    const found = new Map();
    for (let skip = 0; ; skip += 100) {
        const { productVariants } = await admin.query(
            `query ($skip: Int!) {
                productVariants(options: { take: 100, skip: $skip, sort: { id: ASC } }) { totalItems items { id sku } }
            }`,
            { skip },
        );
        for (const { id, sku } of productVariants.items) if (!found.has(sku)) found.set(sku, id);
        if (skip + 100 >= productVariants.totalItems) return found;
    }
}

async function addProduct(admin, { sku, name, price, track, taxCategoryId, stock = 100 }) {
    const { createProduct } = await admin.query(
        'mutation ($input: CreateProductInput!) { createProduct(input: $input) { id } }',
        { input: { enabled: true, translations: text(name, { slug: sku.toLowerCase(), description: '' }) } },
    );
    const { createProductVariants } = await admin.query(
        'mutation ($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id } }',
        {
            input: [{
                productId: createProduct.id, sku, price, taxCategoryId, trackInventory: track, stockOnHand: stock,
                translations: text(name),
            }],
        },
    );
    return createProductVariants[0].id;
}

if (require.main === module) {
    main(async () => {
        const { found, words } = options(process.argv.slice(2), ['products', 'stock']);
        if (words.length) throw new Error(`what is ${words[0]}?`);
        const summary = await seed({
            products: wholeNumber(found.products || '20', 'products', 0),
            stock: wholeNumber(found.stock || '100', 'stock', 0),
        });
        process.stdout.write(`${JSON.stringify(summary)}\n`);
    });
}

module.exports = { ANN, addProduct, seed, variantsBySku };
