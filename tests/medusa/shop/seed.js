// Seeds the shop through Medusa's core flows, as the starter does, and prints what it made.

const { Modules } = require('@medusajs/framework/utils');
const {
  createApiKeysWorkflow,
  createProductsWorkflow,
  createRegionsWorkflow,
  createSalesChannelsWorkflow,
  createShippingProfilesWorkflow,
  linkSalesChannelsToApiKeyWorkflow,
  revokeApiKeysWorkflow,
  updateStoresWorkflow,
} = require('@medusajs/medusa/core-flows');
const express = require('express');
const load = require('@medusajs/medusa/loaders/index').default;

async function seed(container) {
  const run = async (workflow, input) => (await workflow(container).run({ input })).result;
  const [channel, kiosk] = await run(createSalesChannelsWorkflow, { salesChannelsData: [{ name: 'Webshop' }, { name: 'Kiosk' }] });
  const [store] = await container.resolve(Modules.STORE).listStores();
  const currencies = [{ currency_code: 'eur', is_default: true }];
  await run(updateStoresWorkflow, { selector: { id: store.id }, update: { supported_currencies: currencies, default_sales_channel_id: channel.id } });
  const [region] = await run(createRegionsWorkflow, { regions: [{ name: 'Europe', currency_code: 'eur', countries: ['de'], payment_providers: ['pp_system_default'] }] });
  const [profile] = await run(createShippingProfilesWorkflow, { data: [{ name: 'Default', type: 'default' }] });
  const product = (title, sales_channels) => ({
    title,
    status: 'published',
    shipping_profile_id: profile.id,
    options: [{ title: 'Size', values: ['M'] }],
    variants: [{ title: 'M', sku: title, options: { Size: 'M' }, prices: [{ amount: 10, currency_code: 'eur' }] }],
    sales_channels,
  });
  await run(createProductsWorkflow, { products: [product('Shirt', [{ id: channel.id }]), product('Mug', [{ id: kiosk.id }])] });

  const key = (title, type) => ({ title, type, created_by: 'usr_owner' });
  const api_keys = [key('Webshop', 'publishable'), key('Kiosk', 'publishable'), key('ERP', 'secret'), key('Courier', 'secret'), key('Leaked', 'secret')];
  const keys = await run(createApiKeysWorkflow, { api_keys });
  await run(linkSalesChannelsToApiKeyWorkflow, { id: keys[0].id, add: [channel.id] });
  await run(linkSalesChannelsToApiKeyWorkflow, { id: keys[1].id, add: [kiosk.id] });
  await run(revokeApiKeysWorkflow, { selector: { id: keys[4].id }, revoke: { revoked_by: 'usr_owner' } });
  return { region: region.id, channel: channel.id, keys: keys.map(({ id, title, type, token }) => ({ id, title, type, token })) };
}

async function main() {
  const { container, shutdown } = await load({ directory: __dirname, expressApp: express() });
  console.log(`seeded ${JSON.stringify(await seed(container))}`);
  await shutdown();
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
