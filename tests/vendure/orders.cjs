'use strict';
// Places paid orders through the Admin API alone.
//
//   ADMIN_API=http://127.0.0.1:PORT/admin-api node orders.cjs pay
//       [--count 1] [--lines 2] [--shipping standard-shipping] [--from 0]
//       [--skus SKU-001,GIFT-CARD] [--quantity N] [--channel TOKEN]
//
// Prints one JSON line an order: {"id","code","lines":[{"sku","quantity"}]}.
// SKUs and quantities follow from the order's number (counted from --from), so
// that the same call in the same shop places the same orders.

const { Admin, main, options, wholeNumber } = require('./admin.cjs');
const { ANN, variantsBySku } = require('./seed.cjs');

// The shop's ids that a run needs, looked up once.
async function shop(admin = new Admin()) {
    const { shippingMethods, customers } = await admin.query(`{
        shippingMethods(options: { take: 100 }) { items { id code } }
        customers(options: { filter: { emailAddress: { eq: "ann@example.com" } } }) { items { id } }
    }`);
    if (!customers.items.length) throw new Error('the shop is empty: run seed.cjs first');
    return {
        admin,
        customerId: customers.items[0].id,
        shippingMethods: new Map(shippingMethods.items.map(({ code, id }) => [code, id])),
        variants: await variantsBySku(admin),
    };
}

// The lines of order number `at`: consecutive SKUs, one to five units of each.
function linesOf(at, { lines = 2, skus, quantity }) {
    return Array.from({ length: Math.min(lines, skus.length) }, (_, line) => ({
        sku: skus[(at * lines + line) % skus.length],
        quantity: quantity || 1 + ((at * 7 + line * 3) % 5),
    }));
}

// Places one order and pays it. `lines` is [{sku, quantity}].
async function pay(on, { lines, shipping = 'standard-shipping', address = ANN }) {
    const { admin, customerId, shippingMethods, variants } = on;
    const shippingMethodId = shippingMethods.get(shipping);
    if (!shippingMethodId) throw new Error(`no shipping method ${shipping} (there are: ${[...shippingMethods.keys()].join(', ')})`);

    const { createDraftOrder: draft } = await admin.query('mutation { createDraftOrder { id code } }');
    for (const { sku, quantity } of lines) {
        if (!variants.has(sku)) throw new Error(`no variant with the SKU ${sku}`);
        await admin.mutate(
            `mutation ($order: ID!, $input: AddItemToDraftOrderInput!) {
                addItemToDraftOrder(orderId: $order, input: $input) {
                    ... on Order { id }
                    ... on ErrorResult { errorCode message }
                }
            }`,
            { order: draft.id, input: { productVariantId: variants.get(sku), quantity } },
        );
    }
    // One request for the rest: the fields of a mutation run one after the other.
    const done = await admin.mutate(
        `mutation ($order: ID!, $customer: ID!, $address: CreateAddressInput!, $shipping: ID!, $payment: ManualPaymentInput!) {
            setCustomerForDraftOrder(orderId: $order, customerId: $customer) {
                ... on Order { id } ... on ErrorResult { errorCode message }
            }
            setDraftOrderShippingAddress(orderId: $order, input: $address) { id }
            setDraftOrderBillingAddress(orderId: $order, input: $address) { id }
            setDraftOrderShippingMethod(orderId: $order, shippingMethodId: $shipping) {
                ... on Order { id } ... on ErrorResult { errorCode message }
            }
            transitionOrderToState(id: $order, state: "ArrangingPayment") {
                ... on Order { id } ... on ErrorResult { errorCode message }
                ... on OrderStateTransitionError { transitionError }
            }
            addManualPaymentToOrder(input: $payment) {
                ... on Order { id code state lines { quantity productVariant { sku } } }
                ... on ErrorResult { errorCode message }
            }
        }`,
        {
            order: draft.id,
            customer: customerId,
            address,
            shipping: shippingMethodId,
            payment: { orderId: draft.id, method: 'dummy', transactionId: `paid-${draft.code}`, metadata: {} },
        },
    );
    const order = done.addManualPaymentToOrder;
    if (order.state !== 'PaymentSettled') throw new Error(`order ${order.code} is ${order.state} after its payment`);
    return {
        id: order.id,
        code: order.code,
        lines: order.lines.map((line) => ({ sku: line.productVariant.sku, quantity: line.quantity })),
    };
}

async function payMany({ admin, count = 1, from = 0, lines = 2, skus, quantity, shipping, onOrder = () => {} } = {}) {
    const on = await shop(admin);
    // Only SKUs of the warehouse, unless SKUs are given.
    const chosen = skus || [...on.variants.keys()].filter((sku) => sku.startsWith('SKU-')).sort();
    if (!chosen.length) throw new Error('the shop has no products: run seed.cjs first');
    const placed = [];
    for (let at = from; at < from + count; at += 1) {
        const order = await pay(on, { lines: linesOf(at, { lines, skus: chosen, quantity }), shipping });
        placed.push(order);
        onOrder(order);
    }
    return placed;
}

if (require.main === module) {
    main(async () => {
        const { found, words } = options(process.argv.slice(2), ['count', 'lines', 'shipping', 'from', 'skus', 'quantity', 'channel']);
        if (words.length !== 1 || words[0] !== 'pay') throw new Error('usage: node orders.cjs pay [--count N] … (see the head of the file)');
        await payMany({
            admin: new Admin({ channelToken: found.channel }),
            count: wholeNumber(found.count || '1', 'count', 1),
            from: wholeNumber(found.from || '0', 'from', 0),
            lines: wholeNumber(found.lines || '2', 'lines', 1),
            quantity: found.quantity && wholeNumber(found.quantity, 'quantity', 1),
            skus: found.skus && found.skus.split(','),
            shipping: found.shipping,
            onOrder: (order) => process.stdout.write(`${JSON.stringify(order)}\n`),
        });
    });
}

module.exports = { linesOf, pay, payMany, shop };
